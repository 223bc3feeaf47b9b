"""How a Bundle's visit was held: where, by which means, who took part, its appointment."""

from __future__ import annotations

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_instant
from chartside_billing.fhir_claim.pick import codes, each, part, reference
from chartside_billing.model import Visit
from chartside_billing.x12.graph import Graph

_HOME = frozenset({"PTRES", "H", "HOME", "12"})


def add_place(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """Home or elsewhere, the state, how it was held."""
    for entry in each(encounter, "location"):
        location = graph.get(entry.get("location"), encounter)
        told = {c.upper() for concept in each(location, "type") for c in codes(concept)}
        told |= {c.upper() for c in codes(location.get("physicalType"))} & {"HO"}
        name = f"{location.get('name', '')} {part(entry, 'location').get('display', '')}".lower()
        if told & _HOME or "HO" in told or "home" in name:
            visit.patient_at_home = True
        elif visit.mode in {"video", "audio", "virtual"} and (told or name.strip()):
            visit.patient_at_home = False
        visit.patient_state = visit.patient_state or str(part(location, "address").get("state", "")) or None
    _virtual(visit, encounter)
    for service in each(encounter, "virtualService"):
        _mode(visit, str(service).lower())


def _virtual(visit: Visit, resource: Resource) -> None:
    """How it was held, by the R5 extension (its channelType is nested) and those of vendors."""
    for extension in each(resource, "extension"):
        url = str(extension.get("url", "")).lower()
        if any(word in url for word in ("virtual", "modality", "telehealth", "channel")):
            _mode(visit, str({k: v for k, v in extension.items() if k != "url"}).lower())


def _mode(visit: Visit, text: str) -> None:
    if "audio" in text or "phone" in text:
        visit.mode = "audio"
    elif "video" in text or "zoom" in text:
        visit.mode = "video"
    elif "in-person" in text or "inperson" in text:
        visit.mode = "in-person"


def add_people(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """Size of a group; whether the patient was there."""
    group = graph.by_reference.get(reference(encounter.get("subject")), {})
    if group.get("resourceType") == "Group":
        quantity = group.get("quantity")
        members = len([m for m in each(group, "member") if not m.get("inactive")])
        visit.attendees = quantity if isinstance(quantity, int) else members or visit.attendees
    patients = 0
    for participant in each(encounter, "participant"):
        who = reference(participant.get("individual")) or reference(participant.get("actor"))
        patients += who.startswith("Patient/")
        told = " ".join(str(part({"x": t}, "x").get("text", "")) for t in each(participant, "type")).lower()
        if "absent" in told and ("patient" in told or "client" in told or who.startswith("Patient/")):
            visit.patient_present = False
        elif who.startswith("Patient/") and visit.patient_present is None:
            visit.patient_present = True
    if patients > 1:
        visit.attendees = max(patients, visit.attendees or 0)


def _appointments(visit: Visit, encounter: Resource, graph: Graph) -> list[Resource]:
    """Those that the Encounter names, else the one of the same client and beginning (or day, if it is alone)."""
    named = [a for link in each(encounter, "appointment") if (a := graph.get(link, encounter))]
    if named or visit.start is None:
        return named
    client = reference(encounter.get("subject"))
    mine = [
        (a, begin)
        for a in graph.of("Appointment")
        if client in {reference(p.get("actor")) for p in each(a, "participant")}
        and (begin := parse_fhir_instant(str(a.get("start", ""))))
    ]
    same = [a for a, begin in mine if begin == visit.start]
    return same[:1] or [a for a, begin in mine if begin.date() == visit.start.date()][: len(mine) == 1]


def add_appointment(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """Minutes, status and means of the appointment; whether the client declined."""
    for appointment in _appointments(visit, encounter, graph):
        minutes = appointment.get("minutesDuration")
        if visit.appointment_minutes is None and isinstance(minutes, int) and not isinstance(minutes, bool):
            visit.appointment_minutes = minutes
        visit.appointment_status = visit.appointment_status or str(appointment.get("status", "")) or None
        _virtual(visit, appointment)
        for participant in each(appointment, "participant"):
            if (
                reference(participant.get("actor")).startswith("Patient/")
                and participant.get("status") == "declined"
            ):
                visit.patient_present = False if visit.patient_present is None else visit.patient_present
