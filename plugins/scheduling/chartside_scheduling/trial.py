"""A practice with exactly so many due reminders, for benchmarks, fault sweeps and kill tests.

The sandbox's own practice is lifelike: most of its clients lack a consent, a number, or a visit on the day. Here every
client has all three, and one visit in twenty hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chartside.clock import FrozenClock
from chartside.codes import CONSENT_SCOPE_SYSTEM, CONSENT_TYPE_SYSTEM, ConsentType, coding, concept
from chartside.config import load
from chartside.host import Host
from chartside.jobs.model import JobReport
from chartside.messaging.gateway import Gateway
from chartside.sandbox import Sandbox
from chartside.sandbox.practice.people import phones
from chartside.types import Resource
from chartside_scheduling.people import TIMEZONE

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
"""10:00 in New York."""
AHEAD = timedelta(hours=20)
LEASE = timedelta(minutes=5)
JOB = "scheduling.reminders"
FAMILY, MRN = "Quellensprung", "MRN-CANARY-"
"""Planted, so that a scan can look for them: each client's name and number in the practice."""


def clients(count: int, now: datetime, zone: str = "America/New_York") -> Iterator[Resource]:
    """Patients, their consents to text messages, and their visits: all due in the 24-hour step at ``now``."""
    numbers = phones(1)
    for n in range(count):
        yield _patient(n, numbers[n % len(numbers)][1], zone)
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


def _patient(n: int, phone: str, zone: str) -> Resource:
    return {
        "resourceType": "Patient",
        "id": f"r{n:05d}",
        "extension": [{"url": TIMEZONE, "valueCode": zone}],
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


CONFIG = """\
[practice]
id = "trial"
name = "Larkspur"
phone = "+1 518 555 0100"
time_zone = "America/New_York"
state = "NY"

[ehr]
base_url = "{ehr}"
requests_per_second = 1000
{auth}
[outbound.gateway]
kind = "sms"
address = "{gateway}"
local = true
data_classes = ["contact", "appointment"]

[channels.sms]
type = "gateway"
recipient = "gateway"
url = "{gateway}"

[plugins.consent]
enabled = true

[plugins.scheduling]
enabled = true
"""


@dataclass(frozen=True, slots=True)
class World:
    """A sandbox EHR, a gateway, and the config of a host on both."""

    sandbox: Sandbox
    gateway: Gateway
    config: Path
    ehr_url: str


@contextmanager
def world(folder: Path, sandbox: Sandbox, gateway: Gateway) -> Iterator[World]:
    """Start both on 127.0.0.1 and write ``chartside.toml`` into the folder."""
    with sandbox.running() as ehr, gateway.running() as url:
        config = folder / "chartside.toml"
        config.write_text(CONFIG.format(ehr=ehr, gateway=url, auth=""), "utf-8")
        yield World(sandbox, gateway, config, ehr)


def run_once(config: str, at: datetime = NOW, lease: timedelta = LEASE) -> JobReport:
    """One run of the reminders by a host of its own, at a given instant: a worker, which may be killed."""
    with Host(load(Path(config)), clock=FrozenClock(at), lease=lease) as host:
        return host.run(JOB)
