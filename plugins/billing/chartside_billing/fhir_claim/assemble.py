"""Everything that was fetched (or that a Bundle holds) as claims with their visits, cover, people and history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chartside.types import Resource
from chartside_billing.fhir_claim import facts
from chartside_billing.fhir_claim.make import Fees, Unsaid, unbilled_claim
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference, version
from chartside_billing.fhir_claim.visits import icd_of, notes_by_encounter, visit_of
from chartside_billing.model import Claim, History, Insurance, Line, Party, Visit
from chartside_billing.x12.bundle import claims_of
from chartside_billing.x12.graph import Graph

Pair = tuple[Claim, Resource]
_ON_PAPER = frozenset({"release", "assignment"})
_GONE = frozenset({"cancelled", "entered-in-error"})


@dataclass(slots=True)
class Assembled:
    """``claims`` with the resource that each is about (Claim, or Encounter); visits that nobody bills to a payer."""

    claims: list[Pair] = field(default_factory=list)
    self_pay: list[str] = field(default_factory=list)


def assemble(
    graph: Graph,
    *,
    wanted: frozenset[str] | None = None,
    zone: str = "UTC",
    fees: Fees | None = None,
    video_place: str = "",
) -> Assembled:
    """Claims out of resources, and claims made in memory for the finished visits that no Claim names.

    ``wanted``: the Claims (references) to give back, the others are history; None: all. ``zone``: of the practice.
    ``video_place``: the place of service of video visits without a Claim.
    """
    maker = _Maker(graph)
    stored = claims_of(graph)
    if wanted is not None:
        maker.history([pair for pair in stored if own(pair[1]) not in wanted])
        stored = [pair for pair in stored if own(pair[1]) in wanted]
    made = Assembled()
    pairs = [*stored, *_unbilled(graph, made, Unsaid(zone, fees, video_place))]
    made.claims = [(maker.enrich(claim, resource), resource) for claim, resource in pairs]
    return made


def _unbilled(graph: Graph, made: Assembled, unsaid: Unsaid) -> list[Pair]:
    """Claims for the visits that no Claim names, each with its Encounter."""
    billed = {
        name
        for claim in graph.of("Claim")
        if str(claim.get("status")) not in _GONE
        for name in encounters_of(claim)
    }
    coverages: dict[str, list[Resource]] = {}
    for coverage in graph.of("Coverage"):
        coverages.setdefault(reference(coverage.get("beneficiary")), []).append(coverage)
    drafts: list[Resource] = []
    visits: list[Resource] = []
    for encounter in graph.of("Encounter"):
        if own(encounter) in billed or encounter.get("status") != "finished":
            continue
        mine = coverages.get(reference(encounter.get("subject")), [])
        draft = unbilled_claim(encounter, mine, graph, unsaid)
        if draft is None:
            made.self_pay.append(own(encounter))
        else:
            drafts.append(draft)
            visits.append(encounter)
    pairs = zip(claims_of(graph, drafts), visits, strict=True)
    return [(_from_visit(claim, visit), visit) for (claim, _), visit in pairs]


def _from_visit(claim: Claim, encounter: Resource) -> Claim:
    claim.source, claim.where = version(encounter), own(encounter)
    return claim


def encounters_of(claim: Resource) -> list[str]:
    """The Encounters that a Claim's items name."""
    names = [reference(e) for item in each(claim, "item") for e in each(item, "encounter")]
    return list(dict.fromkeys(name for name in names if name))


class _Maker:
    """Adds to claims what the graph knows beside them. Indexes are made once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._notes = notes_by_encounter(graph.of("DocumentReference"))
        self._visits: dict[str, Visit] = {}
        self._answers = facts.claim_answers(graph.of("ClaimResponse"))
        self._of_patient = {
            kind: self._index(kind)
            for kind in ("ClaimResponse", "CarePlan", "Consent", "CoverageEligibilityResponse")
        }
        self._prior: dict[str, list[Pair]] = {}
        self._kept = facts.consents(graph.of("Consent"))
        self._certainty = {
            (reference(c.get("subject")), icd_of(c)): next(iter(codes(c.get("verificationStatus"))), None)
            for c in graph.of("Condition")
        }

    def _index(self, kind: str) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self._graph.of(kind):
            place = resource.get("patient") or resource.get("subject")
            found.setdefault(reference(place), []).append(resource)
        return found

    def history(self, prior: Iterable[Pair]) -> None:
        """Take note of earlier claims."""
        for pair in prior:
            self._prior.setdefault(reference(pair[1].get("patient")), []).append(pair)

    def enrich(self, claim: Claim, resource: Resource) -> Claim:
        """The claim with visits, people, cover and history."""
        patient = reference(resource.get("patient") or resource.get("subject"))
        self._visits_of(claim, resource)
        for party in (claim.billing, claim.rendering, claim.supervising, claim.referring):
            self._person(party)
        for insurance in (claim.insurance, *claim.others):
            self._cover(insurance, patient)
        claim.labels = self._labels(claim, resource)
        claim.history = History(
            claims=[facts.prior_claim(c, self._answers.get(own(r))) for c, r in self._prior.get(patient, [])],
            plan_periods=facts.plan_periods(plans) if (plans := self._mine("CarePlan", patient)) else None,
            consents=self._consents(claim, patient),
        )
        for diagnosis in claim.diagnoses:
            diagnosis.verification = self._certainty.get((patient, diagnosis.code.upper()))
        return claim

    def _labels(self, claim: Claim, resource: Resource) -> tuple[tuple[str, str], ...]:
        """Security labels of all that the claim tells of: itself, its visits, their diagnoses."""
        visits = [self._graph.by_reference.get(visit.ref, {}) for visit in claim.visits]
        named = [(d.get("diagnosisReference"), resource) for d in each(resource, "diagnosis")]
        named += [(d.get("condition"), visit) for visit in visits for d in each(visit, "diagnosis")]
        things = [resource, *visits, *(self._graph.get(name, owner) for name, owner in named)]
        labels = (label for thing in things for label in each(part(thing, "meta"), "security"))
        return tuple(dict.fromkeys((str(x.get("system", "")), str(x.get("code", ""))) for x in labels))

    def _consents(self, claim: Claim, patient: str) -> frozenset[str] | None:
        """None where the EHR keeps no consents of the kinds that claims rest on. A kind of which it keeps none for
        anybody is kept elsewhere, most often on paper; one that was refused or has ended is told by ``no-``."""
        mine = self._mine("Consent", patient)
        payer = claim.insurance.payer.ref if claim.insurance.payer else ""
        day = max((line.dates.last for line in claim.lines if line.dates.last), default=None)
        held = facts.consents(mine, day)
        refused = facts.refusals(mine, held, payer, day)
        if not self._kept and not refused:
            return None
        on_paper = {kind for kind in _ON_PAPER - self._kept if f"no-{kind}" not in refused}
        return held | refused | on_paper

    def _mine(self, kind: str, patient: str) -> list[Resource]:
        return self._of_patient[kind].get(patient, [])

    def _visits_of(self, claim: Claim, resource: Resource) -> None:
        if resource.get("resourceType") == "Encounter":
            self._attach(claim, claim.lines, own(resource))
            return
        for line, item in zip(claim.lines, each(resource, "item"), strict=True):
            name = next((reference(e) for e in each(item, "encounter")), "")
            self._attach(claim, [line], name)

    def _attach(self, claim: Claim, lines: list[Line], encounter: str) -> None:
        visit = self._visit(encounter)
        if visit is None:
            return
        for line in lines:
            line.visit = visit
        if not any(known is visit for known in claim.visits):
            claim.visits.append(visit)

    def _visit(self, name: str) -> Visit | None:
        if name not in self._visits:
            encounter = self._graph.by_reference.get(name)
            if encounter is None or encounter.get("resourceType") != "Encounter":
                return None
            notes = None if self._notes is None else self._notes.get(name, [])
            self._visits[name] = visit_of(encounter, self._graph, notes)
        return self._visits[name]

    def _person(self, party: Party | None) -> None:
        found = self._graph.by_reference.get(party.ref) if party else None
        if party is not None and found is not None and found.get("resourceType") == "Practitioner":
            party.facts = facts.provider_facts(found)

    def _cover(self, insurance: Insurance, patient: str) -> None:
        coverage = self._graph.by_reference.get(insurance.where)
        if coverage is None or coverage.get("resourceType") != "Coverage":
            return
        insurance.coverage = facts.coverage_facts(coverage, insurance.filing)
        answers = self._mine("CoverageEligibilityResponse", patient)
        insurance.eligibility = facts.eligibility(own(coverage), answers)
        insurance.authorizations = facts.authorizations(self._mine("ClaimResponse", patient))
