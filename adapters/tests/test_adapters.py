"""The adapters that Chartside brings, on the CapabilityStatements that vendors publish (host.md's table)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from chartside.fhir import Capabilities
from chartside.ladder import choose
from chartside.testing.conformance import AdapterConformance
from chartside_adapters.athenahealth import Athenahealth
from chartside_adapters.canvas import Canvas
from chartside_adapters.epic import Epic
from chartside_adapters.generic import Generic
from chartside_adapters.medplum import Medplum
from chartside_adapters.openemr import OpenEmr
from chartside_adapters.oracle_health import OracleHealth


def statement(publisher: str, **types: str) -> dict[str, Any]:
    """A small CapabilityStatement: ``Task="create read"``."""
    resources = [
        {"type": kind, "interaction": [{"code": code} for code in codes.split()]}
        for kind, codes in types.items()
    ]
    return {
        "resourceType": "CapabilityStatement",
        "publisher": publisher,
        "rest": [{"mode": "server", "resource": resources}],
    }


OTHERS = [
    statement("Epic"),
    statement("Cerner"),
    statement("athenahealth"),
    statement("Medplum"),
    statement("OpenEMR"),
]


class TestEpic(AdapterConformance):
    adapter = Epic
    statement = statement(
        "Epic", Task="create read update search-type", Communication="create read search-type"
    )
    foreign = OTHERS[1:]

    def test_staff_tasks_become_communications(self) -> None:
        """host.md: Task cannot be created at Epic, so the next rung takes it."""
        rung = choose("Task", "cs", self.made(), None)
        assert (rung.type, rung.where, rung.native) == ("Communication", "ehr", False)


class TestOracleHealth(AdapterConformance):
    adapter = OracleHealth
    statement = statement("Oracle Health", DocumentReference="create read search-type update")
    foreign = [OTHERS[0], *OTHERS[2:]]

    def test_a_draft_waits_elsewhere(self) -> None:
        """T-10: only final and amended are taken."""
        assert not self.made().takes_preliminary


class TestAthenahealth(AdapterConformance):
    adapter = Athenahealth
    statement = statement("athenahealth", Appointment="read search-type")
    foreign = [*OTHERS[:2], *OTHERS[3:]]

    def test_nothing_can_be_written(self) -> None:
        """host.md: read-only, so a task is shown only, or lives in the companion."""
        assert choose("Task", "cs", self.made(), None).where == "nowhere"
        able = Medplum(Capabilities(statement("Medplum", Task="create read update search-type")))
        assert choose("Task", "cs", self.made(), able).where == "companion"


class TestCanvas(AdapterConformance):
    adapter = Canvas
    statement = statement("Canvas Medical", Task="create read search-type update")
    foreign = OTHERS


class TestMedplum(AdapterConformance):
    adapter = Medplum
    statement = statement("Medplum", Task="create read search-type update")
    foreign = [*OTHERS[:3], OTHERS[4]]


class TestOpenEmr(AdapterConformance):
    adapter = OpenEmr
    statement = statement("OpenEMR", DocumentReference="create read search-type")
    foreign = OTHERS[:4]


class TestGeneric(AdapterConformance):
    adapter = Generic
    statement = statement("Anybody", Task="create read search-type update")
    recognised = False


REAL = {
    "athenahealth-capabilitystatement-r4.json": "athenahealth",
    "oracle-health-capabilitystatement-r4-secure.json": "oracle-health",
    "oracle-health-capabilitystatement-r4-open.json": "oracle-health",
}


@pytest.mark.parametrize("name", REAL)
def test_the_vendors_own_statements_are_recognised(shared_data: Path, name: str) -> None:
    """The statements as the servers answered on 2026-08-14: one adapter each takes them for its own."""
    raw = json.loads((shared_data / "fhir" / "capability" / name).read_text())
    kinds = [Athenahealth, Canvas, Epic, Medplum, OpenEmr, OracleHealth]
    assert [kind.name for kind in kinds if kind.recognises(raw)] == [REAL[name]]


def test_what_the_servers_list_is_what_we_believe(shared_data: Path) -> None:
    """interactions.csv: the facts that the adapters' rungs rest on."""
    rows = csv.DictReader((shared_data / "fhir" / "capability" / "interactions.csv").read_text().splitlines())
    facts = {(r["server"], r["resource"]): set(r["interactions"].split()) for r in rows}
    assert "create" in facts["oracle-health-secure", "Communication"]
    assert ("oracle-health-secure", "Task") not in facts
    assert "create" not in facts["athenahealth", "Appointment"]
