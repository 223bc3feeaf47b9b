"""Appointments as the EHR sends them -> visits of clients, or a reason why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chartside.fhir.paths import is_reference
from chartside.types import Resource

NOT_BOOKED = "neither booked nor cancelled"
_OTHER = frozenset(
    {"proposed", "pending", "arrived", "fulfilled", "noshow", "entered-in-error", "checked-in", "waitlist"}
)
_LENGTH = timedelta(minutes=50)
_DAYS = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T|\Z)")
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


def relative(reference: str) -> str:
    """``Type/id`` of a relative reference; empty for one that may lead to another server."""
    return reference if is_reference(reference) else ""


def read(resource: Resource, local: Callable[[str], str] = relative) -> Visit | str:
    """The visit, booked or cancelled, or in a few words why it is none.

    ``local`` makes a reference one of this EHR: the same id at another server is another person.
    """
    status = resource.get("status")
    if status not in ("booked", "cancelled"):
        return NOT_BOOKED if isinstance(status, str) and status in _OTHER else "no status that can be read"
    start = instant(resource.get("start"))
    if start is None and _zoneless(resource.get("start")):
        return "its start has no time zone, so nobody knows when it is"
    if (
        start is None
        or not isinstance(found := resource.get("id"), str)
        or not is_reference(f"Appointment/{found}")
    ):
        return "no start or id that can be read"
    patients = tuple(dict.fromkeys(_patients(resource, local)))
    if not patients:
        return "no client takes part"
    meta = resource.get("meta")
    changed = instant(meta.get("lastUpdated")) if isinstance(meta, dict) else None
    end = instant(resource.get("end")) or start + _LENGTH
    types, off = frozenset(_types(resource)), status == "cancelled"
    return Visit(resource["id"], start, end, patients, types, changed or start, off)


def is_over(period: Any, now: datetime) -> bool:
    """Whether a FHIR Period lies behind: a year, month or date when its last day does, everywhere on earth. An end
    that cannot be read is taken for one that has passed."""
    end = period.get("end") if isinstance(period, dict) else None
    if end is None:
        return False
    if (at := instant(end)) is not None:
        return at < now
    days = _DAYS.match(end) if isinstance(end, str) else None
    last = (
        "-".join(part or most for part, most in zip(days.groups(), ("", "12", "31"), strict=True))
        if days
        else ""
    )
    return last < f"{now - timedelta(hours=12):%Y-%m-%d}"


def instant(value: Any) -> datetime | None:
    """A FHIR instant with its zone, in UTC; None for anything else."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.astimezone(UTC) if at and at.tzinfo else None


def _zoneless(value: Any) -> bool:
    """Whether only the zone is missing in a time; a date alone is none."""
    return isinstance(value, str) and "T" in value and instant(f"{value}Z") is not None


def _patients(resource: Resource, local: Callable[[str], str]) -> Iterator[str]:
    """Clients among the participants, but for those who declined."""
    for each in _dicts(resource.get("participant")):
        reference = local(_text(each.get("actor"), "reference"))
        if reference.startswith("Patient/") and each.get("status") not in _STAYS_AWAY:
            yield reference


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
