"""T-1, C-12, C-13: nothing starts without every consent; revoked, it stops and is dropped; forgotten, it ends."""

from __future__ import annotations

import io
import wave
from datetime import timedelta

import numpy as np
import pytest

from chartside.clock import FrozenClock
from chartside.codes import CONSENT_SCOPE_SYSTEM, CONSENT_TYPE_SYSTEM, ConsentType, coding
from chartside.errors import ConsentRefused, InputError, PluginError, ServerError
from chartside.testing.ehr import running_ehr
from chartside.testing.hosts import host_for
from chartside.testing.plugin import NOW
from chartside_transcription import session as sessions
from chartside_transcription.engines import Engine, Heard
from chartside_transcription.permit import Permits, Sitting
from chartside_transcription.pipeline import Options
from chartside_transcription.service import MOST_SESSIONS, Service
from chartside_transcription.session import Session, State, WrongState

pytest.importorskip("av", reason="pip install 'chartside[transcription]'")
SIGNER = "Practitioner/clinician-001"
CLIENT, PARTNER, NOBODY = "Patient/session-1", "Patient/session-2", "Patient/session-3"


class Fixed(Engine):
    """Hears the same sentence in every piece; ``between`` is called before each."""

    name = "fixed"
    model = ("fixed", "1")
    between = staticmethod(lambda: None)

    def hear(self, samples, options):
        self.between()
        return Heard.of_text("I have been sleeping six hours a night.", len(samples) / 16_000)


def consent(ehr, patient: str, kind: ConsentType, *, status: str = "active", type: str = "permit") -> None:
    id = f"{patient.partition('/')[2]}-{kind.value}"
    ehr.put(
        {
            "resourceType": "Consent",
            "id": id,
            "status": status,
            "scope": {"coding": [coding(CONSENT_SCOPE_SYSTEM, "patient-privacy")]},
            "category": [{"coding": [coding(CONSENT_TYPE_SYSTEM, kind.value)]}],
            "patient": {"reference": patient},
            "dateTime": "2026-10-01T10:00:00Z",
            "performer": [{"reference": patient}],
            "policy": [{"uri": "https://example.org/policy"}],
            "provision": {"type": type, "period": {"start": "2026-10-01", "end": "2027-10-01"}},
        }
    )


@pytest.fixture(scope="module")
def host():
    clock = FrozenClock(NOW)
    with running_ehr(clock, {"clients": 1}) as ehr:
        for reference in (CLIENT, PARTNER, NOBODY):
            id = reference.partition("/")[2]
            ehr.put({"resourceType": "Patient", "id": id, "active": True, "address": [{"state": "NY"}]})
        plugins = {"consent": {"enabled": True}, "transcription": {"enabled": True, "signers": [SIGNER]}}
        with host_for(ehr, clock, plugins=plugins) as host:
            yield host, ehr, clock


@pytest.fixture
def service(host):
    opened, ehr, _clock = host
    for reference in (CLIENT, PARTNER):
        consent(ehr, reference, ConsentType.RECORDING)
    consent(ehr, CLIENT, ConsentType.AI_USE)
    context = opened.context("transcription")
    return Service(context, engine=Fixed(context.settings))


@pytest.fixture(scope="module")
def speech(talk) -> bytes:
    """Five seconds of the demo's voices, as WAV."""
    return wav(talk[: 16_000 * 5])


def wav(samples) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return held.getvalue()


def fed(session: Session, sound: bytes, size: int = 50_000) -> None:
    for at in range(0, len(sound), size):
        session.take(sound[at : at + size])


def test_a_recording_with_every_consent_becomes_a_draft(service, host, speech):
    """T-1, T-8: start, chunks, pause, resume, end, draft in the EHR."""
    session = service.start(Sitting(CLIENT, (PARTNER,)), Options(1), SIGNER)
    fed(session, speech)
    session.pause()
    with pytest.raises(WrongState, match="paused"):
        session.take(b"x")
    session.resume()
    session.end()
    assert session.wait(30)
    assert (session.state, session.problem) == (State.DONE, "")
    id = service.filed[session.id]
    assert "have been sleeping [six?] hours" in service.review.text(id)
    assert service.review.status(id) == "preliminary"


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ((CLIENT, ConsentType.RECORDING), "record (the client)"),
        ((PARTNER, ConsentType.RECORDING), "record (another participant)"),
        ((CLIENT, ConsentType.AI_USE), "transcribe (the client), ai (the client)"),
    ],
)
@pytest.mark.parametrize("how", ["inactive", "deny"])
def test_without_one_consent_nothing_starts(service, host, speech, missing, named, how):
    """How it is shown 3: one participant's recording consent, or the client's AI consent; no sound is looked at."""
    _, ehr, _ = host
    consent(
        ehr,
        *missing,
        status="inactive" if how == "inactive" else "active",
        type="deny" if how == "deny" else "permit",
    )
    sitting = Sitting(CLIENT, (PARTNER,))

    def read():
        raise AssertionError("the recording was read")
        yield b""

    with pytest.raises(ConsentRefused) as told:
        service.start(sitting, Options(1), SIGNER)
    assert named in str(told.value)
    with pytest.raises(ConsentRefused):
        service.note(read(), sitting, Options(1), "r", lambda _: None)
    assert not service.sessions


def test_without_the_consent_plugin_nothing_starts(host):
    """C-12: no decision means no."""
    _, ehr, clock = host
    with host_for(ehr, clock, plugins={"transcription": {"enabled": True}}) as alone:
        context = alone.context("transcription")
        with pytest.raises(ConsentRefused):
            Permits(context, Sitting(CLIENT)).require()


def test_each_permit_is_in_the_audit_and_again_when_it_changes(service, host):
    """C-8: what was decided before a recording, by which consents and provisions; not again at every piece."""
    from chartside.audit import Event

    held, ehr, _ = host
    permits, before = Permits(service.context, Sitting(CLIENT)), len(list(held.auditor.trail.records()))

    def told() -> list[tuple[str, str, tuple[str, ...]]]:
        records = list(held.auditor.trail.records())[before:]
        return [(r.action, r.outcome.value, r.provisions) for r in records if r.event is Event.DECISION]

    permits.require()
    permits.require()
    assert told() == [(action, "permit", ("provision",)) for action in ("record", "transcribe", "ai")]
    consent(ehr, CLIENT, ConsentType.RECORDING, status="inactive")
    with pytest.raises(ConsentRefused):
        permits.require()
    assert [(action, outcome) for action, outcome, _ in told()[3:]] == [
        ("record", "deny"),
        ("transcribe", "permit"),
        ("ai", "permit"),
    ]


def test_a_dictation_records_nobody_but_needs_the_ai_consent(service, host, speech):
    """C-12, C-13: the clinician alone speaks; the client's data goes to AI all the same."""
    _, ehr, _ = host
    consent(ehr, CLIENT, ConsentType.RECORDING, status="inactive")
    assert "review" in Permits(service.context, Sitting(CLIENT, dictation=True)).require()
    consent(ehr, CLIENT, ConsentType.AI_USE, status="inactive")
    with pytest.raises(ConsentRefused):
        service.start(Sitting(CLIENT, dictation=True), Options(1), SIGNER)


@pytest.mark.parametrize("kind", [ConsentType.RECORDING, ConsentType.AI_USE])
def test_a_consent_revoked_in_the_middle_stops_and_drops(service, host, talk, kind):
    """How it is shown 3: the pipeline stops at the piece, nothing is filed, nothing is kept."""
    _, ehr, _ = host
    service.engine.between = lambda: consent(ehr, CLIENT, kind, status="inactive")
    before = len(ehr.all("DocumentReference"))
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, wav(talk))
    session.end()
    assert session.wait(30)
    assert session.state is State.FAILED
    assert "not permitted" in session.problem
    assert session._chunks.empty()
    assert session.id not in service.filed
    assert len(ehr.all("DocumentReference")) == before


def test_a_consent_revoked_in_a_pause_keeps_it_from_going_on(service, host, speech):
    """C-12: resume asks again."""
    _, ehr, _ = host
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, speech)
    session.pause()
    consent(ehr, CLIENT, ConsentType.RECORDING, status="inactive")
    with pytest.raises(ConsentRefused):
        session.resume()
    session.end()
    assert session.wait(30)
    assert session.state is State.FAILED


@pytest.mark.slow
def test_what_is_forgotten_ends_by_itself(service, host, speech):
    """T-1: without a chunk for ten minutes the recording ends, and what came is written down; no request is needed."""
    _, _, clock = host
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, speech)
    clock.advance((sessions.FORGOTTEN + timedelta(seconds=1)).total_seconds())
    assert session.wait(30)
    assert session.state is State.DONE


def test_a_discarded_recording_leaves_nothing(service, host, speech):
    """T-2: dropped in the middle, nothing is filed."""
    _, ehr, _ = host
    before = len(ehr.all("DocumentReference"))
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, speech)
    session.drop()
    assert session.wait(30)
    assert session.state is State.FAILED
    assert session.problem == "discarded"
    assert len(ehr.all("DocumentReference")) == before
    with pytest.raises(WrongState):
        session.take(b"more")


def test_silence_gives_no_note(service, host):
    """T-6: it says so, and files nothing."""
    _, ehr, _ = host
    before = len(ehr.all("DocumentReference"))
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, wav(np.zeros(16_000 * 4)))
    session.end()
    assert session.wait(30)
    assert (session.state, "no speech" in session.problem) == (State.FAILED, True)
    assert len(ehr.all("DocumentReference")) == before


def test_what_is_no_recording_is_told(service):
    """T-16: bytes of anything else end the session with a clear problem."""
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, b"\x00\xff nothing of a recording " * 5_000)
    session.end()
    assert session.wait(30)
    assert session.state is State.FAILED
    assert "recording" in session.problem or "wav" in session.problem


@pytest.mark.slow
def test_a_bad_minute_of_the_ehr_loses_nothing(service, host, speech, monkeypatch):
    """An outage while the draft is filed: tried again; the words of an hour are not lost."""
    monkeypatch.setattr(sessions, "PATIENCE", (0.0,) * 4)
    tries = []
    real = service.review.file

    def failing(*arguments):
        tries.append(1)
        if len(tries) < 4:
            raise ServerError("down", status=503)
        return real(*arguments)

    monkeypatch.setattr(service.review, "file", failing)
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, speech)
    session.end()
    assert session.wait(30)
    assert session.state is State.DONE
    assert len(tries) == 4


def test_an_engine_that_breaks_tells_its_type_only(service, speech):
    """No PHI in an error: the text of a foreign exception may hold what was said."""

    def broken():
        raise RuntimeError("I have been sleeping six hours")

    service.engine.between = broken
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    fed(session, speech)
    session.end()
    assert session.wait(30)
    assert (session.state, session.problem) == (State.FAILED, "RuntimeError")


def test_what_the_note_needs_is_looked_at_before_a_recording(service):
    """Nobody records an hour for a template that does not exist, or an engine that is not installed."""
    service.context.settings.__dict__["template"] = "no-such.toml"
    try:
        with pytest.raises(InputError, match="template"):
            service.start(Sitting(CLIENT), Options(1), SIGNER)
    finally:
        service.context.settings.__dict__["template"] = "dap"

    def missing():
        raise PluginError("not installed", mend="pip install 'chartside[transcription]'")

    service.engine.prepare = missing
    with pytest.raises(PluginError, match="pip install"):
        service.start(Sitting(CLIENT), Options(1), SIGNER)
    assert not service.sessions


@pytest.mark.slow
def test_no_more_recordings_than_the_machine_can_take(service):
    """Four at once; an ended one makes room."""
    held = [service.start(Sitting(CLIENT), Options(1), SIGNER) for _ in range(MOST_SESSIONS)]
    with pytest.raises(InputError, match="too many"):
        service.start(Sitting(CLIENT), Options(1), SIGNER)
    for session in held:
        session.drop()
        session.wait(30)
    service.start(Sitting(CLIENT), Options(1), SIGNER).drop()


@pytest.mark.parametrize("who", ["Patient/", "Practitioner/1", "Patient/../x", "Patient/a b", "client"])
def test_a_participant_that_is_none(service, who):
    """A wrong reference is told before anything is asked of a server."""
    for sitting in (Sitting(who), Sitting(CLIENT, (who,))):
        with pytest.raises(InputError, match="participant"):
            service.start(sitting, Options(1), SIGNER)


def test_a_chunk_has_a_limit(service):
    """One megabyte: half a minute of uncompressed sound."""
    session = service.start(Sitting(CLIENT), Options(1), SIGNER)
    with pytest.raises(InputError, match="1 MB"):
        session.take(b"\0" * (sessions.LARGEST_CHUNK + 1))
    session.drop()
