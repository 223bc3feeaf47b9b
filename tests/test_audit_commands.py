"""``chartside audit`` as a compliance officer uses it: tampering of every kind, and an accounting of disclosures."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chartside.audit import AuditRecord, Event, Trail
from chartside.audit.decisions import decided
from chartside.audit.record import Result as Outcome
from chartside.commands.audit import app
from chartside.errors import AuditUnavailable
from chartside.gate.model import Action, Decision, DecisionRequest
from chartside.gate.model import Outcome as GateOutcome
from chartside.state import load_secret

NOW = datetime.now(UTC)
CONFIG = """
[practice]
id = "p"
name = "Larkspur"
phone = "+1 518 555 0100"
time_zone = "America/New_York"
state = "NY"

[ehr]
base_url = "http://127.0.0.1:9/fhir"

[outbound.twilio]
kind = "sms"
address = "https://api.example.org"
baa_date = 2026-01-15
expires = 2036-01-15
data_classes = ["appointment"]
"""


def disclosure(days: int = 0, **more: str) -> AuditRecord:
    facts = {
        "patient": "Patient/1",
        "target": "Appointment/7",
        "purpose": "REMIND",
        "data_class": "appointment",
    }
    return AuditRecord(
        Event.DISCLOSURE, "scheduling", NOW - timedelta(days=days), recipient="twilio", **{**facts, **more}
    )


@pytest.fixture
def practice(tmp_path: Path) -> Path:
    """A config, and a trail of eight records."""
    (tmp_path / "chartside.toml").write_text(CONFIG, encoding="utf-8")
    trail(tmp_path).append_many(
        [
            AuditRecord(Event.READ, "scheduling", NOW, patient="Patient/1", target="Appointment/7"),
            disclosure(3000),
            disclosure(20),
            disclosure(10, purpose="HLEGAL"),
            disclosure(9, patient="Patient/2"),
            AuditRecord(
                Event.DISCLOSURE, "scheduling", NOW, Outcome.FAILURE, patient="Patient/1", recipient="twilio"
            ),
            disclosure(1),
            AuditRecord(Event.SEARCH, "billing", NOW, target="Claim"),
        ]
    )
    return tmp_path


def trail(folder: Path) -> Trail:
    from chartside.config import load

    config = load(folder / "chartside.toml")
    return Trail(config.path(config.state.folder) / "audit.jsonl", load_secret(config.path(config.state.key)))


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--config", str(folder / "chartside.toml")])


def forged(lines: list[bytes]) -> list[bytes]:
    data = json.loads(lines[-1])
    return [
        *lines,
        json.dumps({**data, "n": data["n"] + 1, "prev": data["hash"]}, separators=(",", ":")).encode()
        + b"\n",
    ]


TAMPERING: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a value": lambda lines: [*lines[:2], lines[2].replace(b"REMIND", b"TREAT."), *lines[3:]],
    "an outcome": lambda lines: [*lines[:5], lines[5].replace(b"failure", b"success"), *lines[6:]],
    "a line gone": lambda lines: lines[:3] + lines[4:],
    "the first gone": lambda lines: lines[1:],
    "two lines swapped": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "the end cut off": lambda lines: lines[:-2],
    "cut in the middle of a line": lambda lines: [*lines[:-1], lines[-1][:40]],
    "all gone": lambda lines: [],
    "the last line again": lambda lines: [*lines, lines[-1]],
    "a forged line": forged,
    "a line of text": lambda lines: [*lines, b"nothing to see here\n"],
    "an empty line": lambda lines: [*lines, b"\n"],
}


@pytest.mark.parametrize("how", TAMPERING)
@pytest.mark.parametrize("then", ["at once", "after the host went on"])
def test_tampering_is_told(practice: Path, how: str, then: str) -> None:
    """S-9: exit 1, the line is named; also when the host has written on since (or refused to)."""
    assert run(practice, "verify").exit_code == 0
    path = trail(practice).path
    path.write_bytes(b"".join(TAMPERING[how](path.read_bytes().splitlines(keepends=True))))
    if then != "at once":
        with suppress(AuditUnavailable):
            trail(practice).append(disclosure())
    result = run(practice, "verify")
    assert result.exit_code == 1, result.output
    assert "CHANGED" in result.output


def test_a_killed_process_is_no_tampering(practice: Path) -> None:
    """S-10: a torn end is sealed; nothing that was told as written is lost."""
    path = trail(practice).path
    with path.open("ab") as file:
        file.write(b'{"n":9,"prev":"abc')
    assert run(practice, "verify").exit_code == 0
    trail(practice).append(disclosure())
    result = run(practice, "verify")
    assert result.exit_code == 0
    assert "torn end" in result.output


def test_the_anchor_replaced_with_its_trail_is_told_by_the_head_that_was_kept(practice: Path) -> None:
    head = trail(practice).verify().head
    assert run(practice, "verify", "--expect", head).exit_code == 0
    for file in trail(practice).path.parent.glob("audit.jsonl*"):
        file.unlink()
    trail(practice).append(disclosure())
    assert run(practice, "verify").exit_code == 0
    assert run(practice, "verify", "--expect", head).exit_code == 1


def test_an_accounting_of_disclosures(practice: Path) -> None:
    """45 CFR 164.528: date, recipient with address, what, purpose; six years; failures are none."""
    result = run(practice, "for", "--patient", "1", "--json")
    rows = json.loads(result.stdout)
    assert [row["purpose"] for row in rows] == ["REMIND", "HLEGAL", "REMIND"]
    assert {row["recipient"] for row in rows} == {"twilio"}
    assert {row["address"] for row in rows} == {"https://api.example.org"}
    assert rows[0]["what"] == "Appointment/7 (appointment)"
    assert [row["exempt"] for row in rows] == ["treatment", "", "treatment"]
    assert "https://api.example.org" in run(practice, "for", "--patient", "Patient/1").stdout.replace(
        "\n", ""
    )


def test_nothing_disclosed_is_said_in_words(practice: Path) -> None:
    assert "Nothing about Patient/9 left" in run(practice, "for", "--patient", "9").stdout


def test_an_accounting_of_a_changed_trail_says_so(practice: Path) -> None:
    path = trail(practice).path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    assert "may lack something" in run(practice, "for", "--patient", "1").stderr


def test_why_something_was_sent_or_not(practice: Path) -> None:
    """Issue 3: "why was this sent?" gets the consent in its version of then, the provision, and the rule."""
    facts = {"patient": "Patient/1", "purpose": "REMIND", "action": "sms", "target": "Appointment/7"}
    sent = {"consents": ("Consent/c/_history/2",), "provisions": ("provision.provision[0]",)}
    trail(practice).append_many(
        [
            AuditRecord(Event.DECISION, "scheduling", NOW, Outcome.PERMIT, **facts, **sent),
            AuditRecord(Event.DECISION, "scheduling", NOW, Outcome.DENY, **facts, rules=("default",)),
            AuditRecord(Event.DECISION, "scheduling", NOW, Outcome.PERMIT, patient="Patient/2", action="sms"),
        ]
    )
    said = run(practice, "why", "--patient", "1").output
    assert "PERMIT  sms for REMIND, about Appointment/7 (scheduling)" in said
    assert "consent  Consent/c/_history/2, provision.provision[0]" in said
    assert "DENY" in said
    assert "the default of the action held" in said
    assert said.count("scheduling") == 2
    [permit, _] = json.loads(
        run(practice, "why", "--patient", "1", "--about", "Appointment/7", "--json").output
    )
    assert permit["provisions"] == ["provision.provision[0]"]
    assert (
        "decided nothing about Patient/1 for Appointment/8"
        in run(practice, "why", "--patient", "1", "--about", "Appointment/8").output
    )


@pytest.mark.parametrize(
    ("resource", "target"),
    [
        ({"resourceType": "Claim", "id": "7"}, "Claim/7"),
        ({"resourceType": "Claim"}, ""),
        ({"resourceType": "Claim", "id": "7 of Ada"}, ""),
        (None, ""),
    ],
)
def test_a_decision_names_the_data_that_it_was_about(resource: dict[str, str] | None, target: str) -> None:
    """C-8: two decisions about two claims of a client are told apart; what is no id stays out of the trail."""
    asked = DecisionRequest("Patient/1", Action.DISCLOSE, NOW, purpose="HPAYMT", resource=resource)
    [record] = decided("billing", [asked], [Decision(GateOutcome.PERMIT)])
    assert record.target == target
