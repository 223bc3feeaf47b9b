"""The commands that look into an EHR, and the next payer's claims, as a user would type them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chartside import JobOptions
from chartside.clock import FrozenClock
from chartside.errors import OutcomeUnknown
from chartside.testing import Ehr, host_for
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.cli import app
from chartside_billing.evening.account import open_house
from chartside_billing.evening.submit import clean_claims, submit
from chartside_billing.model import Insurance
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.write837 import Control, write_837

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
CONFIG = """
[practice]
id = "test-practice"
name = "Larkspur Counseling"
phone = "+1 518 555 0100"
time_zone = "America/New_York"
state = "NY"

[ehr]
base_url = "{url}"
requests_per_second = 1000

[plugins.billing]
enabled = true
days = 400

[plugins.billing.clearinghouse]
type = "local"
recipient = "house"
folder = "house"
send = true
submitter_id = "LARK01"
receiver_id = "HOUSE1"
receiver_name = "HOUSE"

[outbound.house]
kind = "clearinghouse"
address = "localhost"
local = true
data_classes = ["claim"]
"""


@pytest.fixture
def config(ehr: Ehr, clock: FrozenClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config file on the test's EHR; the commands go by the test's clock."""
    monkeypatch.setattr("chartside.host.SystemClock", lambda: clock)
    path = tmp_path / "chartside.toml"
    path.write_text(CONFIG.format(url=ehr.base_url))
    return path


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


@pytest.mark.ehr(clients=10)
def test_the_worklist_of_an_ehr(ehr: Ehr, clock: FrozenClock, config: Path) -> None:
    """A table, the findings in words, or JSON; ids only."""
    assert "Nothing waits" in run("worklist", "--config", str(config))
    with host_for(ehr, clock, plugins={"billing": {"enabled": True}}) as host:
        host.run("billing.scrub")
    found = json.loads(run("worklist", "--config", str(config), "--json"))
    assert {work["claim"] for work in found} >= {f"Claim/{name}" for name in ehr.practice.faults}
    text = run("worklist", "--config", str(config), "--details")
    assert "at risk" in text
    assert found[0]["sentences"][0][:40] in text
    assert not [name for name in ehr.practice.canaries() if name in text]


@pytest.mark.ehr(clients=10)
def test_unbilled_visits_of_an_ehr(ehr: Ehr, config: Path) -> None:
    """Analytics: visits that nobody billed, from the EHR."""
    visit = ehr.all("Encounter")[0]
    for stored in ehr.all("Claim"):
        if f"Encounter/{visit['id']}" in str(stored):
            ehr.put({**stored, "item": [{**stored["item"][0], "encounter": []}]})
    text = run("analytics", "--config", str(config))
    assert "Unbilled visits: 1" in text
    assert f"Encounter/{visit['id']}" in text


@pytest.mark.slow
@pytest.mark.ehr(clients=8)
@pytest.mark.parametrize(("word", "state"), [("--arrived", "sent before"), ("--not-arrived", "sent")])
def test_an_undecided_submission_is_settled_by_a_person(
    opened: Any, clock: FrozenClock, config: Path, word: str, state: str
) -> None:
    """R-10: a file whose sending was cut is neither lost nor sent again blindly."""

    class Cut(LocalClearinghouse):
        def submit(self, name: str, data: bytes) -> None:
            raise OutcomeUnknown("cut")

    with opened(days=400) as host:
        context = host.context("billing")
        _, parties = open_house(context)
        claims = clean_claims(context, JobOptions())
        with pytest.raises(OutcomeUnknown):
            submit(context, Cut(config.parent / "cut", clock), claims, parties)
    clock.advance(3600)
    assert "undecided claims" in run("settle", word, "--config", str(config))
    clock.advance(3600)
    with opened(days=400) as host:
        report = host.run("billing.submit")
    assert report.counts[state] == len(claims) > 0


def test_the_next_payer_s_claims_are_written_from_the_835(tmp_path: Path) -> None:
    """COB: each claim with its line decisions; who has no further payer is named and left out."""
    second = replace(claim().insurance.payer, last="SECOND PLAN", id="22222")  # type: ignore[type-var]
    other = Insurance(
        "S", "18", filing="CI", assignment="Y", release="Y", subscriber=claim().insurance.subscriber
    )
    both = [replace(claim(), id="ACC1", others=[replace(other, payer=second)]), replace(claim(), id="ACC2")]
    source, remit, out = tmp_path / "p.837", tmp_path / "era.835", tmp_path / "s.837"
    source.write_bytes(write_837(both, control=Control(created=NOW)).data)
    house = LocalClearinghouse(tmp_path / "house", FrozenClock(NOW), lambda _: ("", ""))
    house.submit("p.837", source.read_bytes())
    remit.write_bytes(list(house.fetch())[-1].data)
    said = run("secondary", str(source), str(remit), "--out", str(out))
    assert "left out ACC2: the claim has no further payer" in said
    (made,) = read_837(out)
    assert made.insurance.payer is not None
    assert (made.id, made.insurance.payer.id, made.insurance.sequence) == ("ACC1", "22222", "S")
