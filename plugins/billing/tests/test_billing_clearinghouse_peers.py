"""The evening against a FHIR server that others wrote (issue 4, shown 4)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from chartside.clock import FrozenClock
from chartside.config import parse
from chartside.host import Host
from chartside.testing.hosts import PRACTICE
from chartside.testing.peers import Peer
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.evening.account import Parties
from chartside_billing.evening.receive import receive
from chartside_billing.evening.submit import submit
from chartside_billing.model import Claim

pytestmark = pytest.mark.slow
COUNT = 20


def stored(number: int) -> dict[str, Any]:
    """A Claim as small as R4 permits."""
    return {
        "resourceType": "Claim",
        "id": f"evening{number:02}",
        "status": "active",
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]
        },
        "use": "claim",
        "patient": {"reference": "Patient/evening"},
        "created": "2026-11-02",
        "provider": {"display": "Elm"},
        "priority": {"coding": [{"code": "normal"}]},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "Acme"}}],
        "total": {"value": 150, "currency": "USD"},
    }


def total(base_url: str, kind: str) -> int:
    listed = requests.get(f"{base_url}/{kind}?_count=200", timeout=10).json()
    return len(listed.get("entry", []))


def test_an_evening_on_sekmet_writes_once(
    sekmet: Peer, tmp_path: Path, parties: Parties, make_claim: Callable[..., Claim]
) -> None:
    """Claims go out once; the remittance and its Tasks are written once, on a server that is not ours.

    It keeps no PaymentReconciliation, so the 835 stays there as a DocumentReference.
    """
    for resource in [{"resourceType": "Patient", "id": "evening"}, *(stored(n) for n in range(COUNT))]:
        url = f"{sekmet.base_url}/{resource['resourceType']}/{resource['id']}"
        answer = requests.put(url, json=resource, timeout=10)
        assert answer.status_code in {200, 201}, answer.text
    config = {
        "practice": PRACTICE,
        "ehr": {"base_url": sekmet.base_url, "requests_per_second": 1000},
        "plugins": {"billing": {"enabled": True}},
        "outbound": {
            "house": {
                "kind": "clearinghouse",
                "address": "localhost",
                "local": True,
                "data_classes": ["claim"],
            }
        },
    }
    claims = [make_claim(f"evening{n:02}", "Patient/evening") for n in range(COUNT)]
    clock = FrozenClock(datetime.now(UTC).replace(microsecond=0))
    tasks, payments = total(sekmet.base_url, "Task"), total(sekmet.base_url, "DocumentReference")
    with Host(parse(config, tmp_path), clock=clock) as host:
        context, house = host.context("billing"), LocalClearinghouse(tmp_path / "house", clock)
        assert dict(submit(context, house, claims, parties).counts) == {"sent": COUNT}
        assert dict(submit(context, house, claims, parties).counts) == {"sent before": COUNT}
        mail = list(house.fetch())
        first = receive(context, house)
        assert not first.failed, first.notes
        assert first.counts["payments"] == 1
        assert first.counts["tasks"] > 0
        for answer in mail:
            (tmp_path / "house" / "out" / answer.name).write_bytes(answer.data)
        again = receive(context, house)
        assert (again.counts["payments known"], again.counts["tasks"]) == (1, 0)
    assert (
        total(sekmet.base_url, "DocumentReference") == payments + 2
    )  # the sent file's record, and the remittance
    assert total(sekmet.base_url, "Task") == tasks + first.counts["tasks"]
