"""What real and hostile servers send: nothing crashes, nothing is lost, and what is taken back ends all the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chartside.codes import (
    CONSENT_FORM,
    CONSENT_REPLACES,
    CONSENT_REVOCATION,
    CONSENT_TYPE_SYSTEM,
    ConsentType,
)
from chartside.gate.model import Action
from chartside_consent.answering import ask
from chartside_consent.coverage import coverage
from chartside_consent.keeping import consents_of
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel

GARBLED = [
    {"extension": "x"},
    {"extension": [3, None, {"url": CONSENT_REPLACES}, {"url": CONSENT_REPLACES, "valueReference": 7}]},
    {"extension": [{"url": CONSENT_FORM, "extension": "x"}, {"url": CONSENT_FORM, "extension": [5, {}]}]},
    {"extension": [{"url": CONSENT_REVOCATION, "extension": [{"url": "time", "valueDateTime": "never"}]}]},
    {"extension": [{"url": CONSENT_REVOCATION, "extension": [{"url": "time"}, {"valueCoding": []}]}]},
    {"identifier": 7},
    {"identifier": ["x", {"system": 3}]},
    {"performer": "me", "dateTime": 7},
    {"dateTime": "yesterday"},
    {"category": [{"coding": "text-messages"}]},
    {"provision": "yes"},
    {"provision": {"type": "permit", "actor": "x"}},
    {"provision": {"type": "permit", "actor": [7, {"reference": "x"}]}},
    {"provision": {"type": "permit", "period": "always"}},
    {"sourceReference": 4, "policy": 5, "organization": 6},
    {"meta": 3},
]


def garbled(tracker, patient, changes, number=0):
    made = {
        "resourceType": "Consent",
        "id": f"g-{patient[8:]}-{number}",
        "status": "active",
        "category": [{"coding": [{"system": CONSENT_TYPE_SYSTEM, "code": "text-messages"}]}],
        "patient": {"reference": patient},
        "dateTime": "2026-01-05",
        "provision": {"type": "permit"},
    }
    tracker.ehr.put(made | changes)


FAST = (0, 1, 3, 5, 7, 12)


@pytest.mark.parametrize(
    "changes",
    [pytest.param(c, marks=() if n in FAST else pytest.mark.slow) for n, c in enumerate(GARBLED)],
    ids=lambda c: "-".join(c),
)
def test_garbled_consents_stop_nothing(tracker, sign, changes):
    """Each operation goes on beside a consent that is no FHIR; what the client takes back is not permitted after."""
    patient = tracker.new()
    start = (tracker.clock.now() + timedelta(days=1)).isoformat()
    actor = {"actor": {"reference": patient}, "status": "accepted"}
    visit = {"resourceType": "Appointment", "id": f"a-{patient[8:]}", "status": "booked", "start": start}
    tracker.ehr.put({**visit, "participant": [actor]})
    garbled(tracker, patient, changes)
    context, now = tracker.context, tracker.clock.now()
    assert ask(context, patient, Action.SMS, purpose="REMIND", category="reminder").lines()
    assert [c for c in coverage(context) if c.visit.patient == patient]
    assert not tracker.host.run("consent.watch").failed
    done = record(context, sign("treatment", patient, now))
    assert done.status == "recorded"
    revoke(context, Revocation(patient, Channel.PHONE, now, ConsentType.TEXT_MESSAGES))
    answer = ask(context, patient, Action.SMS, purpose="REMIND", category="reminder")
    assert not answer.decision.permitted
    assert len(consents_of(context, patient)) >= 2


def test_a_consent_that_the_server_will_not_take_back_is_denied_by_another(make_tracker, sign):
    """C-5: the server refuses the change of a consent that it holds; a denial takes effect instead."""
    with make_tracker() as tracker:
        patient = tracker.new()
        garbled(tracker, patient, {"scope": {}, "policy": [{"uri": 7}]})
        assert ask(
            tracker.context, patient, Action.SMS, purpose="REMIND", category="reminder"
        ).decision.permitted
        asked = Revocation(patient, Channel.PHONE, tracker.clock.now(), ConsentType.TEXT_MESSAGES)
        done = revoke(tracker.context, asked)
        assert done.refusal
        assert not ask(
            tracker.context, patient, Action.SMS, purpose="REMIND", category="reminder"
        ).decision.permitted
        assert revoke(tracker.context, asked).status == "already"


@pytest.mark.parametrize(
    "patient", [{"birthDate": 7}, {"address": "x"}, {"address": [3, {"state": 5}]}, {"birthDate": "x"}]
)
def test_garbled_clients_stop_nothing(tracker, sign, patient):
    """A Patient that is no FHIR: the consent is recorded, the place is the practice's."""
    who = tracker.new(**patient)
    tracker.ehr.put({"resourceType": "Patient", "id": who[8:], **patient})
    assert record(tracker.context, sign("treatment", who, tracker.clock.now())).status == "recorded"
    assert ask(tracker.context, who, Action.READ, purpose="TREAT").lines()
