"""Why is something allowed, or not, for a client of the practice: the gate's own answer, and what each consent said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from chartside.codes import TOOL_SYSTEM
from chartside.gate.model import Action, Decision, DecisionRequest, Reason

from . import words
from .compiling import compile_consent
from .engine import newest
from .explaining import Explanation, explain
from .keeping import consents_of
from .people import client_of, directory
from .query import prepare
from .shaping import state_of

if TYPE_CHECKING:
    from chartside.context import Context

_FEATURES: Final = {
    Action.SMS: {"talks_to_client"},
    Action.EMAIL: {"talks_to_client"},
    Action.CALL: {"talks_to_client"},
    Action.RECORD: {"records_audio"},
    Action.TRANSCRIBE: {"transcribes"},
    Action.AI: {"writes_ai_text"},
}
"""What the law judges where an action is asked about by itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``decision``: the gate's, consent and law together; ``explanation``: what each consent said."""

    request: DecisionRequest
    decision: Decision
    explanation: Explanation

    def lines(self) -> list[str]:
        """In plain words, for a compliance officer. Ids and codes only."""
        r, decision = self.request, self.decision
        place = f", in {r.location}" if r.location else ", place not known"
        verb = "is allowed" if decision.permitted else "is not allowed"
        found = [
            f"{decision.outcome.value.upper()}: {r.action.value} for {r.purpose} {verb} ({r.patient}{place})."
        ]
        found += [_line(reason) for reason in decision.reasons]
        found += [f"  duties   {', '.join(decision.obligations)}"] if decision.obligations else []
        if decision.review:
            found.append("  It cannot be computed; `chartside run consent.watch` asks the staff to look.")
        told = {reason.source for reason in decision.reasons}
        others = [v for v in self.explanation.considered if v.instrument.source not in told]
        found += ["Also looked at:"] if others else []
        return found + [f"  {v.instrument.source}: {words.title(v.instrument)}; {v.why}." for v in others]

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        decision = self.decision
        return {
            "outcome": decision.outcome.value,
            "permitted": decision.permitted,
            "review": decision.review,
            "obligations": list(decision.obligations),
            "reasons": [
                {"source": r.source, "outcome": r.outcome.value, "path": r.path, "text": r.text}
                for r in decision.reasons
            ],
            "considered": self.explanation.as_json()["considered"],
        }


def _line(reason: Reason) -> str:
    """``consent  text (Consent/12/_history/3 provision)``."""
    kind = (
        "consent" if reason.source.startswith("Consent/") else "base" if reason.source == "default" else "law"
    )
    where = f" [{reason.source}{' ' + reason.path if reason.path else ''}]" if kind != "base" else ""
    return f"  {kind:<8} {reason.text}{where}"


def ask(
    context: Context, patient: str, action: Action, *, purpose: str, category: str = "", actor: str = ""
) -> Answer:
    """Ask the gate about one client now, and every consent of theirs. Raises FhirError."""
    person = context.fhir.read("Patient", patient.partition("/")[2])
    state = state_of(person)
    if not actor and action in (Action.AI, Action.TRANSCRIBE):
        actor = f"{TOOL_SYSTEM}|transcription"
    request = DecisionRequest(
        patient,
        action,
        context.clock.now(),
        purpose=purpose,
        category=category,
        actor=actor,
        location=state or context.practice.state,
        features=frozenset(_FEATURES.get(action, ())),
    )
    [decision] = context.decide([request])
    own = newest([compile_consent(c) for c in consents_of(context, patient)])
    zone = ZoneInfo(context.practice.time_zone)
    client = client_of(person, state, context)
    query = prepare(request, zone=zone, client=client, directory=directory(context, own))
    return Answer(request, decision, explain(own, query))
