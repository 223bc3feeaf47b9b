"""A FHIR Bundle (Claims with what they reference) as claims for the 837P writer: the map of ``billing.md``, no more.

What FHIR R4 has no element for follows the usual: signatures on file (CLM06, CLM08, CLM09 ``Y``), assignment accepted
(CLM07 ``A``). Nothing else is made up; what is missing stays empty, and the writer names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from chartside.errors import InputError
from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date
from chartside_billing.model import (
    Address,
    Claim,
    Contact,
    DateSpan,
    Diagnosis,
    Insurance,
    Line,
    Party,
)
from chartside_billing.money import parse_amount
from chartside_billing.x12.graph import (
    Graph,
    code_among,
    code_of,
    graph_of,
    money,
    numbers,
    objects,
    part_of,
    texts,
    whole,
)
from chartside_billing.x12.parties import identifiers_of, logical_payer, payer_of, person_of, provider_of
from chartside_billing.x12.plan import filing_of

_PROCEDURES = ("/cpt", "hcpcs", ".113883.6.12", ".113883.6.285")
_PLACES = ("place-of-service", "place_of_service", "serviceplace")
NO_CLAIM = "the Bundle holds no professional Claim (type professional, use claim)"
_SEQUENCE = ("P", "S", "T", "A", "B", "C", "D", "E", "F", "G", "H")
_RELATIONSHIPS = {"spouse": "01", "child": "19", "other": "G8", "common": "53"}


def claims_from_bundle(source: object) -> list[Claim]:
    """The professional Claims of a Bundle (or one Claim with contained resources), as an 837P says them.

    Raises InputError if there are none.
    """
    found = [claim for claim, _ in claims_of(graph_of(source))]
    if not found:
        raise InputError(NO_CLAIM)
    return found


_NO_PLACE = frozenset({"02", "10", "11", "12"})
"""Places of service that need no facility: the practice, a home, telehealth."""


def claims_of(graph: Graph, resources: Iterable[Resource] | None = None) -> list[tuple[Claim, Resource]]:
    """Professional Claims, each with the resource that it was made from: those given, else all of the graph."""
    chosen = graph.of("Claim") if resources is None else resources
    return [(_claim(r, graph), r) for r in chosen if _professional(r)]


def _professional(claim: Resource) -> bool:
    return claim.get("use", "claim") == "claim" and code_of(claim.get("type")) in {
        "professional",
        "vision",
        "",
    }


def _claim(resource: Resource, graph: Graph) -> Claim:
    version = part_of(resource, "meta").get("versionId", "")
    reference = f"Claim/{resource.get('id', '')}"
    claim = Claim(
        id=claim_number(resource),
        source=f"{reference}/_history/{version}" if version else reference,
        where=reference,
        total=money(resource.get("total")),
        provider_signature="Y",
        assignment="A",
        benefits_assigned="N" if code_of(part_of(resource, "payee").get("type")) == "subscriber" else "Y",
        release="Y",
        assumed=frozenset({"provider_signature", "assignment", "benefits_assigned", "release"}),
        created=parse_fhir_date(str(resource.get("created", ""))),
        diagnoses=_diagnoses(resource, graph),
        status=str(resource.get("status", "")),
    )
    claim.frequency, claim.original_claim_number = _frequency(resource)
    provider = graph.get(resource.get("provider"), resource)
    claim.billing = provider_of(_biller(provider, graph), graph)
    _team(resource, claim, graph)
    if claim.rendering is None and _biller(provider, graph) is not provider:
        claim.rendering = provider_of(provider, graph)
    _insurances(resource, claim, graph)
    claim.lines = [_line(item, resource, claim, graph) for item in objects(resource, "item")]
    claim.pos = next((line.pos for line in claim.lines if line.pos), "")
    facility = graph.get(resource.get("facility"), resource)
    claim.facility = _elsewhere(provider_of(facility, graph), claim) if facility else None
    claim.submitter, claim.receiver = _ends(claim)
    return claim


def _elsewhere(facility: Party | None, claim: Claim) -> Party | None:
    """2310C is for places other than the billing address: the practice's own Location, and a room or a home without a
    street, are left out."""
    place = facility.address if facility else None
    own = claim.billing.address if claim.billing else None
    if (place is None or not place.line1) and claim.pos in _NO_PLACE:
        return None
    same = place is not None and own is not None and place.line1 and _street(place) == _street(own)
    return None if same else facility


def _street(address: Address) -> tuple[str, ...]:
    return (*address.line1.upper().replace(".", "").split(), address.zip[:5])


def _biller(provider: Resource, graph: Graph) -> Resource:
    """Who bills where ``provider`` is a PractitionerRole: its organization, if that has an NPI."""
    if provider.get("resourceType") != "PractitionerRole":
        return provider
    organization = graph.get(provider.get("organization"), provider)
    return organization if identifiers_of(organization)[0] else provider


def claim_number(resource: Resource) -> str:
    """CLM01: the Claim's first identifier, else its id; 20 characters at most, as the guide's receivers keep them."""
    values = [str(i.get("value", "")) for i in objects(resource, "identifier")]
    return next((v for v in values if 0 < len(v) <= 20), str(resource.get("id", ""))[:20])


def _frequency(resource: Resource) -> tuple[str, str]:
    """CLM05-3 and REF*F8 from ``related``: a prior claim with the payer's number makes a replacement."""
    for related in objects(resource, "related"):
        reference = related.get("reference")
        if isinstance(reference, dict) and reference.get("value"):
            void = code_of(related.get("relationship")) in {"void", "8"}
            return ("8" if void else "7"), str(reference["value"])
    stated = code_of(resource.get("subType"))
    return (stated if stated in {"1", "7", "8"} else "1"), ""


def _diagnoses(resource: Resource, graph: Graph) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    for entry in sorted(objects(resource, "diagnosis"), key=lambda d: whole(d.get("sequence"))):
        concept = entry.get("diagnosisCodeableConcept")
        if concept is None:
            concept = graph.get(entry.get("diagnosisReference"), resource).get("code")
        code = code_of(concept, "http://hl7.org/fhir/sid/icd-10-cm") or code_of(concept)
        found.append(Diagnosis(code.replace(".", ""), "ABF" if found else "ABK", where="Claim.diagnosis"))
    return found


def _team(resource: Resource, claim: Claim, graph: Graph) -> None:
    """careTeam primary 2310B, supervisor 2310D; referral.requester 2310A. CARIN says rendering and supervising."""
    for member in objects(resource, "careTeam"):
        party = provider_of(graph.get(member.get("provider"), resource), graph)
        role = code_of(member.get("role"))
        if role in {"supervisor", "supervising"}:
            claim.supervising = party
        elif claim.rendering is None and role in {"primary", "rendering", ""} and party is not None:
            claim.rendering = party
    referral = graph.get(resource.get("referral"), resource)
    if referral:
        claim.referring = provider_of(graph.get(referral.get("requester"), referral), graph)
    if claim.rendering and claim.billing and claim.rendering.npi == claim.billing.npi:
        claim.rendering = None


def _insurances(resource: Resource, claim: Claim, graph: Graph) -> None:
    """The focal coverage is 2000B, the others 2320, in the order of their sequence."""
    patient = graph.get(resource.get("patient"), resource)
    entries = sorted(objects(resource, "insurance"), key=lambda i: whole(i.get("sequence")))
    focal = next((i for i in entries if i.get("focal")), entries[0] if entries else None)
    for place, entry in enumerate(entries):
        coverage = graph.get(entry.get("coverage"), resource)
        insurance = _coverage(coverage, patient, graph, _SEQUENCE[min(place, len(_SEQUENCE) - 1)])
        numbers = texts(entry, "preAuthRef")
        if entry is focal:
            claim.insurance = insurance
            claim.prior_authorization = numbers[0] if numbers else ""
            if insurance.relationship != "18":
                claim.patient = person_of(patient)
                claim.patient_relationship, insurance.relationship = insurance.relationship, ""
        else:
            insurance.assignment, insurance.release = "Y", "Y"
            claim.others.append(insurance)


def _coverage(coverage: Resource, patient: Resource, graph: Graph, sequence: str) -> Insurance:
    relationship = code_of(coverage.get("relationship")) or "self"
    subscriber = graph.get(coverage.get("subscriber"), coverage) or (
        patient if relationship == "self" else {}
    )
    if subscriber and subscriber is patient:
        relationship = "self"
    payors = objects(coverage, "payor")
    payer = (graph.get(payors[0], coverage) or logical_payer(payors[0])) if payors else {}
    number = str(coverage.get("subscriberId", ""))
    classes = {code_of(c.get("type")): str(c.get("value", "")) for c in objects(coverage, "class")}
    return Insurance(
        sequence=sequence,
        relationship="18" if relationship == "self" else _RELATIONSHIPS.get(relationship, "G8"),
        group=classes.get("group", ""),
        filing=filing_of(coverage, str(payer.get("name", ""))),
        subscriber=person_of(subscriber, number) if subscriber else None,
        payer=payer_of(payer) if payer else None,
        where=f"Coverage/{coverage.get('id', '')}",
    )


def _line(item: dict[str, Any], resource: Resource, claim: Claim, graph: Graph) -> Line:
    quantity = part_of(item, "quantity")
    period = part_of(item, "servicedPeriod") or _one_day(part_of(resource, "billablePeriod"))
    start: date | None = parse_fhir_date(str(item.get("servicedDate") or period.get("start", "")))
    end = parse_fhir_date(str(period.get("end", "")))
    number = whole(item.get("sequence")) or 1
    place = code_among(item.get("locationCodeableConcept"), *_PLACES)
    return Line(
        number=number,
        code=code_among(item.get("productOrService"), *_PROCEDURES),
        modifiers=tuple(code for m in objects(item, "modifier") if (code := code_among(m, *_PROCEDURES))),
        charge=money(item.get("net")),
        quantity=parse_amount(str(quantity.get("value", ""))),
        pos=place,
        pointers=numbers(item, "diagnosisSequence"),
        dates=DateSpan(start, end if end != start else None),
        where=f"Claim.item[{number - 1}]",
    )


def _one_day(period: Mapping[str, Any]) -> Mapping[str, Any]:
    """``billablePeriod`` says when the lines were, if it is one day."""
    days = {str(period.get(end, ""))[:10] for end in ("start", "end")}
    return period if len(days) == 1 else {}


def _ends(claim: Claim) -> tuple[Party | None, Party | None]:
    """The practice submits, the payer receives, until a clearinghouse account says otherwise."""
    billing, payer = claim.billing, claim.insurance.payer
    submitter = receiver = None
    if billing is not None:
        contacts = billing.contacts or [Contact(billing.last)]
        submitter = Party(entity="2", last=billing.last, id_qualifier="46", id=billing.id, contacts=contacts)
        billing.contacts = []
    if payer is not None:
        receiver = Party(entity="2", last=payer.last, id_qualifier="46", id=payer.id)
    return submitter, receiver
