"""The only way to a client. Every message passes, in this order:

the hours at the recipient's place; the registry of recipients; the gate (consent, then law); the caps; a claim in
the ledger; all of it once more at the moment of sending, with what the plugin reads again; the audit, written
together with ``in-progress``; the channel; and the record of how it ended. A failure at any point leaves
a state from which the next run goes on without sending twice (R-10).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chartside.audit import Auditor, AuditRecord, Event
from chartside.audit.record import Result as AuditResult
from chartside.clock import Clock
from chartside.codes import MESSAGE_CATEGORY_SYSTEM, concept
from chartside.config import Practice
from chartside.errors import (
    ChannelUnavailable,
    ChartsideError,
    MessageRejected,
    OutboundRefused,
    OutcomeUnknown,
)
from chartside.gate.model import Decision, DecisionRequest
from chartside.gate.model import Outcome as Verdict
from chartside.gate.outbound import OutboundRegistry
from chartside.jobs.ledger import Claim, Effect, Ledger, Result, State, effect_key
from chartside.manifest import Manifest
from chartside.messaging.caps import WEEK, Caps
from chartside.messaging.channel import Channel, DeliveryStatus, OutboundMessage
from chartside.messaging.hours import Hours
from chartside.messaging.model import Intent, Outcome, Recheck, Rendered, Status, Way
from chartside.messaging.settings import MessagingSettings
from chartside.types import Resource

BATCH = 50
"""Intents in one round: keeps bundles small, and the time from claim to sending short."""

_PARALLEL = 8

Decide = Callable[[Sequence[DecisionRequest]], list[Decision]]


@dataclass(frozen=True, slots=True)
class _Try:
    """One intent by one of its ways: the unit that the ledger knows."""

    intent: Intent
    way: int
    key: str
    recipient: str
    decision: Decision | None = None

    @property
    def via(self) -> Way:
        return self.intent.ways[self.way]


class Messages:
    """One plugin's messages. ``decide`` asks the gate; ``channels`` and ``ledger`` are opened at first use."""

    def __init__(  # noqa: PLR0913 - all that a message passes on its way
        self,
        *,
        plugin: Manifest,
        practice: Practice,
        settings: Mapping[str, Any],
        channels: Callable[[], Mapping[str, Channel]],
        registry: OutboundRegistry,
        decide: Decide,
        ledger: Callable[[], Ledger],
        auditor: Auditor,
        secret: bytes,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        self._plugin, self._practice, self._settings = plugin, practice, MessagingSettings.read(settings)
        self._channels, self._registry, self._decide = channels, registry, decide
        self._ledger, self._auditor, self._secret = ledger, auditor, secret
        self._clock, self._lease = clock, lease
        self._hours = Hours(*self._settings.hours)
        self._caps = Caps(self._settings.per_day, self._settings.per_week)

    def deliver(
        self, intents: Iterable[Intent], recheck: Recheck | None = None, *, dry_run: bool = False
    ) -> Iterator[Outcome]:
        """Send each intent at most once; lazily, batch by batch. Raises retryable FhirErrors and AuditUnavailable.

        A dry run asks the hours, the registry, the gate and the caps, and writes and sends nothing.
        """
        batch: list[Intent] = []
        for intent in intents:
            batch.append(intent)
            if len(batch) == BATCH:
                yield from self._round(batch, recheck, dry_run)
                batch = []
        if batch:
            yield from self._round(batch, recheck, dry_run)

    def _round(self, intents: Sequence[Intent], recheck: Recheck | None, dry_run: bool) -> Iterator[Outcome]:
        """One batch; those whose first way failed for good go round again by their next way."""
        tries = [self._try(intent, 0) for intent in intents if intent.ways]
        yield from (Outcome(i, Status.HELD, "no way to reach the client") for i in intents if not i.ways)
        while tries:
            outcomes, tries = self._once(tries, recheck, dry_run)
            yield from outcomes

    def _once(
        self, tries: list[_Try], recheck: Recheck | None, dry_run: bool
    ) -> tuple[list[Outcome], list[_Try]]:
        done: list[Outcome] = []
        again: list[_Try] = []
        open_tries = self._permitted(self._within_hours(tries, done), done, again)
        if dry_run:
            kept = self._under_caps(open_tries, done)
            return done + [self._told(t, Status.WOULD) for t in kept], again
        begun = self._claimed(open_tries, recheck, done)
        results, failed = self._sent(begun, done)
        self._ledger().finish(results)
        again += [self._try(t.intent, t.way + 1) for t in failed if t.way + 1 < len(t.intent.ways)]
        return done, again

    # --- may it be sent? -------------------------------------------------------------------------------

    def _within_hours(self, tries: Sequence[_Try], done: list[Outcome]) -> list[_Try]:
        now, kept = self._clock.now(), []
        for one in tries:
            if now >= one.intent.until:
                done.append(self._told(one, Status.HELD, "too late to be of use"))
            elif not self._hours.allowed(now, one.via.zones):
                done.append(self._told(one, Status.HELD, "quiet hours"))
            else:
                kept.append(one)
        return kept

    def _permitted(self, tries: Sequence[_Try], done: list[Outcome], again: list[_Try]) -> list[_Try]:
        """What registry and gate let pass. What they refuse may go by the client's next way, if that is permitted."""
        registered = []
        for one in tries:
            problem = self._unregistered(one)
            if problem:
                self._refuse(one, problem, done, again)
            else:
                registered.append(one)
        kept = []
        for one, decision in zip(
            registered, self._decide([self._request(t) for t in registered]), strict=True
        ):
            if decision.permitted:
                kept.append(replace(one, decision=decision))
            else:
                self._refuse(replace(one, decision=decision), _why(decision), done, again)
        return kept

    def _refuse(self, one: _Try, reason: str, done: list[Outcome], again: list[_Try]) -> None:
        if one.way + 1 < len(one.intent.ways):
            again.append(self._try(one.intent, one.way + 1))
        else:
            done.append(self._told(one, Status.HELD, reason))

    def _unregistered(self, one: _Try) -> str:
        kind = one.via.kind
        channel = self._channels().get(kind)
        if kind not in self._plugin.outbound.kinds:
            return f"the plugin does not declare {kind!r} as outbound"
        if channel is None:
            return f"no channel for {kind!r} is set up"
        try:
            name = channel.settings.recipient
            self._registry.check(kind, name, self._clock.now(), "appointment")
            if channel.address:
                self._registry.check_address(kind, name, channel.address)
        except OutboundRefused:
            return "the recipient is not in the outbound registry"
        return ""

    def _request(self, one: _Try) -> DecisionRequest:
        intent = one.intent
        features = frozenset(name for name, on in self._plugin.features.items() if on)
        return DecisionRequest(
            intent.patient,
            one.via.action,
            self._clock.now(),
            purpose=intent.purpose,
            category=intent.category,
            location=intent.location,
            features=features,
        )

    def _under_caps(self, tries: Sequence[_Try], done: list[Outcome]) -> list[_Try]:
        """At most one a day and three a week for each number (R-3), those of this batch counted."""
        now = self._clock.now()
        sent = self._ledger().recent([t.recipient for t in tries], now - WEEK) if tries else {}
        kept = []
        for one in tries:
            times = sent.setdefault(one.recipient, [])
            if self._caps.reached(times, now, one.via.zones[0]):
                done.append(self._told(one, Status.HELD, "enough messages to this number for now"))
            else:
                times.append(now)
                kept.append(one)
        return kept

    # --- claim, look again, begin ------------------------------------------------------------------------

    def _claimed(
        self, tries: Sequence[_Try], recheck: Recheck | None, done: list[Outcome]
    ) -> list[tuple[_Try, Claim]]:
        """The tries that this worker may carry out now, each with its claim in progress."""
        ledger = self._ledger()
        claims = ledger.claim([Effect(t.key, self._record(t), recipient=t.recipient) for t in tries])
        pairs = list(zip(tries, claims, strict=True))
        mine = [(t, c) for t, c in pairs if c.state is State.CLAIMED]
        lost = [(t, c) for t, c in pairs if c.state is State.UNDECIDED]
        for one, claim in pairs:
            if claim.state not in (State.CLAIMED, State.UNDECIDED):
                done.append(self._stands(one, claim))
        never = self._resolved(lost, done)
        kept = self._still_good([*mine, *never], recheck, done)
        fresh = [(t, c) for t, c in kept if c.state is State.CLAIMED]
        back = [(t, c) for t, c in kept if c.state is State.UNDECIDED]
        begun = ledger.begin([self._audited(t, c) for t, c in fresh])
        begun += ledger.reopen([self._audited(t, c) for t, c in back])
        begun_pairs = list(zip([t for t, _ in [*fresh, *back]], begun, strict=True))
        done += [self._stands(t, c) for t, c in begun_pairs if c.state is not State.BEGUN]
        return [(t, c) for t, c in begun_pairs if c.state is State.BEGUN]

    def _resolved(self, lost: Sequence[tuple[_Try, Claim]], done: list[Outcome]) -> list[tuple[_Try, Claim]]:
        """Ask the provider about each undecided one (R-10); gives back those that it never got."""
        never, results = [], []
        for one, claim in lost:
            problem = self._ask(one)
            if problem is None:
                results.append(Result(claim, done=True, reason="found-at-provider", at=self._clock.now()))
                done.append(self._told(one, Status.ALREADY, "the provider has it", claim))
            elif isinstance(problem, ChannelUnavailable):
                never.append((one, claim))
            else:
                done.append(self._told(one, Status.UNDECIDED, "the provider cannot tell", claim))
        self._ledger().finish(results)
        return never

    def _ask(self, one: _Try) -> ChartsideError | None:
        """None: the provider has it. ChannelUnavailable: it is sure that it never got it. Else nobody knows."""
        try:
            seen = self._channels()[one.via.kind].lookup(
                self._message(one, Rendered("")), self._clock.now() - WEEK
            )
        except (ChartsideError, OSError):
            return OutcomeUnknown("the provider cannot tell")
        return None if seen else ChannelUnavailable("the provider never got it")

    def _still_good(
        self, pairs: list[tuple[_Try, Claim]], recheck: Recheck | None, done: list[Outcome]
    ) -> list[tuple[_Try, Claim]]:
        """Status, time and consent as they are now (R-11), and the caps. What is dropped is recorded as not done."""
        if not pairs:
            return []
        reasons = list(recheck([t.intent for t, _ in pairs])) if recheck else [""] * len(pairs)
        decisions = self._decide([self._request(t) for t, _ in pairs])
        kept: list[tuple[_Try, Claim]] = []
        dropped: list[Claim] = []
        for (one, claim), reason, decision in zip(pairs, reasons, decisions, strict=True):
            problem = reason or ("" if decision.permitted else _why(decision))
            if problem:
                dropped.append(claim)
                done.append(self._told(one, Status.HELD, problem, claim))
            else:
                kept.append((replace(one, decision=decision), claim))
        capped: list[Outcome] = []
        passed = {t.key for t in self._under_caps([t for t, _ in kept], capped)}
        done += capped
        self._ledger().release([c for t, c in kept if t.key not in passed and c.state is State.CLAIMED])
        self._ledger().finish([Result(c, done=False, reason="suppressed") for c in dropped if c.home])
        return [(t, c) for t, c in kept if t.key in passed]

    def _audited(self, one: _Try, claim: Claim) -> Claim:
        """The trail is written now, the AuditEvents go with ``begin`` (S-9, S-10)."""
        now, name = self._clock.now(), self._plugin.name
        decision = one.decision or Decision(Verdict.NONE)
        consents = tuple(r.source for r in decision.reasons if r.source.startswith("Consent/"))
        rules = tuple(r.source for r in decision.reasons if not r.source.startswith("Consent/"))
        base = AuditRecord(
            Event.DECISION,
            name,
            now,
            AuditResult.PERMIT,
            patient=one.intent.patient,
            purpose=one.intent.purpose,
            action=one.via.kind,
            consents=consents,
            rules=rules,
        )
        told = replace(
            base,
            event=Event.DISCLOSURE,
            outcome=AuditResult.SUCCESS,
            target=one.intent.about or "Communication",
            recipient=self._channels()[one.via.kind].settings.recipient,
            data_class="appointment",
            rules=(),
        )
        records = [base, told]
        return replace(claim, effect=replace(claim.effect, audit=self._auditor.prepare(records)))

    # --- send -----------------------------------------------------------------------------------------------

    def _sent(
        self, begun: Sequence[tuple[_Try, Claim]], done: list[Outcome]
    ) -> tuple[list[Result], list[_Try]]:
        """Hand all over to their channels, some at a time."""
        results: list[Result] = []
        failed: list[_Try] = []
        back: list[Claim] = []
        until = self._clock.now() + self._lease / 2  # the other half is for the channel's own time-out
        with ThreadPoolExecutor(_PARALLEL, "chartside-send") as pool:
            answers = list(pool.map(lambda pair: self._send(pair[0], until), begun))
        for (one, claim), problem in zip(begun, answers, strict=True):
            self._note(one, claim, problem, done, results, failed, back)
        self._ledger().release(back)
        return results, failed

    def _note(
        self,
        one: _Try,
        claim: Claim,
        problem: ChartsideError | None,
        done: list[Outcome],
        results: list[Result],
        failed: list[_Try],
        back: list[Claim],
    ) -> None:
        now = self._clock.now()
        if problem is None:
            results.append(Result(claim, done=True, at=now))
            done.append(self._told(one, Status.SENT, "", claim))
        elif isinstance(problem, ChannelUnavailable):
            back.append(claim)
            done.append(
                self._told(
                    one, Status.FAILED, "the channel was not to be had; the next run tries again", claim
                )
            )
        elif isinstance(problem, MessageRejected):
            results.append(Result(claim, done=False, reason="rejected", at=now))
            failed.append(one)
            if one.way + 1 >= len(one.intent.ways):
                done.append(self._told(one, Status.FAILED, "the provider refused it", claim))
        else:
            done.append(self._told(one, Status.UNDECIDED, "the provider gave no clear answer", claim))

    def _send(self, one: _Try, until: datetime) -> ChartsideError | None:
        """One message. A lost answer is looked up at once; what the provider never got may go again (R-17)."""
        if self._clock.now() >= until:
            return ChannelUnavailable("the claim's lease is over")
        try:
            receipt = self._channels()[one.via.kind].send(self._message(one, one.via.render()))
        except OutcomeUnknown:
            return self._ask(one)
        except ChartsideError as error:
            return error
        failed = receipt.status is DeliveryStatus.FAILED
        return MessageRejected("the provider could not deliver it") if failed else None

    # --- small things -----------------------------------------------------------------------------------------

    def _try(self, intent: Intent, way: int) -> _Try:
        via = intent.ways[way]
        recipient = hmac.new(self._secret, f"{via.kind}:{via.to}".encode(), hashlib.sha256).hexdigest()[:32]
        parts = (self._practice.id, self._plugin.name, *intent.parts, via.kind, recipient)
        return _Try(intent, way, effect_key(*parts), recipient)

    def _message(self, one: _Try, text: Rendered) -> OutboundMessage:
        return OutboundMessage(
            one.via.to, text.body, one.key, text.subject, text.attachments, one.intent.language
        )

    def _record(self, one: _Try) -> Resource:
        """How the EHR remembers it: that, when, about what and by which channel; never the text or the number."""
        intent = one.intent
        return {
            "resourceType": "Communication",
            "category": [concept(MESSAGE_CATEGORY_SYSTEM, intent.category)],
            "subject": {"reference": intent.patient},
            "recipient": [{"reference": intent.patient}],
            "medium": [concept(_MODE, _MEDIUM.get(one.via.kind, "WRITTEN"))],
            **({"about": [{"reference": intent.about}]} if intent.about else {}),
        }

    def _stands(self, one: _Try, claim: Claim) -> Outcome:
        """An effect that is not this worker's to carry out."""
        words = {
            State.DONE: (Status.ALREADY, ""),
            State.NOT_DONE: (Status.HELD, "given up earlier"),
            State.HELD: (Status.HELD, "another worker has it"),
            State.BEGUN: (Status.UNDECIDED, "begun by this run and not ended"),
            State.UNDECIDED: (Status.UNDECIDED, "another worker began it"),
        }
        status, reason = words.get(claim.state, (Status.FAILED, f"no claim: {claim.problem}"))
        return self._told(one, status, reason, claim)

    def _told(self, one: _Try, status: Status, reason: str = "", claim: Claim | None = None) -> Outcome:
        return Outcome(
            one.intent, status, reason, one.via.kind, claim.home if claim else "", one.key, one.decision
        )


_MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
_MEDIUM = {"sms": "SMSWRIT", "email": "EMAILWRIT", "call": "PHONE"}


def _why(decision: Decision) -> str:
    """A denial in a few words: by a consent, by the law, or for want of one."""
    denials = [r for r in decision.reasons if r.outcome is Verdict.DENY]
    sources = [r.source for r in denials]
    if decision.review:
        return "consent cannot be computed: the staff must look"
    if any(s.startswith("Consent/") for s in sources):
        return "the client said no"
    if any(s != "default" for s in sources):
        return f"the law: {', '.join(s for s in sources if s != 'default')}"
    return "no consent"
