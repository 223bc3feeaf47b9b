"""What the tracker records is what the recorder asks for: every participant, and AI by this tool (C-12, C-13)."""

from __future__ import annotations

import pytest

from chartside.codes import ConsentType
from chartside.errors import ConsentRefused
from chartside.testing import host_for
from chartside_consent.forms import Forms
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel, Signing
from chartside_transcription.permit import Permits, Sitting

AI = {"tool": "transcription", "purpose": ["TRANSCRIBE", "DRAFT"], "agreement": True}


@pytest.fixture
def host(ehr, clock):
    plugins = {"consent": {"enabled": True}, "transcription": {"enabled": True}}
    for name in ("client", "partner"):
        ehr.put(
            {"resourceType": "Patient", "id": name, "birthDate": "1980-01-01", "address": [{"state": "NY"}]}
        )
    with host_for(ehr, clock, plugins=plugins) as opened:
        yield opened


@pytest.mark.ehr(clients=0)
def test_a_session_needs_each_participants_recording_and_the_clients_ai_consent(host, clock):
    """C-12: all participants before any sound; C-13: AI is a yes of its own; a revocation ends it at once."""
    context, forms = host.context("consent"), Forms()
    permits = Permits(host.context("transcription"), Sitting("Patient/client", ("Patient/partner",)))

    def sign(kind, who, answers):
        record(context, Signing(f"Patient/{who}", forms.get(kind, "en"), answers, clock.now()))

    for kind, who, answers, lacking in (
        (ConsentType.RECORDING, "client", {"agreement": True}, "record"),
        (ConsentType.RECORDING, "partner", {"agreement": True}, "transcribe"),
        (ConsentType.AI_USE, "client", AI, ""),
    ):
        with pytest.raises(ConsentRefused):
            permits.require()
        sign(kind, who, answers)
        if lacking:
            with pytest.raises(ConsentRefused, match=lacking):
                permits.require()
    assert permits.require()
    asked = Revocation("Patient/partner", Channel.IN_PERSON, clock.now(), ConsentType.RECORDING)
    revoke(context, asked)
    with pytest.raises(ConsentRefused, match="another participant"):
        permits.require()
