"""Where AuditEvents live, by what the servers take: nothing is ever missing from the accounting (S-9, S-10, C-8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from typer.testing import CliRunner

from chartside.audit import AuditRecord, Event
from chartside.audit.home import audit_home
from chartside.clock import FrozenClock
from chartside.commands.audit import app
from chartside.config import load
from chartside.fhir import Capabilities, FhirClient
from chartside.gate.client import Place, Route
from chartside.host import Host
from chartside.messaging.gateway import Gateway
from chartside.sandbox import Options, Sandbox
from chartside.sandbox.capability import capability_statement
from chartside_adapters.generic import Generic
from chartside_scheduling import trial

ONE_BY_ONE = {"no_batch": True, "no_transaction": True}


class Desk:
    """Two reminders that are due, an EHR that takes one resource a request, and perhaps a companion."""

    def __init__(self, world: trial.World, companion: Sandbox | None) -> None:
        self.world, self.companion, self.ehr = world, companion, world.sandbox

    def run(self) -> dict[str, int]:
        report = trial.run_once(str(self.world.config))
        assert not report.failed, report.notes
        return {k: n for k, n in report.counts.items() if k != "due"}

    def told(self, *arguments: str) -> str:
        done = CliRunner().invoke(app, [*arguments, "--config", str(self.world.config)])
        assert done.exit_code == 0, done.output
        return done.stdout


def events(server: Sandbox) -> list[dict[str, Any]]:
    pks = server.store.query("SELECT pk FROM resource WHERE type='AuditEvent'", ())
    return [row.resource() for row in server.store.rows([pk for (pk,) in pks])]


def writes(server: Sandbox, kind: str = "") -> int:
    return sum(method != "GET" and kind in path for method, path, _ in server.seen)


@contextmanager
def desk(folder: Path, *, tables: str = "", companion: Options | None = None) -> Iterator[Desk]:
    ehr = Sandbox(Options(**ONE_BY_ONE))
    ehr.store.bulk(trial.clients(2, trial.NOW))
    second = Sandbox(companion) if companion else None
    with trial.world(folder, ehr, Gateway()) as world:
        if second is None:
            world.config.write_text(f"{tables}\n{world.config.read_text('utf-8')}", "utf-8")
            yield Desk(world, None)
            return
        with second.running() as url:
            table = f'[companion]\nbase_url = "{url}"\nrequests_per_second = 1000\n'
            world.config.write_text(f"{table}{world.config.read_text('utf-8')}", "utf-8")
            yield Desk(world, second)


def test_where_each_would_cost_a_request_the_trail_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """45 CFR 164.528, C-8: the accounting, the reason and the AuditEvents themselves, without one in the EHR."""
    monkeypatch.setattr("chartside.commands.audit.SystemClock", lambda: FrozenClock(trial.NOW))
    with desk(tmp_path) as made:
        assert made.run() == {"sent": 2}
        assert (writes(made.ehr), writes(made.ehr, "/Communication")) == (4, 4)
        assert events(made.ehr) == []
        [left] = json.loads(made.told("for", "--patient", "r00000", "--json"))
        assert (left["recipient"], left["what"], left["purpose"]) == (
            "gateway",
            "Appointment/due00000 (appointment)",
            "REMIND",
        )
        [why] = json.loads(made.told("why", "--patient", "r00000", "--json"))
        assert (why["outcome"], why["action"], why["consents"]) == (
            "permit",
            "sms",
            ["Consent/r00000-texts/_history/1"],
        )
        shown = [json.loads(line) for line in made.told("events", "--patient", "r00000").splitlines()]
        profiles = [e["meta"]["profile"][0].rpartition(".")[2] for e in map(_valid, shown) if "meta" in e]
        assert {"AuthZconsent", "Source"} <= set(profiles)
        assert "whole" in made.told("verify")


def _valid(made: dict[str, Any]) -> dict[str, Any]:
    AuditEvent.model_validate(made)
    return made


def test_a_practice_may_have_each_written(tmp_path: Path) -> None:
    """C-8: `[audit] singly`, at a request each."""
    with desk(tmp_path, tables="[audit]\nsingly = true") as made:
        assert made.run() == {"sent": 2}
        assert sorted(e["type"]["code"] for e in events(made.ehr)) == ["110106", "110106", "110113", "110113"]
        assert writes(made.ehr) == 8


def test_a_denial_costs_the_ehr_nothing(tmp_path: Path) -> None:
    """C-8: it stands in the trail; cron would else post it again every quarter of an hour."""
    with desk(tmp_path) as made:
        for consent in ("r00000-texts", "r00001-texts"):
            row = made.ehr.store.read("Consent", consent)
            assert row is not None
            made.ehr.store.put({**row.resource(), "status": "inactive"}, "PUT")
        assert made.run() == {"held back: opted out": 2}
        assert writes(made.ehr) == 0
        [why] = json.loads(made.told("why", "--patient", "r00001", "--json"))
        assert why["outcome"] == "deny"


def test_a_companion_that_takes_bundles_has_them_all(tmp_path: Path) -> None:
    """S-9: the claims in the EHR, the AuditEvents in the companion, in one request."""
    with desk(tmp_path, companion=Options()) as made:
        assert made.run() == {"sent": 2}
        assert made.companion is not None
        assert (len(events(made.companion)), len(events(made.ehr))) == (4, 0)
        assert writes(made.companion) == 1


def test_the_accounting_takes_in_what_other_hosts_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """45 CFR 164.528: a trail is one host's; ``--server`` adds the AuditEvents, lists none twice, tells a refusal."""
    monkeypatch.setattr("chartside.commands.audit.SystemClock", lambda: FrozenClock(trial.NOW))
    listed = ("for", "--patient", "r00000", "--json")
    with desk(tmp_path, companion=Options()) as made:
        assert made.run() == {"sent": 2}
        assert len(json.loads(made.told(*listed, "--server"))) == 1
        for file in tmp_path.rglob("audit.jsonl*"):
            file.rename(file.with_name(f"elsewhere-{file.name}"))
        assert json.loads(made.told(*listed)) == []
        [left] = json.loads(made.told(*listed, "--server"))
        assert (left["recipient"], left["what"]) == ("gateway", "Appointment/due00000 (appointment)")
        assert made.companion is not None
        made.companion.faults.add("403", method="GET")
        done = CliRunner().invoke(app, [*listed, "--server", "--config", str(made.world.config)])
        assert "gives no AuditEvents" in done.stderr
        assert "this host's trail alone" in done.stderr


def test_a_companion_that_refuses_them(tmp_path: Path) -> None:
    """S-10: where the AuditEvent has a home and that does not take it, nothing leaves."""
    with desk(tmp_path, companion=Options()) as made:
        assert made.companion is not None
        made.companion.faults.add("403", method="POST")
        assert set(made.run()) == {"failed: no claim: the audit cannot be written"}
        assert made.world.gateway.messages == []


def test_what_a_person_causes_is_written_one_by_one(tmp_path: Path) -> None:
    """S-9: breaking the glass, a signature, what goes to a third party: rare, and always in the EHR."""
    with desk(tmp_path) as made, Host(load(made.world.config), clock=FrozenClock(trial.NOW)) as host:
        facts = {"patient": "Patient/r00000", "user": "Practitioner/7"}
        host.auditor.record([AuditRecord(Event.BREAK_GLASS, "consent", trial.NOW, **facts)])
        host.auditor.record([AuditRecord(Event.DISCLOSURE, "billing", trial.NOW, recipient="payer")])
        assert len(events(made.ehr)) == 2


@pytest.mark.parametrize(
    ("options", "singly", "said"),
    [
        (ONE_BY_ONE, False, "those of messages in the local trail alone"),
        (ONE_BY_ONE, True, "the EHR, one request each"),
        ({"no_transaction": True}, False, "the EHR, many in one request"),
        ({"absent": frozenset({"AuditEvent"})}, True, "the local trail alone: no server takes them"),
    ],
)
def test_it_is_said(options: dict[str, Any], singly: bool, said: str) -> None:
    """H-2: `chartside check` says where AuditEvents live."""
    able = Capabilities(
        json.loads(capability_statement(Options(**options), "http://ehr/fhir", secured=False))
    )
    client = FhirClient("http://127.0.0.1:9/fhir")
    client.capabilities = lambda: able  # type: ignore[method-assign]
    assert said in str(audit_home(Route(Place(client, Generic)), singly=singly))
