"""No sound before every permit: recording by each participant, transcription and AI by the client (T-1, C-12, C-13).

A permit is asked for again at every piece of the recording, so a revocation ends the run within a piece (at most 30 s).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chartside.codes import Purpose
from chartside.context import Context
from chartside.errors import ConsentRefused
from chartside.gate.model import Action, Decision, DecisionRequest

FEATURES = frozenset({"records_audio", "transcribes", "writes_ai_text"})


@dataclass(frozen=True, slots=True)
class Sitting:
    """Whose words are taken down. ``client`` and ``participants`` are references (``Patient/12``); the client is one
    of the participants whether listed or not. ``dictation``: nobody is recorded but the clinician.
    """

    client: str
    participants: tuple[str, ...] = ()
    dictation: bool = False

    @property
    def recorded(self) -> tuple[str, ...]:
        """Whose recording consent is needed."""
        return () if self.dictation else tuple(dict.fromkeys((self.client, *self.participants)))


def require_permits(context: Context, sitting: Sitting) -> tuple[str, ...]:
    """The obligations that come with the permits (a notice to give).

    Raises ConsentRefused that names what is missing, and a retryable FhirError where the consents cannot be read.
    """
    asked = _requests(context, sitting)
    decisions = context.decide(asked)
    refused = [request for request, decision in zip(asked, decisions, strict=True) if not decision.permitted]
    if refused:
        what = ", ".join(dict.fromkeys(f"{r.action.value} ({_who(r, sitting)})" for r in refused))
        raise ConsentRefused(
            f"not permitted: {what}; nothing was recorded or kept",
            mend="record the missing consents, or ask why: chartside consent explain --patient ID --action "
            f"{refused[0].action.value}",
        )
    return _duties(decisions)


def _requests(context: Context, sitting: Sitting) -> list[DecisionRequest]:
    now, state = context.clock.now(), context.practice.state

    def request(patient: str, action: Action) -> DecisionRequest:
        return DecisionRequest(
            patient, action, now, purpose=Purpose.TRANSCRIBE, location=state, features=FEATURES
        )

    recordings = [request(patient, Action.RECORD) for patient in sitting.recorded]
    ai = [request(sitting.client, Action.TRANSCRIBE), request(sitting.client, Action.AI)]
    return recordings + ai


def _who(request: DecisionRequest, sitting: Sitting) -> str:
    return "the client" if request.patient == sitting.client else "another participant"


def _duties(decisions: Sequence[Decision]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(duty for decision in decisions for duty in decision.obligations))
