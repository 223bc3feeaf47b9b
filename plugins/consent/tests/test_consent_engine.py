from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chartside.codes import CONSENT_TYPE_SYSTEM, MESSAGE_CATEGORY_SYSTEM, coding, concept
from chartside.gate.model import Action, Outcome
from chartside_consent.directory import Directory
from chartside_consent.engine import NOTICE_PART_2, decide
from chartside_consent.query import Client

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
PSY = {"system": ACT_CODE, "code": "PSY"}
TREAT = {"system": REASON, "code": "TREAT"}
SEVEN = [{"role": {}, "reference": {"reference": "Practitioner/7"}}]
EIGHT = [{"role": {}, "reference": {"reference": "Practitioner/8"}}]


def outcome(consents, request, **more) -> str:
    return decide(consents, request, **more).outcome.value


# --- the faults found in the best-known open engine --------------------------------------------------


def test_sibling_permit_and_deny_both_matching_deny(consent, ask, observation) -> None:
    """The decision, 3: among siblings a deny wins, whichever stands first."""
    permit = {"type": "permit", "securityLabel": [PSY]}
    deny = {"type": "deny", "actor": SEVEN}
    for nested in ([permit, deny], [deny, permit]):
        root = {"type": "permit", "provision": nested}
        assert outcome([consent(root=root)], ask(resource=observation("PSY"))) == "deny"


@pytest.mark.parametrize(("when", "expected"), [("2026-03-01", "permit"), ("2025-03-01", "deny")])
def test_a_data_period_at_the_root_counts(when, expected, consent, ask, observation) -> None:
    """Faults: a root ``dataPeriod`` counts, and means that nothing but that data is allowed."""
    root = {"type": "permit", "dataPeriod": {"start": "2026-01-01", "end": "2026-12-31"}}
    assert outcome([consent(root=root)], ask(resource=observation("N", effectiveDateTime=when))) == expected


def test_a_nested_permit_inside_a_permit_is_no_deny(consent, ask, observation) -> None:
    """Faults: a nested permit without data criteria denies nothing, to nobody."""
    root = {"type": "permit", "provision": [{"type": "permit", "actor": EIGHT}]}
    for actor in ("Practitioner/7", "Practitioner/8"):
        assert outcome([consent(root=root)], ask(actor=actor, resource=observation("N"))) == "permit"


def test_a_nested_permit_of_a_label_does_not_redact_it(consent, ask, observation) -> None:
    """Faults: a permit of a label inside a permit permits labelled data, and all other data still."""
    root = {"type": "permit", "provision": [{"type": "permit", "securityLabel": [PSY]}]}
    for label in ("PSY", "N"):
        assert outcome([consent(root=root)], ask(resource=observation(label))) == "permit"


def test_depth_two_counts(consent, ask, observation) -> None:
    """C-4, and faults: an exception to an exception is read, at any depth."""
    third = {"type": "permit", "actor": SEVEN, "provision": [{"type": "deny", "purpose": [TREAT]}]}
    root = {"type": "permit", "provision": [{"type": "deny", "securityLabel": [PSY], "provision": [third]}]}
    request = ask(resource=observation("PSY"), purpose="HPAYMT")
    assert outcome([consent(root=root)], request) == "permit"
    assert outcome([consent(root=root)], ask(resource=observation("PSY"))) == "deny"
    assert outcome([consent(root=root)], ask(resource=observation("PSY"), actor="Practitioner/8")) == "deny"


def test_an_exception_does_not_reach_beyond_the_data_of_its_rule(consent, ask, observation) -> None:
    """An exception to a rule on some data opens none of the rest."""
    nested = {"type": "deny", "securityLabel": [PSY], "provision": [{"type": "permit", "actor": SEVEN}]}
    root = {"type": "deny", "provision": [nested]}
    assert outcome([consent(root=root)], ask(resource=observation("PSY"))) == "permit"
    assert outcome([consent(root=root)], ask(resource=observation("N"))) == "deny"


@pytest.mark.parametrize(
    ("at", "expected"), [("2026-06-30T23:59:59-05:00", "permit"), ("2026-07-01T00:00:00-05:00", "none")]
)
def test_a_date_only_end_is_that_whole_local_day(at, expected, consent, ask) -> None:
    """The decision, 1: 30 June in Chicago has not ended when it is July in London."""
    root = {"type": "permit", "period": {"end": "2026-06-30"}}
    request = ask(at=datetime.fromisoformat(at).astimezone(UTC))
    assert outcome([consent(root=root)], request, zone=ZoneInfo("America/Chicago")) == expected


def test_the_clients_zone_wins_over_the_practices(consent, ask) -> None:
    """The decision, 1: the day is the client's where that zone is known."""
    root = {"type": "permit", "period": {"end": "2026-06-30"}}
    request = ask(
        at=datetime(2026, 7, 1, 6, 30, tzinfo=UTC)
    )  # 01:30 in Chicago, 23:30 the day before in Los Angeles
    client = Client(born=None, zone=ZoneInfo("America/Los_Angeles"))
    assert outcome([consent(root=root)], request, zone=ZoneInfo("America/Chicago")) == "none"
    assert outcome([consent(root=root)], request, zone=ZoneInfo("America/Chicago"), client=client) == "permit"


def test_the_most_recent_consent_does_not_win_a_deny_does(consent, ask) -> None:
    """The decision, 4, and faults: a later permit does not undo an earlier deny."""
    old = consent(root={"type": "deny"}, id="old", dateTime="2020-01-01")
    new = consent(id="new", dateTime="2026-11-01")
    assert outcome([old, new], ask()) == "deny"
    assert outcome([new, old], ask()) == "deny"


@pytest.mark.parametrize(("action", "expected"), [(Action.READ, "deny"), (Action.DISCLOSE, "permit")])
def test_action_counts(action, expected, consent, ask) -> None:
    """Faults: a deny of access is none of disclosure."""
    nested = {"type": "deny", "action": [concept(ACTION, "access")]}
    assert outcome([consent(root={"type": "permit", "provision": [nested]})], ask(action)) == expected


def test_context_is_inherited_data_criteria_are_not(consent, ask, observation) -> None:
    """The decision, 2."""
    nested = {"type": "permit", "securityLabel": [PSY]}
    root = {"type": "permit", "purpose": [TREAT], "class": [{"code": "Condition"}], "provision": [nested]}
    assert outcome([consent(root=root)], ask(resource=observation("PSY"))) == "permit"
    assert outcome([consent(root=root)], ask(resource=observation("N"))) == "deny"
    assert outcome([consent(root=root)], ask(resource=observation("PSY"), purpose="HPAYMT")) == "none"


# --- what is kept ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", ["draft", "proposed", "rejected", "inactive", "entered-in-error", "unknown", ""]
)
def test_only_active_consents_have_effect(status, consent, ask) -> None:
    """C-3: the other statuses permit nothing and deny nothing."""
    for effect in ("permit", "deny"):
        assert outcome([consent(root={"type": effect}, status=status)], ask()) == "none"


def test_another_clients_consent_has_no_effect(consent, ask) -> None:
    """The decision, 1."""
    assert outcome([consent(patient={"reference": "Patient/2"})], ask()) == "none"


def test_a_superseded_consent_has_no_effect(consent, ask) -> None:
    """The decision, 1: also where the old one was left active."""
    link = [{"url": "https://chartside.dev/fhir/StructureDefinition/consent-replaces"}]
    link[0]["valueReference"] = {"reference": "Consent/old"}
    old = consent("text-messages", id="old")
    new = consent("text-messages", id="new", extension=link, root={"type": "permit", "purpose": [TREAT]})
    request = ask(Action.SMS, purpose="HMARKT")
    assert outcome([old], request) == "permit"
    assert outcome([old, new], request) == "none"
    assert outcome([old, {**new, "status": "inactive"}], request) == "none"
    assert outcome([old, {**new, "status": "draft"}], request) == "permit"


def test_only_the_last_version_of_a_consent_counts(consent, ask) -> None:
    """C-5: an older version that lies in the same pile permits nothing."""
    first = consent(meta={"versionId": "1"})
    second = consent(meta={"versionId": "2"}, status="inactive")
    assert outcome([second, first], ask()) == "none"


# --- not computable ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"modifierExtension": [{"url": "https://example.org/not", "valueBoolean": True}]},
        {"implicitRules": "https://example.org/rules"},
        {"provision": {"type": "permit", "modifierExtension": [{"url": "https://example.org/not"}]}},
        {"provision": {"type": "permit", "actor": [{"modifierExtension": [{}], "reference": {}}]}},
        {"provision": {"type": "permit", "provision": [{"purpose": [TREAT]}]}},
        {"provision": {"type": "allow"}},
        {"provision": {"purpose": [TREAT]}},
        {"provision": {"type": "permit", "period": {"end": "soon"}}},
        {"provision": {"type": "permit", "purpose": [{"display": "Treatment"}]}},
        {
            "provision": {
                "type": "permit",
                "data": [{"meaning": "vibe", "reference": {"reference": "Task/1"}}],
            }
        },
        {"provision": {"type": "permit", "onlyIf": "it rains"}},
        {"provision": "permit"},
        {"except": [{"type": "permit"}]},
    ],
)
def test_what_is_not_understood_denies_and_is_shown(change: dict[str, Any], consent, ask) -> None:
    """The decision, 6: never a guess."""
    decision = decide([consent(**change)], ask())
    assert decision.outcome is Outcome.DENY
    assert decision.review
    assert decision.reasons[0].source == "Consent/c1"


def test_an_actor_without_a_reference_is_not_resolved(consent, ask) -> None:
    """The decision, 6."""
    nested = {"type": "deny", "actor": [{"role": {}, "reference": {"display": "My ex-husband"}}]}
    decision = decide([consent(root={"type": "permit", "provision": [nested]})], ask())
    assert (decision.outcome, decision.review) == (Outcome.DENY, True)


def test_a_deny_to_an_organisation_whose_people_are_not_known(consent, ask) -> None:
    """The decision, 6: whoever may work there is held off until it is known."""
    there = [{"role": {}, "reference": {"reference": "Organization/x"}}]
    consents = [consent(root={"type": "permit", "provision": [{"type": "deny", "actor": there}]})]
    role = {"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/7"}}
    assert outcome(consents, ask()) == "deny"
    elsewhere = Directory([role | {"organization": {"reference": "Organization/y"}}])
    assert outcome(consents, ask(), directory=elsewhere) == "permit"
    inside = Directory([role | {"organization": {"reference": "Organization/x"}}])
    assert outcome(consents, ask(), directory=inside) == "deny"
    assert outcome(consents, ask(actor="Organization/z")) == "permit"


def test_what_is_unknown_but_makes_no_difference_is_no_obstacle(consent, ask, observation) -> None:
    """A permit inside a permit: the label is missing, and either way the answer is the same."""
    root = {"type": "permit", "provision": [{"type": "permit", "securityLabel": [PSY]}]}
    decision = decide([consent(root=root)], ask(resource=observation()))
    assert (decision.outcome, decision.review) == (Outcome.PERMIT, False)


# --- what each instrument speaks about ---------------------------------------------------------------

OPENED_BY = {
    Action.SMS: "text-messages",
    Action.EMAIL: "unencrypted-email",
    Action.CALL: "phone-calls",
    Action.RECORD: "recording",
    Action.TRANSCRIBE: "ai-use",
    Action.AI: "ai-use",
}


@pytest.mark.parametrize(("action", "kind"), OPENED_BY.items())
def test_each_act_needs_its_own_instrument(action, kind, consent, ask) -> None:
    """C-13: a general consent opens no message, recording or AI; the instrument of its own does."""
    assert outcome([consent(kind)], ask(action)) == "permit"
    for other in {"privacy", "treatment", "telehealth", *OPENED_BY.values()} - {kind}:
        assert outcome([consent(other)], ask(action)) == "none"


@pytest.mark.parametrize(("action", "kind"), [(Action.RECORD, "recording"), (Action.AI, "ai-use")])
def test_a_bundled_consent_does_not_count(action, kind, consent, ask) -> None:
    """C-13: recording or AI hidden in a treatment consent is no consent; refused there it is refused."""
    both = [concept(CONSENT_TYPE_SYSTEM, kind), concept(CONSENT_TYPE_SYSTEM, "treatment")]
    assert outcome([consent(category=both)], ask(action)) == "none"
    assert (
        outcome([consent(category=both, root={"type": "deny"}), consent(kind, id="c2")], ask(action))
        == "deny"
    )


def test_a_plain_refusal_closes_messages_too(consent, ask) -> None:
    """Across consents a deny wins: who refuses any use of the data refuses the text about it."""
    text = consent("text-messages", id="text")
    assert outcome([text, consent(root={"type": "deny"})], ask(Action.SMS)) == "deny"
    only_some = {"type": "permit", "provision": [{"type": "deny", "securityLabel": [PSY]}]}
    assert outcome([text, consent(root=only_some)], ask(Action.SMS)) == "permit"


def test_a_text_consent_may_leave_out_a_category(consent, ask) -> None:
    """R-6: an opt-out of one category leaves the others."""
    billing = [{"coding": [coding(MESSAGE_CATEGORY_SYSTEM, "billing")]}]
    text = consent("text-messages", root={"type": "permit", "provision": [{"type": "deny", "code": billing}]})
    assert outcome([text], ask(Action.SMS, category="reminder", purpose="REMIND")) == "permit"
    assert outcome([text], ask(Action.SMS, category="billing", purpose="HPAYMT")) == "deny"
    assert outcome([text], ask(Action.SMS)) == "deny"  # not told which: not computable


def test_a_reminder_is_treatment(consent, ask) -> None:
    """A text consent for treatment covers reminders, not marketing."""
    text = consent("text-messages", root={"type": "permit", "purpose": [TREAT]})
    assert outcome([text], ask(Action.SMS, purpose="REMIND")) == "permit"
    assert outcome([text], ask(Action.SMS, purpose="HMARKT")) == "none"


def test_the_crisis_card_is_always_allowed(consent, ask) -> None:
    """The table of defaults: crisis card, 988 text."""
    assert outcome([consent(root={"type": "deny"})], ask(Action.CRISIS)) == "permit"


def test_an_advance_directive_says_nothing_about_messages(consent, ask) -> None:
    """ "Do not resuscitate" is a deny, but not of a reminder."""
    scope = concept("http://terminology.hl7.org/CodeSystem/consentscope", "adr")
    directive = consent(scope=scope, category=[], root={"type": "deny"})
    assert outcome([directive, consent("text-messages")], ask(Action.SMS)) == "permit"


# --- HL7's R4 consents: direction in policyRule ------------------------------------------------------


def test_opt_in_opens_normal_access_for_treatment_only(consent, ask) -> None:
    """R4: OPTIN with exceptions; no purpose said is no licence for research."""
    rule = concept(ACT_CODE, "OPTIN")
    there = [{"role": {}, "reference": {"reference": "Practitioner/8"}}]
    consents = [consent(policyRule=rule, root={"type": "deny", "actor": there})]
    assert outcome(consents, ask()) == "permit"
    assert outcome(consents, ask(purpose="HRESCH")) == "none"
    assert outcome(consents, ask(actor="Practitioner/8")) == "deny"


@pytest.mark.parametrize(
    ("actor", "action", "expected"),
    [
        ("Organization/f001", Action.READ, "deny"),
        ("Organization/f001", Action.DISCLOSE, "deny"),
        ("Organization/f002", Action.DISCLOSE, "permit"),
    ],
)
def test_an_opt_in_sends_nothing_to_whom_it_denies_access(actor, action, expected, consent, ask) -> None:
    """HL7's consent-example-notOrg: access and correction are denied to one organisation; no word of disclosure."""
    denied = {
        "type": "deny",
        "actor": [{"role": {}, "reference": {"reference": "Organization/f001"}}],
        "action": [concept("http://terminology.hl7.org/CodeSystem/consentaction", "access")],
    }
    given = consent(
        root=denied, policyRule=concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTIN")
    )
    assert decide([given], ask(action, actor=actor)).outcome.value == expected


def test_opt_out_denies_all_but_what_is_permitted(consent, ask) -> None:
    """R4: OPTOUT with an exception."""
    rule = concept(ACT_CODE, "OPTOUT")
    consents = [consent(policyRule=rule, root={"type": "permit", "actor": SEVEN})]
    assert outcome(consents, ask()) == "permit"
    assert outcome(consents, ask(actor="Practitioner/8")) == "deny"


# --- protected notes and records ---------------------------------------------------------------------


def test_psychotherapy_notes(consent, ask, observation) -> None:
    """C-9: denied by default, closed to a general consent, opened by their own instrument and to their author."""
    notes = observation("PSYTHPN", "R")
    other, author = ask(resource=notes), ask(resource=notes, actor="Practitioner/9")
    assert outcome([], other) == "deny"
    assert outcome([consent()], other) == "deny"
    assert outcome([consent("release")], ask(Action.DISCLOSE, resource=notes)) == "deny"
    assert outcome([consent("psychotherapy-notes")], other) == "permit"
    assert outcome([], author) == "none"
    assert outcome([consent()], author) == "permit"
    assert outcome([], ask(resource=notes, actor="Practitioner/9", purpose="HPAYMT")) == "deny"
    assert outcome([], ask(Action.DISCLOSE, resource=notes, actor="Practitioner/9")) == "deny"


def test_the_notes_authorisation_opens_nothing_else(consent, ask, observation) -> None:
    """C-9: nor does it count when bundled (45 CFR 164.508(b)(3)(ii))."""
    assert outcome([consent("psychotherapy-notes")], ask(resource=observation("N"))) == "none"
    both = [concept(CONSENT_TYPE_SYSTEM, kind) for kind in ("psychotherapy-notes", "release")]
    assert outcome([consent(category=both)], ask(resource=observation("PSYTHPN"))) == "deny"


def test_part_2_records(consent, ask, observation) -> None:
    """C-10: one TPO consent is enough, a class is a recipient, no expiry is needed, the notice goes along."""
    records = observation("42CFRPart2", "R")
    people = (
        "my treating providers, health plans, third-party payers, and people helping to operate this program"
    )
    actor = [{"role": {"text": "recipient"}, "reference": {"display": people}}]
    tpo = consent("part2-tpo", root={"type": "permit", "actor": actor})
    request = ask(Action.DISCLOSE, resource=records)
    assert decide([tpo], request).obligations == (NOTICE_PART_2,)
    for purpose in ("TREAT", "HPAYMT", "HOPERAT"):
        assert outcome([tpo], ask(Action.DISCLOSE, resource=records, purpose=purpose)) == "permit"
    assert outcome([tpo], ask(Action.DISCLOSE, resource=records, purpose="HLEGAL")) == "permit"  # operations
    assert outcome([tpo], ask(Action.DISCLOSE, resource=records, purpose="HMARKT")) == "none"
    assert outcome([consent(), consent("release", id="c2")], request) == "none"


def test_sud_counselling_notes_stand_apart(consent, ask, observation) -> None:
    """C-10: a TPO consent does not open them."""
    notes = observation("R")
    notes["meta"]["security"].append(coding(CONSENT_TYPE_SYSTEM, "sud-counseling-notes"))
    request = ask(Action.DISCLOSE, resource=notes)
    assert outcome([consent("part2-tpo")], request) == "deny"
    decision = decide([consent("sud-counseling-notes")], request)
    assert (decision.outcome, decision.obligations) == (Outcome.PERMIT, (NOTICE_PART_2,))


# --- minors and proxies ------------------------------------------------------------------------------

MOTHER = [{"reference": "RelatedPerson/mother"}]


@pytest.mark.parametrize(
    ("on", "majority", "expected", "review"),
    [
        ("2026-06-14", 18, "permit", False),
        ("2026-06-15", 18, "none", True),
        ("2026-06-15", 19, "permit", False),
        ("2027-06-15", 19, "none", True),
    ],
)
def test_a_proxys_permit_ends_at_majority(on, majority, expected, review, consent, ask) -> None:
    """C-14: on the eighteenth birthday (or what the place says), with something for the staff to do."""
    text = consent("text-messages", performer=MOTHER, dateTime="2020-01-01")
    client = Client(born=date(2008, 6, 15), majority=majority)
    at = datetime.fromisoformat(on).replace(hour=12, tzinfo=UTC)
    decision = decide([text], ask(Action.SMS, at=at), client=client)
    assert (decision.outcome.value, decision.review) == (expected, review)


def test_a_proxys_denial_does_not_end(consent, ask) -> None:
    """C-14: only permits end by themselves; nothing widens on a birthday."""
    text = consent("text-messages", performer=MOTHER, dateTime="2020-01-01", root={"type": "deny"})
    assert outcome([text], ask(Action.SMS), client=Client(born=date(2000, 1, 1))) == "deny"


def test_a_guardian_of_an_adult_speaks_on(consent, ask) -> None:
    """C-14: majority ends what was given for a minor, not a guardianship of an adult."""
    text = consent("text-messages", performer=MOTHER, dateTime="2026-01-01")
    assert outcome([text], ask(Action.SMS), client=Client(born=date(1950, 1, 1))) == "permit"


def test_a_proxy_for_somebody_of_unknown_age(consent, ask) -> None:
    """C-14 and rule 6."""
    text = consent("text-messages", performer=MOTHER)
    decision = decide([text], ask(Action.SMS), client=Client(born=None))
    assert (decision.outcome, decision.review) == (Outcome.DENY, True)


def test_born_on_29_february() -> None:
    """C-14: of age on 1 March where there is no 29 February."""
    from chartside_consent.dates import birthday

    assert birthday(date(2008, 2, 29), 18) == date(2026, 3, 1)


def test_a_minor_who_may_not_sign_alone(consent, ask) -> None:
    """C-14: the age from which a minor may consent alone comes as data, too."""
    text = consent("text-messages", performer=[{"reference": "Patient/1"}], dateTime="2026-01-01")
    client = Client(born=date(2012, 6, 15), alone_from=12)
    assert outcome([text], ask(Action.SMS), client=client) == "permit"
    assert outcome([text], ask(Action.SMS), client=Client(born=date(2014, 6, 15), alone_from=12)) == "none"
