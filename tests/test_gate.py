"""The gate joins the answers of deciders and the law, and fails closed."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from chartside.errors import ServerError
from chartside.gate.gate import Gate
from chartside.gate.model import DEFAULTS, Action, Decision, DecisionRequest, Outcome, Reason, default_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PERMIT, DENY, NONE = Outcome.PERMIT, Outcome.DENY, Outcome.NONE


def request(action=Action.SMS):
    return DecisionRequest("Patient/1", action, NOW)


class Deciders:
    """Stands for the loaded plugins: a name and a function each."""

    def __init__(self, **functions):
        self.functions, self.aside = functions, []
        manifest = SimpleNamespace(declares=lambda feature: feature == "decides")
        self.found = {n: SimpleNamespace(name=n, enabled=True, manifest=manifest) for n in functions}

    def call(self, hook, name, *, context, requests):
        assert context == f"context of {name}"
        return self.functions[name](requests)

    def set_aside(self, name, error):
        self.aside.append(name)


def gate(law=None, **functions):
    return Gate(Deciders(**functions), lambda name: f"context of {name}", lambda _request: law)


def says(outcome):
    return lambda requests: [Decision(outcome, (Reason("Consent/1", outcome),)) for _ in requests]


@pytest.mark.parametrize("action", Action)
def test_without_any_decider_the_table_holds(action, caplog):
    """consent.md: no decision means no where the table says deny; and it is said once, clearly."""
    asked = gate()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            [decision] = asked.decide([request(action)])
    assert decision.outcome is DEFAULTS[action]
    assert len(caplog.records) == 1
    assert "[plugins.consent]" in caplog.text


@pytest.mark.parametrize(
    ("purpose", "outcome"),
    [
        ("TREAT", Outcome.PERMIT),
        ("http://terminology.hl7.org/CodeSystem/v3-ActReason|ETREAT", Outcome.PERMIT),
        ("BTG", Outcome.PERMIT),
        ("REMIND", Outcome.PERMIT),
        ("HRESCH", Outcome.DENY),
        ("HMARKT", Outcome.DENY),
        ("https://example.org|TREAT", Outcome.DENY),
    ],
)
def test_the_chart_is_read_for_care_without_a_consent_and_for_nothing_else(purpose, outcome) -> None:
    """The table of defaults: "read for treatment"; no decision on research or marketing means no."""
    assert default_of(Action.READ, purpose, None) is outcome


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([PERMIT], PERMIT),
        ([NONE], DENY),
        ([DENY], DENY),
        ([PERMIT, DENY], DENY),
        ([DENY, PERMIT], DENY),
        ([NONE, PERMIT], PERMIT),
    ],
)
def test_deny_wins_among_plugins(answers, expected):
    """Deny wins over permit, permit over none, in any order."""
    [decision] = gate(**{f"p{n}": says(a) for n, a in enumerate(answers)}).decide([request()])
    assert decision.outcome is expected
    assert decision.reasons


def boom(_requests):
    raise RuntimeError("Jane Doe")


@pytest.mark.parametrize("broken", [boom, lambda _r: None, lambda _r: []])
def test_a_decider_that_breaks_denies(broken):
    """Fail closed: also when another plugin permits; and nothing of the error's text comes through."""
    [decision] = gate(good=says(PERMIT), bad=broken).decide([request()])
    assert decision.outcome is DENY
    assert decision.review
    assert "Jane" not in repr(decision)


def test_crisis_is_always_allowed():
    """consent.md: the crisis card and 988 pass whatever breaks or forbids."""
    law = Decision(DENY)
    [decision] = gate(law, bad=boom).decide([request(Action.CRISIS)])
    assert decision.outcome is PERMIT


def test_a_server_that_is_down_is_an_error_not_a_deny():
    """The sweep may be repeated; nothing is recorded as refused for want of a server."""

    def down(_requests):
        raise ServerError("the server failed", status=500)

    with pytest.raises(ServerError):
        gate(consent=down).decide([request()])


def test_the_law_narrows_and_never_widens():
    """policy.md: a rule forbids what a consent permits; it does not permit what a consent denies; duties add up."""
    law = Decision(DENY, (Reason("IL-1", DENY),))
    [decision] = gate(law, consent=says(PERMIT)).decide([request()])
    assert decision.outcome is DENY
    assert [r.source for r in decision.reasons] == ["Consent/1", "IL-1"]
    law = Decision(PERMIT, (Reason("IL-2", PERMIT),), ("disclose that AI is used",))
    [decision] = gate(law, consent=says(DENY)).decide([request()])
    assert decision.outcome is DENY
    assert decision.obligations == ("disclose that AI is used",)


def test_many_requests_are_one_question():
    """Batches: each decider is asked once for all."""
    asked = []

    def count(requests):
        asked.append(len(requests))
        return says(PERMIT)(requests)

    assert len(gate(consent=count).decide([request()] * 50)) == 50
    assert asked == [50]


LABEL = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


@pytest.mark.parametrize(
    ("purpose", "resource", "expected"),
    [
        ("HPAYMT", {"resourceType": "Claim"}, PERMIT),
        ("HPAYMT", {"resourceType": "Coverage", "meta": {"versionId": "1"}}, PERMIT),
        ("HPAYMT", {"resourceType": "DocumentReference"}, DENY),
        ("HPAYMT", None, DENY),
        ("TREAT", {"resourceType": "Claim"}, DENY),
        (
            "HPAYMT",
            {"resourceType": "Claim", "meta": {"security": [{"system": LABEL, "code": "42CFRPart2"}]}},
            DENY,
        ),
        (
            "HPAYMT",
            {"resourceType": "Encounter", "meta": {"security": [{"system": LABEL, "code": "PSYTHPN"}]}},
            DENY,
        ),
    ],
)
def test_a_claim_may_go_out_for_payment_where_no_consent_speaks(purpose, resource, expected):
    """45 CFR 164.506(c): for payment, a claim needs no consent; Part 2 records and protected notes do, and a consent
    that denies, or a restriction (45 CFR 164.522(a)(1)(vi)), holds."""
    asked = DecisionRequest("Patient/1", Action.DISCLOSE, NOW, purpose=purpose, resource=resource)
    for deciders, outcome in (({}, expected), ({"a": says(NONE)}, expected), ({"a": says(DENY)}, DENY)):
        [decision] = gate(**deciders).decide([asked])
        assert decision.outcome is outcome
        looked = "nobody looked for a restriction" not in decision.reasons[-1].text
        assert looked is (bool(deciders) or outcome is DENY)


PLAIN = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({}, PERMIT),
        ({"security": []}, PERMIT),
        ({"security": [PLAIN]}, PERMIT),
        (None, DENY),
        ("nonsense", DENY),
        ([{"security": [PLAIN]}], DENY),
        ({"security": None}, DENY),
        ({"security": "nonsense"}, DENY),
        ({"security": {"system": LABEL, "code": "42CFRPart2"}}, DENY),
        ({"security": ["42CFRPart2"]}, DENY),
        ({"security": [PLAIN, None]}, DENY),
        ({"security": [PLAIN, {"coding": [{"system": LABEL, "code": "PSYTHPN"}]}]}, DENY),
        ({"security": [{"code": "N"}]}, DENY),
        ({"security": [{"system": LABEL, "code": ["42CFRPart2"]}]}, DENY),
        ({"security": [PLAIN, {"system": "urn:oid:2.16.840.1.113883.5.4", "code": "42cfrpart2"}]}, DENY),
        ({"security": [{"system": "urn:x", "code": "sud-counseling-notes"}]}, DENY),
    ],
)
def test_labels_that_cannot_be_read_fail_closed(meta, expected):
    """42 CFR 2.31: what may be a label of a protected record holds a claim back, in whatever form a server sent it."""
    assert default_of(Action.DISCLOSE, "HPAYMT", {"resourceType": "Claim", "meta": meta}) is expected
