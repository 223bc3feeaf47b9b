"""Commands as IT staff meet them: keys that go for good, services that end in order, folders that cannot be written."""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chartside import __version__
from chartside.cli import _OneLine, build
from chartside.commands import show
from chartside.config import load
from chartside.errors import ChartsideError
from chartside.messaging.gateway import Gateway
from chartside.sandbox import Sandbox
from chartside_scheduling import trial


def call(*arguments, **more):
    return CliRunner().invoke(build(arguments), list(arguments), **more)


def chartside(*arguments, **more):
    return subprocess.Popen([sys.executable, "-m", "chartside.cli", *arguments], text=True, **more)


def private_keys(folder):
    """Every file below the folder in which the private part of a JWK stands."""
    return [p for p in folder.rglob("*") if p.is_file() and b'"d":' in p.read_bytes()]


@pytest.mark.slow
def test_a_practice_that_leaves_keeps_no_key(tmp_path):
    """S-22: afterwards no private key stands anywhere; nothing goes without being asked."""
    assert call("init", str(tmp_path)).exit_code == 0
    config = ("--config", str(tmp_path / "chartside.toml"))
    assert len(private_keys(tmp_path)) == 2
    assert call("keys", "delete", "--all", *config, input="n\n").exit_code != 0
    assert call("keys", "delete", "no-such-key", "--yes", *config).exit_code != 0
    assert len(private_keys(tmp_path)) == 2
    assert call("keys", "delete", "--all", "--yes", *config).exit_code == 0
    assert private_keys(tmp_path) == []


def test_one_key_can_go(tmp_path):
    """S-22: a key that was seen by others is deleted by its id, the other stays."""
    call("init", str(tmp_path))
    gone = private_keys(tmp_path)[0]
    kid = gone.name.removesuffix(".key.json")
    done = call("keys", "delete", "--yes", "--config", str(tmp_path / "chartside.toml"), "--", kid)
    assert done.exit_code == 0, done.output
    assert len(private_keys(tmp_path)) == 1
    assert not gone.exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_in_order(tmp_path, how):
    """A service manager's SIGTERM, and Ctrl-C: the job under way is ended, the status is 0."""
    sandbox, gateway = Sandbox(), Gateway()
    sandbox.store.bulk(trial.clients(3, trial.NOW))
    with trial.world(tmp_path, sandbox, gateway) as world:
        process = chartside("serve", "--config", str(world.config), "--port", "0", stdout=subprocess.PIPE)
        lines = [process.stdout.readline()]
        while "running" not in lines[-1] and lines[-1]:
            lines.append(process.stdout.readline())
        process.send_signal(how)
        rest, _ = process.communicate(timeout=60)
    sandbox.close()
    assert process.returncode == 0, (lines, rest)
    assert "ending" in "".join([*lines, rest])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/version").exists(), reason="needs /proc, which nobody can write")
def test_a_folder_that_cannot_be_written_is_told_not_traced():
    """No traceback at a user."""
    process = chartside("init", "/proc/chartside", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("error: ")
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["no/such/folder/x.db", "text.db", "folder"])
def test_a_sandbox_file_that_cannot_be_used_is_told(tmp_path, wrong):
    """No traceback at a user, and what stands there is not touched."""
    (tmp_path / "text.db").write_text("a letter to somebody, no database at all" * 50)
    (tmp_path / "folder").mkdir()
    process = chartside(
        "sandbox",
        "--file",
        str(tmp_path / wrong),
        "--port",
        "0",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cannot be used" in errors
    assert "Traceback" not in errors
    assert "letter" in (tmp_path / "text.db").read_text()


@pytest.mark.parametrize(("option", "value"), [("--clients", "-5"), ("--port", "99999")])
def test_impossible_numbers_are_told(option, value):
    done = call("sandbox", option, value)
    assert done.exit_code == 2
    assert option in done.output


def test_what_a_server_sent_does_not_steer_the_terminal(capsys):
    """S-19: no escape sequence, no second line, no reversed text, in a table, a line or a log record."""
    bad = "Appointment/1\x1b[2J\r\nsent: 99\u202egnp"
    show.table(["a"], [[bad]])
    show.line(bad)
    record = logging.LogRecord("chartside", logging.INFO, "", 0, "%s", (bad,), None)
    shown = capsys.readouterr().out + _OneLine("%(message)s").format(record)
    assert "\x1b[2J" not in shown
    assert "\u202e" not in shown
    assert not any(line.startswith("sent: 99") for line in shown.splitlines())


@pytest.mark.slow
def test_the_sandbox_asks_for_a_log_in_by_registered_keys(tmp_path):
    """S-3: `init`, `sandbox --jwks`, `check` go through with real keys, and name the scope that is not granted."""
    call("init", str(tmp_path / "trial"), "--ehr", "http://127.0.0.1:8080/fhir")
    config = tmp_path / "trial" / "chartside.toml"
    given = ["--jwks", str(tmp_path / "trial" / "jwks-ES384.json"), "--client-id", "ours", "--port", "0"]
    for scopes, lacks in (("system/*.cruds", False), ("system/Appointment.rs", True)):
        process = chartside("sandbox", "--clients", "0", "--scopes", scopes, *given, stdout=subprocess.PIPE)
        try:
            url = process.stdout.readline().split()[0]
            text = re.sub(r'base_url = "[^"]*"', f'base_url = "{url}"', config.read_text("utf-8"))
            config.write_text(re.sub(r'client_id = "[^"]*"', 'client_id = "ours"', text), "utf-8")
            shown = call("check", "--config", str(config)).output
        finally:
            process.terminate()
            process.wait(20)
        assert ("system/Consent" in shown) is lacks, shown


@pytest.mark.slow
def test_a_file_that_holds_no_keys_is_told(tmp_path):
    (tmp_path / "keys.json").write_text('{"keys": 3}')
    for name in ("keys.json", "absent.json"):
        process = chartside("sandbox", "--jwks", str(tmp_path / name), stderr=subprocess.PIPE)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 2
        assert errors.startswith("error: --jwks: ")


def test_the_version_is_told():
    """As users ask any program for it."""
    done = call("--version")
    assert (done.exit_code, done.output) == (0, f"chartside {__version__}\n")


def test_the_example_of_a_new_plugin_names_its_extra():
    """The terminal's markup would take the brackets for its own."""
    done = call("plugin", "new", "--help", env={"COLUMNS": "200"})
    assert "'chartside[test]'" in done.output


@pytest.mark.parametrize("given", [("--ehr", "ehr.example.org"), ("--client-id", "")])
def test_init_writes_nothing_that_check_refuses(tmp_path, given):
    """A slip is told at once, before there is a folder with keys."""
    folder = tmp_path / "new"
    done = call("init", str(folder), *given)
    assert isinstance(done.exception, ChartsideError)
    assert not folder.exists()


def test_init_takes_any_client_id(tmp_path, monkeypatch):
    """Quotes and line ends do not break the file."""
    monkeypatch.setattr("chartside.commands.setup.ALGORITHMS", ("ES384",))  # an RSA key takes a second
    done = call("init", str(tmp_path), "--client-id", 'a"b\nc')
    assert done.exit_code == 0
    assert load(tmp_path / "chartside.toml").ehr.auth.client_id == 'a"b\nc'
