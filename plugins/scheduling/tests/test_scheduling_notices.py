"""Cancelled visits (R-20): the e-mail that takes the calendar entry back, over a real SMTP server."""

from __future__ import annotations

import socket
from datetime import timedelta

import icalendar
import pytest
from aiosmtpd.controller import Controller

from chartside.codes import CONSENT_TYPE_SYSTEM, ConsentType, concept
from chartside.errors import Forbidden
from chartside.fhir import search as searching
from chartside.jobs.model import JobOptions, JobReport
from chartside.messaging.mailbox import Mailbox
from chartside.testing.hosts import host_for
from chartside_scheduling import trial
from chartside_scheduling.planning import Plan

pytestmark = pytest.mark.ehr(clients=0)

MAIL = {"kind": "email", "local": True, "data_classes": ["contact", "appointment"]}
SETTINGS = {"channels": ["email"], "by_type": {"intake": [60]}}
PLUGINS = {"consent": {"enabled": True}, "scheduling": {"enabled": True, **SETTINGS}}


class Keeper:
    """Inside of the mail server."""

    def __init__(self):
        self.box = Mailbox()

    async def handle_DATA(self, server, session, envelope):
        self.box.take(envelope.content)
        return "250 kept"


class Desk:
    """Two clients with e-mail addresses and visits three days ahead, and one host on their EHR."""

    def __init__(self, ehr, clock, host, mails):
        self.ehr, self.clock, self.host, self.mails = ehr, clock, host, mails

    def fill(self):
        email = concept(CONSENT_TYPE_SYSTEM, ConsentType.UNENCRYPTED_EMAIL)
        start = (self.clock.now() + timedelta(hours=71.5)).isoformat()
        for resource in trial.clients(2, self.clock.now()):
            telecom = [{"system": "email", "value": f"{resource['id']}@example.org"}]
            changes = {
                "Patient": {"telecom": telecom},
                "Consent": {"category": [email]},
                "Appointment": {"start": start, "end": start},
            }
            self.ehr.put(resource | changes[resource["resourceType"]])

    def change(self, kind, resource_id, **changes):
        self.ehr.put(self.ehr.read(kind, resource_id) | changes)

    def cancel(self, hours=23.2):
        """By default the next morning."""
        self.clock.advance(timedelta(hours=hours))
        self.change("Appointment", "due00000", status="cancelled")

    def outcomes(self, *, dry_run=False):
        report = self.host.run("scheduling.reminders", JobOptions(dry_run=dry_run))
        assert not report.failed, report.notes
        return {(r["client"], r["step"]): (r["outcome"], r["why"]) for r in report.rows}


@pytest.fixture
def desk(ehr, clock):
    keeper = Keeper()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(keeper, hostname="127.0.0.1", port=port)
    server.start()
    channel = {
        "type": "smtp",
        "recipient": "mail",
        "host": "127.0.0.1",
        "port": port,
        "sender": "desk@example.org",
        "security": "none",
    }
    try:
        tables = {
            "outbound": {"mail": MAIL | {"address": f"smtp://127.0.0.1:{port}"}},
            "channels": {"email": channel},
        }
        with host_for(ehr, clock, plugins=PLUGINS, **tables) as host:
            made = Desk(ehr, clock, host, keeper.box.mails)
            made.fill()
            yield made
    finally:
        server.stop()


NOTICE, REMINDER = ("r00000", "cancelled"), ("r00000", "72h")


def event(mail):
    [file] = mail.iter_attachments()
    calendar = icalendar.Calendar.from_ical(file.get_content())
    assert file["Content-Type"].params["method"] == calendar["METHOD"]
    [found] = calendar.walk("VEVENT")
    return str(calendar["METHOD"]), str(found["UID"]), int(found["SEQUENCE"]), str(found["SUMMARY"])


def test_the_calendar_entry_is_taken_back_once(desk):
    """R-20: METHOD CANCEL, the same UID, a higher SEQUENCE, neutral words; once; the visit's own row stays."""
    desk.outcomes()
    reminder = next(m for m in desk.mails if m["To"] == "r00000@example.org")
    desk.cancel()
    expected = {NOTICE: ("would be sent", ""), REMINDER: ("held back", "cancelled")}
    assert desk.outcomes(dry_run=True).items() >= expected.items()
    assert len(desk.mails) == 2
    assert desk.outcomes()[NOTICE] == ("sent", "")
    [_, _, mail] = desk.mails
    assert mail["To"] == "r00000@example.org"
    before, after = event(reminder), event(mail)
    assert (before[0], after[0], after[3]) == ("REQUEST", "CANCEL", "Cita")
    assert after[1] == before[1]
    assert after[2] > before[2]
    assert "fue cancelada" in mail.get_body(("plain",)).get_content()
    again = {NOTICE: ("already sent", ""), REMINDER: ("held back", "cancelled")}
    for dry_run in (True, False):
        assert desk.outcomes(dry_run=dry_run).items() >= again.items()
    desk.clock.advance(timedelta(hours=25))
    assert desk.outcomes()[NOTICE] == ("already sent", "")
    assert [m["To"] for m in desk.mails].count("r00000@example.org") == 2


def test_nothing_is_told_where_no_reminder_went_out(desk):
    """R-20: who has no entry in the calendar gets no mail about it."""
    desk.change("Appointment", "due00000", status="cancelled")
    assert NOTICE not in desk.outcomes()
    desk.cancel()
    assert desk.outcomes().keys() == {("r00000", "72h"), ("r00001", "72h")}
    assert [m["To"] for m in desk.mails] == ["r00001@example.org"]


def test_a_visit_between_two_steps(desk):
    """R-20: it is searched for with the others; it has no reminder's row, since none is due."""
    desk.outcomes()
    desk.cancel(26)
    assert desk.outcomes() == {NOTICE: ("sent", "")}


def test_a_reminder_that_was_begun_only_is_none(desk):
    """R-20: the EHR's record must say that it was completed."""
    desk.outcomes()
    for record in desk.ehr.all("Communication"):
        desk.ehr.put(record | {"status": "not-done"})
    desk.cancel()
    assert NOTICE not in desk.outcomes()


def test_records_that_cannot_be_looked_up(desk, monkeypatch):
    """R-20: the search for them fails, so nothing is known and nothing is told; the rest is as ever."""
    read_page, asked = searching.read_page, []

    def faulty(*given):
        if given[1] == "Communication":
            asked.append(given)
            raise Forbidden("403", method="GET", resource_type="Communication", status=403)
        return read_page(*given)

    desk.outcomes()
    desk.cancel()
    monkeypatch.setattr(searching, "read_page", faulty)
    plan = Plan(desk.host.context("scheduling"), JobReport())
    assert [intent.parts[-1] for intent in plan.intents()] == ["72h", "72h"]
    assert len(asked) == 1


@pytest.mark.ehr(clients=0, all_read_only=True)
def test_an_ehr_that_keeps_no_records(desk):
    """R-20: nobody can say whether a reminder went out, so nothing is sent, and the run is as ever."""
    desk.outcomes()
    desk.cancel()
    assert desk.outcomes()[REMINDER] == ("held back", "cancelled")
    assert len(desk.mails) == 2


def test_consent_that_was_revoked_since(desk):
    """R-20, C-5: the gate is asked as for a reminder."""
    desk.outcomes()
    desk.cancel()
    desk.change("Consent", "r00000-texts", status="inactive")
    assert desk.outcomes()[NOTICE] == ("held back", "opted out")
    assert len(desk.mails) == 2


def test_no_cap_holds_it_up(desk):
    """R-3, R-20: the reminder went out an hour ago, and the entry in the calendar is wrong now."""
    desk.outcomes()
    desk.cancel(1)
    assert desk.outcomes(dry_run=True)[NOTICE] == ("would be sent", "")
    assert desk.outcomes()[NOTICE] == ("sent", "")
    assert event(desk.mails[2])[0] == "CANCEL"
    assert desk.outcomes()[NOTICE] == ("already sent", "")
    assert len(desk.mails) == 3


def test_the_hours_hold(desk):
    """R-8: as for a reminder; it goes out as soon as they are over."""
    desk.outcomes()
    desk.cancel(12)
    assert desk.outcomes()[NOTICE] == ("held back", "quiet hours until 11-25 09:00")
    assert len(desk.mails) == 2
    desk.clock.advance(timedelta(hours=11))
    assert desk.outcomes()[NOTICE] == ("sent", "")


@pytest.mark.parametrize("hours", [47, 71])
def test_no_step_is_near(desk, hours):
    """R-20: between two steps, and half an hour before the visit, where no reminder would be of use."""
    desk.outcomes()
    desk.cancel(hours)
    assert desk.outcomes() == {NOTICE: ("sent", "")}


def test_booked_again_at_the_last_moment(desk):
    """R-11: what is read again at the moment of sending decides; a later cancellation is told all the same."""
    desk.outcomes()
    desk.cancel()
    context = desk.host.context("scheduling")
    plan = Plan(context, JobReport())
    [notice] = [intent for intent in plan.intents() if intent.parts[-1] == "cancelled"]
    assert plan.recheck([notice]) == [""]
    desk.change("Appointment", "due00000", status="booked")
    assert plan.recheck([notice]) == ["booked again"]
    [held] = context.messages.deliver([notice], plan.recheck)
    assert (held.status.value, held.reason) == ("held back", "booked again")
    desk.change("Appointment", "due00000", status="cancelled")
    assert desk.outcomes()[NOTICE] == ("sent", "")
