"""Whether a message may be sent: the recipient's registry, the hours at their place, the gate, the caps.

Each takes attempts and gives back those that may go on; it puts the others into ``told``, or into ``again`` where the
client may be reached by another way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from chartside.audit import Auditor
from chartside.clock import Clock
from chartside.errors import OutboundRefused
from chartside.gate.model import Decision, DecisionRequest
from chartside.gate.outbound import OutboundRegistry
from chartside.jobs.ledger import Ledger
from chartside.manifest import Manifest
from chartside.messaging.attempt import DATA_CLASS, Attempt, Maker, why
from chartside.messaging.caps import WEEK, Caps
from chartside.messaging.channel import Channel
from chartside.messaging.hours import Hours
from chartside.messaging.model import Outcome, Status
from chartside.messaging.settings import MessagingSettings

Decide = Callable[[Sequence[DecisionRequest]], list[Decision]]


class Permission:
    """One plugin's. It remembers which denials it has told to the audit."""

    def __init__(
        self,
        *,
        plugin: Manifest,
        settings: MessagingSettings,
        channels: Callable[[], Mapping[str, Channel]],
        registry: OutboundRegistry,
        decide: Decide,
        ledger: Callable[[], Ledger],
        auditor: Auditor,
        maker: Maker,
        clock: Clock,
    ) -> None:
        self._plugin, self._channels, self._registry, self._decide = plugin, channels, registry, decide
        self._ledger, self._auditor, self._maker, self._clock = ledger, auditor, maker, clock
        self._hours = Hours(*settings.hours)
        self._caps = Caps(settings.per_day, settings.per_week)
        self._denied: set[str] = set()

    def within_hours(self, attempts: Sequence[Attempt], told: list[Outcome]) -> list[Attempt]:
        """Those that may reach the recipient at this hour (R-8)."""
        now, kept = self._clock.now(), []
        for one in attempts:
            if now >= one.intent.until:
                told.append(one.told(Status.HELD, "too late to be of use"))
            elif self._hours.allowed(now, one.via.zones):
                kept.append(one)
            else:
                opens = self._hours.next_allowed(now, one.via.zones)
                reason = "quiet hours" if opens else "no hour suits every place where this number may be"
                told.append(replace(one.told(Status.HELD, reason), not_before=opens))
        return kept

    def registered(
        self, attempts: Sequence[Attempt], told: list[Outcome], again: list[Attempt]
    ) -> list[Attempt]:
        """Those whose channel leads to a registered recipient (S-18)."""
        problems = {kind: self._unregistered(kind) for kind in {one.via.kind for one in attempts}}
        for one in attempts:
            if problems[one.via.kind]:
                self.refuse(one, problems[one.via.kind], told, again)
        return [one for one in attempts if not problems[one.via.kind]]

    def _unregistered(self, kind: str) -> str:
        """Why nothing can go by this kind of channel now; empty where it can."""
        channel = self._channels().get(kind)
        if kind not in self._plugin.outbound.kinds:
            return f"the plugin does not declare {kind!r} as outbound"
        if channel is None:
            return f"no channel for {kind!r} is set up"
        try:
            name = channel.settings.recipient
            self._registry.check(kind, name, self._clock.now(), DATA_CLASS)
            self._registry.check_address(kind, name, channel.address)
        except OutboundRefused:
            return "the recipient is not in the outbound registry"
        return ""

    def permitted(
        self, attempts: Sequence[Attempt], told: list[Outcome], again: list[Attempt]
    ) -> list[Attempt]:
        """What the gate lets pass. What it refuses may go by the client's next way, if that is permitted."""
        asked = self.asked(attempts)
        denied = [one for one in asked if not (one.decision and one.decision.permitted)]
        self.audit(denied)
        for one in denied:
            self.refuse(one, why(one.decision) if one.decision else "no consent", told, again)
        return [one for one in asked if one.decision and one.decision.permitted]

    def asked(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """All of them, each with what the gate says now."""
        now = self._clock.now()
        decisions = self._decide([one.request(self._plugin, now) for one in attempts])
        return [one.decided(decision) for one, decision in zip(attempts, decisions, strict=True)]

    def audit(self, denied: Sequence[Attempt]) -> None:
        """Each denial is told once in a run, not again every quarter of an hour (C-8)."""
        new = [one for one in denied if one.key not in self._denied]
        now, name = self._clock.now(), self._plugin.name
        self._auditor.record([one.decision_record(name, now) for one in new], of_messages=True)
        self._denied |= {one.key for one in new}

    def refuse(self, one: Attempt, reason: str, told: list[Outcome], again: list[Attempt]) -> None:
        """By the client's next way, where there is one; else it is held back."""
        if one.has_next:
            again.append(self._maker.next(one, reason))
        else:
            told.append(one.told(Status.HELD, reason))

    def under_caps(self, attempts: Sequence[Attempt], told: list[Outcome]) -> list[Attempt]:
        """At most one a day and three a week for each number (R-3), those of this batch counted."""
        now = self._clock.now()
        sent = self._ledger().recent([one.number for one in attempts], now - WEEK) if attempts else {}
        kept = []
        for one in attempts:
            times = sent.setdefault(one.number, [])
            if one.intent.capped(one.via.kind) and self._caps.reached(times, now, one.via.zones[0]):
                told.append(one.told(Status.HELD, "enough messages to this number for now"))
            else:
                times.append(now)
                kept.append(one)
        return kept
