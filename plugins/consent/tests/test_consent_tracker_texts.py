"""Opt-outs by text, with the real message service and gateway (R-4 to R-7, R-11), and what the gate lets pass then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chartside.codes import ConsentType, MessageCategory
from chartside.gate.model import Action, DecisionRequest
from chartside.messaging import gsm7
from chartside.messaging.model import Intent, Rendered, Status, Way
from chartside_consent.optout import Kind, Reply
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel
from chartside_consent.texting import TEXTS, WINDOW, Inbound, on_text, template

NOON = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


@pytest.fixture
def client(tracker, sign):
    """A client with a text consent, at noon: hours in which texts may go out."""
    tracker.clock.set(NOON)
    patient = tracker.new()
    record(tracker.context, sign("text-messages", patient, NOON - timedelta(days=9)))
    return patient


def number(patient):
    return f"+1518555{int(patient.rpartition('t')[2]) + 100:04d}"


def texted(tracker, patient, text, id="m1", **more):
    return on_text(tracker.context, Inbound(patient, text, number(patient), id, tracker.clock.now()), **more)


def sent(tracker, patient):
    return [message.body for message in tracker.gateway.messages if message.to == number(patient)]


def reminder(tracker, patient, step="24h"):
    return Intent(
        parts=("reminder", f"Appointment/{patient[8:]}", "2026-11-25T15:00:00+00:00", step),
        patient=patient,
        ways=(
            Way("sms", number(patient), ("America/New_York",), lambda: Rendered("Your visit", template="t")),
        ),
        until=tracker.clock.now() + timedelta(hours=3),
        category=MessageCategory.REMINDER,
        purpose="REMIND",
        location="NY",
    )


def remind(tracker, patient, recheck=None, step="24h"):
    messages = tracker.host.context("scheduling").messages
    return next(iter(messages.deliver([reminder(tracker, patient, step)], recheck)))


def test_stop_is_honoured_at_once_and_confirmed_once(tracker, client):
    """R-4, R-5: revoked, one confirmation without marketing, nothing further."""
    assert remind(tracker, client).status is Status.SENT
    answered = texted(tracker, client, "STOP")
    assert answered.revoked.status == "revoked"
    assert answered.confirmation == "sent"  # though the reminder has used up the day's cap
    assert sent(tracker, client)[1].startswith("Larkspur Counseling: you are opted out")
    assert remind(tracker, client, step="72h").status is Status.HELD
    for id in ("m1", "m2", "m3"):  # delivered twice; said again
        again = texted(tracker, client, "STOP", id)
        assert again.revoked.status == "already"
    assert len(sent(tracker, client)) == 2
    assert not tracker.tasks(client)


def test_the_confirmation_goes_within_five_minutes_or_not_at_all(tracker, client):
    """R-5: 47 CFR 64.1200(a)(12)."""
    inbound = Inbound(client, "stop", number(client), "m1", tracker.clock.now())
    tracker.clock.advance(WINDOW + timedelta(seconds=1))
    answered = on_text(tracker.context, inbound)
    assert answered.revoked.status == "revoked"
    assert answered.confirmation.startswith("held back")
    assert not sent(tracker, client)


def test_the_permit_for_a_confirmation_is_for_nothing_else(tracker, client):
    """R-5: only the confirmation, only for five minutes, only after a text, only for this client."""
    now = tracker.clock.now()

    def permitted(at, patient=client, **more):
        asked = DecisionRequest(patient, Action.SMS, at, **{"category": "opt-out", "location": "NY", **more})
        return tracker.context.decide([asked])[0].permitted

    other = tracker.new()
    texted(tracker, client, "stop")
    assert permitted(now)
    assert permitted(now + WINDOW)
    assert not permitted(now + WINDOW + timedelta(seconds=1))
    assert not permitted(now - timedelta(seconds=1))
    assert not permitted(now, category="reminder")
    assert not permitted(now, patient=other)
    by_phone = tracker.new()
    revoke(tracker.context, Revocation(by_phone, Channel.PHONE, now, ConsentType.TEXT_MESSAGES))
    assert not permitted(now, patient=by_phone)


def test_a_bare_cancel_is_an_opt_out_with_a_task(tracker, client):
    """R-7: honoured by law; one clarifying text; the staff asks whether the visit was meant."""
    answered = texted(tracker, client, "Cancel")
    assert answered.reply.kind is Kind.CANCEL
    assert answered.revoked.status == "revoked"
    [text] = sent(tracker, client)
    assert "To cancel a visit please call" in text
    [task] = tracker.tasks(client)
    assert task["priority"] == "urgent"
    assert "CANCEL" in task["description"]
    texted(tracker, client, "Cancel")
    assert len(tracker.tasks(client)) == 1
    assert len(sent(tracker, client)) == 1


def test_what_is_not_sure_is_asked(tracker, client):
    """R-7: "cancel my appointment Tuesday" revokes nothing: one text that says how, once a day, and a Task."""
    answered = texted(tracker, client, "cancel my appointment Tuesday")
    assert answered.reply.kind is Kind.CLARIFY
    assert answered.revoked is None
    texted(tracker, client, "why did you stop texting me", "m2")
    assert len(sent(tracker, client)) == 1
    assert "reply STOP" in sent(tracker, client)[0]
    assert len(tracker.tasks(client)) == 2
    tracker.clock.advance(timedelta(days=1))
    assert remind(tracker, client).status is Status.SENT


def test_one_category_by_text(tracker, client):
    """R-6: reminders end, other texts stay; the answer says how to end them all."""
    answered = texted(tracker, client, "please stop the reminders")
    assert answered.reply.category is MessageCategory.REMINDER
    assert answered.confirmation == "sent"
    assert "no more texts of this kind" in sent(tracker, client)[0]
    assert remind(tracker, client).reason == "opted out"
    billing = DecisionRequest(client, Action.SMS, NOON, purpose="HPAYMT", category="billing", location="NY")
    assert tracker.context.decide([billing])[0].permitted


def test_danger_is_no_opt_out(tracker, client):
    """R-19: words that sound like danger go to a person at once; no program answers."""
    answered = texted(tracker, client, "I want to end it all")
    assert answered.reply.kind is Kind.DANGER
    assert answered.revoked is None
    assert not sent(tracker, client)
    [task] = tracker.tasks(client)
    assert task["priority"] == "stat"
    assert "end it all" not in task["description"]


def test_at_night_it_counts_and_is_not_confirmed(tracker, client):
    """R-5, R-8: the opt-out holds at once; the quiet hours hold for its confirmation, too."""
    tracker.clock.set(datetime(2026, 11, 25, 4, 0, tzinfo=UTC))
    answered = texted(tracker, client, "STOP")
    assert answered.revoked.status == "revoked"
    assert answered.confirmation == "held back: quiet hours"
    assert not sent(tracker, client)


def test_a_dry_run_changes_nothing(tracker, client):
    """--dry-run."""
    answered = texted(tracker, client, "STOP", dry_run=True)
    assert answered.revoked.status == "would"
    assert remind(tracker, client).status is Status.SENT


def test_other_texts_are_left_alone(tracker, client):
    """R-4: "I'll stop by at 5"."""
    assert texted(tracker, client, "I'll stop by at 5").reply.kind is Kind.NOTHING
    assert not sent(tracker, client)
    assert not tracker.tasks(client)


def test_revoked_between_decision_and_sending_is_not_sent(tracker, client):
    """R-11, C-5: the gate permits it, the client takes it back, the text is not sent; the EHR says why."""
    decided = []

    def meanwhile(intents):
        asked = DecisionRequest(
            client, Action.SMS, NOON, purpose="REMIND", category="reminder", location="NY"
        )
        decided.append(tracker.context.decide([asked])[0].permitted)
        revoke(tracker.context, Revocation(client, Channel.PHONE, NOON, ConsentType.TEXT_MESSAGES))
        return [""] * len(intents)

    outcome = remind(tracker, client, meanwhile)
    assert decided == [True]
    assert outcome.status is Status.HELD
    assert not sent(tracker, client)
    [record_] = [c for c in tracker.ehr.all("Communication") if c["subject"] == {"reference": client}]
    assert record_["status"] == "not-done"


@pytest.mark.parametrize("name", TEXTS)
def test_each_answer_fits_into_one_text_and_sells_nothing(tracker, name):
    """R-2, R-5: 160 letters of GSM-7 with a practice's name of 40; no marketing, no kind of care."""
    kind, _, language = name.partition(".")
    category = MessageCategory.REMINDER if kind == "some" else None
    made = template(Reply(Kind.OPT_OUT if kind == "some" else Kind(kind), category, language))
    assert made.source == TEXTS[name]
    text = made.render({"practice": "M" * 40, "contact": "(518) 555-0100"})
    assert not gsm7.foreign(text)
    assert gsm7.cost(text) <= gsm7.LIMIT
    problems = made.lint({"practice": "M" * 40, "contact": "(518) 555-0100"})
    assert [p for p in problems if "is missing" not in p] == []
