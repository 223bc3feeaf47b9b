"""Handing messages to their channels, some at a time, and asking providers what they have seen."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from chartside.clock import Clock
from chartside.errors import ChannelUnavailable, ChartsideError, MessageRejected, OutcomeUnknown
from chartside.jobs.ledger import Claim, Result
from chartside.messaging.attempt import Attempt
from chartside.messaging.caps import WEEK
from chartside.messaging.channel import Channel, DeliveryStatus, Receipt
from chartside.messaging.model import UNCLEAR, Outcome, Status

PERMIT_HOLDS = timedelta(seconds=60)
"""No message goes out by a decision that is older (C-5); what is left then waits for the next run."""

_log = logging.getLogger("chartside.messaging")
_ATTEMPTS = 3


class Sender:
    """``lease``: how long a lost message may still be on its way, so that asking the provider says nothing yet."""

    def __init__(self, channels: Callable[[], Mapping[str, Channel]], clock: Clock, lease: timedelta) -> None:
        self._channels, self._clock, self._lease = channels, clock, lease
        self._unclear: dict[str, datetime] = {}

    def deadline(self) -> datetime:
        """Until when messages may go out by a decision that is made now."""
        return self._clock.now() + self._holds()

    def stale(self, until: datetime) -> bool:
        """Whether so little of the permit's time is left (half of it) that what is begun now may not go out by it."""
        return self._clock.now() >= until - self._holds() / 2

    def _holds(self) -> timedelta:
        return min(self._lease / 2, PERMIT_HOLDS)

    def send(self, pairs: Sequence[tuple[Attempt, Claim]], until: datetime) -> list[ChartsideError | None]:
        """Each message once; None where the provider has it. ``until``: the deadline of their decisions."""
        with ThreadPoolExecutor(self._parallel(pairs), "chartside-send") as pool:
            return list(pool.map(lambda pair: self._send(pair[0], until), pairs))

    def ask(self, pairs: Sequence[tuple[Attempt, Claim]]) -> list[ChartsideError | None]:
        """Of each message that was begun and never ended: None, the provider has it; MessageRejected, it had it and
        could not deliver it; ChannelUnavailable, it certainly never got it; OutcomeUnknown, nobody knows (yet)."""
        with ThreadPoolExecutor(self._parallel(pairs), "chartside-ask") as pool:
            return list(pool.map(lambda pair: self._ask(pair[0]), pairs))

    def _parallel(self, pairs: Sequence[tuple[Attempt, Claim]]) -> int:
        """As many calls at once as each of the channels takes."""
        return min([self._channels()[one.via.kind].parallel for one, _ in pairs], default=1)

    def _send(self, one: Attempt, until: datetime) -> ChartsideError | None:
        channel = self._channels()[one.via.kind]
        for attempt in range(1, _ATTEMPTS + 1):
            if self._clock.now() >= until:
                return ChannelUnavailable("the permit is too old")
            try:
                return _judged(channel.send(one.message()))
            except ChannelUnavailable as error:
                if attempt == _ATTEMPTS:
                    return error
                time.sleep(random.uniform(0.1, 0.5) * attempt)  # noqa: S311 - jitter (R-17)
            except Exception as error:  # also of a channel's own code: perhaps it was sent before that
                return self._failed(one, channel, error)
        return None

    def _failed(self, one: Attempt, channel: Channel, error: Exception) -> ChartsideError | None:
        if isinstance(error, ChartsideError) and not isinstance(error, OutcomeUnknown):
            return error
        return self._unclear_end(one, channel, error if isinstance(error, OutcomeUnknown) else _broken(error))

    def _unclear_end(self, one: Attempt, channel: Channel, error: OutcomeUnknown) -> ChartsideError | None:
        """Ask at once: "seen" is certain. "Not seen" is not, for the message may still be on its way; it stays
        undecided until the lease is over, and is asked about again then."""
        self._unclear[one.key] = self._clock.now()
        try:
            seen = channel.lookup(one.message(), self._clock.now() - WEEK)
            return _judged(seen) if seen else error
        except Exception:
            return error

    def _ask(self, one: Attempt) -> ChartsideError | None:
        now = self._clock.now()
        if now < self._unclear.get(one.key, now - self._lease) + self._lease:
            return OutcomeUnknown(UNCLEAR)
        try:
            seen = self._channels()[one.via.kind].lookup(one.message(), one.intent.since or now - WEEK)
            return _judged(seen) if seen else ChannelUnavailable("the provider never got it")
        except ChartsideError:
            return OutcomeUnknown("the provider cannot tell")
        except Exception as error:
            return _broken(error)


def _broken(error: Exception) -> OutcomeUnknown:
    """One message on which a channel breaks must not take the others of its batch along. The error's text may hold
    the number, so only its type is told."""
    _log.error("a channel broke: %s", type(error).__name__)
    return OutcomeUnknown(f"the channel broke ({type(error).__name__})")


def _judged(receipt: Receipt) -> ChartsideError | None:
    failed = receipt.status is DeliveryStatus.FAILED
    return MessageRejected("the provider could not deliver it") if failed else None


class Ended:
    """Sorts how messages ended: what the plugin is told, what the ledger is told, what goes by another way."""

    def __init__(self, now: datetime, told: list[Outcome]) -> None:
        self._now, self._told = now, told
        self.results: list[Result] = []
        self.failed: list[tuple[Attempt, MessageRejected]] = []
        self.back: list[Claim] = []

    def note(self, one: Attempt, claim: Claim, problem: ChartsideError | None, status: Status) -> None:
        """Take in one end; ``status`` is what a good one is called."""
        if problem is None:
            self.results.append(Result(claim, done=True, at=self._now))
            self._told.append(one.told(status, "", claim))
        elif isinstance(problem, MessageRejected):
            self.results.append(Result(claim, done=False, reason="rejected", at=self._now))
            self._reject(one, claim, problem)
        elif isinstance(problem, ChannelUnavailable):
            self.back.append(claim)
            reason = "the channel was not to be had; the next run tries again"
            self._told.append(one.told(Status.FAILED, reason, claim))
        else:
            reason = UNCLEAR if status is Status.SENT else str(problem)
            self._told.append(one.told(Status.UNDECIDED, reason, claim))

    def _reject(self, one: Attempt, claim: Claim, problem: MessageRejected) -> None:
        if one.has_next:
            self.failed.append((one, problem))
        else:
            self._told.append(one.told(Status.FAILED, str(problem), claim))
