"""Appointments as the EHR sends them -> visits of clients, or a reason why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chartside.types import Resource

NOT_BOOKED = "neither booked nor cancelled"
_OTHER = frozenset(
    {"proposed", "pending", "arrived", "fulfilled", "noshow", "entered-in-error", "checked-in", "waitlist"}
)
_LENGTH = timedelta(minutes=50)
_STAYS_AWAY = ("declined", "tentative")


@dataclass(frozen=True, slots=True)
class Visit:
    """One booked appointment. ``patients``: references of the clients who take part; ``types``: codes of its types.

    What makes it *this* visit, for "at most one reminder for each version of the appointment" (R-10), is
    ``version``: its id and its start. ``meta.versionId`` would not do: it changes with every note, arrival and
    billing code, some servers never raise it, and none of that is a reason to write to a client again. Moved to
    another time it is another visit; cancelled, it is no longer booked, so nothing is due.
    """

    id: str
    start: datetime
    end: datetime
    patients: tuple[str, ...]
    types: frozenset[str]
    changed: datetime
    cancelled: bool = False

    @property
    def reference(self) -> str:
        """``Appointment/12``."""
        return f"Appointment/{self.id}"

    @property
    def version(self) -> tuple[str, str]:
        """The parts of the effect's key that name this visit at this time."""
        return (self.reference, self.start.isoformat(timespec="seconds"))


def read(resource: Resource) -> Visit | str:
    """The visit, booked or cancelled, or in a few words why it is none."""
    status = resource.get("status")
    if status not in ("booked", "cancelled"):
        return NOT_BOOKED if isinstance(status, str) and status in _OTHER else "no status that can be read"
    start = instant(resource.get("start"))
    if start is None or not isinstance(resource.get("id"), str):
        return "no start that can be read"
    patients = tuple(dict.fromkeys(_patients(resource)))
    if not patients:
        return "no client takes part"
    meta = resource.get("meta")
    changed = instant(meta.get("lastUpdated")) if isinstance(meta, dict) else None
    end = instant(resource.get("end")) or start + _LENGTH
    types, off = frozenset(_types(resource)), status == "cancelled"
    return Visit(resource["id"], start, end, patients, types, changed or start, off)


def instant(value: Any) -> datetime | None:
    """A FHIR instant with its zone, in UTC; None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.astimezone(UTC) if at and at.tzinfo else None


def _patients(resource: Resource) -> Iterator[str]:
    """Clients among the participants, but for those who declined."""
    for each in _dicts(resource.get("participant")):
        reference = _text(each.get("actor"), "reference")
        kind, _, found = reference.rpartition("/")
        if kind.rpartition("/")[2] == "Patient" and each.get("status") not in _STAYS_AWAY:
            yield f"Patient/{found}"


def _types(resource: Resource) -> Iterator[str]:
    places = [resource.get("appointmentType"), *_dicts(resource.get("serviceType"))]
    for place in _dicts(places):
        for coding in _dicts(place.get("coding")):
            if isinstance(coding.get("code"), str):
                yield coding["code"]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(place: Any, name: str) -> str:
    found = place.get(name) if isinstance(place, dict) else None
    return found if isinstance(found, str) else ""
