"""The host with its plugins: isolation, settings, jobs, pages, state (H-1, S-7, S-8)."""

from __future__ import annotations

import json
import sys
import textwrap
import threading
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from chartside import installed as listing
from chartside.cli import build
from chartside.config import ConfigErrors
from chartside.errors import ConfigError, UndeclaredAccess
from chartside.gate import gate
from chartside.gate.model import Action, DecisionRequest, Outcome
from chartside.serve import Runner, pages
from chartside.state import load_secret
from chartside.testing import host_for

TOML = """
[plugin]
name = "{name}"
title = "T"
api = 1
{settings}
[access]
{access}
"""

GOOD = """
from chartside import Job, JobReport, hookimpl
from starlette.responses import PlainTextResponse
from starlette.routing import Route
def run(context, options):
    report = JobReport(columns=("n",))
    report.counts["seen"] = sum(1 for _ in context.fhir.search("Appointment").matches())
    return report
class Plugin:
    @hookimpl
    def chartside_jobs(self):
        return [Job("count", "Counts.", run)]
    @hookimpl
    def chartside_routes(self, context):
        return [Route("/hello", lambda request: PlainTextResponse(context.plugin.name))]
plugin = Plugin()
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs a plugin besides those that are there."""
    real = listing.entry_points
    added = []
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(listing, "entry_points", lambda group: [*real(group), *added])

    def make(name, code=GOOD, access='Appointment = "rs"', settings=""):
        package = tmp_path / f"hosted_{name}"
        package.mkdir()
        (package / "__init__.py").write_text(textwrap.dedent(code))
        (package / "plugin.toml").write_text(TOML.format(name=name, access=access, settings=settings))
        added.append(EntryPoint(name, f"hosted_{name}:plugin", "chartside.plugins"))

    yield make
    for name in [n for n in sys.modules if n.startswith("hosted_")]:
        del sys.modules[name]


ON = {"enabled": True}


def test_a_job_runs_and_a_broken_one_does_not_stop_it(install, ehr, clock):
    """H-1: one that raises is set aside with its place, not its text; the others run."""
    install("good")
    install(
        "bad", GOOD.replace("report = JobReport", "raise RuntimeError('Jane Doe')\n    report = JobReport")
    )
    with host_for(ehr, clock, plugins={"bad": ON, "good": ON}) as host:
        broken = host.run("bad.count")
        assert broken.failed
        assert "RuntimeError" in broken.notes[0]
        assert "Jane" not in str(broken)
        assert host.run("good.count").counts["seen"] > 0
        assert host.plugins.found["bad"].status == "failed"


@pytest.mark.parametrize(
    "body",
    [
        "import sys; sys.exit(0)",
        "import time; time.sleep(30)",
        "return None",
        "raise BaseException('Jane Doe')",
    ],
)
def test_a_job_that_hangs_ends_the_process_or_reports_nothing(install, ehr, clock, body):
    """H-1: set aside and told; the next job has its turn."""
    install("good")
    limited = GOOD.replace(
        '"Counts.", run)', '"Counts.", run, limit=__import__("datetime").timedelta(seconds=0.5))'
    )
    install("bad", limited.replace("report = JobReport", f"{body}\n    report = JobReport"))
    told = {}
    with host_for(ehr, clock, plugins={"bad": ON, "good": ON}) as host:
        Runner(host, port=0, report=told.__setitem__).run_due()
        assert told["bad.count"].failed
        assert "set aside" in told["bad.count"].notes[0]
        assert "Jane" not in str(told)
        assert told["good.count"].counts["seen"] > 0
        assert host.plugins.loaded == ["adapters", "good"]


OVERDUE = """
import threading
from datetime import timedelta
from chartside import Job, JobReport, hookimpl
go, refused = threading.Event(), []
def run(context, options):
    go.wait(30)
    for ask in (
        lambda: context.fhir.search("Appointment"),
        lambda: context.fhir.execute([]) or context.fhir.read("Appointment", "1"),
        lambda: next(context.messages.deliver([])),
        lambda: context.outlet.recipient("era", "house", "claims"),
    ):
        try:
            ask()
        except Exception as error:
            refused.append(type(error).__name__)
    return JobReport()
class Plugin:
    @hookimpl
    def chartside_jobs(self):
        return [Job("late", "Is late.", run, limit=timedelta(seconds=0.01))]
plugin = Plugin()
"""


def test_a_job_past_its_limit_ends_at_its_next_step(install, ehr, clock, caplog):
    """H-1: it runs on in its thread, reads and sends nothing further, and no second run begins over it."""
    install("slow", OVERDUE)
    caplog.set_level("WARNING")
    with host_for(ehr, clock, plugins={"slow": ON}) as host:
        assert "set aside" in host.run("slow.late").notes[0]
        with pytest.raises(ConfigError, match="its plugin is set aside: slow: gave no answer within"):
            host.run("slow.late")
        [thread] = [each for each in threading.enumerate() if each.name == "plugin-slow"]
        module = sys.modules["hosted_slow"]
        module.go.set()
        thread.join(30)
        assert module.refused == ["JobOverdue"] * 4
        assert not any("Appointment" in path for _, path, _ in ehr.sandbox.seen)
    assert "slow.late, given up at its limit, has ended" in caplog.text


DECIDES = """
from chartside import hookimpl
class Plugin:
    @hookimpl
    def chartside_decide(self, context, requests):
        {body}
plugin = Plugin()
"""


@pytest.mark.parametrize(
    "body",
    [
        "import time; time.sleep(30)",
        "import sys; sys.exit(0)",
        "return [True] * len(requests)",
        "return []",
        "return 'permit'",
        "yield from ()",
    ],
)
def test_a_decider_that_hangs_or_talks_nonsense_denies(install, ehr, clock, monkeypatch, body):
    """Promise 3: no decision means no, whatever becomes of the decider."""
    monkeypatch.setattr(gate, "PATIENCE", 0.5)
    install("decider", DECIDES.format(body=body), settings="[features]\ndecides = true")
    with host_for(ehr, clock, plugins={"decider": ON}) as host:
        request = DecisionRequest("Patient/1", Action.READ, clock.now())
        assert [d.outcome for d in host.gate.decide([request])] == [Outcome.DENY]


def test_an_error_of_the_server_is_a_report_not_a_crash(install, ehr, clock):
    """H-4: typed and told; the plugin is not set aside for the EHR's fault."""
    install("good")
    with host_for(ehr, clock, plugins={"good": ON}) as host:
        assert host.route
        ehr.faults.add("403", path="/Appointment")
        report = host.run("good.count")
        assert report.failed
        assert report.notes[0].startswith("GET Appointment 403: not granted")
        assert host.plugins.found["good"].loaded


AWAY = {"base_url": "http://127.0.0.1:9/fhir"}
"""Nobody listens there."""


def test_a_server_that_is_away_holds_up_only_what_lives_there(install, ehr, clock):
    """H-1: a plugin whose records live in the EHR does not even ask the companion."""
    install("good")
    with host_for(ehr, clock, plugins={"good": ON}, companion=AWAY) as host:
        assert host.run("good.count").counts["seen"] > 0
        assert host.audit_home.name == "the EHR"
        assert host.ledger.home == "Communication in the EHR"
        assert str(host.route.rung("Task", "cs")) == "Task in the EHR"


def test_the_service_starts_while_the_ehr_is_away(install, ehr, clock):
    """H-1: after a power cut the host may be up before the EHR is; no plugin is set aside for that."""
    install("good")
    with host_for(replace(ehr, **AWAY), clock, plugins={"good": ON}) as host:
        client = TestClient(pages(host))
        assert client.get("/good/hello").text == "good"
        assert host.plugins.loaded == ["adapters", "good"]


def test_plugins_are_apart(install, ehr, clock):
    """S-7: each has its own client; one cannot use what only the other declares, nor be mistaken for it."""
    install("good")
    install("other", access='Patient = "rs"')
    with host_for(ehr, clock, plugins={"good": ON, "other": ON}) as host:
        one, two = host.context("good"), host.context("other")
        assert one.fhir is not two.fhir
        with pytest.raises(UndeclaredAccess, match="plugin other"):
            two.fhir.search("Appointment")
        assert two.fhir.search("Patient").first()
        with pytest.raises(UndeclaredAccess, match="plugin good"):
            one.fhir.search("Patient")


def test_settings_are_checked_by_the_plugins_own_model(install, ehr, clock):
    """H-2: a wrong key is named by its path; a plugin without settings takes none."""
    install("good")
    wrong = {"good": {**ON, "colour": "red"}}
    with (
        host_for(ehr, clock, plugins=wrong) as host,
        pytest.raises(ConfigErrors, match=r"plugins\.good\.colour"),
    ):
        host.context("good")


def test_what_is_not_enabled_is_not_to_be_had(ehr, clock):
    """No context, no job, no import of a plugin that the config does not enable."""
    with host_for(ehr, clock, plugins={}) as host:
        with pytest.raises(ConfigError, match="not enabled"):
            host.context("scheduling")
        with pytest.raises(ConfigError, match="no such job"):
            host.run("scheduling.reminders")
    with pytest.raises(ConfigErrors, match="not installed"), host_for(ehr, clock, plugins={"nobody": ON}):
        pass


def test_pages_are_mounted_under_the_plugins_name(install, ehr, clock):
    """Routes of a plugin stand under its own name; one that raises takes no other down."""
    install("good")
    install("bad", GOOD.replace("return [Route", "raise RuntimeError('x')\n        return [Route"))
    with host_for(ehr, clock, plugins={"good": ON, "bad": ON}) as host:
        client = TestClient(pages(host))
        assert client.get("/good/hello").text == "good"
        assert client.get("/bad/hello").status_code == 404


def test_the_runner_keeps_each_jobs_pace(install, ehr, clock):
    """`chartside serve`: due at once, then after `every`, not in between."""
    install("good")
    told = []
    with host_for(ehr, clock, plugins={"good": ON}) as host:
        runner = Runner(host, port=0, report=lambda name, report: told.append(name))
        runner.run_due()
        runner.run_due()
        assert told == ["good.count"]
        clock.advance(15 * 60)
        runner.run_due()
        assert told == ["good.count"] * 2


def test_the_secret_is_made_once_and_checked(tmp_path):
    """S-5: 0600, outside the data; a cut one is refused rather than taken for a new one."""
    path = tmp_path / "keys" / "host.key"
    first = load_secret(path)
    assert load_secret(path) == first
    assert len(first) == 32
    assert path.stat().st_mode & 0o077 == 0
    path.write_text(path.read_text()[:20])
    with pytest.raises(ConfigError, match="whole key"):
        load_secret(path)


def test_audit_commands(tmp_path, ehr):
    """`audit verify` finds a change, `audit for` gives an accounting; both need no EHR."""
    CliRunner().invoke(build(["init"]), ["init", str(tmp_path), "--ehr", ehr.base_url])
    config = str(tmp_path / "chartside.toml")
    assert CliRunner().invoke(build(["audit"]), ["audit", "verify", "--config", config]).exit_code == 0
    from datetime import UTC, datetime

    from chartside.audit import AuditRecord, Event, Trail

    trail = Trail(tmp_path / "state" / "audit.jsonl", load_secret(tmp_path / "keys" / "host.key"))
    facts = {"patient": "Patient/7", "recipient": "twilio", "purpose": "REMIND", "target": "Appointment/1"}
    trail.append(AuditRecord(Event.DISCLOSURE, "scheduling", datetime.now(UTC), **facts))
    done = CliRunner().invoke(
        build(["audit"]), ["audit", "for", "--patient", "7", "--config", config, "--json"]
    )
    [row] = json.loads(done.stdout)
    assert row["recipient"] == "twilio"
    path = tmp_path / "state" / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"twilio", b"nobody"))
    done = CliRunner().invoke(build(["audit"]), ["audit", "verify", "--config", config])
    assert done.exit_code == 1
    assert "CHANGED" in done.output
