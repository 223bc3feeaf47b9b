"""A FHIR Bundle (Claims with what they reference) as claims for the 837P writer: the map of ``billing.md``, no more.

What FHIR R4 has no element for follows the usual: signatures on file (CLM06, CLM08, CLM09 ``Y``), assignment accepted
(CLM07 ``A``). Nothing else is made up; what is missing stays empty, and the writer names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
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
    Person,
)
from chartside_billing.money import parse_amount
from chartside_billing.x12.plan import filing_of

NPI = "http://hl7.org/fhir/sid/us-npi"
TAXONOMY = "http://nucc.org/provider-taxonomy"
_TAX_SYSTEMS = frozenset({"urn:oid:2.16.840.1.113883.4.4", "http://hl7.org/fhir/sid/us-ein"})
_TAX_TYPES = frozenset({"TAX", "EN"})
_SSN_SYSTEMS = frozenset({"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"})
_AMERICA = frozenset({"", "US", "USA"})
_PROCEDURES = ("/cpt", "hcpcs", ".113883.6.12", ".113883.6.285")
_PLACES = ("place-of-service", "place_of_service", "serviceplace")
_SEX = {"female": "F", "male": "M"}
NO_CLAIM = "the Bundle holds no professional Claim (type professional, use claim)"
_SEQUENCE = ("P", "S", "T", "A", "B", "C", "D", "E", "F", "G", "H")
_RELATIONSHIPS = {"spouse": "01", "child": "19", "other": "G8", "common": "53"}


class Graph:
    """Resources by every way in which a reference may name them."""

    def __init__(self, resources: Iterable[tuple[str, Resource]]) -> None:
        self.by_reference: dict[str, Resource] = {}
        self.container: dict[int, Resource] = {}
        self._by_type: dict[str, list[Resource]] = {}
        for full_url, resource in resources:
            self._by_type.setdefault(str(resource.get("resourceType")), []).append(resource)
            self.container.update((id(inner), resource) for inner in _list(resource, "contained"))
            for name in (full_url, f"{resource.get('resourceType')}/{resource.get('id')}"):
                if name:
                    self.by_reference.setdefault(name, resource)
        self._roles: dict[int, list[Resource]] = {}
        for role in self.of("PractitionerRole"):
            self._roles.setdefault(id(self.get(role.get("practitioner"), role)), []).append(role)

    def of(self, kind: str) -> list[Resource]:
        """All resources of a type, in their order."""
        return self._by_type.get(kind, [])

    def roles(self, practitioner: Resource) -> list[Resource]:
        """The PractitionerRoles of a Practitioner."""
        return self._roles.get(id(practitioner), [])

    def get(self, reference: Any, owner: Resource) -> Resource:
        """The resource that a Reference names; an empty one if it is not there."""
        text = str(reference.get("reference", "")) if isinstance(reference, dict) else ""
        if text.startswith("#"):
            inner = _list(self.container.get(id(owner), owner), "contained")
            return next((r for r in inner if r.get("id") == text[1:]), {})
        short = "/".join(text.split("/_history")[0].split("/")[-2:])
        return self.by_reference.get(text) or self.by_reference.get(short) or {}


def graph_of(source: object) -> Graph:
    """A Bundle (or one Claim with contained resources) as a graph. Raises InputError for anything else."""
    if not isinstance(source, dict) or source.get("resourceType") not in {"Bundle", "Claim"}:
        raise InputError(
            "the JSON is neither a Bundle nor a Claim",
            mend="give a Bundle with the Claim and what it references",
        )
    entries = [{"resource": source}] if source["resourceType"] == "Claim" else _list(source, "entry")
    return Graph(
        (str(e.get("fullUrl", "")), e["resource"]) for e in entries if isinstance(e.get("resource"), dict)
    )


def claims_from_bundle(source: object) -> list[Claim]:
    """The professional Claims of a Bundle (or one Claim with contained resources), as an 837P says them.

    Raises InputError if there are none.
    """
    found = [claim for claim, _ in claims_of(graph_of(source))]
    if not found:
        raise InputError(NO_CLAIM)
    return found


def claims_of(graph: Graph, resources: Iterable[Resource] | None = None) -> list[tuple[Claim, Resource]]:
    """Professional Claims, each with the resource that it was made from: those given, else all of the graph."""
    chosen = graph.of("Claim") if resources is None else resources
    return [(_claim(r, graph), r) for r in chosen if _professional(r)]


def _professional(claim: Resource) -> bool:
    return claim.get("use", "claim") == "claim" and _code(claim.get("type")) in {"professional", "vision", ""}


def _list(thing: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = thing.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _dict(thing: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = thing.get(key)
    return value if isinstance(value, dict) else {}


def _texts(thing: Mapping[str, Any], key: str) -> list[str]:
    value = thing.get(key)
    return [str(item) for item in value if item is not None] if isinstance(value, list) else []


def _numbers(thing: Mapping[str, Any], key: str) -> tuple[int, ...]:
    value = thing.get(key)
    return tuple(n for n in value if isinstance(n, int)) if isinstance(value, list) else ()


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _code(concept: Any, system: str = "") -> str:
    """The first code of a CodeableConcept, of one system if it is named."""
    codings = _list(concept, "coding") if isinstance(concept, dict) else []
    return next(
        (str(c["code"]) for c in codings if c.get("code") and (not system or c.get("system") == system)), ""
    )


def _coded(concept: Any, *systems: str) -> str:
    """The first code of a system whose URI holds one of the words, else the first code: EHRs add codes of their own."""
    codings = _list(concept, "coding") if isinstance(concept, dict) else []
    known = (c for c in codings if any(word in str(c.get("system", "")).lower() for word in systems))
    return next((str(c["code"]) for c in known if c.get("code")), _code(concept))


def _money(value: Any) -> Decimal | None:
    return parse_amount(str(value["value"])) if isinstance(value, dict) and "value" in value else None


def _claim(resource: Resource, graph: Graph) -> Claim:
    version = _dict(resource, "meta").get("versionId", "")
    reference = f"Claim/{resource.get('id', '')}"
    claim = Claim(
        id=claim_number(resource),
        source=f"{reference}/_history/{version}" if version else reference,
        where=reference,
        total=_money(resource.get("total")),
        provider_signature="Y",
        assignment="A",
        benefits_assigned="N" if _code(_dict(resource, "payee").get("type")) == "subscriber" else "Y",
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
    claim.lines = [_line(item, resource, claim, graph) for item in _list(resource, "item")]
    claim.pos = next((line.pos for line in claim.lines if line.pos), "")
    facility = graph.get(resource.get("facility"), resource)
    claim.facility = provider_of(facility, graph) if facility else None
    claim.submitter, claim.receiver = _ends(claim)
    return claim


def _biller(provider: Resource, graph: Graph) -> Resource:
    """Who bills where ``provider`` is a PractitionerRole: its organization, if that has an NPI."""
    if provider.get("resourceType") != "PractitionerRole":
        return provider
    organization = graph.get(provider.get("organization"), provider)
    return organization if _identifiers(organization)[0] else provider


def claim_number(resource: Resource) -> str:
    """CLM01: the Claim's first identifier, else its id; 20 characters at most, as the guide's receivers keep them."""
    values = [str(i.get("value", "")) for i in _list(resource, "identifier")]
    return next((v for v in values if 0 < len(v) <= 20), str(resource.get("id", ""))[:20])


def _frequency(resource: Resource) -> tuple[str, str]:
    """CLM05-3 and REF*F8 from ``related``: a prior claim with the payer's number makes a replacement."""
    for related in _list(resource, "related"):
        reference = related.get("reference")
        if isinstance(reference, dict) and reference.get("value"):
            void = _code(related.get("relationship")) in {"void", "8"}
            return ("8" if void else "7"), str(reference["value"])
    stated = _code(resource.get("subType"))
    return (stated if stated in {"1", "7", "8"} else "1"), ""


def _diagnoses(resource: Resource, graph: Graph) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    for entry in sorted(_list(resource, "diagnosis"), key=lambda d: _int(d.get("sequence"))):
        concept = entry.get("diagnosisCodeableConcept")
        if concept is None:
            concept = graph.get(entry.get("diagnosisReference"), resource).get("code")
        code = _code(concept, "http://hl7.org/fhir/sid/icd-10-cm") or _code(concept)
        found.append(Diagnosis(code.replace(".", ""), "ABF" if found else "ABK", where="Claim.diagnosis"))
    return found


def _team(resource: Resource, claim: Claim, graph: Graph) -> None:
    """careTeam primary 2310B, supervisor 2310D; referral.requester 2310A. CARIN says rendering and supervising."""
    for member in _list(resource, "careTeam"):
        party = provider_of(graph.get(member.get("provider"), resource), graph)
        role = _code(member.get("role"))
        if role in {"supervisor", "supervising"}:
            claim.supervising = party
        elif claim.rendering is None and role in {"primary", "rendering", ""} and party is not None:
            claim.rendering = party
    referral = graph.get(resource.get("referral"), resource)
    if referral:
        claim.referring = provider_of(graph.get(referral.get("requester"), referral), graph)
    if claim.rendering and claim.billing and claim.rendering.npi == claim.billing.npi:
        claim.rendering = None


def provider_of(resource: Resource, graph: Graph) -> Party | None:
    """A Practitioner, PractitionerRole, Organization or Location as an NM1 loop."""
    if not resource:
        return None
    kind, taxonomy = resource.get("resourceType"), ""
    if kind == "PractitionerRole":
        taxonomy = _taxonomy([resource])
        resource = graph.get(resource.get("practitioner"), resource) or resource
        kind = resource.get("resourceType")
    party = Party(entity="1" if kind == "Practitioner" else "2", ref=f"{kind}/{resource.get('id', '')}")
    party.id, party.tax_id, party.tax_id_qualifier = _identifiers(resource)
    party.id_qualifier = "XX" if party.id else ""
    kinds = {"coding": [c for t in _list(resource, "type") for c in _list(t, "coding")]}
    party.taxonomy = taxonomy or _taxonomy(graph.roles(resource)) or _code(kinds, TAXONOMY)
    _name(resource, party)
    party.address = _address(resource)
    phone = next(
        (str(t.get("value", "")) for t in _list(resource, "telecom") if t.get("system") == "phone"), ""
    )
    party.contacts = [Contact(party.last, national(phone))] if phone else []
    return party


_EXTENSION = re.compile(r"\s*(?:;?\s*ext|x)[.:=]?\s*\d", re.IGNORECASE)


def national(phone: str) -> str:
    """The ten digits of a North American number (FHIR's are written for people); any other as it came."""
    digits = "".join(c for c in _EXTENSION.split(phone)[0] if c.isdigit())
    digits = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return digits if len(digits) == 10 else phone


def _taxonomy(roles: Iterable[Resource]) -> str:
    specialties = (
        _code(s, TAXONOMY) for role in roles for s in [*_list(role, "specialty"), *_list(role, "code")]
    )
    return next((code for code in specialties if code), "")


def _identifiers(resource: Resource) -> tuple[str, str, str]:
    """NPI, tax number and its qualifier: EI, or SY where a person has no number but that of social security."""
    npi = tax = ssn = ""
    for identifier in _list(resource, "identifier"):
        value, system = str(identifier.get("value", "")), str(identifier.get("system", ""))
        if system == NPI:
            npi = npi or value
        elif system in _TAX_SYSTEMS or _code(identifier.get("type")) in _TAX_TYPES:
            tax = tax or value.replace("-", "")
        elif system in _SSN_SYSTEMS:
            ssn = ssn or value.replace("-", "")
    return npi, tax or ssn, "EI" if tax else "SY" if ssn else ""


def _name(resource: Resource, party: Party) -> None:
    names = resource.get("name")
    if isinstance(names, str):
        party.last = names
        return
    options = _list(resource, "name")
    name = next((n for n in options if n.get("use") == "official"), options[0] if options else {})
    given = _texts(name, "given")
    suffixes = _texts(name, "suffix")
    party.last, party.first = str(name.get("family", "")), given[0] if given else ""
    party.middle = given[1] if len(given) > 1 else ""
    party.suffix = next((s for s in suffixes if s.rstrip(".").upper() in {"JR", "SR", "II", "III", "IV"}), "")


def _address(resource: Resource) -> Address | None:
    raw = resource.get("address")
    options = [raw] if isinstance(raw, dict) else _list(resource, "address")
    options = [a for a in options if a.get("use") != "old"]
    if not options:
        return None
    a = min(options, key=lambda a: a.get("use") in {"temp", "billing"})
    lines = _texts(a, "line")
    country = str(a.get("country", ""))
    american = country.upper() in _AMERICA
    return Address(
        line1=lines[0] if lines else "",
        line2=" ".join(lines[1:]),
        city=str(a.get("city", "")),
        state=str(a.get("state", "")),
        zip=str(a.get("postalCode", "")).replace("-", "") if american else str(a.get("postalCode", "")),
        country="" if american else country,
    )


def _person(resource: Resource, member_id: str = "") -> Person:
    person = Person(entity="1", ref=f"{resource.get('resourceType', '')}/{resource.get('id', '')}")
    _name(resource, person)
    person.address = _address(resource)
    person.birth_date = parse_fhir_date(str(resource.get("birthDate", "")))
    person.sex = _SEX.get(str(resource.get("gender", "")), "U")
    person.death_date = parse_fhir_date(str(resource.get("deceasedDateTime", "")))
    person.has_demographics = person.birth_date is not None
    if member_id:
        person.id, person.id_qualifier = member_id, "MI"
    return person


def _insurances(resource: Resource, claim: Claim, graph: Graph) -> None:
    """The focal coverage is 2000B, the others 2320, in the order of their sequence."""
    patient = graph.get(resource.get("patient"), resource)
    entries = sorted(_list(resource, "insurance"), key=lambda i: _int(i.get("sequence")))
    focal = next((i for i in entries if i.get("focal")), entries[0] if entries else None)
    for place, entry in enumerate(entries):
        coverage = graph.get(entry.get("coverage"), resource)
        insurance = _coverage(coverage, patient, graph, _SEQUENCE[min(place, len(_SEQUENCE) - 1)])
        numbers = _texts(entry, "preAuthRef")
        if entry is focal:
            claim.insurance = insurance
            claim.prior_authorization = numbers[0] if numbers else ""
            if insurance.relationship != "18":
                claim.patient = _person(patient)
                claim.patient_relationship, insurance.relationship = insurance.relationship, ""
        else:
            insurance.assignment, insurance.release = "Y", "Y"
            claim.others.append(insurance)


def _coverage(coverage: Resource, patient: Resource, graph: Graph, sequence: str) -> Insurance:
    relationship = _code(coverage.get("relationship")) or "self"
    subscriber = graph.get(coverage.get("subscriber"), coverage) or (
        patient if relationship == "self" else {}
    )
    if subscriber and subscriber is patient:
        relationship = "self"
    payors = _list(coverage, "payor")
    payer = (graph.get(payors[0], coverage) or _logical(payors[0])) if payors else {}
    number = str(coverage.get("subscriberId", ""))
    classes = {_code(c.get("type")): str(c.get("value", "")) for c in _list(coverage, "class")}
    return Insurance(
        sequence=sequence,
        relationship="18" if relationship == "self" else _RELATIONSHIPS.get(relationship, "G8"),
        group=classes.get("group", ""),
        filing=filing_of(coverage, str(payer.get("name", ""))),
        subscriber=_person(subscriber, number) if subscriber else None,
        payer=_payer(payer) if payer else None,
        where=f"Coverage/{coverage.get('id', '')}",
    )


def _logical(reference: Resource) -> Resource:
    """The payer that a Reference names by its identifier and name alone."""
    identifier = _dict(reference, "identifier")
    if not identifier.get("value"):
        return {}
    return {
        "resourceType": "Organization",
        "identifier": [identifier],
        "name": str(reference.get("display", "")),
    }


def _payer(resource: Resource) -> Party:
    identifiers = [i for i in _list(resource, "identifier") if i.get("value") and i.get("system") != NPI]
    party = Party(entity="2", id_qualifier="PI", id=str(identifiers[0]["value"]) if identifiers else "")
    party.ref = f"Organization/{resource['id']}" if resource.get("id") else ""
    _name(resource, party)
    party.address = _address(resource)
    return party


def _line(item: dict[str, Any], resource: Resource, claim: Claim, graph: Graph) -> Line:
    quantity = _dict(item, "quantity")
    period = _dict(item, "servicedPeriod") or _one_day(_dict(resource, "billablePeriod"))
    start: date | None = parse_fhir_date(str(item.get("servicedDate") or period.get("start", "")))
    end = parse_fhir_date(str(period.get("end", "")))
    number = _int(item.get("sequence")) or 1
    place = _coded(item.get("locationCodeableConcept"), *_PLACES)
    return Line(
        number=number,
        code=_coded(item.get("productOrService"), *_PROCEDURES),
        modifiers=tuple(code for m in _list(item, "modifier") if (code := _coded(m, *_PROCEDURES))),
        charge=_money(item.get("net")),
        quantity=parse_amount(str(quantity.get("value", ""))),
        pos=place,
        pointers=_numbers(item, "diagnosisSequence"),
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
