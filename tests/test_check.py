"""``chartside check`` as a new user meets it: mistakes in the set-up, each named with its mend (H-2, S-7)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chartside.cli import build
from chartside.fhir import Retries


def call(*arguments):
    return CliRunner().invoke(build(arguments), list(arguments))


pytestmark = pytest.mark.ehr(clients=2)


@pytest.fixture(scope="module")
def initial(tmp_path_factory):
    """What `chartside init` writes."""
    made = tmp_path_factory.mktemp("initial")
    done = call("init", str(made), "--ehr", "http://127.0.0.1:9/fhir")
    assert done.exit_code == 0, done.output
    return made


@pytest.fixture
def folder(initial, tmp_path, ehr):
    """A practice set up by `chartside init` at a running EHR without log-in."""
    shutil.copytree(initial, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "chartside.toml"
    text = path.read_text().replace("http://127.0.0.1:9/fhir", ehr.base_url)
    path.write_text(re.sub(r"\[ehr\.auth\].*?\n\n", "", text, flags=re.S))
    return tmp_path


def check(folder, *more):
    done = call("check", "--config", str(folder / "chartside.toml"), "--json", *more)
    return done.exit_code, json.loads(done.stdout)


def change(folder, old, new):
    path = folder / "chartside.toml"
    text, count = re.subn(old if "[0-9]" in old else re.escape(old), lambda _: new, path.read_text(), count=1)
    assert count
    path.write_text(text)


def test_what_init_writes_is_well(folder):
    """A new user's first check finds nothing wrong; it says where everything would live."""
    code, findings = check(folder)
    assert [f for f in findings if f["level"] == "error"] == []
    assert code == 0
    assert any("effects are recorded in: Communication in the EHR" in f["text"] for f in findings)
    assert any("AuditEvents are written to: the EHR, many in one request" in f["text"] for f in findings)


def test_init_overwrites_nothing(folder):
    """A second init refuses; the keys stay."""
    before = sorted(p.name for p in (folder / "keys").iterdir())
    done = CliRunner().invoke(build(["init"]), ["init", str(folder)])
    assert done.exit_code != 0
    assert sorted(p.name for p in (folder / "keys").iterdir()) == before


MISTAKES = {
    "key misspelt": ('time_zone = "', 'timezone = "', "practice.timezone", "time_zone"),
    "no such zone": ("America/Chicago", "America/Chigaco", "practice.time_zone", "America/Chicago"),
    "EHR by plain http": (
        'base_url = "http://127.0.0.1',
        'base_url = "http://ehr.example.org',
        "ehr.base_url",
        "https",
    ),
    "EHR is down": (":[0-9]+/fhir", ":9/fhir", "ehr.base_url", "reaches it"),
    "wrong path": ("/fhir", "/nothing", "ehr.base_url", "base URL"),
    "number in quotes": (
        "requests_per_second = 20",
        'requests_per_second = "20 or so"',
        "ehr.requests_per_second",
        "without quotes",
    ),
    "companion is down": (
        "[plugins.consent]",
        '[companion]\nbase_url = "http://127.0.0.1:9/fhir"\n[plugins.consent]',
        "companion.base_url",
        "reaches it",
    ),
    "state cannot be written": (
        'folder = "state"',
        'folder = "chartside.toml"',
        "state.folder",
        "right to write",
    ),
    "hours against the law": (
        "[plugins.consent]",
        '[messaging]\nhours = ["03:00", "23:00"]\n[plugins.consent]',
        "messaging",
        "08:00",
    ),
    "channel without recipient": (
        "[plugins.consent]",
        '[channels.sms]\ntype = "gateway"\nrecipient = "gw"\nurl = "http://127.0.0.1:9"\n[plugins.consent]',
        "channels.sms",
        "outbound.gw",
    ),
    "no such adapter": ('"auto"', '"epik"', "ehr.adapter", "epic"),
    "plugin not installed": (
        "[plugins.scheduling]",
        "[plugins.shceduling]\nenabled = true\n[plugins.scheduling]",
        "plugins.shceduling",
        "pip install",
    ),
    "plugin setting misspelt": (
        "[plugins.consent]",
        "[plugins.consent]\ncolour = 3",
        "plugins.consent.colour",
        "",
    ),
    "secret not set": (
        'name = "My',
        'email = { "$env" = "CHARTSIDE_NOT_SET" }\nname = "My',
        "practice.email",
        "environment",
    ),
    "channel unknown": (
        "[plugins.consent]",
        '[channels.sms]\ntype = "pigeon"\n[plugins.consent]',
        "channels.sms.type",
        "",
    ),
    "recipient without agreement": (
        "[plugins.consent]",
        '[outbound.x]\nkind = "sms"\naddress = "https://x.example.org"\ndata_classes = ["contact"]\n[plugins.consent]',
        "outbound.x",
        "baa_date",
    ),
    "host key cut": ("folder = ", 'folder = "x"\n# ', "state.key", "restore"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_named(folder, name, monkeypatch):
    """H-2: the place and the mend are told, the status is 1, nothing crashes."""
    monkeypatch.setattr("chartside.fhir.client.Retries", partial(Retries, first=0.001))
    old, new, where, mend = MISTAKES[name]
    change(folder, old, new)
    if name == "host key cut":
        (folder / "keys" / "host.key").write_text("abc")
    code, findings = check(folder)
    errors = [f for f in findings if f["level"] == "error"]
    assert code == 1
    assert any(where in f["where"] and mend in f["text"] + f["mend"] for f in errors), errors


def test_all_mistakes_at_once(folder):
    """H-2: a mistake in one table hides none in another."""
    change(folder, "America/Chicago", "Mars/Base")
    change(folder, "enabled = false", 'enabled = true\nhours_before = ["soon"]')
    change(folder, "[plugins.consent]", '[messaging]\nhours = ["03:00", "23:00"]\n[plugins.consent]')
    change(folder, "enabled = true", 'enabled = "yes"')
    _, findings = check(folder)
    wrong = {f["where"] for f in findings if f["level"] == "error"}
    assert wrong >= {
        "practice.time_zone",
        "plugins.consent.enabled",
        "plugins.scheduling.hours_before.0",
        "messaging",
    }


MANY = """
colour = "blue"
[practise]
[practice]
id = "My Practice"
name = "A name that is very much longer than forty characters"
phone = "312"
timezone = "America/Chicago"
time_zone = "America/Chicagoo"
state = "il"
email = "nobody"
[ehr]
base_url = "http://ehr.example.org/fhir?x=1"
adapter = "epik"
requests_per_second = "fast"
[ehr.auth]
client_id = ""
keys = "state/keys"
algorithm = "RS256"
[companion]
base_url = "ftp://x"
[state]
key = "state/host.key"
[policy]
licence_states = "IL"
packs = ["nope.toml"]
[outbound.twilio]
kind = "Text Messages"
address = "https://api.twilio.com"
data_classes = ["contacts"]
[outbound.mail]
kind = "email"
address = "smtp://mail.example.com:587"
[channels.sms]
type = "twilio"
recipient = "twilio"
account_sid = "AC1"
auth_token = { "$env" = "CHARTSIDE_NOT_SET" }
sender = "x"
[channels.email]
type = "smtp"
recipient = "mail"
host = "mail.example.com"
port = 99999
sender = "not an address"
[channels.fax]
[messaging]
hours = ["03:00", "23:00"]
[plugins.consent]
enabled = "yes"
[plugins.schedulling]
enabled = true
[plugins.billing]
enabled = true
colour = 3
[plugins.scheduling]
enabled = true
hours_before = [72, 500]
channels = ["sms", "fax"]
adult_age = 8
language = "fr"
"""
WRONG = """
colour practise practice.id practice.name practice.phone practice.timezone practice.time_zone practice.state
practice.email ehr.base_url ehr.adapter ehr.requests_per_second ehr.auth.client_id ehr.auth.keys ehr.auth.algorithm
companion.base_url state.key policy.licence_states policy.packs outbound.twilio.kind outbound.twilio.data_classes.0
outbound.mail.data_classes channels.sms.account_sid channels.sms.auth_token channels.sms.sender channels.email.port
channels.email.sender channels.fax messaging plugins.consent.enabled plugins.schedulling plugins.billing.colour
plugins.scheduling.hours_before.1 plugins.scheduling.channels.1 plugins.scheduling.adult_age plugins.scheduling.language
"""


def test_36_mistakes_at_once(folder):
    """H-2: everything in one go, each with a mend, whatever it is that stops the reading of the rest; nothing is left
    behind, and what was not looked at is told."""
    shutil.rmtree(folder / "state", ignore_errors=True)
    (folder / "chartside.toml").write_text(MANY)
    _, findings = check(folder)
    wrong = [f for f in findings if f["level"] == "error"]
    assert sorted(f["where"] for f in wrong) == sorted(WRONG.split())
    assert [f for f in wrong if not f["mend"]] == []
    assert any(f["where"] == "ehr" and "not asked" in f["text"] for f in findings)
    assert not (folder / "state").exists(), "a stand-in's name would stay there as the practice's"


def test_a_wrong_table_does_not_keep_the_ehr_from_being_asked(folder):
    """H-2: a mistake in a channel, and the connection is tried all the same."""
    change(folder, "[plugins.consent]", "[channels.fax]\n[messaging]\nhours = 3\n[plugins.consent]")
    change(folder, "state = ", 'nickname = "x"\nstate = ')
    _, findings = check(folder)
    assert {f["where"] for f in findings if f["level"] == "error"} == {
        "channels.fax",
        "messaging.hours",
        "practice.nickname",
    }
    assert any(f["where"] == "ehr.base_url" and f["level"] == "ok" for f in findings)


@pytest.mark.parametrize("away", [("--offline",), ()])
def test_texts_are_looked_at_without_the_ehr(folder, away, monkeypatch):
    """R-2: a practice's own words are judged while the EHR is down, or is not to be asked."""
    monkeypatch.setattr("chartside.fhir.client.Retries", partial(Retries, first=0.0, most=0.0))
    change(folder, "enabled = false", 'enabled = true\ntexts = { "sms.en" = "{{ practice }} therapy" }')
    change(folder, ":[0-9]+/fhir", ":9/fhir")
    _, findings = check(folder, *away)
    found = [f for f in findings if f["where"] == "plugins.scheduling" and f["level"] == "error"]
    assert any("therapy" in f["text"] for f in found)
    assert not any("no connection" in f["text"] for f in found), "told of the EHR already"


def test_what_is_no_config_is_told(folder):
    """Broken TOML, bytes that are no text, no file: one clear error each, no crash."""
    path = folder / "chartside.toml"
    for content in (b"[practice", b"\xff\xfe\x00", None):
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        done = call("check", "--config", str(path))
        assert done.exit_code == 1
        assert "mend:" in done.output
        path.write_bytes(b"")


@pytest.mark.ehr(read_only=frozenset({"Communication", "Task", "AuditEvent"}))
def test_says_where_records_live_at_a_read_only_ehr(folder):
    """host.md's ladder: shown by check, down to the local opaque ledger."""
    _, findings = check(folder)
    text = "\n".join(f["text"] for f in findings)
    assert "effects are recorded in: local opaque ledger" in text
    assert re.search(r"Task \(\w+\) -> (DocumentReference|Basic) in the EHR", text)
    [audit] = [f for f in findings if f["where"] == "audit"]
    assert audit["level"] == "warning"
    assert str(folder / "state" / "audit.jsonl") in audit["mend"], "the trail is the only copy (C-8)"


@pytest.mark.ehr(secured=True, scopes="system/Patient.rs system/Consent.rs")
def test_a_scope_that_is_not_granted_is_named(ehr, clock):
    """H-3: what the practice has not granted is told scope by scope."""
    from chartside.checks_live import live
    from chartside.testing import host_for

    with host_for(ehr, clock, plugins={"consent": {"enabled": True}}) as host:
        errors = [f.text for f in live(host) if f.level == "error"]
    assert any("system/Consent." in text for text in errors)


def test_help_names_every_command_and_imports_no_plugin(tmp_path):
    """The help is quick since nothing is imported that is not called."""
    code = """
import sys
sys.argv = ["chartside", "--help"]
from chartside.cli import main
try:
    main()
except SystemExit:
    heavy = ("requests", "fhir", "authlib", "starlette")
    print([name for name in sys.modules if name.startswith("chartside_") or name in heavy])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.rstrip().endswith("[]"), done.stdout[-300:]
    assert "consent" in done.stdout


def test_enable_run_disable(folder):
    """Enabled by one line, disabled by one line; a disabled plugin is not imported."""
    config = str(folder / "chartside.toml")
    listed = json.loads(call("plugins", "--config", config, "--json").stdout)
    assert {p["name"]: p["status"] for p in listed}["consent"] == "loaded"
    change(folder, "enabled = true", "enabled = false")
    done = subprocess.run(
        [sys.executable, "-m", "chartside.cli", "plugins", "--config", config, "--json"],
        capture_output=True,
        text=True,
    )
    assert {p["name"]: p["status"] for p in json.loads(done.stdout)}["consent"] == "installed"


def test_show_explains_without_importing(folder):
    """`plugins show`: in words for IT staff and compliance officers."""
    done = call("plugins", "show", "consent")
    assert done.exit_code == 0
    assert "Consent" in done.output
    assert "create, read, change, search" in done.output or "create" in done.output
    assert "SMART scopes to grant:" in done.output


def test_the_config_file_holds_no_secret(folder):
    """What init writes can be shown to anybody: keys stand elsewhere, readable by their owner only."""
    text = (folder / "chartside.toml").read_text()
    assert "BEGIN" not in text
    for path in Path(folder / "keys").iterdir():
        assert path.stat().st_mode & 0o077 == 0
        assert path.read_text()[:40] not in text


def test_what_a_person_should_replace_is_named(initial, tmp_path):
    """What `chartside init` wrote for a person to replace is asked for: clients would read it in messages."""
    shutil.copytree(initial, tmp_path, dirs_exist_ok=True)
    _, findings = check(tmp_path, "--offline")
    assert {"practice.name", "ehr.auth.client_id"} <= {
        f["where"] for f in findings if f["level"] == "warning"
    }


@pytest.mark.parametrize(
    ("old", "new", "where", "mend"),
    [
        ("[practice]", "[practise]", "practice", "[practice]"),
        ('"My Practice"', f'"{"x" * 41}"', "practice.name", "shorten it"),
        ('"my-practice"', '"My Practice"', "practice.id", "lower-case"),
    ],
)
def test_a_mend_fits_its_mistake(folder, old, new, where, mend):
    """H-2: what is said about a mistake would mend it."""
    change(folder, old, new)
    _, findings = check(folder, "--offline")
    assert mend in next(f["mend"] for f in findings if f["where"] == where)


def test_a_key_that_is_missed_beside_its_trail_is_not_made_anew(folder):
    """S-10: a typo in state.key must not begin a second key, with which the trail could not be verified."""
    (folder / "state").mkdir()
    (folder / "state" / "audit.jsonl").write_text("{}\n")
    change(folder, "keys/host.key", "keys/hots.key")
    code, findings = check(folder, "--offline")
    assert code == 1
    assert "restore the key" in next(f["mend"] for f in findings if f["where"] == "state.key")
    assert not (folder / "keys" / "hots.key").exists()


def test_two_practices_in_one_folder(folder):
    """Never shared between practices: neither trail nor ledger."""
    (folder / "state").mkdir(exist_ok=True)
    (folder / "state" / "practice").write_text("another-one")
    code, findings = check(folder)
    wrong = next(f for f in findings if f["level"] == "error" and f["where"] == "state.folder")
    assert code
    assert "another practice" in wrong["text"]
    assert "folder of its own" in wrong["mend"]


def test_a_key_that_is_open_to_others(folder):
    """S-5: told with the command that mends it."""
    (folder / "keys" / "host.key").chmod(0o644)
    code, findings = check(folder)
    assert code
    mends = {f["mend"] for f in findings if f["where"] == "state.key"}
    assert mends == {f"chmod 600 {folder / 'keys' / 'host.key'}"}


def test_without_a_consent_plugin_it_says_what_goes_out_unasked(folder):
    """45 CFR 164.522(a)(1)(vi): claims need no consent, but a client who pays out of pocket may restrict them."""
    path = folder / "chartside.toml"
    change(folder, "enabled = true", "enabled = false")
    texts = []
    for more in ("", "\n[plugins.billing]\nenabled = true\n"):
        path.write_text(path.read_text() + more)
        (told,) = [f for f in check(folder, "--offline")[1] if f["where"] == "plugins.consent"]
        assert told["level"] == "warning"
        texts.append(told["text"])
    assert ["164.522(a)(1)(vi)" in text for text in texts] == [False, True]


def test_a_recipient_without_a_channel_is_told(folder):
    """Half of what a message needs: nothing would go out, and no error would say why."""
    entry = (
        '[outbound.gw]\nkind = "sms"\naddress = "127.0.0.1"\nlocal = true\ndata_classes = ["appointment"]\n'
    )
    change(folder, "[plugins.consent]", entry + "[plugins.consent]")
    _, findings = check(folder, "--offline")
    assert any(f["where"] == "channels.sms" and "[channels.sms]" in f["mend"] for f in findings)


def test_a_terminal_without_colours(folder, monkeypatch):
    """https://no-color.org: also on a terminal."""
    arguments = ["check", "--offline", "--config", str(folder / "chartside.toml")]
    for wanted, escape in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", wanted)
        done = CliRunner().invoke(build(arguments), arguments, color=True)
        assert ("\x1b[" in done.output) is escape


def test_what_is_always_on_is_listed_as_loaded(folder):
    """H-1: the list says what the host does."""
    done = call("plugins", "--json", "--config", str(folder / "chartside.toml"))
    status = {row["name"]: row["status"] for row in json.loads(done.stdout)}
    assert (status["adapters"], status["consent"], status["scheduling"]) == ("loaded", "loaded", "installed")


def test_running_a_plugin_that_is_off_names_it(folder):
    """Not "no such job": the mend is one line of the config."""
    done = call("run", "scheduling.reminders", "--config", str(folder / "chartside.toml"))
    assert "write `enabled = true` under [plugins.scheduling]" in str(done.exception)
