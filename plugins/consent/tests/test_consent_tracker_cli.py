"""``chartside consent ...`` as somebody would type it, on a running EHR."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from chartside.audit import Trail
from chartside.clock import SystemClock
from chartside.errors import ChartsideError
from chartside.host import load_secret
from chartside.testing.ehr import running_ehr
from chartside_consent.cli import app

CONFIG = """
[practice]
id = "p"
name = "Larkspur Counseling"
phone = "+1 518 555 0100"
time_zone = "America/New_York"
state = "NY"

[ehr]
base_url = "{url}"
requests_per_second = 1000

[plugins.consent]
enabled = true
"""


@pytest.fixture(scope="module")
def world():
    with running_ehr(SystemClock(), {"clients": 12}) as ehr:
        yield ehr


@pytest.fixture
def cli(world, tmp_path):
    """Runs one command line; gives its status and its output."""
    config = tmp_path / "chartside.toml"
    config.write_text(CONFIG.format(url=world.base_url))

    def run(*words, config=config):
        more = ["--config", str(config)] if config else []
        result = CliRunner().invoke(app, [*words, *more])
        if isinstance(result.exception, ChartsideError):
            return 2, str(result.exception)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    run.folder = tmp_path
    return run


@pytest.fixture
def patient(world, request):
    id = re.sub(r"\W", "-", request.node.name)[:60].replace("_", "-")
    world.put({"resourceType": "Patient", "id": id, "birthDate": "1980-01-01", "address": [{"state": "IL"}]})
    return id


def commands():
    return {command.name or command.callback.__name__: command for command in app.registered_commands}


@pytest.mark.parametrize("name", [name for name in commands() if name])
def test_every_command_has_a_help_with_an_example(name):
    """What users expect."""
    result = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"chartside consent {name}" in re.sub(r"\s+", " ", result.output)


def test_record_explain_renew_revoke_list(cli, patient, world):
    """The life of a consent, command by command."""
    ask = (
        "explain",
        "--patient",
        patient,
        "--action",
        "sms",
        "--purpose",
        "REMIND",
        "--category",
        "reminder",
    )
    code, text = cli(*ask)
    assert code == 1
    assert text.startswith(f"DENY: sms for REMIND is not allowed (Patient/{patient}, in IL).")
    sign = ("record", "--patient", patient, "--form", "text-messages", "--agree", "--paper")
    assert "would be recorded" in cli(*sign, "--dry-run")[1]
    code, text = cli(*sign, "--by", "clinician-001")
    assert code == 0
    consent = re.search(r"recorded as (Consent/\S+)", text)[1]
    assert "recorded already" in cli(*sign)[1]
    code, text = cli(*ask)
    assert code == 0
    assert "PERMIT: sms for REMIND is allowed" in text
    assert consent in text
    assert " provision]" in text
    code, text = cli(*ask, "--json")
    told = json.loads(text)
    assert told["permitted"]
    assert told["reasons"][0]["path"] == "provision"
    code, text = cli("renew", "--consent", consent, "--agree", "--answer", "category=reminder")
    renewed = re.search(r"recorded as (Consent/\S+)", text)[1]
    assert f"ended: {consent}" in text
    code, text = cli("list", "--patient", patient, "--json")
    assert {(row["consent"], row["status"]) for row in json.loads(text)} == {
        (consent[8:], "inactive"),
        (renewed[8:], "active"),
    }
    back = ("revoke", "--patient", patient, "--type", "text-messages", "--channel", "phone")
    assert "would be taken back" in cli(*back, "--dry-run")[1]
    assert f"taken back: {renewed}" in cli(*back)[1]
    assert "nothing was changed" in cli(*back)[1]
    assert cli(*ask)[0] == 1


def test_renewing_takes_over_the_old_answers_but_not_the_yes(cli, patient, world):
    """Whom and what it is about stay; the yes and the end are given anew."""
    answers = {
        "recipient": "Organization/9",
        "information": "visits",
        "purpose": "TREAT",
        "expiry": "2030-01-01",
    }
    file = cli.folder / "answers.json"
    file.write_text(json.dumps({**answers, "agreement": True}))
    _, text = cli("record", "--patient", patient, "--form", "release", "--answers", str(file))
    consent = re.search(r"recorded as (Consent/\S+)", text)[1]
    assert cli("renew", "--consent", consent, "--agree") == (
        2,
        "not answered: expiry -> answer them, as in --answer NAME=VALUE",
    )
    assert "not answered: agreement" in cli("renew", "--consent", consent, "--answer", "expiry=2031-01-01")[1]
    code, text = cli("renew", "--consent", consent, "--agree", "--answer", "expiry=2031-01-01")
    assert code == 0
    made = world.read("Consent", re.search(r"recorded as Consent/(\S+)", text)[1])
    assert made["provision"]["actor"][0]["reference"] == {"reference": "Organization/9"}
    assert made["provision"]["period"]["end"] == "2031-01-01"


def test_opt_out_of_all_or_one_category(cli, patient):
    """R-4, R-6: by phone, by portal."""
    cli("record", "--patient", patient, "--form", "text-messages", "--agree")
    part = ("opt-out", "--patient", patient, "--channel", "portal", "--category", "billing")
    assert "(says no)" in cli(*part)[1]
    assert "nothing was changed" in cli(*part)[1]
    assert "taken back: Consent/" in cli("opt-out", "--patient", patient, "--channel", "phone")[1]
    _, text = cli("opt-out", "--patient", patient, "--json")
    assert json.loads(text)["status"] == "already"


def test_a_refusal_and_a_proxy(cli, patient, world):
    """--refuse; --signer with its authority."""
    _, text = cli("record", "--patient", patient, "--form", "recording", "--refuse")
    assert "the refusal is recorded as" in text
    world.put(
        {
            "resourceType": "RelatedPerson",
            "id": f"g-{patient}",
            "patient": {"reference": f"Patient/{patient}"},
        }
    )
    sign = ("record", "--patient", patient, "--form", "treatment", "--agree", "--signer", f"g-{patient}")
    assert cli(*sign)[0] == 2
    code, text = cli(*sign, "--relation", "son", "--authority", "health care proxy", "--witness", "A. Lee")
    assert code == 0
    assert "authority must reach beyond that" in text


def test_coverage_and_expiring(cli, world):
    """Tables by ids; --tasks asks once."""
    _, text = cli("coverage", "--days", "30", "--json")
    told = json.loads(text)
    assert told["summary"]["clients with a visit"] > 0
    assert set(told["rows"][0]) == {"client", "visit", "when", "lacks"}
    names = [p["name"][0]["family"] for p in world.all("Patient") if "name" in p]
    assert not [name for name in names if name in text]
    new = re.search(r"(\d+) new tasks of (\d+)", cli("coverage", "--days", "30", "--tasks")[1])
    assert new[1] == new[2]
    assert re.search(r"(\d+) new tasks of", cli("coverage", "--days", "30", "--tasks")[1])[1] == "0"
    assert "Consents for the visits" in cli("coverage", "--all")[1]
    _, text = cli("expiring", "--days", "365", "--json")
    assert any(row["finding"] == "ends soon" for row in json.loads(text))
    assert "findings for the next 30 days" in cli("expiring")[1]


def test_break_glass(cli, patient, world):
    """C-15: a reason, the purpose BTG, its own audit, a review Task; the reason stands in the EHR only."""
    act = ("break-glass", "--patient", patient, "--by", "Practitioner/clinician-001", "--reason")
    assert cli(*act, "help")[0] == 2
    assert not [t for t in world.all("Task") if t.get("for") == {"reference": f"Patient/{patient}"}]
    reason = "found unconscious, medication needed"
    assert cli(*act, reason, "--dry-run")[0] == 0
    code, text = cli(*act, reason)
    assert code == 0
    assert text.startswith("permitted")
    [task] = [t for t in world.all("Task") if t.get("for") == {"reference": f"Patient/{patient}"}]
    assert task["code"]["coding"][0]["code"] == "break-glass-review"
    assert reason in task["description"]
    [trail] = cli.folder.rglob("audit.jsonl")
    lines = [json.loads(line) for line in trail.read_text().splitlines()]
    [told] = [line for line in lines if line["event"] == "break-glass"]
    assert (told["purpose"], told["user"]) == ("BTG", "Practitioner/clinician-001")
    assert reason not in trail.read_text()
    [key] = [p for p in cli.folder.rglob("*") if p.is_file() and p.stat().st_size == 64]
    assert Trail(trail, load_secret(key)).verify().ok
    [event] = [
        e
        for e in world.all("AuditEvent")
        if "break" in json.dumps(e).lower() and f'"Patient/{patient}"' in json.dumps(e)
    ]
    assert "BTG" in json.dumps(event)


def test_break_glass_follows_the_consent(cli, patient, world, consent):
    """C-15: a consent that forbids it is not overridden; that it was tried is audited and reviewed all the same."""
    root = {"type": "deny"}
    world.put(consent("privacy", root, id=f"c-{patient}", patient={"reference": f"Patient/{patient}"}))
    code, text = cli(
        "break-glass",
        "--patient",
        patient,
        "--by",
        "Practitioner/clinician-001",
        "--reason",
        "an emergency here",
    )
    assert code == 1
    assert text.startswith("refused")
    [task] = [t for t in world.all("Task") if t.get("for") == {"reference": f"Patient/{patient}"}]
    assert "refused all the same" in task["description"]


def test_break_glass_without_an_audit_is_refused(cli, patient, world):
    """S-10: what cannot be audited does not happen."""
    world.faults.add("500-before", path="/AuditEvent")
    world.faults.add("500-before", method="POST", path=r"/fhir/?$")
    try:
        act = (
            "break-glass",
            "--patient",
            patient,
            "--by",
            "Practitioner/clinician-001",
            "--reason",
            "an emergency",
        )
        code, text = cli(*act)
    finally:
        world.faults.rules.clear()
    assert code == 2
    assert "AuditEvent" in text
    assert not [t for t in world.all("Task") if t.get("for") == {"reference": f"Patient/{patient}"}]


# --- without an EHR ---


def test_forms_lint_and_read_text(cli):
    """Files and words: nothing is asked of a server."""
    code, text = cli("forms", "--json")
    assert len(json.loads(text)) == 28
    assert "artificial intelligence" in cli("forms", "--show", "ai-use")[1]
    assert "inteligencia artificial" in cli("forms", "--show", "ai-use", "--language", "es")[1]
    folder = cli.folder / "ours"
    assert "28 forms in" in cli("forms", "--save", str(folder))[1]
    assert cli("forms", "--save", str(folder))[0] == 2
    files = [str(p) for p in sorted(folder.glob("*.json"))]
    code, text = cli("lint", *files, config=None)
    assert (code, text.count("may be used")) == (0, 28)
    broken = folder / "ai-use.en.json"
    form = json.loads(broken.read_text())
    form["item"] = [item for item in form["item"] if item["linkId"] != "ai"]
    broken.write_text(json.dumps(form))
    code, text = cli("lint", str(broken), config=None)
    assert code == 1
    assert "lacks 'ai'" in text
    code, text = cli("read-text", "pls stop texting me", "I'll stop by at 5", config=None)
    assert re.findall(r"^\S+", text, re.M) == ["opt-out", "nothing"]
    code, text = cli("read-text", "--json", "no quiero recordatorios", config=None)
    assert json.loads(text)[0]["category"] == "reminder"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("record", "--patient", "nobody", "--form", "treatment", "--agree"), "Patient 404"),
        (("record", "--patient", "../x", "--form", "treatment", "--agree"), "patient: is no reference"),
        (("record", "--patient", "1", "--form", "treatment"), "not answered: agreement"),
        (
            ("record", "--patient", "1", "--form", "treatment", "--agree", "--signed", "soon"),
            "cannot be read",
        ),
        (("record", "--patient", "1", "--form", "treatment", "--agree", "--signed", "2999-01-01"), "future"),
        (("record", "--patient", "1", "--form", "treatment", "--answer", "x"), "has no '='"),
        (("revoke", "--patient", "1"), "say which"),
        (("renew", "--consent", "nothing", "--agree"), "Consent 404"),
    ],
)
def test_errors_say_what_is_wrong(cli, words, told):
    """What users expect: one clear line."""
    code, text = cli(*words)
    assert code == 2
    assert told in text
