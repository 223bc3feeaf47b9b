"""The ledger of effects: doing it twice does it once (R-10).

An *effect* is anything that cannot be taken back: a text message, a submitted claim. It has a
deterministic key. The ledger claims it, in the EHR where the EHR allows that, before it is carried out::

    claims = ledger.claim(effects)                    # preparation: this worker's, or somebody's
    mine = [c for c in claims if c.state is State.CLAIMED]
    for claim in ledger.begin(mine):                  # in-progress, with the audit in the same transaction
        if claim.state is State.BEGUN:
            ...carry it out...
            results.append(Result(claim, done=True))
    ledger.finish(results)                            # completed, or not-done with a reason

Killed between two steps, nothing is lost or done twice: a claim in preparation is taken over when its lease
is over; one in progress comes back as ``UNDECIDED``, and whoever carries out the effect asks the outside
world whether it happened, then calls ``finish`` or ``reopen``. Never do an undecided effect again blindly.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chartside.types import Resource


class State(StrEnum):
    """Where an effect stands, seen from this worker."""

    CLAIMED = "claimed"  # ours, nothing done yet
    BEGUN = "begun"  # ours, may be carried out now
    HELD = "held"  # another worker has it, its lease runs
    UNDECIDED = "undecided"  # begun by somebody whose lease is over: it may have happened
    DONE = "done"  # completed
    NOT_DONE = "not-done"  # given up for good, with a reason
    FAILED = "failed"  # the server would not take the claim; see ``problem``


@dataclass(frozen=True, slots=True)
class Effect:
    """``key``: see ``effect_key``. ``resource``: how the EHR records it (a Communication or Task without
    ``status`` and ``identifier``; the ledger sets both). ``audit``: AuditEvents that must be written
    before the effect is carried out, in the same transaction as ``begin`` where there are transactions.
    ``recipient``: an opaque name of whom it reaches (an HMAC of the number), for ``recent``.
    """

    key: str
    resource: Resource
    audit: tuple[Resource, ...] = field(default=())
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """An effect and where it stands. ``home`` says where it is recorded: ``Communication/12`` or ``local``."""

    effect: Effect
    state: State
    home: str = ""
    version: str = ""
    since: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How it ended. ``reason`` is a short code (``opted-out``, ``rejected``), without PHI."""

    claim: Claim
    done: bool
    reason: str = ""
    at: datetime | None = None


def effect_key(*parts: str) -> str:
    """The deterministic, opaque identifier of an effect: 32 hex digits over the parts, which it hides.

    The parts name the effect completely, e.g. practice, plugin, appointment and its start, step, channel,
    recipient. Equal parts give equal keys on every machine.
    """
    text = "\x1f".join(part.replace("\x1f", " ") for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Ledger(ABC):
    """Where effects are claimed. All methods take many at once and keep their order."""

    home: str
    """In words, for ``chartside check``: "Communication in the EHR", "local opaque ledger"."""

    audits: bool = False
    """Whether ``begin`` and ``reopen`` write ``Effect.audit`` first. Where not, the caller does."""

    together: bool = True
    """Whether many effects begin in a few requests; where not, each needs its own."""

    @abstractmethod
    def claim(self, effects: Sequence[Effect]) -> list[Claim]:
        """Claim each effect, or say who has it. Safe to call again for the same effects."""

    @abstractmethod
    def begin(self, claims: Sequence[Claim]) -> list[Claim]:
        """CLAIMED becomes BEGUN, or HELD, DONE ... where another worker was faster. Audit is written first."""

    @abstractmethod
    def finish(self, results: Sequence[Result]) -> list[Claim]:
        """Record how begun or undecided effects ended."""

    @abstractmethod
    def reopen(self, claims: Sequence[Claim]) -> list[Claim]:
        """UNDECIDED becomes BEGUN again, by this worker, after the outside world said that nothing happened."""

    @abstractmethod
    def release(self, claims: Sequence[Claim]) -> None:
        """Give CLAIMED effects back, and BEGUN ones that certainly were not carried out: free for the next run."""

    @abstractmethod
    def recent(self, recipients: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
        """When effects reached these recipients (``Effect.recipient``) since then, for caps (R-3)."""

    @abstractmethod
    def undecided(self) -> Iterator[Claim]:
        """All effects that were begun and never ended, their leases over, for the staff's list."""
