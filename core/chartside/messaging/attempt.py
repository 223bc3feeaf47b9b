"""One intent by one of its ways: the unit that the ledger knows, and all that is said about it elsewhere."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chartside.audit import AuditRecord, Event
from chartside.audit.decisions import because
from chartside.audit.record import Result as AuditResult
from chartside.codes import MESSAGE_CATEGORY_SYSTEM, concept
from chartside.config import Practice
from chartside.errors import STOPPED
from chartside.gate.model import Decision, DecisionRequest, Outcome
from chartside.jobs.ledger import Claim, Effect, effect_key
from chartside.manifest import Manifest
from chartside.messaging.channel import OutboundMessage
from chartside.messaging.model import Intent, Rendered, Status, Way
from chartside.messaging.model import Outcome as Told
from chartside.types import Resource

DATA_CLASS = "appointment"
"""What a message to a client holds, in the words of the outbound registry."""

OPTED_OUT, NO_CONSENT = "opted out", "no consent"

_MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
_MEDIUM = {"sms": "SMSWRIT", "email": "EMAILWRIT", "call": "PHONE"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """``way``: index into ``intent.ways``; ``number``: an opaque name of the address, for caps; ``text``: rendered.

    ``before``: the kinds of the ways before this one, and why each did not serve.
    """

    intent: Intent
    way: int
    key: str
    number: str
    text: Rendered
    before: tuple[tuple[str, str], ...] = ()
    decision: Decision | None = None

    @property
    def via(self) -> Way:
        """The way itself."""
        return self.intent.ways[self.way]

    @property
    def has_next(self) -> bool:
        """Whether the client may be reached by another way, should this one fail."""
        return self.way + 1 < len(self.intent.ways)

    def decided(self, decision: Decision) -> Attempt:
        """The same with what the gate said."""
        return replace(self, decision=decision)

    def message(self) -> OutboundMessage:
        """What the channel gets."""
        text = self.text
        return OutboundMessage(
            self.via.to, text.body, self.key, text.subject, text.attachments, self.intent.language
        )

    def request(self, plugin: Manifest, now: datetime) -> DecisionRequest:
        """What the gate is asked."""
        intent = self.intent
        return DecisionRequest(
            intent.patient,
            self.via.action,
            now,
            purpose=intent.purpose,
            category=intent.category,
            actor=intent.recipient,
            location=intent.location,
            features=frozenset(name for name, on in plugin.features.items() if on),
        )

    def effect(self, *, with_text: bool) -> Effect:
        """How the ledger knows it and the EHR remembers it: when, about what, by which channel, in which words.

        The words are the template's id; the text itself only where the practice wants it there.
        """
        intent = self.intent
        words = self.text.body if with_text else self.text.template
        resource: Resource = {
            "resourceType": "Communication",
            "category": [concept(MESSAGE_CATEGORY_SYSTEM, intent.category)],
            "subject": {"reference": intent.patient},
            "recipient": [{"reference": intent.recipient or intent.patient}],
            "medium": [concept(_MODE, _MEDIUM.get(self.via.kind, "WRITTEN"))],
            **({"about": [{"reference": intent.about}]} if intent.about else {}),
            **({"payload": [{"contentString": words}]} if words else {}),
        }
        return Effect(self.key, resource, recipient=self.number)

    def decision_record(self, plugin: str, now: datetime) -> AuditRecord:
        """What the gate decided, by which consents and rules (C-8)."""
        decision = self.decision or Decision(Outcome.NONE)
        return AuditRecord(
            Event.DECISION,
            plugin,
            now,
            AuditResult.PERMIT if decision.permitted else AuditResult.DENY,
            patient=self.intent.patient,
            target=self.intent.about,
            purpose=self.intent.purpose,
            action=self.via.kind,
            **because(decision),
        )

    def disclosure_record(self, plugin: str, now: datetime, recipient: str) -> AuditRecord:
        """That it leaves for a recipient outside the EHR (S-9)."""
        return replace(
            self.decision_record(plugin, now),
            event=Event.DISCLOSURE,
            outcome=AuditResult.SUCCESS,
            target=self.intent.about or "Communication",
            recipient=recipient,
            data_class=DATA_CLASS,
            provisions=(),
            rules=(),
        )

    def told(self, status: Status, reason: str = "", claim: Claim | None = None) -> Told:
        """What the plugin is told of it."""
        home = claim.home if claim else ""
        if status is Status.SENT:  # by another way, so that nobody would hear of the STOP
            reason = next((f"{kind}: {said}" for kind, said in self.before if said == STOPPED), "")
            return Told(self.intent, status, reason, self.via.kind, home, self.key, self.decision)
        if reason and self.before:
            reason = telling([*self.before, (self.via.kind, reason)])
        return Told(self.intent, status, reason, self.via.kind, home, self.key, self.decision)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes attempts. ``secret`` hides the numbers of ``Attempt.number`` from those who see only the ledger.

    The key names the person who is written to, not the number: a number that was typed anew, or a change of
    anything else about the visit than its time, is no reason to write again.
    """

    practice: Practice
    plugin: str
    secret: bytes = field(repr=False)

    def first(self, intent: Intent) -> Attempt:
        """By the first way. Raises ValueError where its text cannot be made."""
        return self._make(intent, 0)

    def next(self, one: Attempt, reason: str) -> Attempt:
        """By the next way, since this one did not serve. Raises ValueError where its text cannot be made."""
        made = self._make(one.intent, one.way + 1)
        return replace(made, before=(*one.before, (one.via.kind, reason)))

    def key(self, intent: Intent, kind: str) -> str:
        """How the ledger and the EHR know it, by this kind of channel."""
        return effect_key(
            self.practice.id, self.plugin, *intent.parts, kind, intent.recipient or intent.patient
        )

    def _make(self, intent: Intent, way: int) -> Attempt:
        via = intent.ways[way]
        number = hmac.new(self.secret, f"{via.kind}:{via.to}".encode(), hashlib.sha256).hexdigest()[:32]
        return Attempt(intent, way, self.key(intent, via.kind), number, via.render())


def why(decision: Decision) -> str:
    """A denial in a few words: by a consent that says no or was taken back, by the law, or for want of one."""
    sources = [r.source for r in decision.reasons if r.outcome is Outcome.DENY]
    if decision.review:
        return "consent cannot be computed: the staff must look"
    if any(r.source.startswith("Consent/") and r.outcome is not Outcome.PERMIT for r in decision.reasons):
        return OPTED_OUT
    law = _named(source for source in sources if source != "default")
    return f"the law: {law}" if law else NO_CONSENT


def telling(ways: Sequence[tuple[str, str]]) -> str:
    """One reason where it is that of every way; who opted out of one and never agreed to the others has opted out."""
    reasons = dict.fromkeys(reason for _, reason in ways)
    if reasons.keys() == {OPTED_OUT, NO_CONSENT}:
        return OPTED_OUT
    return (
        next(iter(reasons)) if len(reasons) == 1 else "; ".join(f"{kind}: {reason}" for kind, reason in ways)
    )


def _named(sources: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(sources))
