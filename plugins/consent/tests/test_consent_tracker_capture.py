"""Capture, renewal, refusal and revocation, as the EHR has them afterwards and as the gate decides by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from fhir.resources.R4B.consent import Consent
from fhir.resources.R4B.provenance import Provenance
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse

from chartside.codes import (
    CONSENT_FORM,
    CONSENT_REVOCATION,
    CONSENT_TERMS,
    TOOL_SYSTEM,
    ConsentType,
    MessageCategory,
)
from chartside.errors import InputError
from chartside.gate.model import Action, DecisionRequest
from chartside_consent.compiling import compile_consent
from chartside_consent.recording import parts_of, record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel

SMS = {"purpose": "REMIND", "category": "reminder"}
TOOL = f"{TOOL_SYSTEM}|transcription"
NOTE = {
    "resourceType": "DocumentReference",
    "id": "n",
    "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSYTHPN"}]},
    "author": [{"reference": "Practitioner/9"}],
}


@pytest.fixture(autouse=True)
def today(tracker):
    tracker.clock.set(datetime(2026, 11, 24, 15, tzinfo=UTC))


def decide(tracker, patient, action, **more):
    facts = {"location": "NY", **more}
    return tracker.context.decide([DecisionRequest(patient, action, tracker.clock.now(), **facts)])[0]


def stored(tracker, done):
    return tracker.ehr.read("Consent", done.consent.partition("/")[2])


def part(consent, url, name):
    found = [p for p in parts_of(consent, url) if p["url"] == name]
    return next((v for k, v in found[0].items() if k.startswith("value")), None) if found else None


@pytest.mark.parametrize("kind", [k.value for k in ConsentType])
@pytest.mark.parametrize("language", ["en", pytest.param("es", marks=pytest.mark.slow)])
def test_every_kind_is_recorded_whole(tracker, sign, kind, language):
    """consent.md, "What is recorded"; C-4: one level of provisions at most; the engine computes it."""
    patient = tracker.new(born="2012-01-01" if kind == "proxy" else "1980-01-01", state="IL")
    more = {}
    if kind == "proxy":
        more = {"signer": tracker.guardian(patient), "relation": "mother", "authority": "custodial parent"}
    signing = sign(kind, patient, tracker.clock.now(), language=language, **more)
    done = record(tracker.context, signing)
    consent = stored(tracker, done)
    assert done.status == "recorded"
    assert consent["status"] == "active"
    assert consent["dateTime"].startswith("2026-11-24T")
    assert consent["performer"] == [{"reference": more.get("signer", patient)}]
    assert consent["policy"] == [{"uri": signing.form.questionnaire["url"]}]
    assert part(consent, CONSENT_FORM, "hash") == signing.form.hash
    assert len(part(consent, CONSENT_FORM, "responseHash")) == 64
    assert part(consent, CONSENT_FORM, "version") == "1.0.0"
    assert part(consent, CONSENT_FORM, "language") == language
    assert part(consent, CONSENT_TERMS, "revoke")
    assert part(consent, CONSENT_TERMS, "jurisdiction") == "US-IL"
    ends = consent["provision"]["period"].get("end") or part(consent, CONSENT_TERMS, "expiry")
    assert ends or kind in ("text-messages", "unencrypted-email", "phone-calls")
    assert "provision" not in consent["provision"]
    response = tracker.ehr.read(*consent["sourceReference"]["reference"].split("/"))
    assert response["questionnaire"] == signing.form.canonical
    [trace] = [p for p in tracker.ehr.all("Provenance") if p["target"] == [{"reference": done.consent}]]
    assert trace["signature"][0]["who"] == {"reference": more.get("signer", patient)}
    compiled = compile_consent(consent)
    assert (compiled.types, compiled.problem) == ({ConsentType(kind)}, "")
    for model, resource in ((Consent, consent), (QuestionnaireResponse, response), (Provenance, trace)):
        model.model_validate(resource)


@pytest.mark.parametrize(
    ("kind", "action", "more"),
    [
        ("text-messages", Action.SMS, SMS),
        ("unencrypted-email", Action.EMAIL, SMS),
        ("phone-calls", Action.CALL, SMS),
        ("recording", Action.RECORD, {"purpose": "TRANSCRIBE"}),
        ("ai-use", Action.AI, {"purpose": "TRANSCRIBE", "actor": TOOL}),
        ("ai-use", Action.TRANSCRIBE, {"purpose": "DRAFT", "actor": TOOL}),
        ("release", Action.DISCLOSE, {"purpose": "TREAT", "actor": "Organization/9"}),
        ("part2-tpo", Action.DISCLOSE, {"purpose": "HPAYMT", "actor": "Organization/77"}),
        ("research", Action.DISCLOSE, {"purpose": "HRESCH", "actor": "Organization/9"}),
        ("psychotherapy-notes", Action.DISCLOSE, {"actor": "Organization/9", "resource": NOTE}),
    ],
)
def test_what_is_recorded_opens_what_it_says(tracker, sign, kind, action, more):
    """Capture, decide, revoke, decide: nothing is cached (C-5), and the revocation keeps time, channel and actor."""
    patient = tracker.new()
    assert not decide(tracker, patient, action, **more).permitted
    done = record(tracker.context, sign(kind, patient, tracker.clock.now()))
    decision = decide(tracker, patient, action, **more)
    assert decision.permitted
    assert any(reason.source.startswith(done.consent) for reason in decision.reasons)
    at = tracker.clock.now()
    back = revoke(
        tracker.context, Revocation(patient, Channel.PAPER, at, ConsentType(kind), recorder="Practitioner/7")
    )
    assert back.consents == (done.consent,)
    assert not decide(tracker, patient, action, **more).permitted
    consent = stored(tracker, done)
    assert consent["status"] == "inactive"
    assert part(consent, CONSENT_REVOCATION, "time") == at.isoformat(timespec="seconds")
    assert part(consent, CONSENT_REVOCATION, "channel")["code"] == "paper"
    assert part(consent, CONSENT_REVOCATION, "actor") == {"reference": patient}
    activities = [
        p["activity"]["coding"][0]["code"]
        for p in tracker.ehr.all("Provenance")
        if {"reference": done.consent} in p["target"]
    ]
    assert activities == ["CREATE", "CANCEL"]


@pytest.mark.parametrize(
    ("kind", "action", "more"),
    [
        ("ai-use", Action.AI, {"purpose": "TRANSCRIBE", "actor": f"{TOOL_SYSTEM}|another-tool"}),
        ("ai-use", Action.AI, {"purpose": "INSIGHT", "actor": TOOL}),
        ("ai-use", Action.RECORD, {"purpose": "TRANSCRIBE"}),
        ("recording", Action.AI, {"purpose": "TRANSCRIBE", "actor": TOOL}),
        ("treatment", Action.SMS, SMS),
        ("privacy", Action.AI, {"purpose": "TRANSCRIBE", "actor": TOOL}),
        ("release", Action.DISCLOSE, {"actor": "Organization/10"}),
        ("release", Action.DISCLOSE, {"actor": "Organization/9", "purpose": "HMARKT"}),
        ("release", Action.DISCLOSE, {"actor": "Organization/9", "resource": NOTE}),
        ("privacy", Action.DISCLOSE, {"actor": "Organization/9", "resource": NOTE}),
    ],
)
def test_what_is_recorded_opens_nothing_else(tracker, sign, kind, action, more):
    """C-9, C-13: AI per tool and purpose; a release for one recipient and purpose; notes by their own instrument."""
    patient = tracker.new()
    record(tracker.context, sign(kind, patient, tracker.clock.now()))
    decision = decide(tracker, patient, action, **more)
    assert not decision.permitted
    assert not decision.review


def test_a_release_says_nothing_about_reading_for_treatment(tracker, sign):
    """A release to one person must not close the chart to the client's own clinicians."""
    patient = tracker.new()
    for kind in ("release", "psychotherapy-notes", "research", "sud-counseling-notes", "ai-use"):
        record(tracker.context, sign(kind, patient, tracker.clock.now()))
    assert decide(tracker, patient, Action.READ).permitted
    assert decide(tracker, patient, Action.READ, actor="Practitioner/1").permitted


@pytest.mark.parametrize("recipient", ["Dr. A. Moss, Elm Street", "npi:1234567893", "Practitioner/5"])
def test_a_recipient_may_be_a_name_a_number_or_a_reference(tracker, sign, recipient):
    """Somebody who is known by name only is nobody else: no decision becomes uncertain by it."""
    patient = tracker.new()
    record(tracker.context, sign("release", patient, tracker.clock.now(), answers={"recipient": recipient}))
    decision = decide(tracker, patient, Action.DISCLOSE, actor="Practitioner/6")
    assert not decision.permitted
    assert not decision.review
    assert decide(tracker, patient, Action.DISCLOSE, actor="Practitioner/5").permitted == (
        recipient == "Practitioner/5"
    )


def test_a_second_run_writes_nothing(tracker, sign):
    """Recorded twice is recorded once; so are a revocation and an opt-out."""
    patient = tracker.new()
    signing = sign("text-messages", patient, tracker.clock.now())
    first = record(tracker.context, signing)
    before = tracker.ehr.sandbox.store.query("SELECT count(*) FROM resource", ())
    tracker.clock.advance(600)
    assert record(tracker.context, signing).status == "already"
    later = sign("text-messages", patient, tracker.clock.now())  # typed in again, without the time
    assert record(tracker.context, later).consent == first.consent
    assert tracker.ehr.sandbox.store.query("SELECT count(*) FROM resource", ()) == before
    back = Revocation(patient, Channel.PHONE, tracker.clock.now(), ConsentType.TEXT_MESSAGES)
    assert revoke(tracker.context, back).status == "revoked"
    before = tracker.ehr.sandbox.store.query("SELECT count(*) FROM resource", ())
    assert revoke(tracker.context, back).status == "already"
    assert tracker.ehr.sandbox.store.query("SELECT count(*) FROM resource", ()) == before
    assert len(tracker.consents(patient)) == 1


def test_after_a_revocation_the_client_may_sign_anew_on_the_same_day(tracker, sign):
    """The same form and answers, signed later: another consent, in force."""
    patient = tracker.new()
    old = sign("text-messages", patient, tracker.clock.now())
    record(tracker.context, old)
    tracker.clock.advance(60)
    revoke(tracker.context, Revocation(patient, Channel.TEXT, tracker.clock.now(), ConsentType.TEXT_MESSAGES))
    tracker.clock.advance(60)
    assert record(tracker.context, old).status == "already"
    assert not decide(tracker, patient, Action.SMS, **SMS).permitted
    assert record(tracker.context, sign("text-messages", patient, tracker.clock.now())).status == "recorded"
    assert decide(tracker, patient, Action.SMS, **SMS).permitted


def test_an_old_paper_does_not_undo_a_later_revocation(tracker, sign):
    """C-5: a form that was signed before the client said stop, and is entered afterwards."""
    patient = tracker.new()
    record(tracker.context, sign("text-messages", patient, tracker.clock.now() - timedelta(days=30)))
    revoke(
        tracker.context, Revocation(patient, Channel.PHONE, tracker.clock.now(), ConsentType.TEXT_MESSAGES)
    )
    tracker.clock.advance(60)
    late = sign("text-messages", patient, tracker.clock.now() - timedelta(days=2), medium=Channel.PAPER)
    with pytest.raises(InputError, match="took back a consent of this kind"):
        record(tracker.context, late)
    assert not decide(tracker, patient, Action.SMS, **SMS).permitted


def test_an_old_paper_does_not_replace_a_newer_one(tracker, sign):
    """C-6: the later decision of the client stands."""
    patient = tracker.new()
    record(tracker.context, sign("treatment", patient, tracker.clock.now()))
    with pytest.raises(InputError, match="the client decided later"):
        record(tracker.context, sign("treatment", patient, tracker.clock.now() - timedelta(days=9)))


def test_renewal_supersedes(tracker, sign):
    """C-6: old inactive and new active, both named by one Provenance; exactly one is active."""
    patient = tracker.new()
    first = record(tracker.context, sign("recording", patient, tracker.clock.now() - timedelta(days=300)))
    second = record(tracker.context, sign("recording", patient, tracker.clock.now()))
    assert second.replaced == (first.consent,)
    states = {f"Consent/{c['id']}": c["status"] for c in tracker.consents(patient)}
    assert states == {first.consent: "inactive", second.consent: "active"}
    targets = [p["target"] for p in tracker.ehr.all("Provenance")]
    assert [{"reference": second.consent}, {"reference": first.consent}] in targets


def test_releases_to_two_recipients_stand_side_by_side(tracker, sign):
    """Another recipient is another instrument; the same recipient again supersedes."""
    patient, now = tracker.new(), tracker.clock.now()
    for recipient in ("Organization/9", "Organization/10", "Organization/9"):
        now -= timedelta(days=-1) if recipient == "Organization/10" else timedelta(days=2)
        tracker.clock.advance(timedelta(days=1))
        record(
            tracker.context, sign("release", patient, tracker.clock.now(), answers={"recipient": recipient})
        )
    active = [c for c in tracker.consents(patient) if c["status"] == "active"]
    assert len(active) == 2
    assert all(
        decide(tracker, patient, Action.DISCLOSE, actor=f"Organization/{n}").permitted for n in (9, 10)
    )


def test_a_refusal_is_kept_and_ends_what_was_in_force(tracker, sign):
    """The person's own no: recorded as rejected, the yes before it inactive."""
    patient = tracker.new()
    record(tracker.context, sign("ai-use", patient, tracker.clock.now() - timedelta(days=5)))
    signing = sign("ai-use", patient, tracker.clock.now(), answers={"agreement": False})
    done = record(tracker.context, signing)
    assert done.status == "refused"
    assert sorted(c["status"] for c in tracker.consents(patient)) == ["inactive", "rejected"]
    assert not decide(tracker, patient, Action.AI, purpose="TRANSCRIBE", actor=TOOL).permitted
    assert record(tracker.context, signing).status == "already"
    with pytest.raises(InputError, match="the client decided later"):
        record(tracker.context, sign("ai-use", patient, tracker.clock.now() - timedelta(days=1)))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"agreement": None}, "not answered: agreement"),
        ({"recipient": "", "expiry": None}, "not answered: recipient, expiry"),
        ({"expiry": "tomorrow"}, "expiry: is no day"),
        ({"purpose": "everything"}, "purpose: is none of its options"),
        ({"agreement": "maybe"}, "agreement: is neither yes nor no"),
        ({"colour": "blue"}, "no item colour"),
        ({"recipient": ["a", "b"]}, "recipient: takes one answer"),
        ({"information": "x" * 2001}, "longer than 2000"),
    ],
)
def test_answers_that_lack_or_do_not_fit_are_told(tracker, sign, answers, words):
    """C-11: a clear error, and nothing is written."""
    patient = tracker.new()
    with pytest.raises(InputError, match=words):
        record(tracker.context, sign("release", patient, tracker.clock.now(), answers=answers))
    assert not tracker.consents(patient)


def test_who_signs_for_a_client_says_why(tracker, sign):
    """45 CFR 164.508(c)(1)(vi): relation and authority; and it is somebody of this client's."""
    patient, other = tracker.new(born="2014-02-02"), tracker.new()
    guardian, now = tracker.guardian(patient), tracker.clock.now()
    why = {"relation": "mother", "authority": "custodial parent"}
    with pytest.raises(InputError, match="by which relation and which authority"):
        record(tracker.context, sign("treatment", patient, now, signer=guardian, relation="mother"))
    with pytest.raises(InputError, match="no related person of this client"):
        record(tracker.context, sign("treatment", other, now, signer=guardian, **why))
    done = record(tracker.context, sign("treatment", patient, now, signer=guardian, witness="A. Lee", **why))
    consent = stored(tracker, done)
    assert {p["url"]: p["valueString"] for p in parts_of(consent, consent["extension"][2]["url"])} == why
    assert consent["extension"][3]["valueReference"]["display"] == "A. Lee"


def test_a_minor_who_signs_alone_is_told_to_the_staff(tracker, sign):
    """C-14: nothing is refused that a state may allow; the staff is told."""
    patient = tracker.new(born="2012-02-02")
    done = record(tracker.context, sign("treatment", patient, tracker.clock.now()))
    assert any("minor" in note for note in done.notes)


def test_nothing_is_signed_in_the_future(tracker, sign):
    """Bad input: a time that has not come."""
    with pytest.raises(InputError, match="future"):
        record(tracker.context, sign("treatment", tracker.new(), tracker.clock.now() + timedelta(hours=1)))


def test_a_dry_run_writes_nothing(tracker, sign):
    """--dry-run."""
    patient = tracker.new()
    assert (
        record(tracker.context, sign("treatment", patient, tracker.clock.now()), dry_run=True).status
        == "would"
    )
    assert not tracker.consents(patient)
    record(tracker.context, sign("treatment", patient, tracker.clock.now()))
    asked = Revocation(patient, Channel.PAPER, tracker.clock.now(), ConsentType.TREATMENT)
    assert revoke(tracker.context, asked, dry_run=True).status == "would"
    assert [c["status"] for c in tracker.consents(patient)] == ["active"]


# --- opt-outs of a part --------------------------------------------------------------------------------------------


def test_one_category_is_ended_and_the_others_stay(tracker, sign):
    """R-6: an opt-out for one category is a consent that denies it; a global one ends all."""
    patient, context = tracker.new(), tracker.context
    record(context, sign("text-messages", patient, tracker.clock.now() - timedelta(days=1)))
    billing = {"purpose": "HPAYMT", "category": "billing"}
    assert decide(tracker, patient, Action.SMS, **billing).permitted
    asked = Revocation(
        patient,
        Channel.PORTAL,
        tracker.clock.now(),
        ConsentType.TEXT_MESSAGES,
        category=MessageCategory.BILLING,
    )
    assert revoke(context, asked).status == "revoked"
    assert revoke(context, asked).status == "already"
    assert not decide(tracker, patient, Action.SMS, **billing).permitted
    assert decide(tracker, patient, Action.SMS, **SMS).permitted
    tracker.clock.advance(60)
    revoke(context, Revocation(patient, Channel.PHONE, tracker.clock.now(), ConsentType.TEXT_MESSAGES))
    assert not decide(tracker, patient, Action.SMS, **SMS).permitted
    tracker.clock.advance(60)
    record(context, sign("text-messages", patient, tracker.clock.now()))  # the whole form signed again
    assert decide(tracker, patient, Action.SMS, **billing).permitted
    tracker.clock.advance(60)
    again = Revocation(
        patient,
        Channel.PORTAL,
        tracker.clock.now(),
        ConsentType.TEXT_MESSAGES,
        category=MessageCategory.BILLING,
    )
    assert revoke(context, again).status == "revoked"
    assert not decide(tracker, patient, Action.SMS, **billing).permitted
    assert decide(tracker, patient, Action.SMS, **SMS).permitted


def test_a_form_for_some_categories_opens_those_only(tracker, sign):
    """R-6: what the client ticked."""
    patient = tracker.new()
    record(
        tracker.context,
        sign("text-messages", patient, tracker.clock.now(), answers={"category": ["reminder"]}),
    )
    assert decide(tracker, patient, Action.SMS, **SMS).permitted
    assert not decide(tracker, patient, Action.SMS, purpose="HPAYMT", category="billing").permitted


def test_revoking_one_kind_of_a_bundle_leaves_the_rest(tracker, consent):
    """A consent of another system that bundles texts and e-mail: texts end, e-mail stays."""
    patient = tracker.new()
    made = consent("text-messages", id=f"bundle-{tracker.count}", patient={"reference": patient})
    made["category"] += consent("unencrypted-email")["category"]
    tracker.ehr.put(made)
    assert decide(tracker, patient, Action.SMS, **SMS).permitted
    asked = Revocation(patient, Channel.PHONE, tracker.clock.now(), ConsentType.TEXT_MESSAGES)
    done = revoke(tracker.context, asked)
    assert done.refusal
    assert not decide(tracker, patient, Action.SMS, **SMS).permitted
    assert decide(tracker, patient, Action.EMAIL, **SMS).permitted
    assert revoke(tracker.context, asked).status == "already"


def test_one_consent_is_revoked_by_its_id(tracker, sign):
    """And only of the client whose it is."""
    patient, other = tracker.new(), tracker.new()
    done = record(tracker.context, sign("privacy", patient, tracker.clock.now()))
    asked = Revocation(other, Channel.PAPER, tracker.clock.now(), consent=done.consent)
    with pytest.raises(InputError, match="no such consent"):
        revoke(tracker.context, asked)
    asked = Revocation(patient, Channel.PAPER, tracker.clock.now(), consent=done.consent)
    assert revoke(tracker.context, asked).consents == (done.consent,)
    for wrong in (
        {"kind": None},
        {"kind": ConsentType.PRIVACY, "consent": done.consent},
        {"kind": ConsentType.PRIVACY, "actor": "Organization/1"},
    ):
        with pytest.raises(InputError):
            revoke(tracker.context, Revocation(patient, Channel.PAPER, tracker.clock.now(), **wrong))


# --- recording: everybody (C-12) -----------------------------------------------------------------------------------


def test_recording_needs_every_participant(tracker, sign):
    """C-12: the gate answers for each participant; one who lacks the consent, or takes it back, is a no."""
    people = [tracker.new() for _ in range(3)]

    def permits():
        now = tracker.clock.now()
        asked = [DecisionRequest(p, Action.RECORD, now, purpose="TRANSCRIBE", location="NY") for p in people]
        return [decision.permitted for decision in tracker.context.decide(asked)]

    for n, patient in enumerate(people):
        assert permits() == [True] * n + [False] * (3 - n)
        record(tracker.context, sign("recording", patient, tracker.clock.now()))
    assert permits() == [True] * 3
    revoke(
        tracker.context, Revocation(people[1], Channel.IN_PERSON, tracker.clock.now(), ConsentType.RECORDING)
    )
    assert permits() == [True, False, True]


# --- EHRs that take less -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"no_transaction": True},
        {"no_transaction": True, "no_batch": True, "no_patch": True},
        {"no_transaction": True, "no_conditional_create": True},
        {"absent": frozenset({"QuestionnaireResponse", "Provenance"})},
        {"no_client_ids": True},
    ],
    ids=lambda o: "-".join(o),
)
def test_on_servers_that_do_less(make_tracker, sign, options):
    """Capture, supersede, revoke: the same outcome; the answers stand in the Consent where they have no other home."""
    with make_tracker(**options) as tracker:
        patient = tracker.new()
        first = record(
            tracker.context, sign("text-messages", patient, tracker.clock.now() - timedelta(days=2))
        )
        second = record(tracker.context, sign("text-messages", patient, tracker.clock.now()))
        states = {f"Consent/{c['id']}": c["status"] for c in tracker.consents(patient)}
        assert states == {first.consent: "inactive", second.consent: "active"}
        newest = stored(tracker, second)
        assert "sourceReference" in newest or "sourceAttachment" in newest
        assert decide(tracker, patient, Action.SMS, **SMS).permitted
        revoke(
            tracker.context, Revocation(patient, Channel.TEXT, tracker.clock.now(), ConsentType.TEXT_MESSAGES)
        )
        assert not decide(tracker, patient, Action.SMS, **SMS).permitted


def test_an_ehr_that_keeps_no_consents_is_told(make_tracker, sign):
    """A clear error with its mend."""
    with (
        make_tracker(read_only=frozenset({"Consent"})) as tracker,
        pytest.raises(InputError, match="companion"),
    ):
        record(tracker.context, sign("treatment", tracker.new(), tracker.clock.now()))
