"""AuditEvents (R4) after IHE BALP 1.1: RESTful interactions, disclosures, consent decisions.

Pure functions from an ``AuditRecord`` to raw FHIR JSON. Profiles, agents, entities and codes are those of
https://profiles.ihe.net/ITI/BALP (Read, Create, Update, Delete, Query and their patient forms;
PrivacyDisclosure.Source; AuthZconsent). A failure follows the same pattern without the profile, which is for
successes only.

Values of a search are never recorded here, though BALP would have the raw query: the names of its parameters are.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final
from urllib.parse import urlsplit

from chartside.audit.record import REST, AuditRecord, Event, Result
from chartside.codes import (
    AUDIT_ENTITY_SYSTEM,
    AUDIT_TYPE_SYSTEM,
    DICOM_SYSTEM,
    OBJECT_ROLE_SYSTEM,
    OUTBOUND_SYSTEM,
    PARTICIPATION_TYPE_SYSTEM,
    PROVENANCE_PARTICIPANT_SYSTEM,
    RESOURCE_TYPES_SYSTEM,
    RESTFUL_SYSTEM,
    SECURITY_SOURCE_SYSTEM,
    SOURCE_SYSTEM,
    coding,
    purpose_coding,
)
from chartside.types import Resource

BALP: Final = "https://profiles.ihe.net/ITI/BALP"
_PROFILE: Final = f"{BALP}/StructureDefinition/IHE.BasicAudit"
_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_SERVER_ROLE: Final = "http://terminology.hl7.org/CodeSystem/extra-security-role-type"
_ROLE_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"

_SOURCE, _DESTINATION, _APPLICATION = (
    coding(DICOM_SYSTEM, code, display)
    for code, display in (
        ("110153", "Source Role ID"),
        ("110152", "Destination Role ID"),
        ("110150", "Application"),
    )
)
_CUSTODIAN: Final = coding(PROVENANCE_PARTICIPANT_SYSTEM, "custodian", "Custodian")
_RECIPIENT: Final = coding(PARTICIPATION_TYPE_SYSTEM, "IRCP", "information recipient")
_AUTHOR: Final = coding(PARTICIPATION_TYPE_SYSTEM, "AUT", "author (originator)")

# event: (AuditEvent.action, BALP profile, type of the client agent, of the server agent, of the user agent)
_REST: Final[dict[Event, tuple[str, str, Resource, Resource, Resource]]] = {
    Event.READ: ("R", "Read", _DESTINATION, _SOURCE, _RECIPIENT),
    Event.SEARCH: ("E", "Query", _SOURCE, _DESTINATION, _RECIPIENT),
    Event.CREATE: ("C", "Create", _SOURCE, _DESTINATION, _AUTHOR),
    Event.UPDATE: ("U", "Update", _SOURCE, _DESTINATION, _AUTHOR),
    Event.PATCH: ("U", "Update", _SOURCE, _DESTINATION, _AUTHOR),
    Event.DELETE: ("D", "Delete", _APPLICATION, _CUSTODIAN, _AUTHOR),
}


@dataclass(frozen=True, slots=True)
class Observer:
    """Who writes the audit: this host at one practice.

    ``host`` identifies the installation (``client_id`` or a name of the machine), ``practice`` the practice's
    id, ``server`` the EHR's base URL, ``address`` this host's name or IP address, ``recipients`` the address of each
    entry of the outbound registry.
    """

    host: str
    practice: str
    server: str
    address: str = "localhost"
    recipients: dict[str, str] = field(default_factory=dict)

    def who(self) -> Resource:
        """A Reference to the host itself."""
        return _identified(SOURCE_SYSTEM, self.host, "Device")


def event(record: AuditRecord, observer: Observer) -> Resource:
    """The AuditEvent of any record."""
    if record.event in REST:
        return rest_event(record, observer)
    if record.event is Event.DISCLOSURE:
        return disclosure_event(record, observer)
    if record.event is Event.DECISION:
        return decision_event(record, observer)
    return host_event(record, observer)


def rest_event(record: AuditRecord, observer: Observer) -> Resource:
    """Read, Query, Create, Update or Delete; the Patient form where the record names a patient."""
    action, name, client, server, user = _REST[record.event]
    profile = f"{_PROFILE}.{'Patient' if record.patient else ''}{name}"
    agents = [
        _agent(client, observer.who(), address=observer.address),
        _agent(server, _identified(SOURCE_SYSTEM, observer.server, "Device"), address=observer.server),
        _user(record, user),
    ]
    subtype = coding(RESTFUL_SYSTEM, "search-type" if record.event is Event.SEARCH else record.event.value)
    entities = [_query(record) if record.event is Event.SEARCH else _data(record)]
    form: Resource = {
        "type": coding(AUDIT_TYPE_SYSTEM, "rest", "RESTful Operation"),
        "subtype": [subtype],
        "action": action,
        "agent": agents,
        "entity": [*entities, *_patient(record), *_request(record)],
    }
    return _event(record, observer, profile if record.outcome is Result.SUCCESS else "", form)


def disclosure_event(record: AuditRecord, observer: Observer) -> Resource:
    """PrivacyDisclosure.Source: something left this host for a recipient outside the EHR."""
    address = observer.recipients.get(record.recipient, "urn:chartside:outbound:" + record.recipient)
    agents = [
        _agent(_SOURCE, observer.who(), address=observer.address),
        _agent(_DESTINATION, _party(record.recipient, OUTBOUND_SYSTEM), address=address),
        _user(record, _AUTHOR),
    ]
    subtype = [coding(_LIFECYCLE, "disclose", "Disclose Record Lifecycle Event")]
    form: Resource = {
        "type": coding(DICOM_SYSTEM, "110106", "Export"),
        "subtype": subtype,
        "action": "R",
        "agent": agents,
        "entity": [*_patient(record), _data(record), *_request(record)],
    }
    return _event(record, observer, f"{_PROFILE}.PrivacyDisclosure.Source", form)


def decision_event(record: AuditRecord, observer: Observer) -> Resource:
    """AuthZconsent (C-8): what the gate decided, by which consents and rules."""
    agents = [
        _agent(coding(_SERVER_ROLE, "authserver", "authorization server"), observer.who()),
        _agent(_APPLICATION, _identified(SOURCE_SYSTEM, record.plugin, "Device"), address=observer.address),
        _user(record, _RECIPIENT),
        _agent(
            coding(_ROLE_CLASS, "PROV", "healthcare provider"),
            _identified(SOURCE_SYSTEM, observer.practice, "Organization"),
        ),
    ]
    # The profile wants a consent; where none was found, that is what the event says.
    kind = {"type": coding(RESOURCE_TYPES_SYSTEM, "Consent", "Consent")}
    places = [*record.provisions, *[""] * len(record.consents)]
    found: list[Resource] = [
        {"what": {"reference": consent}, **kind, **_place(place)}
        for consent, place in zip(record.consents, places, strict=False)
    ]
    consents = found or [{"what": {"type": "Consent", "display": "none found"}, **kind}]
    form: Resource = {
        "type": coding(DICOM_SYSTEM, "110113", "Security Alert"),
        "subtype": [coding(f"{BALP}/CodeSystem/AuthZsubType", "AuthZ-Consent")],
        "action": "E",
        "agent": agents,
        "entity": [*_patient(record), *consents],
    }
    return _event(record, observer, f"{_PROFILE}.AuthZconsent", form)


def _place(provision: str) -> Resource:
    """The provision of a consent that spoke."""
    return {"detail": [{"type": "provision", "valueString": provision}]} if provision else {}


def host_event(record: AuditRecord, observer: Observer) -> Resource:
    """What BALP has no pattern for: a refused access, breaking the glass, a signature, an operation."""
    alert = record.event in {Event.REFUSED, Event.BREAK_GLASS}
    kind = (
        coding(DICOM_SYSTEM, "110113", "Security Alert")
        if alert
        else coding(AUDIT_TYPE_SYSTEM, "rest", "RESTful Operation")
    )
    subtype = {
        Event.REFUSED: coding(DICOM_SYSTEM, "110132", "Use of Restricted Function"),
        Event.BREAK_GLASS: coding(DICOM_SYSTEM, "110127", "Emergency Override Started"),
        Event.SIGNED: coding(_LIFECYCLE, "attest", "Attest Record Lifecycle Event"),
        Event.OPERATION: coding(RESTFUL_SYSTEM, "operation", "operation"),
    }[record.event]
    agents = [_agent(_APPLICATION, observer.who(), address=observer.address), _user(record, _AUTHOR)]
    entities = [*_patient(record), *([_data(record)] if record.target else []), *_request(record)]
    form: Resource = {
        "type": kind,
        "subtype": [subtype],
        "action": "U" if record.event is Event.SIGNED else "E",
        "agent": agents,
        **({"entity": entities} if entities else {}),
    }
    return _event(record, observer, "", form)


def _event(record: AuditRecord, observer: Observer, profile: str, form: Resource) -> Resource:
    good = record.outcome in {Result.SUCCESS, Result.PERMIT}
    return {
        "resourceType": "AuditEvent",
        **({"meta": {"profile": [profile]}} if profile else {}),
        **form,
        "recorded": record.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        # A refusal is "serious failure" in BALP's own example; a failed call is a minor one.
        "outcome": "0" if good else "8" if record.outcome is Result.DENY else "4",
        "outcomeDesc": _description(record),
        **({"purposeOfEvent": [{"coding": [purpose_coding(record.purpose)]}]} if record.purpose else {}),
        "source": {
            "site": observer.practice,
            "observer": observer.who(),
            "type": [coding(SECURITY_SOURCE_SYSTEM, "4", "Application Server")],
        },
    }


def _description(record: AuditRecord) -> str:
    words = [record.outcome.value, *([record.action] if record.action else [])]
    words += [f"rule {rule}" for rule in record.rules]
    return ": ".join([words[0], ", ".join(words[1:])]) if words[1:] else words[0]


def _agent(kind: Resource, who: Resource, *, address: str = "", requestor: bool = False) -> Resource:
    agent: Resource = {"type": {"coding": [kind]}, "who": who, "requestor": requestor}
    return {**agent, "network": {"address": address, "type": _network(address)}} if address else agent


def _network(address: str) -> str:
    """Code of network-type: 5 URI, 2 IP address, 1 machine name."""
    if urlsplit(address).scheme:
        return "5"
    return "2" if ":" in address or address.replace(".", "").isdigit() else "1"


def _user(record: AuditRecord, kind: Resource) -> Resource:
    """Who asked: the person that the record names, else the plugin, which then acted by itself."""
    return _agent(kind, _party(record.user or record.plugin, SOURCE_SYSTEM), requestor=True)


def _party(name: str, system: str) -> Resource:
    return {"reference": name} if "/" in name else _identified(system, name)


def _identified(system: str, value: str, kind: str = "") -> Resource:
    return {**({"type": kind} if kind else {}), "identifier": {"system": system, "value": value}}


def _patient(record: AuditRecord) -> list[Resource]:
    if not record.patient:
        return []
    person, role = coding(AUDIT_ENTITY_SYSTEM, "1", "Person"), coding(OBJECT_ROLE_SYSTEM, "1", "Patient")
    return [{"what": {"reference": record.patient}, "type": person, "role": role}]


def _data(record: AuditRecord) -> Resource:
    kind, role = (
        coding(AUDIT_ENTITY_SYSTEM, "2", "System Object"),
        coding(OBJECT_ROLE_SYSTEM, "4", "Domain Resource"),
    )
    what: Resource = {"display": record.data_class} if record.data_class else {}
    if "/" in record.target:
        what["reference"] = record.target
    elif record.target:
        what["type"] = record.target
    what = what or {"display": "no single resource"}
    return {"what": what, "type": kind, "role": role}


def _query(record: AuditRecord) -> Resource:
    query = f"{record.target}?{record.parameters}" if record.parameters else record.target
    return {
        "type": coding(AUDIT_ENTITY_SYSTEM, "2", "System Object"),
        "role": coding(OBJECT_ROLE_SYSTEM, "24", "Query"),
        "description": "names of the search parameters, without their values",
        "query": base64.b64encode(query.encode()).decode(),
    }


def _request(record: AuditRecord) -> list[Resource]:
    if not record.request_id:
        return []
    kind = coding(f"{BALP}/CodeSystem/BasicAuditEntityType", "XrequestId")
    return [{"what": {"identifier": {"value": record.request_id}}, "type": kind}]
