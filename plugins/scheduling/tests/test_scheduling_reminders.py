"""The job end to end, on the sandbox EHR with its gateway (R-1, R-8, R-10, R-11, R-12, R-17)."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from chartside.jobs.model import JobOptions
from chartside.messaging.gateway import Gateway
from chartside.testing.hosts import host_for
from chartside_scheduling import trial
from chartside_scheduling.cli import app
from chartside_scheduling.people import TIMEZONE

pytestmark = pytest.mark.ehr(clients=0)

PLUGINS = {"consent": {"enabled": True}, "scheduling": {"enabled": True}}


class Desk:
    """An EHR with a few due visits, a gateway, and hosts that work on both."""

    def __init__(self, ehr, gateway, url, clock):
        self.ehr, self.gateway, self.url, self.clock = ehr, gateway, url, clock

    def fill(self, count):
        for resource in trial.clients(count, self.clock.now()):
            self.ehr.put(resource)

    def change(self, kind, resource_id, **changes):
        self.ehr.put(self.ehr.read(kind, resource_id) | changes)

    def host(self, **settings):
        entry = {"kind": "sms", "address": self.url, "local": True, "data_classes": ["appointment"]}
        channel = {"type": "gateway", "recipient": "gw", "url": self.url, "timeout": 2}
        plugins = PLUGINS | {"scheduling": {"enabled": True, **settings}}
        return host_for(
            self.ehr, self.clock, plugins=plugins, outbound={"gw": entry}, channels={"sms": channel}
        )

    def run(self, *, dry_run=False, **settings):
        with self.host(**settings) as host:
            report = host.run("scheduling.reminders", JobOptions(dry_run=dry_run))
        assert not report.failed, report.notes
        return report

    def outcomes(self, **options):
        return {row["client"]: (row["outcome"], row["why"]) for row in self.run(**options).rows}

    def texts(self):
        return [message.body for message in self.gateway.messages]


@pytest.fixture
def desk(ehr, clock):
    gateway = Gateway()
    with gateway.running() as url:
        yield Desk(ehr, gateway, url, clock)


def test_sent_recorded_and_not_again(desk):
    """R-10, R-12: each once; the EHR's record names visit, client, channel, template; no text, no number."""
    desk.fill(3)
    report = desk.run()
    assert report.counts == {"sent": 3, "due": 3}
    assert desk.run().counts == {"already sent": 3, "due": 3}
    records = desk.ehr.all("Communication")
    assert len(records) == len(desk.texts()) == 3
    record = next(r for r in records if r["about"] == [{"reference": "Appointment/due00001"}])
    assert (record["status"], record["subject"]["reference"]) == ("completed", "Patient/r00001")
    assert record["payload"] == [{"contentString": "reminder.sms.en"}]
    assert record["medium"][0]["coding"][0]["code"] == "SMSWRIT"
    assert record["sent"]
    assert "your appointment" not in json.dumps(records)
    for message in desk.gateway.messages:  # whole numbers: three digits alone may stand in any hash
        assert message.to.removeprefix("+1") not in re.sub(r"[ ().-]", "", json.dumps(records))
    assert [a["status"] for a in desk.ehr.all("Appointment")] == ["booked"] * 3, (
        "R-13: never a sign of a reminder"
    )


def test_a_note_on_the_visit_is_no_reason_to_write_again_but_a_new_time_is(desk):
    """R-10: the version of an appointment is its id and start. R-3: one message a day for each number, over runs."""
    desk.fill(1)
    with desk.host() as host:  # one practice's key names its numbers

        def outcome():
            [row] = host.run("scheduling.reminders").rows
            return row["outcome"], row["why"]

        assert outcome() == ("sent", "")
        desk.change("Appointment", "due00000", comment="wants the blue room")
        assert outcome() == ("already sent", "")
        later = (desk.clock.now() + timedelta(hours=43)).isoformat()
        desk.change("Appointment", "due00000", start=later, end=later)
        desk.clock.advance(timedelta(hours=20))
        assert outcome() == ("held back", "quiet hours until 11-25 09:00")
        desk.change("Patient", "r00000", extension=[{"url": TIMEZONE, "valueCode": "America/Anchorage"}])
        desk.clock.advance(timedelta(hours=3))
        assert outcome() == ("held back", "quiet hours until 11-25 13:00")
        desk.change("Patient", "r00000", extension=[{"url": TIMEZONE, "valueCode": "America/New_York"}])
        assert outcome() == ("sent", "")
        soon = (desk.clock.now() + timedelta(hours=19)).isoformat()
        desk.change("Appointment", "due00000", start=soon, end=soon)
        assert outcome() == ("held back", "enough messages to this number for now")
    assert len(desk.texts()) == 2


def test_both_steps_come_one_by_one(desk):
    """R-1: 72 hours before, then 24 hours before, one message each."""
    start = desk.clock.now() + timedelta(hours=72)
    for resource in trial.clients(1, desk.clock.now()):
        desk.ehr.put(resource | ({"start": start.isoformat()} if "start" in resource else {}))
    seen = []
    for _ in range(6):
        seen += [(row["step"], row["outcome"]) for row in desk.run().rows if row["outcome"] == "sent"]
        desk.clock.advance(timedelta(hours=12))
    assert seen == [("72h", "sent"), ("24h", "sent")]


def test_why_each_is_held_back(desk):
    """R-8, R-11, fail closed: every reason is told, nothing goes out, and a dry run says the same."""
    desk.fill(9)
    desk.change("Consent", "r00008-texts", status="draft")
    desk.change("Appointment", "due00000", status="cancelled")
    desk.change("Patient", "r00001", telecom=[])
    desk.change("Patient", "r00002", deceasedBoolean=True)
    desk.change("Patient", "r00003", birthDate="2015-01-01")
    desk.change("Patient", "r00004", extension=[{"url": TIMEZONE, "valueCode": "Pacific/Honolulu"}])
    desk.change("Consent", "r00005-texts", status="inactive")
    desk.change("Consent", "r00006-texts", provision={"type": "deny"})
    desk.change("Appointment", "due00007", start="2026-11-24T16:00:00Z")  # too short notice: not due at all
    expected = {
        "r00000": ("held back", "cancelled"),
        "r00001": ("held back", "no mobile number or e-mail address"),
        "r00002": ("held back", "deceased"),
        "r00003": ("held back", "minor: no guardian contact"),
        "r00004": ("held back", "quiet hours until 11-24 14:00"),
        "r00005": ("held back", "opted out"),
        "r00008": ("held back", "no consent"),
        "r00006": ("held back", "opted out"),
    }
    assert desk.outcomes(dry_run=True) == expected
    assert desk.outcomes() == expected
    assert desk.texts() == []


def test_a_minor_is_reached_through_the_guardian(desk):
    """The guardian's number, the guardian as recipient, the minor as subject."""
    desk.fill(1)
    desk.change("Patient", "r00000", birthDate="2015-01-01")
    desk.ehr.put(
        {
            "resourceType": "RelatedPerson",
            "id": "g1",
            "patient": {"reference": "Patient/r00000"},
            "relationship": [
                {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}
            ],
            "telecom": [{"system": "phone", "value": "+1 518 555 0177", "use": "mobile"}],
        }
    )
    assert desk.run().counts["sent"] == 1
    [record] = desk.ehr.all("Communication")
    assert record["recipient"] == [{"reference": "RelatedPerson/g1"}]
    assert record["subject"] == {"reference": "Patient/r00000"}
    assert desk.gateway.messages[0].to == "+15185550177"


@pytest.mark.ehr(clients=0, absent=frozenset({"RelatedPerson"}))
def test_an_ehr_without_guardians(desk):
    """H-4: one minor among the clients, and the others are reminded all the same."""
    desk.fill(2)
    desk.change("Patient", "r00000", birthDate="2015-02-03")
    report = desk.run()
    assert report.counts == {"sent": 1, "held back: minor: no guardian contact": 1, "due": 2}
    assert any("RelatedPerson" in note for note in report.notes)


@pytest.mark.ehr(clients=0, no_include=True, unknown_parameter="refuse")
def test_an_ehr_that_includes_nothing(desk):
    """testing.md: one that lacks `_include` refuses a search that asks for it."""
    desk.fill(2)
    assert desk.run().counts == {"sent": 2, "due": 2}


def test_a_dry_run_sends_and_writes_nothing_and_knows_what_was_sent(desk):
    """--dry-run: who would get what; afterwards, that they have got it."""
    desk.fill(2)
    before = len(desk.ehr.sandbox.seen)
    assert desk.run(dry_run=True).counts == {"would be sent": 2, "due": 2}
    assert {method for method, _, _ in desk.ehr.sandbox.seen[before:]} == {"GET"}
    assert desk.texts() == []
    desk.run()
    assert desk.run(dry_run=True).counts == {"already sent": 2, "due": 2}


def test_the_undecided_become_one_task_for_the_staff(desk):
    """R-10: the provider cannot tell, so a person looks: one Task however often the job runs."""
    desk.fill(2)
    desk.gateway.fault, desk.gateway.blind = (lambda n: "cut-after" if n == 0 else ""), True
    assert sum(c for what, c in desk.run().counts.items() if what.startswith("undecided")) == 1
    assert desk.ehr.all("Task") == [], "it may still be on its way"
    for _ in range(3):
        desk.clock.advance(600)
        report = desk.run()
    assert report.counts["undecided: the provider cannot tell"] == 1
    [task] = desk.ehr.all("Task")
    assert task["focus"]["reference"].startswith("Appointment/due")
    assert len(desk.texts()) == 2


def test_what_was_begun_and_is_no_longer_due_is_listed(desk):
    """R-10: none is lost, also when the visit has passed meanwhile."""
    desk.fill(1)
    desk.gateway.fault, desk.gateway.blind = (lambda _n: "cut-after"), True
    desk.run()
    desk.clock.advance(timedelta(hours=21))
    report = desk.run()
    assert report.counts["undecided: no longer due"] == 1
    assert len(desk.ehr.all("Task")) == 1


def test_one_garbled_visit_does_not_stop_the_rest(desk):
    """H-4: set aside by its id; the others go out."""
    desk.fill(2)
    desk.change("Appointment", "due00000", participant=[])
    report = desk.run()
    assert report.set_aside == ["Appointment/due00000: no client takes part"]
    assert report.counts["sent"] == 1


@pytest.mark.ehr(clients=0, all_read_only=True)
def test_an_ehr_that_takes_nothing(desk):
    """R-10: the opaque local ledger; once each within the host's life, and who runs again finds it."""
    desk.fill(2)
    with desk.host() as host:
        assert host.run("scheduling.reminders").counts["sent"] == 2
        assert host.run("scheduling.reminders").counts["already sent"] == 2
    assert len(desk.texts()) == 2


def test_the_check_names_a_telling_text(desk):
    """R-2: `chartside check` tells what is wrong with a practice's own text."""
    with desk.host(texts={"sms.en": "{{ practice }}: psychotherapy {{ day }} {{ time }}"}) as host:
        problems = host.plugins.call("chartside_check", "scheduling", context=host.context("scheduling"))
        assert any("psychotherapy" in problem for problem in problems)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_telling_text_is_not_sent(desk, dry_run):
    """R-2: a practice's own texts are held to the rules also where nobody ran the check."""
    desk.fill(1)
    with desk.host(texts={"sms.en": "{{ practice }}: your therapy is {{ day }} at {{ time }}."}) as host:
        report = host.run("scheduling.reminders", JobOptions(dry_run=dry_run))
    assert report.failed
    assert any("'therapy' tells what kind of care" in note for note in report.notes)
    assert desk.texts() == []


@pytest.mark.ehr(search={"Appointment": frozenset({"patient"})}, unknown_parameter="refuse")
def test_an_ehr_that_finds_appointments_by_patient_only(desk):
    """Seen in the field: the check says it, and a run ends with the server's word, not with a crash."""
    desk.fill(1)
    with desk.host() as host:
        problems = host.plugins.call("chartside_check", "scheduling", context=host.context("scheduling"))
        report = host.run("scheduling.reminders")
    assert any("by date" in problem for problem in problems)
    assert report.failed
    assert report.notes[0].startswith("GET Appointment 400: ")


@pytest.mark.parametrize("count", [200, 800])
@pytest.mark.ehr(clients=0)
def test_cost_is_that_of_what_is_due(desk, count):
    """Linear in due reminders, not in all appointments: the same requests, however full the calendar is."""
    desk.fill(5)
    now = desk.clock.now()
    desk.ehr.sandbox.store.bulk(
        trial.visit(f"far{n:05d}", n % 5, now + timedelta(days=5 + n % 60, minutes=n)) for n in range(count)
    )
    before = len(desk.ehr.sandbox.seen)
    assert desk.run().counts["sent"] == 5
    assert len(desk.ehr.sandbox.seen) - before <= 20


# --- command line ------------------------------------------------------------------------------------------


def test_texts_needs_no_config():
    """The texts with their longest values, without an EHR."""
    result = CliRunner().invoke(app, ["texts", "--json"])
    assert result.exit_code == 0
    shown = {each["id"]: each for each in json.loads(result.stdout)}
    assert all(each["problems"] == [] for each in shown.values())
    assert shown["reminder.sms.es"]["length"] <= 160
    assert "STOP" in CliRunner().invoke(app, ["texts"]).stdout


def test_preview(tmp_path):
    """The dry run on the command line; names only on a terminal."""
    from chartside.sandbox import Sandbox

    sandbox = Sandbox()
    sandbox.store.bulk(trial.clients(2, trial.NOW))
    with trial.world(tmp_path, sandbox, Gateway()) as world:
        result = CliRunner().invoke(app, ["preview", "--json", "--config", str(world.config)])
        assert result.exit_code == 0, result.output
        assert set(json.loads(result.stdout)) == {"rows", "counts", "set_aside", "notes"}
        refused = CliRunner().invoke(app, ["preview", "--show-names", "--config", str(world.config)])
        assert refused.exit_code == 2
        assert trial.FAMILY not in refused.output
    sandbox.close()
