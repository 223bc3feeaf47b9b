"""Appointments of four weeks around a day, and the Encounters of those that took place."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chartside.codes import ACT_CODE_SYSTEM, concept
from chartside.sandbox.practice.billing import Visit
from chartside.sandbox.practice.people import Client
from chartside.sandbox.practice.places import HOME
from chartside.types import Resource

HOURS = (8, 9, 10, 11, 13, 14, 15, 16, 17)
SLOTS_PER_WEEK = 5 * len(HOURS)

_V2_0276 = "http://terminology.hl7.org/CodeSystem/v2-0276"
_MINUTES = {"90791": 60, "90832": 30, "90834": 45, "90837": 55, "90847": 50, "90853": 60}
_CODES = ("90837", "90834", "90834", "90837", "90832", "90847", "90853", "90834")
_ZONE = ZoneInfo(HOME.zone)


def times(client: Client, clinicians: int, now: datetime, rng: random.Random) -> tuple[str, list[datetime]]:
    """Return the client's clinician and the starts of the visits: a fixed weekly hour, as therapy has it."""
    index = (client.number - 1) % clinicians + 1
    turn = (client.number - 1) // clinicians
    weekday, hour = divmod(turn * 7 % SLOTS_PER_WEEK, len(HOURS))  # 7 and 45 share no divisor: no hour twice
    today = now.astimezone(_ZONE)
    monday = (today - timedelta(days=today.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    weeks = rng.choices(_WEEKS, _WEEK_WEIGHTS)[0]
    starts = [
        (monday + timedelta(weeks=week, days=weekday)).replace(hour=HOURS[hour]) for week in weeks
    ]  # wall-clock time: the hour stays the same when clocks change
    return f"Practitioner/clinician-{index:03d}", starts


_WEEKS = ((-2, -1, 0, 1, 2), (-1, 1), (-2, 0, 2), (0,), (1,), ())
_WEEK_WEIGHTS = (30, 25, 25, 8, 8, 4)


def appointment(
    client: Client, visit_id: str, start: datetime, now: datetime, clinician: str, rng: random.Random
) -> tuple[Resource, Visit]:
    """Return the Appointment, and what the billing needs to know of it."""
    code = _CODES[client.number % len(_CODES)]
    telehealth = client.number % 3 == 0
    minutes = _MINUTES[code]
    status = _status(start < now, rng)
    place = "telehealth" if telehealth else "office"
    accepted = {"booked": "accepted", "fulfilled": "accepted"}.get(status, "needs-action")
    resource: Resource = {
        "resourceType": "Appointment",
        "id": visit_id,
        "status": status,
        "serviceType": [concept(_SERVICE, code, _SERVICES[code])],
        "appointmentType": concept(_V2_0276, "FOLLOWUP"),
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=minutes)).isoformat(),
        "minutesDuration": minutes,
        "created": (start - timedelta(days=30)).date().isoformat(),
        "participant": [
            {"actor": client.reference, "status": accepted},
            {"actor": {"reference": clinician}, "status": "accepted"},
            {"actor": {"reference": f"Location/{place}"}, "status": "accepted"},
        ],
    }
    if status == "cancelled":
        resource["cancelationReason"] = concept(_CANCELLED, "pat", "Patient")
    return resource, Visit(visit_id, start, minutes, code, telehealth, clinician)


_SERVICE = "https://chartside.dev/fhir/sandbox/service"
_SERVICES = {
    "90791": "Intake",
    "90832": "Short session",
    "90834": "Session",
    "90837": "Long session",
    "90847": "Family session",
    "90853": "Group session",
}
_CANCELLED = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"


def _status(past: bool, rng: random.Random) -> str:
    if past:
        return rng.choices(("fulfilled", "noshow", "cancelled"), (82, 7, 11))[0]
    return rng.choices(("booked", "cancelled", "proposed", "pending"), (90, 6, 2, 2))[0]


def encounter(client: Client, visit: Visit) -> Resource:
    """Return the Encounter of a visit that took place."""
    end = visit.start + timedelta(minutes=visit.minutes)
    return {
        "resourceType": "Encounter",
        "id": f"{visit.id}-encounter",
        "status": "finished",
        "class": {"system": ACT_CODE_SYSTEM, "code": "VR" if visit.telehealth else "AMB"},
        "subject": client.reference,
        "participant": [{"individual": {"reference": visit.clinician}}],
        "appointment": [{"reference": f"Appointment/{visit.id}"}],
        "period": {"start": visit.start.isoformat(), "end": end.isoformat()},
        "length": {
            "value": visit.minutes,
            "unit": "min",
            "system": "http://unitsofmeasure.org",
            "code": "min",
        },
        "diagnosis": [{"condition": {"reference": f"Condition/{client.id}-condition"}}],
        "location": [
            {"location": {"reference": f"Location/{'telehealth' if visit.telehealth else 'office'}"}}
        ],
        "serviceProvider": {"reference": "Organization/practice"},
    }


def free_slots(clinicians: int, now: datetime, taken: frozenset[tuple[int, datetime]]) -> Iterator[Resource]:
    """Yield up to three free Slots a clinician and day, for the next ten days, where nobody has an appointment."""
    today = now.astimezone(_ZONE).replace(minute=0, second=0, microsecond=0)
    for number in range(1, clinicians + 1):
        for days in range(1, 11):
            day = today + timedelta(days=days)
            if day.weekday() >= 5:
                continue
            starts = [day.replace(hour=hour) for hour in HOURS]
            free = [start for start in starts if (number, start) not in taken][:3]
            for index, start in enumerate(free):
                yield _slot(number, f"slot-{number:03d}-{days:02d}-{index}", start)


def _slot(number: int, slot_id: str, start: datetime) -> Resource:
    return {
        "resourceType": "Slot",
        "id": slot_id,
        "schedule": {"reference": f"Schedule/schedule-{number:03d}"},
        "status": "free",
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=50)).isoformat(),
    }
