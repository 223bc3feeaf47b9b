"""Answers as the facts that the rules judge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from chartside.clock import FrozenClock
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.x12.acks import read_277, read_999
from chartside_billing.x12.example import claim
from chartside_billing.x12.facts import acknowledgement_facts, remittance_facts
from chartside_billing.x12.remit import read_835
from chartside_billing.x12.write837 import Control, write_837

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def test_answers_become_the_facts_that_rules_judge(tmp_path: Path) -> None:
    """ERA and ACK rules get their documents from these readers."""
    house = LocalClearinghouse(tmp_path, FrozenClock(NOW))
    claims = [replace(claim(), id=f"ACC{n}") for n in range(5)]
    house.submit("a.837", write_837(claims, control=Control(created=NOW, group=12)).data)
    acks, report, era = (answer.data for answer in house.fetch())
    found = acknowledgement_facts("12", read_999(acks), read_277(report))
    assert (found.received, found.accepted, len(found.claim_statuses)) == (True, True, 5)
    assert acknowledgement_facts("13", read_999(acks), []).received is False
    (remittance,) = read_835(era)
    facts = remittance_facts(remittance)
    assert (facts.paid, [c.matches for c in facts.claims]) == (remittance.amount, [None] * 5)
    assert facts.claims[0].lines[0].charge == Decimal(150)
