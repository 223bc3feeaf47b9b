"""People, organisations and payers of a Bundle as NM1 loops."""

from __future__ import annotations

import re
from collections.abc import Iterable

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date
from chartside_billing.model import Address, Contact, Party, Person
from chartside_billing.x12.graph import Graph, code_of, objects, part_of, texts

NPI = "http://hl7.org/fhir/sid/us-npi"
TAXONOMY = "http://nucc.org/provider-taxonomy"
_TAX_SYSTEMS = frozenset({"urn:oid:2.16.840.1.113883.4.4", "http://hl7.org/fhir/sid/us-ein"})
_TAX_TYPES = frozenset({"TAX", "EN"})
_SSN_SYSTEMS = frozenset({"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"})
_AMERICA = frozenset({"", "US", "USA"})
_SEX = {"female": "F", "male": "M"}
_EXTENSION = re.compile(r"\s*(?:;?\s*ext|x)[.:=]?\s*\d", re.IGNORECASE)


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
    party.id, party.tax_id, party.tax_id_qualifier = identifiers_of(resource)
    party.id_qualifier = "XX" if party.id else ""
    kinds = {"coding": [c for t in objects(resource, "type") for c in objects(t, "coding")]}
    party.taxonomy = taxonomy or _taxonomy(graph.roles(resource)) or code_of(kinds, TAXONOMY)
    _name(resource, party)
    party.address = _address(resource)
    phone = next(
        (str(t.get("value", "")) for t in objects(resource, "telecom") if t.get("system") == "phone"), ""
    )
    party.contacts = [Contact(party.last, national(phone))] if phone else []
    return party


def national(phone: str) -> str:
    """The ten digits of a North American number (FHIR's are written for people); any other as it came."""
    digits = "".join(c for c in _EXTENSION.split(phone)[0] if c.isdigit())
    digits = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return digits if len(digits) == 10 else phone


def _taxonomy(roles: Iterable[Resource]) -> str:
    specialties = (
        code_of(s, TAXONOMY) for role in roles for s in [*objects(role, "specialty"), *objects(role, "code")]
    )
    return next((code for code in specialties if code), "")


def identifiers_of(resource: Resource) -> tuple[str, str, str]:
    """NPI, tax number and its qualifier: EI, or SY where a person has no number but that of social security."""
    npi = tax = ssn = ""
    for identifier in objects(resource, "identifier"):
        value, system = str(identifier.get("value", "")), str(identifier.get("system", ""))
        if system == NPI:
            npi = npi or value
        elif system in _TAX_SYSTEMS or code_of(identifier.get("type")) in _TAX_TYPES:
            tax = tax or value.replace("-", "")
        elif system in _SSN_SYSTEMS:
            ssn = ssn or value.replace("-", "")
    return npi, tax or ssn, "EI" if tax else "SY" if ssn else ""


def _name(resource: Resource, party: Party) -> None:
    names = resource.get("name")
    if isinstance(names, str):
        party.last = names
        return
    options = objects(resource, "name")
    name = next((n for n in options if n.get("use") == "official"), options[0] if options else {})
    given = texts(name, "given")
    suffixes = texts(name, "suffix")
    party.last, party.first = str(name.get("family", "")), given[0] if given else ""
    party.middle = given[1] if len(given) > 1 else ""
    party.suffix = next((s for s in suffixes if s.rstrip(".").upper() in {"JR", "SR", "II", "III", "IV"}), "")


def _address(resource: Resource) -> Address | None:
    raw = resource.get("address")
    options = [raw] if isinstance(raw, dict) else objects(resource, "address")
    options = [a for a in options if a.get("use") != "old"]
    if not options:
        return None
    a = min(options, key=lambda a: a.get("use") in {"temp", "billing"})
    lines = texts(a, "line")
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


def person_of(resource: Resource, member_id: str = "") -> Person:
    """A Patient or RelatedPerson, as the member of this number if one is given."""
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


def logical_payer(reference: Resource) -> Resource:
    """The payer that a Reference names by its identifier and name alone."""
    identifier = part_of(reference, "identifier")
    if not identifier.get("value"):
        return {}
    return {
        "resourceType": "Organization",
        "identifier": [identifier],
        "name": str(reference.get("display", "")),
    }


def payer_of(resource: Resource) -> Party:
    """An insurer's Organization; its first identifier that is no NPI is the payer's number."""
    identifiers = [i for i in objects(resource, "identifier") if i.get("value") and i.get("system") != NPI]
    party = Party(entity="2", id_qualifier="PI", id=str(identifiers[0]["value"]) if identifiers else "")
    party.ref = f"Organization/{resource['id']}" if resource.get("id") else ""
    _name(resource, party)
    party.address = _address(resource)
    return party
