"""The evening over 500 visits: on the sandbox, killed in between, and on a FHIR server that others wrote."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from chartside import JobReport
from chartside.clock import Clock, FrozenClock
from chartside.config import parse
from chartside.host import Host
from chartside.sandbox.practice import generate
from chartside.testing import Ehr
from chartside.testing.hosts import PRACTICE
from chartside.testing.peers import Peer
from chartside_billing.evening.findings import is_scrub_task

pytestmark = pytest.mark.slow
CLIENTS = 490
"""So many have more than 500 visits."""
KILLS = 12
KEPT = frozenset(
    {
        *(
            "Appointment",
            "Claim",
            "Condition",
            "Coverage",
            "Encounter",
            "Location",
            "Organization",
            "Patient",
        ),
        *("Practitioner", "PractitionerRole"),
    }
)


def config(base_url: str) -> dict[str, Any]:
    return {
        "practice": PRACTICE,
        "ehr": {"base_url": base_url, "requests_per_second": 1000},
        "plugins": {"billing": {"enabled": True}},
    }


def evening(base_url: str, folder: Path, clock: Clock) -> JobReport:
    with Host(parse(config(base_url), folder), clock=clock) as host:
        report = host.run("billing.scrub")
    assert not report.failed, (report.notes, report.set_aside)
    return report


@pytest.mark.ehr(clients=CLIENTS)
def test_an_evening_over_500_visits(ehr: Ehr, clock: FrozenClock, tmp_path: Path) -> None:
    """Issue 4, shown 4."""
    first = evening(ehr.base_url, tmp_path, clock)
    assert first.counts["claims looked at"] >= 500
    found = {t["focus"]["reference"] for t in ehr.all("Task") if is_scrub_task(t)}
    assert {f"Claim/{name}" for name in ehr.practice.faults} <= found
    second = evening(ehr.base_url, tmp_path, clock)
    assert (second.counts["tasks written"], second.counts["tasks unchanged"]) == (0, len(found))


def load(base_url: str, now: datetime) -> dict[str, dict[str, Any]]:
    """The invented practice's visits on another server; its faulty claims by reference."""
    practice = generate(clients=CLIENTS, seed=1, now=now)
    resources = [r for r in practice.resources() if r["resourceType"] in KEPT]
    for start in range(0, len(resources), 200):
        entries = [
            {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}}
            for r in resources[start : start + 200]
        ]
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        answer = requests.post(base_url, json=bundle, timeout=120)
        assert answer.status_code == 200, answer.text[:500]
        statuses = {e["response"]["status"][:3] for e in answer.json()["entry"]}
        assert statuses <= {"200", "201"}, statuses
    return {
        f"Claim/{r['id']}": r
        for r in resources
        if r["resourceType"] == "Claim" and r["id"] in practice.faults
    }


def stored_tasks(base_url: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    url = f"{base_url}/Task?_count=200"
    while url:
        page = requests.get(url, timeout=60).json()
        tasks = (e["resource"] for e in page.get("entry", []))
        found |= {t["focus"]["reference"]: t for t in tasks if is_scrub_task(t)}
        url = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), "")
    return found


def test_an_evening_over_500_visits_on_sekmet(sekmet: Peer, tmp_path: Path) -> None:
    """Issue 4, shown 4: the findings are written, a second run writes nothing, a corrected claim closes its Task."""
    clock = FrozenClock(datetime.now(UTC).replace(microsecond=0))
    faulty = load(sekmet.base_url, clock.now())
    first = evening(sekmet.base_url, tmp_path, clock)
    assert first.counts["claims looked at"] >= 500
    found = stored_tasks(sekmet.base_url)
    assert faulty.keys() <= found.keys()
    second = evening(sekmet.base_url, tmp_path, clock)
    assert (second.counts["tasks written"], second.counts["tasks changed"]) == (0, 0)
    assert second.counts["tasks unchanged"] == len(found)
    assert {t["meta"]["versionId"] for t in stored_tasks(sekmet.base_url).values()} == {"1"}
    name, claim = next((n, c) for n, c in faulty.items() if c["total"] != c["item"][0]["net"])
    mended = {**claim, "total": claim["item"][0]["net"]}
    assert requests.put(f"{sekmet.base_url}/{name}", json=mended, timeout=10).status_code == 200
    assert evening(sekmet.base_url, tmp_path, clock).counts["tasks closed"] == 1
    assert stored_tasks(sekmet.base_url)[name]["status"] == "completed"


_WORKER = """
import json
import sys
from datetime import datetime
from pathlib import Path
from chartside.clock import FrozenClock
from chartside.config import parse
from chartside.host import Host

clock = FrozenClock(datetime.fromisoformat(sys.argv[3]))
with Host(parse(json.loads(sys.argv[1]), Path(sys.argv[2])), clock=clock) as host:
    report = host.run("billing.scrub")
sys.exit(int(report.failed))
"""


@pytest.fixture
def worker(ehr: Ehr, clock: FrozenClock, tmp_path: Path) -> list[str]:
    """The command of one evening in a process of its own."""
    table = json.dumps(config(ehr.base_url))
    return [sys.executable, "-c", _WORKER, table, str(tmp_path), clock.now().isoformat()]


@pytest.mark.ehr(clients=60)
def test_killed_in_the_middle_the_next_evening_goes_on(ehr: Ehr, worker: list[str]) -> None:
    """SIGKILL at random moments: no finding is lost or written twice."""
    rng = random.Random(20261126)
    begin = time.monotonic()
    subprocess.run(worker, check=True, timeout=120)
    takes = time.monotonic() - begin
    whole = {t["focus"]["reference"] for t in ehr.all("Task") if is_scrub_task(t)}
    for task in ehr.all("Task"):
        row = ehr.sandbox.store.read("Task", task["id"])
        assert row is not None
        ehr.sandbox.store.delete(row)
    for _ in range(KILLS):
        running = subprocess.Popen(worker)
        time.sleep(rng.uniform(0.3, 1.0) * takes)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    subprocess.run(worker, check=True, timeout=120)
    focuses = [t["focus"]["reference"] for t in ehr.all("Task") if is_scrub_task(t)]
    assert sorted(focuses) == sorted(whole)
