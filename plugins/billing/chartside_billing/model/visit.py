"""The visit behind a line, from the EHR only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(slots=True)
class Note:
    """The clinical note of a visit; ``None``: not known. ``text`` stays in memory and never reaches a message."""

    ref: str = ""
    status: str | None = None
    """final, amended, preliminary, entered-in-error ..."""
    signed: bool | None = None
    signed_at: datetime | None = None
    amended_at: datetime | None = None
    author_npis: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    """FHIR references of those who wrote or attested it."""
    cosigned: bool | None = None
    minutes: int | None = None
    has_times: bool | None = None
    """Whether start and stop times, or total minutes, stand in the note."""
    is_psychotherapy_note: bool | None = None
    """A process note under 45 CFR 164.501, kept apart."""
    diagnoses: frozenset[str] | None = None
    text: str | None = None


@dataclass(slots=True)
class Visit:
    """The Encounter (with its Appointment and note) in which a line's service was given. ``None``: not known."""

    ref: str = ""
    status: str | None = None
    kind: str | None = None
    """Encounter.class: AMB, VR, HH, IMP ..."""
    start: datetime | None = None
    end: datetime | None = None
    minutes: int | None = None
    """Face-to-face minutes: documented in the note, else Encounter.length, else the period."""
    minutes_source: str = ""
    psychotherapy_minutes: int | None = None
    """Psychotherapy alone, the E/M's time excluded, where the note says so."""
    appointment_minutes: int | None = None
    appointment_status: str | None = None
    mode: str | None = None
    """``"video"``, ``"audio"``, ``"virtual"`` (one of both: class VR does not tell) or ``"in-person"``."""
    patient_state: str | None = None
    """Where the patient was during the session."""
    patient_at_home: bool | None = None
    pos: str | None = None
    """The place of service that the Encounter's location stands for."""
    practitioners: frozenset[str] | None = None
    """FHIR references of those who gave the service."""
    attendees: int | None = None
    """Patients who took part, in a group."""
    patient_present: bool | None = None
    new_problem: bool | None = None
    admitted: date | None = None
    diagnoses: frozenset[str] | None = None
    """ICD-10-CM codes (no dot) of the visit."""
    instruments: int | None = None
    """Scored standard instruments or tests recorded in the visit."""
    codes: frozenset[str] = frozenset()
    """Procedure codes that the Encounter's type names."""
    note: Note | None = None
    where: str = ""
