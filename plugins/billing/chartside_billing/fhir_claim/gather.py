"""Fetches what an evening's claims need, in few round trips: the visits of some weeks, their claims, and all that
these name. A type that the EHR does not serve is left out, and the rules then say what they could not check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chartside.errors import NotFound, Rejected, ServerError
from chartside.types import Resource
from chartside_billing.fhir_claim.assemble import encounters_of
from chartside_billing.fhir_claim.pick import each, own, reference
from chartside_billing.x12.graph import Graph

if TYPE_CHECKING:
    from chartside.context import Context

CHUNK = 40
"""References in one search: the URL stays under what every server takes."""
_ALIVE = frozenset({"active", "draft"})
_OF_PATIENT = {
    "Coverage": "beneficiary",
    "CoverageEligibilityResponse": "patient",
    "ClaimResponse": "patient",
    "CarePlan": "subject",
    "Consent": "patient",
}
"""What is fetched by patient, and the search parameter that names the patient."""
Tell = Callable[[int, int, str], None]


@dataclass(slots=True)
class Gathered:
    """``resources`` by reference; ``wanted``: the claims to look at; ``skipped``: types that could not be had."""

    resources: dict[str, Resource] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    skipped: list[str] = field(default_factory=list)

    def of(self, kind: str) -> list[Resource]:
        """All of a type."""
        return [r for r in self.resources.values() if r.get("resourceType") == kind]

    def graph(self) -> Graph:
        """For ``assemble``."""
        return Graph(("", resource) for resource in self.resources.values())


def search_softly(context: Context, kind: str, asked: dict[str, Any]) -> Iterator[Resource]:
    """Matches; none where the server does not serve or refuses the search."""
    if context.fhir.supports(kind, "s"):
        try:
            yield from context.fhir.search(kind, asked).matches()
        except (Rejected, NotFound, ServerError):
            return


class Gatherer:
    """Fetches through a plugin's context. ``tell`` reports progress."""

    def __init__(self, context: Context, tell: Tell = lambda _d, _t, _w: None) -> None:
        self._fhir, self._tell = context.fhir, tell
        self._today = context.clock.now().astimezone(UTC).date()
        self.found = Gathered()

    def gather(self, *, days: int, history_days: int, also: Iterable[str] = ()) -> Gathered:
        """The visits of the last ``days`` and the claims made in them, and those named in ``also`` (references).

        ``history_days``: how far back earlier claims of the same clients are read. Raises FhirError where the visits
        themselves cannot be read.
        """
        since = self._today - timedelta(days=days)
        self._visits(since, [name for name in also if name.startswith("Encounter/")])
        self._claims(since, history_days, [name for name in also if name.startswith("Claim/")])
        return self._beside()

    def named(self, names: Sequence[str], *, history_days: int) -> Gathered:
        """These Claims and Encounters (references) alone, with all that is fetched beside them."""
        self._read(names)
        self._read([name for claim in self.found.of("Claim") for name in encounters_of(claim)])
        self.found.wanted = frozenset(names)
        far = (self._today - timedelta(days=history_days)).isoformat()
        self._by("Claim", "patient", self._patients(), {"created": f"ge{far}"})
        return self._beside()

    def _beside(self) -> Gathered:
        """What the claims and visits name, and what is said of their clients."""
        self._tell(0, 0, "what the claims name")
        for kind, parameter in _OF_PATIENT.items():
            self._by(kind, parameter, self._patients())
        self._by("DocumentReference", "encounter", [own(e) for e in self.found.of("Encounter")])
        self._by("ChargeItem", "context", [own(e) for e in self.found.of("Encounter")])
        for _ in range(2):  # a Coverage names a payer, a role its practitioner
            self._read(_named(self.found.resources.values()))
        self._by("PractitionerRole", "practitioner", [own(p) for p in self.found.of("Practitioner")])
        return self.found

    def coming(self, *, days: int) -> Gathered:
        """The booked visits of the next ``days``, who comes, who gives them, and the clients' cover."""
        until = self._today + timedelta(days=days + 1)
        dates = [f"ge{self._today.isoformat()}", f"lt{until.isoformat()}"]
        self._keep(self._fhir.search("Appointment", {"date": dates, "status": "booked"}).matches())
        actors = sorted(
            name
            for appointment in self.found.of("Appointment")
            for participant in each(appointment, "participant")
            if (name := reference(participant.get("actor"))).startswith(("Patient/", "Practitioner/"))
        )
        clients = sorted({name for name in actors if name.startswith("Patient/")})
        for kind in ("Coverage", "CoverageEligibilityResponse"):
            self._by(kind, _OF_PATIENT[kind], clients)
        self._read(actors)
        self._by("PractitionerRole", "practitioner", [own(p) for p in self.found.of("Practitioner")])
        self._read(_named(self.found.resources.values()))
        return self.found

    def _keep(self, resources: Iterable[Resource]) -> None:
        for resource in resources:
            self.found.resources.setdefault(own(resource), resource)

    def _visits(self, since: date, also: list[str]) -> None:
        self._tell(0, 0, "visits")
        until = self._today + timedelta(days=1)
        dates = [f"ge{since.isoformat()}", f"lt{until.isoformat()}"]
        self._keep(self._fhir.search("Encounter", {"date": dates, "status": "finished"}).matches())
        self._read(also)

    def _claims(self, since: date, history_days: int, also: list[str]) -> None:
        """Of the window by the day they were made, and the earlier ones of the same clients."""
        if not self._fhir.supports("Claim", "s"):
            self.found.skipped.append("Claim")
            return
        self._tell(0, 0, "claims")
        made = self._search("Claim", {"created": f"ge{since.isoformat()}"})
        window = [c for c in made if _day(c) is None or _day(c) >= since]  # type: ignore[operator]
        self._keep(window)
        self._read(also)
        far = (self._today - timedelta(days=history_days)).isoformat()
        self._by("Claim", "patient", self._patients(), {"created": f"ge{far}"})
        visits = {own(e) for e in self.found.of("Encounter")}
        chosen = {own(c) for c in window} | set(also)
        self.found.wanted = frozenset(
            own(c)
            for c in self.found.of("Claim")
            if c.get("status") in _ALIVE and (own(c) in chosen or visits & set(encounters_of(c)))
        )
        self._read(
            name for c in self.found.of("Claim") if own(c) in self.found.wanted for name in encounters_of(c)
        )

    def _patients(self) -> list[str]:
        places = [
            r.get("patient") or r.get("subject") for k in ("Claim", "Encounter") for r in self.found.of(k)
        ]
        return sorted({reference(p) for p in places} - {""})

    def _by(
        self, kind: str, parameter: str, names: Sequence[str], more: dict[str, str] | None = None
    ) -> None:
        """Search a type by many references. A type that cannot be had is noted once."""
        if not names or kind in self.found.skipped:
            return
        if not self._fhir.supports(kind, "s"):
            self.found.skipped.append(kind)
            return
        for start in range(0, len(names), CHUNK):
            asked = {parameter: ",".join(names[start : start + CHUNK]), **(more or {})}
            self._keep(self._search(kind, asked))

    def _search(self, kind: str, params: dict[str, Any]) -> Iterator[Resource]:
        """Matches; none where the server refuses the search (its parameter, or the type)."""
        try:
            yield from self._fhir.search(kind, params).matches()
        except (Rejected, NotFound, ServerError):
            if kind not in self.found.skipped:
                self.found.skipped.append(kind)

    def _read(self, names: Iterable[str]) -> None:
        """By reference, those that are not there yet."""
        missing: dict[str, list[str]] = {}
        for name in dict.fromkeys(names):
            kind, _, number = name.partition("/")
            if name not in self.found.resources and kind in _READ:
                missing.setdefault(kind, []).append(number)
        for kind, ids in missing.items():
            if self._fhir.supports(kind, "r"):
                self._keep(self._fhir.read_many(kind, ids).values())


_READ = frozenset(
    {
        *(
            "Appointment",
            "Claim",
            "Condition",
            "Coverage",
            "Encounter",
            "Location",
            "Organization",
            "Patient",
        ),
        *("Practitioner", "PractitionerRole", "RelatedPerson"),
    }
)


def _day(claim: Resource) -> date | None:
    try:
        return datetime.fromisoformat(str(claim.get("created", ""))[:10]).date()
    except ValueError:
        return None


def _named(resources: Iterable[Resource]) -> Iterator[str]:
    """The references that the assembly follows."""
    for resource in list(resources):
        for place in _PLACES.get(str(resource.get("resourceType")), ()):
            yield from _at(resource, place.split("."))


def _at(thing: dict[str, Any], path: Sequence[str]) -> Iterator[str]:
    head, *rest = path
    value = thing.get(head)
    for item in value if isinstance(value, list) else [value]:
        if rest and isinstance(item, dict):
            yield from _at(item, rest)
        elif not rest and (name := reference(item)):
            yield name


_PLACES = {
    "Encounter": (
        *("subject", "appointment", "participant.individual", "diagnosis.condition", "location.location"),
        "serviceProvider",
    ),
    "Claim": (
        *("patient", "provider", "careTeam.provider", "insurance.coverage", "facility", "referral"),
        "diagnosis.diagnosisReference",
    ),
    "Coverage": ("subscriber", "payor"),
    "PractitionerRole": ("practitioner", "organization"),
    "DocumentReference": ("author",),
}
