"""Due visits out of the EHR -> intents for the message service; and the look at them again before sending (R-11)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from chartside.codes import MessageCategory, Purpose
from chartside.errors import FhirError
from chartside.fhir.paths import is_reference
from chartside.messaging.model import Intent, Later, Way
from chartside.types import Resource
from chartside_scheduling import notices, visits
from chartside_scheduling.people import Reach, is_minor, reach
from chartside_scheduling.steps import Window
from chartside_scheduling.texts import Texts
from chartside_scheduling.visits import Visit

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.jobs.model import JobReport

_UNFOUND = "the guardians of minors cannot be found in this EHR (RelatedPerson), so minors are not written to"
_CLIENTS = "Appointment:patient"
_CHUNK = 50
"""References in one search: keeps the URL under 4 kB, which every server takes."""


class Plan:
    """What is due now. ``report`` is told of appointments that cannot be used."""

    def __init__(self, context: Context, report: JobReport) -> None:
        self._context, self._report, self._settings = context, report, context.settings
        self._texts = Texts(context.settings, context.practice)
        self._rules = context.settings.rules
        self._problems: dict[tuple[tuple[str, ...], str], str] = {}

    def intents(self) -> Iterator[Intent]:
        """Lazily, page by page. Only the windows of the steps are searched, so the cost is that of what is due; between
        them only what was cancelled."""
        now = self._context.clock.now()
        searches = [(window, "booked,cancelled") for window in self._rules.windows(now)]
        if self._settings.calendar:
            searches += [(gap, "cancelled") for gap in self._rules.gaps(now)]
        for window, status in searches:
            params = {
                "date": [f"ge{window.start:%Y-%m-%dT%H:%M:%SZ}", f"lt{window.end:%Y-%m-%dT%H:%M:%SZ}"],
                "status": status,
                **({"_include": _CLIENTS} if self._includes() else {}),
            }
            for page in self._context.fhir.search("Appointment", params).pages():
                due = list(self._due(page.matches, window))
                patients = self._patients(due, dict(page.included))
                guardians = self._guardians(patients)
                found = [
                    (v, step, p, self._reach(p, patients, guardians)) for v, step in due for p in v.patients
                ]
                yield from (self._intent(v, step, p, r) for v, step, p, r in found if step is not None)
                off = ((v, p, r) for v, _, p, r in found if v.cancelled)
                yield from notices.intents(self._context, self._texts, off)

    def _includes(self) -> bool:
        """Whether the clients come along: a server that does not say so may refuse the whole search."""
        route = self._context.fhir.route
        able = route.place(route.home("Appointment", "rs")).adapter.capabilities
        return not {"*", _CLIENTS}.isdisjoint(able.includes("Appointment"))

    def problem(self, intent: Intent) -> str:
        """Why an intent of this plan has no way to go; empty for one that has."""
        return self._problems.get((intent.parts, intent.patient), "")

    def _due(self, resources: Sequence[Resource], window: Window) -> Iterator[tuple[Visit, int | None]]:
        """Servers were seen to leave out parameters that they do not know, so everything is looked at again.

        With the cancelled ones that have no step now: their clients may have got a calendar entry before.
        """
        for resource in resources:
            visit = visits.read(resource, self._context.fhir.local)
            if isinstance(visit, str):
                if visit != visits.NOT_BOOKED:
                    name = f"Appointment/{resource.get('id')}"
                    self._report.set_aside.append(
                        f"{name if is_reference(name) else 'Appointment of an impossible id'}: {visit}"
                    )
                continue
            step = self._rules.due(visit.start, visit.types, self._context.clock.now())
            if step is not None or (visit.cancelled and window.start <= visit.start < window.end):
                yield visit, step

    def _patients(
        self, due: Sequence[tuple[Visit, int | None]], found: dict[str, Resource]
    ) -> dict[str, Resource]:
        """The clients by reference; those that the server did not include are read."""
        wanted = dict.fromkeys(patient for visit, _ in due for patient in visit.patients)
        missing = [reference.partition("/")[2] for reference in wanted if reference not in found]
        read = self._context.fhir.read_many("Patient", missing) if missing else {}
        return {**{f"Patient/{key}": patient for key, patient in read.items()}, **found}

    def _guardians(self, patients: dict[str, Resource]) -> dict[str, list[Resource]]:
        """RelatedPersons of the minors among them, by the minor's reference."""
        today, age = self._context.clock.now().date(), self._settings.adult_age
        minors = [r for r, p in patients.items() if r.startswith("Patient/") and is_minor(p, today, age)]
        found: dict[str, list[Resource]] = {}
        for start in range(0, len(minors), _CHUNK):
            ids = ",".join(r.partition("/")[2] for r in minors[start : start + _CHUNK])
            try:
                for person in self._context.fhir.search("RelatedPerson", {"patient": ids}).matches():
                    found.setdefault(self._minor(person), []).append(person)
            except FhirError as error:
                if error.retryable:
                    raise
                # An EHR without them, or without the scope: adults are reminded all the same.
                if _UNFOUND not in self._report.notes:
                    self._report.notes.append(_UNFOUND)
        return found

    def _minor(self, person: Resource) -> str:
        """Whose guardian a RelatedPerson is: servers were seen to answer by others than were asked for."""
        minor = person.get("patient")
        found = minor.get("reference") if isinstance(minor, dict) else None
        return self._context.fhir.local(found) if isinstance(found, str) else ""

    def _reach(
        self, reference: str, patients: dict[str, Resource], guardians: dict[str, list[Resource]]
    ) -> Reach:
        patient, now, settings = patients.get(reference), self._context.clock.now(), self._settings
        if patient is None:
            return Reach(problem="the client's record cannot be read")
        return reach(patient, guardians.get(reference, []), settings.channels, now, settings.adult_age)

    def _intent(self, visit: Visit, step: int, reference: str, found: Reach) -> Intent:
        practice, parts = self._context.practice, ("reminder", *visit.version, f"{step}h")
        if visit.cancelled:
            found = Reach(problem="cancelled")
        if found.problem:
            self._problems[parts, reference] = found.problem
        language = self._texts.language(found.language)
        ways = tuple(
            Way(
                kind,
                address,
                found.zones(kind, practice.time_zone),
                partial(self._texts.render, kind, language, visit, found.zone, self._context.clock),
            )
            for kind, address in found.addresses.items()
        )
        return Intent(
            parts=parts,
            patient=reference,
            ways=ways,
            until=self._rules.until(visit.start, step),
            category=MessageCategory.REMINDER,
            purpose=Purpose.REMIND,
            about=visit.reference,
            location=found.state,
            language=language,
            recipient=found.recipient,
            since=visit.start - timedelta(hours=step),
        )

    def recheck(self, intents: Sequence[Intent]) -> list[str]:
        """Why each must not be sent after all, as the EHR stands now; ``""`` where it may be (R-11)."""
        fhir = self._context.fhir
        appointments = fhir.read_many("Appointment", _ids(i.about for i in intents))
        patients = fhir.read_many("Patient", _ids(i.patient for i in intents))
        related = _ids(i.recipient for i in intents if i.recipient)
        guardians = fhir.read_many("RelatedPerson", related) if related else {}
        return [
            self._problem(
                intent,
                appointments.get(intent.about.partition("/")[2]),
                patients.get(intent.patient.partition("/")[2]),
                guardians.get(intent.recipient.partition("/")[2]),
            )
            for intent in intents
        ]

    def _problem(
        self,
        intent: Intent,
        appointment: Resource | None,
        patient: Resource | None,
        guardian: Resource | None,
    ) -> str:
        if appointment is None or patient is None:
            return Later("the visit or the client cannot be read")
        if changed := _changed(visits.read(appointment, self._context.fhir.local), intent):
            return changed
        settings, now = self._settings, self._context.clock.now()
        others = [guardian] if guardian and self._minor(guardian) == intent.patient else []
        found = reach(patient, others, settings.channels, now, settings.adult_age)
        if found.problem:
            return found.problem
        same = {way.to for way in intent.ways} <= set(found.addresses.values())
        return (
            "" if same and found.recipient == intent.recipient else "the client's number or address changed"
        )


def _changed(visit: Visit | str, intent: Intent) -> str:
    """Why the visit, as it stands now, is no longer what the message says; empty where it is."""
    if isinstance(visit, str) and visit != visits.NOT_BOOKED:
        return Later(f"the visit: {visit}")
    if isinstance(visit, str) or intent.patient not in visit.patients:
        return "cancelled, or no longer booked"
    if visit.cancelled != notices.is_notice(intent):
        return "cancelled, or no longer booked" if visit.cancelled else Later("booked again")
    return "" if visit.version == intent.parts[1:3] else "moved to another time"


def _ids(references: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(reference.partition("/")[2] for reference in references))
