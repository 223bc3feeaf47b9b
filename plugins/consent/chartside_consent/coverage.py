"""Who lacks which consent for the next visit. Read in batches: the visits, their places, their clients' consents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from chartside.codes import ConsentType, MessageCategory, Purpose, TaskCode
from chartside.gate.model import Action, DecisionRequest
from chartside.jobs.ledger import effect_key
from chartside.jobs.tasks import StaffTask
from chartside.types import Resource

from . import references, words
from .compiling import compile_consent
from .engine import answer, newest, superseded_by
from .keeping import consents_of_many
from .loose import dicts
from .people import client_of
from .query import Client, prepare
from .rules import DENY, Instrument
from .shaping import state_of
from .watching import last_day

if TYPE_CHECKING:
    from chartside.context import Context

_BY: Final = {
    "sms": (ConsentType.TEXT_MESSAGES, Action.SMS),
    "email": (ConsentType.UNENCRYPTED_EMAIL, Action.EMAIL),
    "call": (ConsentType.PHONE_CALLS, Action.CALL),
}
_ACTIONS: Final = dict(_BY.values())
OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class Visit:
    """A client's next visit. ``codes``: of its types; ``places``: Locations."""

    id: str
    patient: str
    start: datetime
    codes: frozenset[str]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Covered:
    """How one client stands: for each kind that the visit needs, ``ok`` or what is wrong."""

    visit: Visit
    standing: Mapping[ConsentType, str]
    required: frozenset[ConsentType]

    @property
    def lacking(self) -> list[ConsentType]:
        """Kinds that are needed and not in force at the time of the visit."""
        return [kind for kind, state in self.standing.items() if state != OK]

    def task(self, context: Context) -> StaffTask | None:
        """A Task where something lacks without which the visit should not be; one for each visit."""
        lacking = [kind for kind in self.lacking if kind in self.required]
        if not lacking:
            return None
        listed = ", ".join(f"{words.TITLES[kind]} ({self.standing[kind]})" for kind in lacking)
        key = effect_key(context.practice.id, "consent-missing", self.visit.patient, self.visit.id)
        text = f"For the visit on {self.visit.start:%Y-%m-%d} a consent is lacking: {listed}."
        return StaffTask(
            key, TaskCode.CONSENT_MISSING, text, self.visit.patient, self.visit.id, self.visit.start
        )


def coverage(context: Context, days: int = 7) -> list[Covered]:
    """How each client with a visit in the next ``days`` stands, the soonest first. Raises FhirError."""
    visits = next_visits(context, days)
    virtual = _virtual_places(context, visits)
    patients = [visit.patient for visit in visits]
    consents = consents_of_many(context, patients)
    clients = _clients(context, patients)
    found = []
    for visit in visits:
        needed, required = needs(context, visit, virtual)
        own = newest([compile_consent(c) for c in consents.get(visit.patient, ())])
        client = clients[visit.patient]
        standing = {kind: state(context, own, kind, visit, client) for kind in needed}
        found.append(Covered(visit, standing, required))
    return found


def next_visits(context: Context, days: int) -> list[Visit]:
    """The first booked visit of each client in the window."""
    now = context.clock.now().astimezone(UTC)
    end = now + timedelta(days=days)
    params = {"date": [f"ge{now:%Y-%m-%dT%H:%M:%SZ}", f"lt{end:%Y-%m-%dT%H:%M:%SZ}"], "status": "booked"}
    first: dict[str, Visit] = {}
    for resource in context.fhir.search("Appointment", params).matches():
        for visit in _visits(resource):
            known = first.get(visit.patient)
            if now <= visit.start < end and (known is None or visit.start < known.start):
                first[visit.patient] = visit
    return sorted(first.values(), key=lambda v: (v.start, v.patient))


def _visits(resource: Resource) -> Iterator[Visit]:
    """One for each client who takes part; nothing for what cannot be read as a booked visit."""
    start = resource.get("start")
    try:
        at = datetime.fromisoformat(start) if isinstance(start, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or resource.get("status") != "booked" or not resource.get("id"):
        return
    people = [p for p in dicts(resource.get("participant")) if p.get("status") != "declined"]
    names = [references.identity(references.of(p.get("actor"))) for p in people]
    places = tuple(name for name in names if name.startswith("Location/"))
    for name in dict.fromkeys(n for n in names if n.startswith("Patient/")):
        yield Visit(f"Appointment/{resource['id']}", name, at, frozenset(_codes(resource)), places)


def _codes(resource: Resource) -> Iterator[str]:
    concepts = [resource.get("appointmentType"), *dicts(resource.get("serviceType"))]
    concepts += dicts(resource.get("serviceCategory"))
    for concept in dicts(concepts):
        yield from (str(c["code"]) for c in dicts(concept.get("coding")) if c.get("code"))


def _virtual_places(context: Context, visits: Sequence[Visit]) -> frozenset[str]:
    """Locations that are no rooms (physical type ``vi``, or one of the codes of ``needs.virtual_codes``)."""
    ids = sorted({place.partition("/")[2] for visit in visits for place in visit.places})
    found = context.fhir.read_many("Location", ids) if ids else {}
    codes = {"vi", *context.settings.needs.virtual_codes}
    return frozenset(
        f"Location/{location.get('id')}"
        for location in found.values()
        for concept in dicts([location.get("physicalType"), *dicts(location.get("type"))])
        if any(c.get("code") in codes for c in dicts(concept.get("coding")))
    )


def needs(
    context: Context, visit: Visit, virtual: frozenset[str]
) -> tuple[list[ConsentType], frozenset[ConsentType]]:
    """Which kinds a visit needs, and which of them it should not be without (the rest are for reminders)."""
    settings = context.settings.needs
    required = list(settings.every_visit)
    if not virtual.isdisjoint(visit.places) or not visit.codes.isdisjoint(settings.virtual_codes):
        required += settings.virtual_visit
    required += [kind for code in sorted(visit.codes) for kind in settings.by_type.get(code, ())]
    wanted = [_BY[channel][0] for channel in settings.reminders_by]
    return list(dict.fromkeys([*required, *wanted])), frozenset(required)


def _clients(context: Context, patients: Sequence[str]) -> dict[str, Client]:
    ids = [patient.partition("/")[2] for patient in dict.fromkeys(patients)]
    read = context.fhir.read_many("Patient", ids) if ids else {}
    by_name = {f"Patient/{p.get('id')}": p for p in read.values()}
    return {p: client_of(by_name.get(p, {}), state_of(by_name.get(p, {})), context) for p in patients}


def state(
    context: Context, own: Sequence[Instrument], kind: ConsentType, visit: Visit, client: Client
) -> str:
    """How one kind stands for a visit. Messages are asked of the engine itself, as they are now."""
    states = [_state(i, context, visit, own) for i in own if kind in i.types]
    best = min(states, key=_ORDER.index, default="missing")
    if kind in _ACTIONS:
        now = context.clock.now()
        request = DecisionRequest(
            visit.patient, _ACTIONS[kind], now, purpose=Purpose.REMIND, category=MessageCategory.REMINDER
        )
        zone = ZoneInfo(context.practice.time_zone)
        decision = answer(own, prepare(request, zone=zone, client=client))
        if decision.permitted:
            return OK
        if decision.review:
            return "cannot be computed"
        return "refused" if best == OK else best
    return best


_ORDER: Final = (
    OK,
    "ends before",
    "cannot be computed",
    "refused",
    "revoked",
    "expired",
    "not yet",
    "draft",
    "missing",
)


def _state(instrument: Instrument, context: Context, visit: Visit, own: Sequence[Instrument]) -> str:
    if instrument.status != "active":
        words_of = {"inactive": "revoked", "rejected": "refused", "draft": "draft", "proposed": "draft"}
        return words_of.get(instrument.status, "missing")
    if f"Consent/{instrument.id}" in superseded_by(own):
        return "missing"
    if instrument.problem:
        return "cannot be computed"
    if instrument.root.effect == DENY:
        return "refused"
    return _in_time(instrument, context, visit)


def _in_time(instrument: Instrument, context: Context, visit: Visit) -> str:
    zone = ZoneInfo(context.practice.time_zone)
    now, end = context.clock.now(), last_day(instrument, context)
    today, day = now.astimezone(zone).date(), visit.start.astimezone(zone).date()
    if end is not None and end < day:
        return "expired" if end < today else "ends before"
    wall = visit.start.astimezone(zone).replace(tzinfo=None)
    return OK if all(p.holds(wall, visit.start) for p in instrument.periods) else "not yet"


def summary(found: Sequence[Covered]) -> dict[str, int]:
    """How many clients lack nothing, and how many lack what."""
    counts = {"clients with a visit": len(found), "lack nothing": sum(not c.lacking for c in found)}
    for covered in found:
        for kind in covered.lacking:
            name = f"{kind.value}: {covered.standing[kind]}"
            counts[name] = counts.get(name, 0) + 1
    return counts


def rows(found: Sequence[Covered], zone: ZoneInfo) -> list[list[str]]:
    """client, visit, when, what lacks: ids only."""
    return [
        [
            c.visit.patient.partition("/")[2],
            c.visit.id.partition("/")[2],
            f"{c.visit.start.astimezone(zone):%a %m-%d %H:%M}",
            ", ".join(f"{kind.value}: {c.standing[kind]}" for kind in c.lacking) or "nothing",
        ]
        for c in found
    ]


COLUMNS: Final = ("client", "visit", "when", "lacks")
