"""The only way to a client. Every message passes, in this order:

the registry of recipients; the hours at the recipient's place; the gate (consent, then law); a claim in the
ledger; the gate once more at the moment of sending, with what the plugin reads again; the caps; the audit, written
together with ``in-progress``; the channel; and the record of how it ended. A failure at any point leaves
a state from which the next run goes on without sending twice (R-10).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chartside.audit import Auditor
from chartside.clock import Clock
from chartside.config import Practice
from chartside.errors import (
    AuditUnavailable,
    ChannelUnavailable,
    ChartsideError,
    CircuitOpen,
    FhirError,
    JobOverdue,
    Unreachable,
)
from chartside.gate.outbound import OutboundRegistry
from chartside.jobs.ledger import Claim, Ledger, Result, State
from chartside.manifest import Manifest
from chartside.messaging.attempt import Attempt, Maker, why
from chartside.messaging.channel import Channel
from chartside.messaging.model import Intent, Later, Outcome, Recheck, Status
from chartside.messaging.permission import Decide, Permission
from chartside.messaging.sending import Ended, Sender
from chartside.messaging.settings import MessagingSettings
from chartside.overdue import require_wanted

BATCH = 100
"""Intents in one round: few round trips, bundles that servers take, and a short time from decision to sending."""

_SINGLY = 16
"""Begun in one go where each needs a request, or three, of its own: a slow server takes a second for each. Twice what
the client has under way at once, so that no round goes half empty."""

_GIVE_UP = 5
"""After so many refused AuditEvents in a row it is the server, not the event."""

Pair = tuple[Attempt, Claim]
Step = Callable[[Sequence[Claim]], list[Claim]]


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
        self._plugin, self._settings = plugin, MessagingSettings.read(settings)
        self._channels, self._ledger, self._auditor, self._clock = channels, ledger, auditor, clock
        self._maker = Maker(practice, plugin.name, secret)
        self._may = Permission(
            plugin=plugin,
            settings=self._settings,
            channels=channels,
            registry=registry,
            decide=decide,
            ledger=ledger,
            auditor=auditor,
            maker=self._maker,
            clock=clock,
        )
        self._sender = Sender(channels, clock, lease)
        self._unrecorded: dict[str, Result] = {}

    def deliver(
        self, intents: Iterable[Intent], recheck: Recheck | None = None, *, dry_run: bool = False
    ) -> Iterator[Outcome]:
        """Send each intent at most once; lazily, batch by batch.

        Where the EHR or the audit cannot be reached, the batch is given back and told as failed; the next run
        tries again. A dry run asks the hours, the registry, the gate and the caps, and writes and sends nothing.
        """
        batch: list[Intent] = []
        for intent in intents:
            require_wanted()
            batch.append(intent)
            if len(batch) == BATCH:
                yield from self._round(batch, recheck, dry_run)
                batch = []
        require_wanted()
        yield from self._round(batch, recheck, dry_run)

    def key(self, intent: Intent, kind: str) -> str:
        """The identifier of an intent's record, had it gone by this kind of channel: to look up whether it did."""
        return self._maker.key(intent, kind)

    def _round(self, intents: Sequence[Intent], recheck: Recheck | None, dry_run: bool) -> Iterator[Outcome]:
        """One batch; those whose first way failed for good go round again by their next way."""
        told: list[Outcome] = []
        attempts = self._attempts(intents, told)
        while attempts:
            again: list[Attempt] = []  # by their next way
            try:
                self._once(attempts, recheck, dry_run, told, again)
            except (FhirError, AuditUnavailable) as error:
                reason = f"{_said(error)}; the next run tries again"
                named = {id(outcome.intent) for outcome in told} | {id(one.intent) for one in again}
                told += [one.told(Status.FAILED, reason) for one in attempts if id(one.intent) not in named]
            attempts = again
        yield from told

    def _attempts(self, intents: Sequence[Intent], told: list[Outcome]) -> list[Attempt]:
        attempts, channels = [], self._channels() if intents else {}
        for given in intents:
            ways = tuple(way for way in given.ways if way.kind in channels)
            intent = replace(given, ways=ways) if ways else given
            if not intent.ways:
                told.append(Outcome(intent, Status.HELD, "no way to reach the client"))
                continue
            try:
                attempts.append(self._maker.first(intent))
            except ValueError:
                told.append(Outcome(intent, Status.FAILED, "its text cannot be made; see `chartside check`"))
        # Servers repeat entries, and pages overlap: the ledger would take both for this worker's own claim.
        return list({one.key: one for one in attempts}.values())

    def _once(
        self,
        attempts: list[Attempt],
        recheck: Recheck | None,
        dry_run: bool,
        told: list[Outcome],
        again: list[Attempt],
    ) -> None:
        now_open = self._may.within_hours(self._may.registered(attempts, told, again), told)
        permitted = self._may.permitted(now_open, told, again)
        if dry_run:
            told += [one.told(Status.WOULD) for one in self._may.under_caps(permitted, told)]
            return
        decided = self._sender.deadline()
        waiting = self._claimed(permitted, recheck, told, again)
        try:
            while waiting:
                require_wanted()
                group = self._next_group(waiting)
                rest = [pair for pair in waiting if pair not in group]
                until = decided
                if self._sender.stale(until):
                    until = self._sender.deadline()
                    group = self._still_good(group, recheck, told, again)
                    waiting = [*group, *rest]
                    if self._sender.stale(until):
                        self._give_back(waiting, told)
                        return
                begun = self._begun(group, told)
                waiting = rest  # from here on the group may have been sent
                self._end(begun, self._sender.send(begun, until), Status.SENT, told, again)
        except (FhirError, AuditUnavailable, JobOverdue):
            self._ledger().release([claim for _, claim in waiting if claim.state is State.CLAIMED])
            raise

    def _give_back(self, waiting: Sequence[Pair], told: list[Outcome]) -> None:
        """Before anything is begun: nothing is told to the audit that would not be sent in time."""
        self._ledger().release([claim for _, claim in waiting if claim.state is State.CLAIMED])
        reason = "the EHR is too slow to look at the consent and send in time; the next run tries again"
        told += [one.told(Status.FAILED, reason, claim) for one, claim in waiting]

    # --- claim, look again, begin ----------------------------------------------------------------------

    def _claimed(
        self,
        attempts: Sequence[Attempt],
        recheck: Recheck | None,
        told: list[Outcome],
        again: list[Attempt],
    ) -> list[Pair]:
        """The attempts that this worker may carry out now: claimed, or undecided and certainly never sent."""
        ledger = self._ledger()
        attempts = self._reachable(attempts, told)
        effects = [one.effect(with_text=self._settings.record_text) for one in attempts]
        pairs = list(zip(attempts, ledger.claim(effects), strict=True))
        mine = [pair for pair in pairs if pair[1].state is State.CLAIMED]
        lost = [pair for pair in pairs if pair[1].state in (State.UNDECIDED, State.BEGUN)]
        for one, claim in pairs:
            if claim.state is State.NOT_DONE and one.has_next:
                again.append(self._maker.next(one, "given up earlier"))
            elif claim.state not in (State.CLAIMED, State.UNDECIDED, State.BEGUN):
                told.append(_stands(one, claim))
        try:
            never = self._resolved(lost, told, again)
            fresh = self._uncapped(self._still_good(mine, recheck, told, again), told)
            return [*fresh, *self._still_good(never, recheck, told, again)]
        except (FhirError, AuditUnavailable, JobOverdue):
            ledger.release([claim for _, claim in mine])
            raise

    def _reachable(self, attempts: Sequence[Attempt], told: list[Outcome]) -> list[Attempt]:
        """Nothing is claimed for a channel that cannot be had now."""
        away = set()
        for kind in {one.via.kind for one in attempts}:
            try:
                self._channels()[kind].ready()
            except Exception:  # also of a channel's own code
                away.add(kind)
        reason = "the channel was not to be had; the next run tries again"
        told += [one.told(Status.FAILED, reason) for one in attempts if one.via.kind in away]
        return [one for one in attempts if one.via.kind not in away]

    def _resolved(self, lost: Sequence[Pair], told: list[Outcome], again: list[Attempt]) -> list[Pair]:
        """Ask the provider about each undecided one (R-10); gives back those that it certainly never got."""
        known = [pair for pair in lost if pair[0].key in self._unrecorded]
        unknown = [pair for pair in lost if pair[0].key not in self._unrecorded]
        self._finish([replace(self._unrecorded[one.key], claim=claim) for one, claim in known])
        told += [one.told(Status.ALREADY, "", claim) for one, claim in known]
        answers = self._sender.ask(unknown)
        asked = list(zip(unknown, answers, strict=True))
        certain = [(pair, a) for pair, a in asked if not isinstance(a, ChannelUnavailable)]
        self._end([pair for pair, _ in certain], [a for _, a in certain], Status.ALREADY, told, again)
        return [pair for pair, answer in asked if isinstance(answer, ChannelUnavailable)]

    def _still_good(
        self, pairs: Sequence[Pair], recheck: Recheck | None, told: list[Outcome], again: list[Attempt]
    ) -> list[Pair]:
        """Status, time and consent as they are now (R-11). What is dropped is recorded as not done."""
        if not pairs:
            return []
        reasons = list(recheck([one.intent for one, _ in pairs])) if recheck else [""] * len(pairs)
        asked = self._may.asked([one for one, _ in pairs])
        kept: list[Pair] = []
        dropped: list[Result] = []
        put_off: list[Claim] = []
        for one, (_, claim), reason in zip(asked, pairs, reasons, strict=True):
            permitted = one.decision is not None and one.decision.permitted
            if isinstance(reason, Later):
                put_off.append(claim)
                told.append(one.told(Status.HELD, reason, claim))
            elif reason:
                dropped.append(Result(claim, done=False, reason="suppressed"))
                told.append(one.told(Status.HELD, reason, claim))
            elif permitted:
                kept.append((one, claim))
            else:
                dropped.append(Result(claim, done=False, reason="no-consent"))
                self._may.refuse(one, why(one.decision) if one.decision else "no consent", told, again)
        self._ledger().release([claim for claim in put_off if claim.state is State.CLAIMED])
        self._may.audit([one for one in asked if one.decision and not one.decision.permitted])
        self._finish([result for result in dropped if result.claim.home])
        return kept

    def _uncapped(self, pairs: Sequence[Pair], told: list[Outcome]) -> list[Pair]:
        passed = {one.key for one in self._may.under_caps([one for one, _ in pairs], told)}
        self._ledger().release([claim for one, claim in pairs if one.key not in passed])
        return [pair for pair in pairs if pair[0].key in passed]

    def _next_group(self, waiting: Sequence[Pair]) -> list[Pair]:
        """As many of one channel as it may have in progress at once, and as are begun in a short time."""
        kind = waiting[0][0].via.kind
        most = min(self._channels()[kind].at_once, BATCH if self._ledger().together else _SINGLY)
        return [pair for pair in waiting if pair[0].via.kind == kind][:most]

    def _begun(self, pairs: Sequence[Pair], told: list[Outcome]) -> list[Pair]:
        """The trail is written now, the AuditEvents go with ``in-progress``, or before it where they have another
        home (S-9, S-10)."""
        ledger = self._ledger()
        fresh = [pair for pair in pairs if pair[1].state is State.CLAIMED]
        back = [pair for pair in pairs if pair[1].state is not State.CLAIMED]
        audited = self._audited([*fresh, *back])
        claims = self._begin(self._recorded(ledger.begin), audited[: len(fresh)])
        claims += self._begin(self._recorded(ledger.reopen), audited[len(fresh) :])
        begun = list(zip([one for one, _ in (*fresh, *back)], claims, strict=True))
        told += [_stands(one, claim) for one, claim in begun if claim.state is not State.BEGUN]
        return [pair for pair in begun if pair[1].state is State.BEGUN]

    def _recorded(self, step: Step) -> Step:
        if self._ledger().audits:
            return step

        def recorded(claims: Sequence[Claim]) -> list[Claim]:
            self._auditor.deliver([event for claim in claims for event in claim.effect.audit])
            return step(claims)

        return recorded

    def _begin(self, step: Step, claims: Sequence[Claim]) -> list[Claim]:
        """One AuditEvent that is not taken must not hold up all others (S-10 holds for each message by itself)."""
        try:
            return step(claims)
        except AuditUnavailable:
            begun: list[Claim] = []
            refused = 0
            for claim in claims:
                try:
                    if refused < _GIVE_UP:
                        begun += step([claim])
                        refused = 0
                        continue
                except AuditUnavailable:
                    refused += 1
                begun.append(replace(claim, state=State.FAILED, problem="the audit cannot be written"))
        held = [c for c, b in zip(claims, begun, strict=True) if b.state is State.FAILED]
        self._ledger().release([claim for claim in held if claim.state is State.CLAIMED])
        return begun

    def _audited(self, pairs: Sequence[Pair]) -> list[Claim]:
        now, name = self._clock.now(), self._plugin.name
        records = []
        for one, _ in pairs:
            recipient = self._channels()[one.via.kind].settings.recipient
            records += [one.decision_record(name, now), one.disclosure_record(name, now, recipient)]
        events = self._auditor.prepare(records)  # all in one write to the disk
        each = len(events) // max(1, len(pairs))
        return [
            replace(claim, effect=replace(claim.effect, audit=events[n * each : (n + 1) * each]))
            for n, (_, claim) in enumerate(pairs)
        ]

    # --- how it ended ------------------------------------------------------------------------------------

    def _end(
        self,
        pairs: Sequence[Pair],
        answers: Sequence[ChartsideError | None],
        status: Status,
        told: list[Outcome],
        again: list[Attempt],
    ) -> None:
        ended = Ended(self._clock.now(), told)
        for (one, claim), problem in zip(pairs, answers, strict=True):
            ended.note(one, claim, problem, status)
        self._ledger().release(ended.back)
        self._finish(ended.results)
        again += [self._maker.next(one, Exception.__str__(problem)) for one, problem in ended.failed]

    def _finish(self, results: Sequence[Result]) -> None:
        """Tell the ledger; what it does not take now is told again when the effect comes up next."""
        for result, claim in zip(results, self._ledger().finish(results) if results else [], strict=True):
            if claim.state is State.FAILED:
                self._unrecorded[result.claim.effect.key] = result
            else:
                self._unrecorded.pop(result.claim.effect.key, None)


def _said(error: ChartsideError) -> str:
    """Why a whole batch was given back."""
    if not isinstance(error, FhirError):
        return "the audit cannot be written"
    if error.status:
        return f"{error.server} answered {error.status}"
    silent = isinstance(error, Unreachable | CircuitOpen)
    return (
        f"no answer from {error.server}"
        if silent
        else f"{error.server} cannot be used ({type(error).__name__})"
    )


def _stands(one: Attempt, claim: Claim) -> Outcome:
    """An effect that is not this worker's to carry out."""
    words = {
        State.DONE: (Status.ALREADY, ""),
        State.NOT_DONE: (Status.HELD, "given up earlier"),
        State.HELD: (Status.HELD, "another worker has it"),
        State.BEGUN: (Status.UNDECIDED, "begun and not ended"),
        State.UNDECIDED: (Status.UNDECIDED, "another worker began it"),
    }
    status, reason = words.get(claim.state, (Status.FAILED, f"no claim: {claim.problem}"))
    return one.told(status, reason, claim)
