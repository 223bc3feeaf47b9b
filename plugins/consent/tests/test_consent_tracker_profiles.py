"""What the tracker writes fits the published profiles, by a validator that others wrote."""

from __future__ import annotations

from datetime import timedelta

import pytest

import chartside_profiles
from chartside.codes import CONSENT_PROFILE, ConsentType, MessageCategory
from chartside_consent.forms import Forms
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel

pytestmark = pytest.mark.slow


def test_what_is_written_fits_its_profile(make_tracker, sign, medplum):
    """consent.md, "What is recorded": each kind, renewed, refused, taken back, by a proxy, for a part only."""
    with make_tracker() as tracker:
        context, now, adult = tracker.context, tracker.clock.now(), tracker.new()
        child = tracker.new(born="2014-01-01")
        proxy = {
            "signer": tracker.guardian(child),
            "relation": "mother",
            "authority": "parent",
            "witness": "A. Lee",
        }
        for kind in ConsentType:
            record(context, sign(kind, child, now, **proxy))
            record(context, sign(kind, adult, now - timedelta(days=9)))
            record(context, sign(kind, adult, now, medium=Channel.PAPER))
        tracker.clock.advance(60)
        record(context, sign("ai-use", adult, tracker.clock.now(), answers={"agreement": False}))
        texts = (ConsentType.TEXT_MESSAGES, MessageCategory.BILLING)
        revoke(context, Revocation(adult, Channel.PORTAL, tracker.clock.now(), texts[0], category=texts[1]))
        revoke(context, Revocation(adult, Channel.PHONE, tracker.clock.now(), texts[0]))
        written = [
            r for kind in ("Consent", "Provenance", "QuestionnaireResponse") for r in tracker.ehr.all(kind)
        ]
    assert {c["status"] for c in written if c["resourceType"] == "Consent"} == {
        "active",
        "inactive",
        "rejected",
    }
    assert all(c["meta"]["profile"] == [CONSENT_PROFILE] for c in written if c["resourceType"] == "Consent")
    found = medplum.issues(written, chartside_profiles.resources("StructureDefinition"))
    assert [problem for problems in found for problem in problems] == []


def test_the_profile_can_refuse(make_tracker, sign, medplum):
    """The same check finds a consent that lacks its kind."""
    with make_tracker() as tracker:
        record(tracker.context, sign("treatment", tracker.new(), tracker.clock.now()))
        [consent] = tracker.ehr.all("Consent")
    consent["category"] = [{"text": "a consent"}]
    assert medplum.issues([consent], chartside_profiles.resources("StructureDefinition"))[0]


def test_the_forms_are_questionnaires(medplum):
    """Each form, by a validator that others wrote."""
    definitions = chartside_profiles.resources("StructureDefinition")
    found = medplum.issues([dict(form.questionnaire) for form in Forms()], definitions)
    assert [problem for problems in found for problem in problems] == []
