"""No sound before every permit: recording by each participant, transcription and AI by the client (T-1, C-12, C-13).

The permits are asked for again at every piece of the recording, so a revocation ends the run within a piece (at most
30 s of speech).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from chartside.codes import TOOL_SYSTEM, Purpose
from chartside.context import Context
from chartside.errors import ConsentRefused, InputError
from chartside.gate.model import Action, Decision, DecisionRequest
from chartside.types import Resource

FEATURES = frozenset({"records_audio", "transcribes", "writes_ai_text"})
_FORMS = {
    Action.RECORD: "recording",
    Action.TRANSCRIBE: "ai-use to write down what is said",
    Action.AI: "ai-use to draft a note",
}
_PATIENT = re.compile(r"Patient/([A-Za-z0-9.-]{1,64})\Z")


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


class Permits:
    """The permits of one sitting. Raises InputError for a participant that is no reference to a client.

    ``states``: where each of them lives, where that is known already; else it is read from the chart.
    """

    purpose = Purpose.TRANSCRIBE

    def __init__(self, context: Context, sitting: Sitting, states: Mapping[str, str] | None = None) -> None:
        if not all(_PATIENT.match(one) for one in (sitting.client, *sitting.participants)):
            raise InputError("a participant is no reference to a client", mend="give Patient/ID")
        self._context, self._sitting, self._known = context, sitting, states
        self._written: list[Decision] = []

    @cached_property
    def _states(self) -> dict[str, str]:
        if self._known is not None:
            return dict(self._known)
        people = (self._sitting.client, *self._sitting.participants)
        return {who: state_of(self._context.fhir.read(*who.split("/", 1))) for who in people}

    def requests(self) -> list[DecisionRequest]:
        """What is asked of the gate, now."""
        now, client = self._context.clock.now(), self._sitting.client

        def request(patient: str, action: Action, purpose: Purpose) -> DecisionRequest:
            place = self._states[patient]
            tool = "" if action is Action.RECORD else f"{TOOL_SYSTEM}|{self._context.plugin.name}"
            return DecisionRequest(
                patient, action, now, purpose=purpose, actor=tool, location=place, features=FEATURES
            )

        return [
            *(request(patient, Action.RECORD, self.purpose) for patient in self._sitting.recorded),
            request(client, Action.TRANSCRIBE, self.purpose),
            request(
                client, Action.AI, Purpose.DRAFT
            ),  # who agreed to the one has not agreed to the other (C-13)
        ]

    def require(self) -> tuple[str, ...]:
        """The duties that come with the permits (a notice to give).

        Raises ConsentRefused that names what is missing, a retryable FhirError where the consents cannot be read, and
        AuditUnavailable where the decision cannot be written down.
        """
        asked = self.requests()
        decisions = self._context.decide(asked)
        if decisions != self._written:  # asked at every piece, written down when it changes (C-8)
            self._context.decided(asked, decisions)
            self._written = decisions
        refused = [one for one, decision in zip(asked, decisions, strict=True) if not decision.permitted]
        if refused:
            forms = ", ".join(dict.fromkeys(_FORMS[one.action] for one in refused))
            first = refused[0]
            actor = f" --actor '{first.actor}'" if first.actor else ""
            raise ConsentRefused(
                f"not permitted: {', '.join(dict.fromkeys(map(self._told, refused)))}; nothing was recorded or kept",
                mend=f"whoever agrees signs the form {forms} (chartside consent record --help); why: chartside "
                f"consent explain --patient ID --action {first.action.value} --purpose {first.purpose}{actor}",
            )
        return tuple(dict.fromkeys(duty for decision in decisions for duty in decision.obligations))

    def taken_back(self) -> bool:
        """Whether what a draft was made under does not hold any more. Asks without acting; see ``require``."""
        ours = [one for one in self.requests() if one.action is not Action.RECORD]
        return not all(decision.permitted for decision in self._context.decide(ours))

    def _told(self, request: DecisionRequest) -> str:
        who = "the client" if request.patient == self._sitting.client else "another participant"
        return f"{request.action.value} ({who})"


def state_of(patient: Resource) -> str:
    """Where a client lives, for the law of the place; empty (the strictest of all) when unknown."""
    places = patient.get("address")
    rows = [one for one in places if isinstance(one, dict)] if isinstance(places, list) else []
    found = [one.get("state") for one in rows if one.get("use") != "old"]
    return next((one for one in found if isinstance(one, str) and re.fullmatch("[A-Z]{2}", one)), "")
