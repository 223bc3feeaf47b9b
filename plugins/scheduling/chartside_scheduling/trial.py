"""A practice with exactly so many due reminders, for benchmarks, fault sweeps and kill tests.

The sandbox's own practice is lifelike: most of its clients lack a consent, a number, or a visit on the day. Here every
client has all three, and one visit in twenty hours.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from chartside.codes import CONSENT_SCOPE_SYSTEM, CONSENT_TYPE_SYSTEM, ConsentType, coding, concept
from chartside.sandbox.practice.people import phones
from chartside.types import Resource
from chartside_scheduling.people import TIMEZONE

AHEAD = timedelta(hours=20)
FAMILY, MRN = "Quellensprung", "MRN-CANARY-"
"""Planted, so that a scan can look for them: each client's name and number in the practice."""


def clients(count: int, now: datetime) -> Iterator[Resource]:
    """Patients, their consents to text messages, and their visits: all due in the 24-hour step at ``now``."""
    numbers = phones(random.Random(1))  # noqa: S311 - invented people
    for n in range(count):
        yield _patient(n, numbers[n % len(numbers)][1])
        yield _consent(n, now)
        yield visit(f"due{n:05d}", n, now + AHEAD)


def visit(visit_id: str, n: int, start: datetime) -> Resource:
    """One booked visit of the n-th client."""
    return {
        "resourceType": "Appointment",
        "id": visit_id,
        "status": "booked",
        "start": start.isoformat(timespec="seconds"),
        "end": (start + timedelta(minutes=50)).isoformat(timespec="seconds"),
        "participant": [{"actor": {"reference": f"Patient/r{n:05d}"}, "status": "accepted"}],
    }


def _patient(n: int, phone: str) -> Resource:
    return {
        "resourceType": "Patient",
        "id": f"r{n:05d}",
        "extension": [{"url": TIMEZONE, "valueCode": "America/New_York"}],
        "identifier": [{"system": "https://chartside.dev/fhir/sandbox/mrn", "value": f"{MRN}{n:05d}"}],
        "active": True,
        "name": [{"family": f"{FAMILY}{n:05d}", "given": ["Ottokar"]}],
        "birthDate": "1980-05-17",
        "address": [{"state": "NY"}],
        "telecom": [{"system": "phone", "value": phone, "use": "mobile"}],
        "communication": [{"language": concept("urn:ietf:bcp:47", "es" if n % 5 == 0 else "en")}],
    }


def _consent(n: int, now: datetime) -> Resource:
    text = ConsentType.TEXT_MESSAGES
    return {
        "resourceType": "Consent",
        "id": f"r{n:05d}-texts",
        "status": "active",
        "scope": {"coding": [coding(CONSENT_SCOPE_SYSTEM, "patient-privacy")]},
        "category": [concept(CONSENT_TYPE_SYSTEM, text)],
        "patient": {"reference": f"Patient/r{n:05d}"},
        "dateTime": (now - timedelta(days=30)).isoformat(timespec="seconds"),
        "policy": [{"uri": "https://chartside.dev/sandbox/policy/text-messages"}],
        "provision": {"type": "permit", "period": {"start": (now - timedelta(days=30)).date().isoformat()}},
    }
