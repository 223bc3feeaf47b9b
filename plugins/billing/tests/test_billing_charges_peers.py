"""Charges and the next payers' claims on a FHIR server that others wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from chartside.clock import FrozenClock
from chartside.config import parse
from chartside.host import Host
from chartside.sandbox.practice import generate
from chartside.testing.hosts import PRACTICE
from chartside.testing.peers import Peer
from chartside_billing.x12.validate import check_all

pytestmark = pytest.mark.slow
KEPT = frozenset(
    [
        "Appointment",
        "Claim",
        "Condition",
        "Coverage",
        "Encounter",
        "Location",
        "Organization",
        "Patient",
        "Practitioner",
        "PractitionerRole",
    ]
)


def load(base_url: str, now: datetime) -> None:
    """The visits of a small invented practice."""
    for resource in generate(clients=12, seed=1, now=now).resources():
        if resource["resourceType"] in KEPT:
            url = f"{base_url}/{resource['resourceType']}/{resource['id']}"
            requests.put(url, json=resource, timeout=10).raise_for_status()


def listed(base_url: str, kind: str) -> list[dict[str, Any]]:
    answer = requests.get(f"{base_url}/{kind}?_count=500", timeout=60).json()
    return [entry["resource"] for entry in answer.get("entry", [])]


def second_covers(base_url: str) -> None:
    """Each client's Coverage gets an order, and a second one."""
    for cover in listed(base_url, "Coverage"):
        second = {**cover, "id": f"{cover['id']}-2", "order": 2, "subscriberId": "SEC12345"}
        for one in ({**cover, "order": 1}, second):
            stored = {name: value for name, value in one.items() if name != "meta"}
            answer = requests.put(f"{base_url}/Coverage/{one['id']}", json=stored, timeout=10)
            assert answer.status_code in {200, 201}, answer.text


def test_charges_and_the_next_payer_s_claims_on_sekmet(
    sekmet: Peer, tmp_path: Path, house_table: dict[str, Any]
) -> None:
    """Issue 4 on a server of others: ChargeItems once, superseded by a changed claim; secondary claims out of the 835,
    once, passed by both validators."""
    clock = FrozenClock(datetime.now(UTC).replace(microsecond=0))
    load(sekmet.base_url, clock.now())
    second_covers(sekmet.base_url)
    house = {"kind": "clearinghouse", "address": "localhost", "local": True, "data_classes": ["claim"]}
    config = {
        "practice": PRACTICE,
        "ehr": {"base_url": sekmet.base_url, "requests_per_second": 1000},
        "plugins": {"billing": {"enabled": True, "charges": True, "clearinghouse": house_table}},
        "outbound": {"house": house},
    }
    with Host(parse(config, tmp_path), clock=clock) as host:
        first = host.run("billing.charges")
        assert not first.failed, (first.notes, first.set_aside)
        assert first.counts["charges written"] > 5
        again = host.run("billing.charges").counts
        assert again["charges unchanged"] == first.counts["charges written"]
        assert (again["charges written"], again["charges withdrawn"]) == (0, 0)
        item = next(c for c in listed(sekmet.base_url, "ChargeItem") if c["status"] == "billable")
        claim = next(
            c for c in listed(sekmet.base_url, "Claim") if c["item"][0].get("encounter") == [item["context"]]
        )
        claim["item"][0]["net"]["value"] += 5
        claim["total"]["value"] += 5
        stored = {name: value for name, value in claim.items() if name != "meta"}
        requests.put(f"{sekmet.base_url}/Claim/{claim['id']}", json=stored, timeout=10).raise_for_status()
        changed = host.run("billing.charges").counts
        assert (changed["charges written"], changed["charges withdrawn"]) == (1, 1)
        sent = host.run("billing.submit")
        assert sent.counts["sent"] > 5, (sent.notes, sent.set_aside)
        clock.advance(60)
        answers = host.run("billing.answers")
        assert not answers.failed, answers.notes
        ready = answers.counts["next payers' claims ready"]
        assert ready > 3, answers
        clock.advance(60)
        later = host.run("billing.submit")
        assert later.counts["sent"] == ready, (later.notes, later.set_aside)
        clock.advance(60)
        assert host.run("billing.submit").counts["sent"] == 0
    (data,) = [
        path.read_bytes()
        for path in (tmp_path / "house" / "in").glob("*.837")
        if b"SBR*S*" in path.read_bytes() and b"SVD*" in path.read_bytes()
    ]
    assert check_all(data) == []
