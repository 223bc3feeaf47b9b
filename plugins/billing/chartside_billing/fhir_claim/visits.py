"""The visit behind a line: Encounter, its Appointment, its note's state. Texts of notes are never fetched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chartside.codes import LOINC_PSYCHOTHERAPY_NOTE, LOINC_SYSTEM
from chartside.types import Resource
from chartside_billing.dates import parse_fhir_instant
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.model import Note, Visit
from chartside_billing.x12.graph import Graph

_MODES = {"VR": "virtual", "AMB": "in-person", "HH": "in-person", "FLD": "in-person", "IMP": "in-person"}
"""Encounter.class. ``VR`` is video unless something says telephone (``_AUDIO``)."""
_AUDIO = frozenset({"185317003", "386472008", "448337001"})
"""SNOMED CT of telephone encounters in Encounter.type or Appointment.appointmentType."""
_INPATIENT = frozenset({"IMP", "ACUTE", "NONAC"})
_UNITS = {"min": 1.0, "h": 60.0, "s": 1 / 60}
_POS = "place-of-service"
_HOME = "PTRES"
_RANK = {"final": 0, "amended": 1, "preliminary": 2}
_NOT_SHARED = frozenset({"PSY", "PSYTHPN"})
"""Security labels of psychotherapy notes (v3-ActCode)."""


def visit_of(encounter: Resource, graph: Graph, notes: Sequence[Resource] | None) -> Visit:
    """What the EHR says of a visit. ``notes``: its DocumentReferences; None where the EHR keeps no notes in them."""
    appointment = next((a for r in each(encounter, "appointment") if (a := graph.get(r, encounter))), {})
    start, end = _period(encounter)
    kind = str(part(encounter, "class").get("code", "")) or None
    visit = Visit(
        ref=own(encounter),
        where=own(encounter),
        status=str(encounter["status"]) if encounter.get("status") else None,
        kind=kind,
        start=start,
        end=end,
        appointment_minutes=_appointment_minutes(appointment),
        appointment_status=str(appointment["status"]) if appointment.get("status") else None,
        mode=_mode(kind, encounter, appointment),
        practitioners=_practitioners(encounter),
        attendees=_attendees(appointment),
        admitted=start.date() if start and kind in _INPATIENT else None,
        diagnoses=_diagnoses(encounter, graph),
        note=note_of(notes, graph),
    )
    visit.minutes, visit.minutes_source = _minutes(visit, encounter)
    _place(visit, encounter, graph)
    return visit


def _period(resource: Resource) -> tuple[datetime | None, datetime | None]:
    period = part(resource, "period")
    return parse_fhir_instant(str(period.get("start", ""))), parse_fhir_instant(str(period.get("end", "")))


def _between(start: datetime | None, end: datetime | None) -> int | None:
    """Whole minutes; None where one is missing or they stand the wrong way round."""
    if start is None or end is None or end < start:
        return None
    return round((end - start).total_seconds() / 60)


def _minutes(visit: Visit, encounter: Resource) -> tuple[int | None, str]:
    """Of the note (the period of the service that it documents), else Encounter.length, else its period."""
    if visit.note is not None and visit.note.minutes is not None:
        return visit.note.minutes, "DocumentReference.context.period"
    length = part(encounter, "length")
    factor = _UNITS.get(str(length.get("code") or length.get("unit") or ""))
    value = length.get("value")
    if factor and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 100_000:
        return round(value * factor), "Encounter.length"
    return _between(visit.start, visit.end), "Encounter.period"


def _appointment_minutes(appointment: Resource) -> int | None:
    minutes = appointment.get("minutesDuration")
    if isinstance(minutes, int) and not isinstance(minutes, bool):
        return minutes
    return _between(
        parse_fhir_instant(str(appointment.get("start", ""))),
        parse_fhir_instant(str(appointment.get("end", ""))),
    )


def _mode(kind: str | None, encounter: Resource, appointment: Resource) -> str | None:
    told = {code for concept in each(encounter, "type") for code in codes(concept)}
    told.update(codes(appointment.get("appointmentType")))
    return "audio" if told & _AUDIO else _MODES.get(kind or "")


def _practitioners(encounter: Resource) -> frozenset[str] | None:
    found = {reference(p.get("individual")) for p in each(encounter, "participant")} - {""}
    return frozenset(found) or None


def _attendees(appointment: Resource) -> int | None:
    """Clients in one Appointment, if there are several: one alone does not tell the size of a group."""
    actors = {reference(p.get("actor")) for p in each(appointment, "participant")}
    clients = sum(actor.startswith("Patient/") for actor in actors)
    return clients if clients > 1 else None


def _diagnoses(encounter: Resource, graph: Graph) -> frozenset[str] | None:
    conditions = [graph.get(d.get("condition"), encounter) for d in each(encounter, "diagnosis")]
    found = {icd for condition in conditions if (icd := icd_of(condition))}
    return frozenset(found) or None


def icd_of(condition: Resource) -> str:
    """The ICD-10-CM code of a Condition, without its dot; empty if it has none."""
    found = codes(condition.get("code"), "http://hl7.org/fhir/sid/icd-10-cm")
    return found[0].replace(".", "").upper() if found else ""


def _place(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """What the Encounter's location says: the state, the place of service, whether it is the client's home."""
    for entry in each(encounter, "location"):
        location = graph.get(entry.get("location"), encounter)
        types = list(each(location, "type"))
        coded = [c for t in types for c in each(t, "coding")]
        visit.pos = visit.pos or next(
            (str(c.get("code")) for c in coded if _POS in str(c.get("system", "")).lower().replace("_", "-")),
            None,
        )
        if any(_HOME in codes(t) for t in types):
            visit.patient_at_home = True
        state = part(location, "address").get("state")
        if isinstance(state, str) and state:
            visit.patient_state = visit.patient_state or state


def note_of(notes: Sequence[Resource] | None, graph: Graph) -> Note | None:
    """The note of a visit: the one that is furthest. ``missing`` where the EHR keeps notes and has none here."""
    if notes is None:
        return None
    if not notes:
        return Note(status="missing")
    chosen = min(notes, key=lambda n: _RANK.get(str(n.get("docStatus", "")), 3))
    authors = [graph.get(a, chosen) for a in each(chosen, "author")]
    start, end = _period(part(chosen, "context"))
    signer = reference(chosen.get("authenticator"))
    return Note(
        ref=own(chosen),
        status=str(chosen["docStatus"]) if chosen.get("docStatus") else None,
        signed=True if signer else None,
        authors=frozenset({reference(a) for a in each(chosen, "author")} | {signer}) - {""},
        author_npis=frozenset(_npi(a) for a in authors) - {""},
        minutes=_between(start, end),
        has_times=True if start and end else None,
        is_psychotherapy_note=_psychotherapy_note(chosen),
    )


def _psychotherapy_note(document: Resource) -> bool | None:
    labels = {code for label in each(document, "securityLabel") for code in codes(label)}
    types = codes(document.get("type"), LOINC_SYSTEM)
    if labels & _NOT_SHARED or LOINC_PSYCHOTHERAPY_NOTE in types:
        return True
    return False if types else None


def _npi(practitioner: Resource) -> str:
    values = [
        i for i in each(practitioner, "identifier") if i.get("system") == "http://hl7.org/fhir/sid/us-npi"
    ]
    return str(values[0].get("value", "")) if values else ""


def notes_by_encounter(documents: Sequence[Any]) -> dict[str, list[Resource]] | None:
    """Notes by Encounter; None where no document names one: then the EHR keeps its notes elsewhere."""
    found: dict[str, list[Resource]] = {}
    for document in documents:
        void = "entered-in-error" in {document.get("status"), document.get("docStatus")}
        for entry in each(part(document, "context"), "encounter"):
            if name := reference(entry):
                found.setdefault(name, []).extend([] if void else [document])
    return found or None
