"""Visits of a Bundle: linked by day where no item names them, with what notes, instruments and times say inline."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from chartside.types import Resource
from chartside_billing.bundles.held import add_appointment, add_people, add_place
from chartside_billing.bundles.notes import add_note, add_supervisor, read_texts
from chartside_billing.dates import parse_fhir_date, parse_fhir_instant
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.fhir_claim.visits import icd_of, visit_of
from chartside_billing.model import Claim, Line, Visit
from chartside_billing.x12.graph import Graph


def refine(claim: Claim, resource: Resource, graph: Graph) -> None:
    """Give the claim's lines their visits, and the visits what the Bundle says of them."""
    if resource.get("resourceType") == "Claim":
        _link(claim, resource, graph)
    for visit in claim.visits:
        encounter = graph.by_reference.get(visit.ref, {})
        add_note(visit, encounter, graph)
        if claim.supervising is not None and visit.note is not None:
            add_supervisor(visit, claim.supervising.ref, graph)
        read_texts(visit, encounter, graph)
        add_place(visit, encounter, graph)
        add_people(visit, encounter, graph)
        add_appointment(visit, encounter, graph)
        _instruments(visit, graph)
        _conditions(visit, claim, encounter, graph)
    _times(claim, resource, graph)


def _link(claim: Claim, resource: Resource, graph: Graph) -> None:
    """A visit of the same patient and day, for lines whose item names none."""
    patient = reference(resource.get("patient"))
    candidates = [
        e for e in graph.of("Encounter") if reference(e.get("subject")) in {patient, ""} or _grouped(e)
    ]
    for line in claim.lines:
        if line.visit is not None or line.dates.start is None:
            continue
        mine = [e for e in candidates if _day(e) == line.dates.start]
        if not mine and len(candidates) == 1 and _day(candidates[0]) is None:
            mine = candidates
        if len(mine) > 1:
            mine = [e for e in mine if _gives(e, line, claim)] or mine
        if mine and len(mine) == 1:
            _attach(claim, line, mine[0], graph)


def _grouped(encounter: Resource) -> bool:
    return reference(encounter.get("subject")).startswith("Group/")


def _gives(encounter: Resource, line: Line, claim: Claim) -> bool:
    """Whether the Encounter's type or its clinician is the line's."""
    told = {c for concept in each(encounter, "type") for c in codes(concept)}
    if line.code in told:
        return True
    party = line.rendering or claim.rendering or claim.billing
    people = {reference(p.get("individual")) for p in each(encounter, "participant")}
    return bool(party and party.ref in people) and not any(len(c) == 5 for c in told)


def _day(encounter: Resource) -> date | None:
    return parse_fhir_date(str(part(encounter, "period").get("start", "")))


def _attach(claim: Claim, line: Line, encounter: Resource, graph: Graph) -> None:
    known = next((v for v in claim.visits if v.ref == own(encounter)), None)
    visit = known or visit_of(encounter, graph, None)
    if known is None:
        claim.visits.append(visit)
    line.visit = visit


def _instruments(visit: Visit, graph: Graph) -> None:
    """Scored instruments: finished QuestionnaireResponses, or else survey Observations, of the visit."""
    answers = [
        r
        for r in graph.of("QuestionnaireResponse")
        if reference(r.get("encounter")) == visit.ref
        and r.get("status", "completed") in {"completed", "amended"}
    ]
    scores = [
        o
        for o in graph.of("Observation")
        if reference(o.get("encounter")) == visit.ref
        and o.get("status", "final") in {"final", "amended", "corrected"}
        and ("valueInteger" in o or _unitless(o))
    ]
    if answers or scores:
        visit.instruments = max(len(answers), len(scores))


def _unitless(observation: Resource) -> bool:
    quantity = part(observation, "valueQuantity")
    unit = str(quantity.get("code") or quantity.get("unit") or "")
    return "value" in quantity and unit in {"", "1", "{score}", "score"}


def _conditions(visit: Visit, claim: Claim, encounter: Resource, graph: Graph) -> None:
    """Conditions recorded in the visit, beside Encounter.diagnosis and reasonCode."""
    found = {
        icd
        for c in graph.of("Condition")
        if reference(c.get("encounter")) == visit.ref and (icd := icd_of(c))
    }
    told = set(visit.diagnoses or ()) | found
    visit.diagnoses = frozenset(told) or visit.diagnoses


def _times(claim: Claim, resource: Resource, graph: Graph) -> None:
    """Time logs: Observations in minutes of the patient, summed by visit, or by the month of a line without one."""
    patient = reference(resource.get("patient") or resource.get("subject"))
    logs = [
        (o, m)
        for o in graph.of("Observation")
        if reference(o.get("subject")) == patient and (m := _logged(o))
    ]
    by_visit: dict[str, int] = {}
    for observation, minutes in logs:
        name = reference(observation.get("encounter"))
        by_visit[name] = by_visit.get(name, 0) + minutes
    for visit in claim.visits:
        if visit.ref in by_visit:
            visit.minutes, visit.minutes_source = by_visit[visit.ref], "Observation"
    loose = [(o, m) for o, m in logs if not reference(o.get("encounter"))]
    for line in claim.lines:
        if line.visit is None and line.dates.start is not None:
            month = line.dates.start.strftime("%Y-%m")
            total = sum(m for o, m in loose if _when(o).startswith(month))
            if total:
                line.visit = Visit(ref="time log", minutes=total, minutes_source="Observation")
                claim.visits.append(line.visit)


def _when(observation: Resource) -> str:
    period = part(observation, "effectivePeriod")
    return str(observation.get("effectiveDateTime") or period.get("start", ""))


def _logged(observation: Resource) -> int:
    quantity = part(observation, "valueQuantity")
    unit = str(quantity.get("code") or quantity.get("unit") or "").lower()
    value = quantity.get("value")
    if unit in {"min", "minute", "minutes"} and isinstance(value, int | float) and 0 <= value < 100_000:
        return round(value)
    return 0


def sessions(graph: Graph, practitioner: str) -> list[tuple[str, datetime, datetime]]:
    """(reference, start, end) of every individual Encounter that a clinician held."""
    found = []
    for encounter in graph.of("Encounter"):
        people = {reference(p.get("individual")) for p in each(encounter, "participant")}
        period: Any = part(encounter, "period")
        start, end = (
            parse_fhir_instant(str(period.get("start", ""))),
            parse_fhir_instant(str(period.get("end", ""))),
        )
        held = practitioner in people and encounter.get("status") not in {"cancelled", "planned"}
        if held and start and end and not _grouped(encounter):
            found.append((own(encounter), start, end))
    return found
