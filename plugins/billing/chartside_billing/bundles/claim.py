"""What a Claim resource says that the map to 837P smooths over or has no element for."""

from __future__ import annotations

from typing import Any

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date
from chartside_billing.fhir_claim import facts as chart
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.model import (
    Attachment,
    Claim,
    DateSpan,
    Party,
    Qualification,
    SyntaxIssue,
)
from chartside_billing.money import parse_amount
from chartside_billing.rules.codesets import PLACES, STATE_NAMES, STATES
from chartside_billing.x12.graph import Graph, numbers
from chartside_billing.x12.parties import provider_of

_ICD9 = "icd-9"
_REPLACES = frozenset({"prior", "replaces", "replacement", "7", "corrected"})
_VOIDS = frozenset({"void", "8", "cancels"})
_CAUSES = {"MVA": "AA", "WPA": "EM", "WPA ": "EM", "AA": "AA", "EM": "EM"}
_LEARNING = (
    "associate",
    "intern",
    "trainee",
    "student",
    "pre-licensed",
    "prelicensed",
    "resident",
    "candidate",
)
_SCHOOLS = ("university", "college", "school", "institute", "academy")
_ADMITTED = frozenset({"hospitalized", "admissionperiod", "admission", "admit", "435"})


def refine(claim: Claim, resource: Resource, graph: Graph) -> None:
    """Put right, from the resource itself, what the rules want to see as it was said."""
    _number(claim, resource)
    _frequency(claim, resource, graph)
    _diagnoses(claim, resource, graph)
    _lines(claim, resource)
    _accident(claim, resource)
    _flags(claim, resource)
    _supporting(claim, resource, graph)
    _place(claim, resource, graph)
    _people(claim, resource, graph)
    referral = graph.get(resource.get("referral"), resource)
    numbers = [str(i["value"]) for i in each(referral, "identifier") if i.get("value")]
    claim.referral = claim.referral or (numbers[0] if numbers else "")


def _place(claim: Claim, resource: Resource, graph: Graph) -> None:
    """The place of service of the facility, where no item says one."""
    kinds = each(graph.get(resource.get("facility"), resource), "type")
    if not claim.pos:
        claim.pos = next((c for kind in kinds for c in codes(kind) if c in PLACES), "")


def _number(claim: Claim, resource: Resource) -> None:
    values = [str(i.get("value", "")) for i in each(resource, "identifier")]
    if values and len(values[0]) > 20:
        claim.id = values[0]


def _frequency(claim: Claim, resource: Resource, graph: Graph) -> None:
    stated = [c for c in codes(resource.get("subType")) if len(c) == 1]
    if stated:
        claim.frequency = stated[0]
    for related in each(resource, "related"):
        kinds = {c.lower() for c in codes(related.get("relationship"))}
        if kinds & (_REPLACES | _VOIDS):
            claim.frequency = "8" if kinds & _VOIDS else "7"
        if claim.original_claim_number or claim.frequency not in {"7", "8"}:
            continue
        answers = [a for a in graph.of("ClaimResponse") if reference(a.get("request")) == _about(related)]
        numbers = [str(i["value"]) for a in answers for i in each(a, "identifier") if i.get("value")]
        claim.original_claim_number = numbers[0] if numbers else ""
    for extension in extensions(resource):
        if "frequency" in extension[0] and extension[1] in {"1", "7", "8"}:
            claim.frequency = extension[1]


def _about(related: dict[str, Any]) -> str:
    return reference(related.get("claim")) or "?"


def _diagnoses(claim: Claim, resource: Resource, graph: Graph) -> None:
    entries = sorted(each(resource, "diagnosis"), key=lambda d: _number_of(d.get("sequence")))
    for place, (diagnosis, entry) in enumerate(zip(claim.diagnoses, entries, strict=False)):
        diagnosis.where = f"Claim.diagnosis[{place}]"
        condition = graph.get(entry.get("diagnosisReference"), resource)
        concept = entry.get("diagnosisCodeableConcept") or condition.get("code")
        systems = (
            [str(c.get("system", "")) for c in each(concept, "coding")] if isinstance(concept, dict) else []
        )
        if systems and all(_ICD9 in s or s.endswith(".6.103") for s in systems):
            diagnosis.qualifier = "BF" if place else "BK"
        if not condition:
            condition = _recorded(claim, resource, diagnosis.code, graph)
        told = codes(condition.get("verificationStatus"))
        diagnosis.verification = told[0] if told else diagnosis.verification
    numbers = [_number_of(e.get("sequence")) for e in entries]
    if numbers and 1 not in numbers and claim.diagnoses[0].qualifier == "ABK":
        claim.diagnoses[0].qualifier = "ABF"
    if len(set(numbers)) == len(numbers):
        places = {number: place for place, number in enumerate(numbers, 1)}
        for line in claim.lines:
            line.pointers = tuple(places.get(pointer, 99) for pointer in line.pointers)


def _recorded(claim: Claim, resource: Resource, code: str, graph: Graph) -> Resource:
    """The patient's Condition with this code."""
    patient = reference(resource.get("patient"))
    for condition in graph.of("Condition"):
        mine = reference(condition.get("subject")) == patient
        if mine and code in {c.replace(".", "").upper() for c in codes(condition.get("code"))}:
            return condition
    return {}


def _number_of(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _lines(claim: Claim, resource: Resource) -> None:
    if not resource.get("total"):
        claim.total = None
    for line, item in zip(claim.lines, each(resource, "item"), strict=False):
        quantity = part(item, "quantity")
        unit = str(quantity.get("code") or quantity.get("unit") or "")
        line.unit = "MJ" if unit.lower() in {"mj", "min", "minute", "minutes"} else "UN"
        if line.charge is None and isinstance(
            price := part(item, "unitPrice").get("value"), int | float | str
        ):
            amount = parse_amount(str(price))
            line.charge = amount * (line.quantity or 1) if amount is not None else None
        line.notes += _notes(item)
    claim.notes += _notes(resource)


def _notes(thing: Resource) -> list[tuple[str, str]]:
    return [("ADD", str(n.get("text", ""))) for n in each(thing, "note")]


def _accident(claim: Claim, resource: Resource) -> None:
    accident = part(resource, "accident")
    if not accident:
        return
    kinds = codes(accident.get("type"))
    claim.causes = (next((_CAUSES[k] for k in kinds if k in _CAUSES), "OA"),)
    claim.accident_state = str(part(accident, "locationAddress").get("state", ""))
    day = parse_fhir_date(str(accident.get("date", "")))
    if day is not None:
        claim.dates["439"] = DateSpan(day)


def extensions(resource: Resource) -> list[tuple[str, str, Any]]:
    """(last part of the url in small letters, value as text, value) of every extension."""
    found: list[tuple[str, str, Any]] = []
    for extension in each(resource, "extension"):
        value = next((v for k, v in extension.items() if k.startswith("value")), None)
        if isinstance(value, dict):
            inner = value.get("code") or value.get("value") or next(iter(codes(value)), "")
            value = inner
        text = {True: "Y", False: "N"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        found.append((str(extension.get("url", "")).rsplit("/", 1)[-1].lower(), text, value))
    return found


def _flags(claim: Claim, resource: Resource) -> None:
    """CLM06-09 and AMT*F5, for which R4 has no element, from extensions that name them."""
    for name, text, _ in extensions(resource):
        if "benefit" in name:
            claim.benefits_assigned = text
            claim.assumed -= {"benefits_assigned"}
        elif "assign" in name:
            claim.assumed -= {"assignment"}
            claim.assignment = {"Y": "A", "N": "C", "assigned": "A", "not-assigned": "C"}.get(text, text)
        elif "release" in name:
            claim.release = text
            claim.assumed -= {"release"}
        elif "signature" in name:
            claim.provider_signature = text
            claim.assumed -= {"provider_signature"}
        elif "paid" in name:
            claim.patient_paid = parse_amount(text)
        elif "delay" in name:
            claim.delay_reason = text


def _supporting(claim: Claim, resource: Resource, graph: Graph) -> None:
    for info in each(resource, "supportingInfo"):
        kinds = {c.lower() for c in codes(info.get("category"))} | {
            c.lower() for c in codes(info.get("code"))
        }
        period = part(info, "timingPeriod")
        day = parse_fhir_date(str(info.get("timingDate") or period.get("start", "")))
        if day is not None and kinds & _ADMITTED:
            claim.dates["435"] = DateSpan(day)
        name = reference(info.get("valueReference"))
        document = graph.by_reference.get(name, {})
        if name.startswith("DocumentReference/") or "attachment" in kinds or info.get("valueAttachment"):
            claim.attachments.append(
                Attachment(
                    "OZ", "EL", where="Claim.supportingInfo", is_psychotherapy_note=_process_note(document)
                )
            )
        if isinstance(text := info.get("valueString"), str):
            claim.notes.append(("ADD", text))
        paid = part(info, "valueQuantity").get("value")
        if "paid" in " ".join(kinds) and paid is not None:
            claim.patient_paid = parse_amount(str(paid))


def _process_note(document: Resource) -> bool | None:
    labels = {c.upper() for label in each(document, "securityLabel") for c in codes(label)}
    if labels & {"PSY", "PSYTHPN"}:
        return True
    told = codes(document.get("type"))
    text = str(part(document, "type").get("text", "")) + str(document.get("description", ""))
    if "psychotherapy note" in text.lower() or "process note" in text.lower():
        return True
    return False if told or labels else None


def _people(claim: Claim, resource: Resource, graph: Graph) -> None:
    patient = graph.get(resource.get("patient"), resource)
    for person in (claim.patient, claim.insurance.subscriber):
        source = graph.by_reference.get(person.ref, {}) if person else {}
        if person is not None and source and not source.get("gender"):
            person.sex = ""
        if person is not None and source.get("resourceType") == "RelatedPerson":
            person.sex = person.sex or "U"
    if patient.get("deceasedBoolean") is True and claim.member and claim.member.death_date is None:
        claim.issues.append(
            SyntaxIssue("dead", "The chart says that the patient has died", own(patient), fatal=False)
        )
    for party in _clinicians(claim):
        _licences(party, graph)
    _team(claim, resource, graph)


def _clinicians(claim: Claim) -> list[Party]:
    found = [claim.billing, claim.rendering, claim.supervising, *(line.rendering for line in claim.lines)]
    return [party for party in found if party is not None]


def _licences(party: Party, graph: Graph) -> None:
    """Taxonomy, state and standing of a clinician, beyond what ``provider_facts`` reads."""
    practitioner = graph.by_reference.get(party.ref, {})
    if practitioner.get("resourceType") != "Practitioner":
        return
    roles = graph.roles(practitioner)
    told = " ".join(
        str(text).lower()
        for role in roles
        for concept in each(role, "code")
        for text in [
            concept.get("text", ""),
            *codes(concept),
            *(c.get("display", "") for c in each(concept, "coding")),
        ]
    )
    told += " " + " ".join(
        str(part(q, "code").get("text", "")).lower() for q in each(practitioner, "qualification")
    )
    facts = party.facts
    if facts is None:
        return
    if told.strip() and any(word in told for word in _LEARNING):
        facts.pre_licensed = True
    for one, entry in zip(facts.qualifications or [], each(practitioner, "qualification"), strict=False):
        one.state = one.state or _issuer(entry, graph)
    if not party.taxonomy:
        named = [
            str(c.get("code", ""))
            for q in each(practitioner, "qualification")
            for c in each(part(q, "code"), "coding")
            if "nucc" in str(c.get("system", "")) or _taxonomy(str(c.get("code", "")))
        ]
        party.taxonomy = named[0] if named else ""
    facts.qualifications = facts.qualifications or _plain(practitioner, graph)


def _taxonomy(code: str) -> bool:
    return len(code) == 10 and code.endswith("X")


def _plain(practitioner: Resource, graph: Graph) -> list[Qualification] | None:
    """Licences that name the issuing state only."""
    found = [
        Qualification(state, next(iter(codes(q.get("code"))), ""))
        for q in each(practitioner, "qualification")
        if (state := _issuer(q, graph))
    ]
    return found or None


def _issuer(entry: Resource, graph: Graph) -> str:
    """The state in the issuer's address, identifier, id or display."""
    issuer = part(entry, "issuer")
    organization = graph.by_reference.get(reference(issuer), {})
    address = next(each(organization, "address"), {})
    texts = [str(address.get("state", "")), str(part(issuer, "identifier").get("value", ""))]
    texts += [str(issuer.get("display", "")), str(organization.get("name", ""))]
    texts += [str(i.get("value", "")) for i in each(organization, "identifier")]
    if any(word in " ".join(texts).lower() for word in _SCHOOLS):  # a degree is no licence
        return ""
    return next((state for text in texts if (state := _state(text))), "")


def _state(text: str) -> str:
    words = text.replace("-", " ").replace("/", " ").replace(",", " ").split()
    short = next((w for w in words if w in STATES), "")
    return short or next((code for name, code in STATE_NAMES.items() if name in text.lower()), "")


def _team(claim: Claim, resource: Resource, graph: Graph) -> None:
    """The line's own clinician by careTeamSequence, where the claim has several."""
    members = {_number_of(m.get("sequence")): m for m in each(resource, "careTeam")}
    rendering = {n: m for n, m in members.items() if _renders(m)}
    if claim.rendering is None and rendering:
        first = rendering[min(rendering)]
        party = _party(first, resource, graph)
        if party is not None and (claim.billing is None or party.npi != claim.billing.npi):
            claim.rendering = party
    if len(rendering) < 2:
        return
    for line, item in zip(claim.lines, each(resource, "item"), strict=False):
        chosen = [n for n in numbers(item, "careTeamSequence") if n in rendering]
        party = _party(rendering[chosen[0]], resource, graph) if chosen else None
        if party is not None and claim.rendering is not None and party.npi != claim.rendering.npi:
            line.rendering = party


def _renders(member: Resource) -> bool:
    told = {c.lower() for c in codes(member.get("role"))}
    return not told or bool(told & {"primary", "rendering", "performing", "performer", "82"})


def _party(member: Resource, resource: Resource, graph: Graph) -> Party | None:
    practitioner = graph.get(member.get("provider"), resource)
    party = provider_of(practitioner, graph)
    if party is not None:
        found = graph.by_reference.get(party.ref, {})
        if found.get("resourceType") == "Practitioner":
            party.facts = chart.provider_facts(found)
            _licences(party, graph)
    return party
