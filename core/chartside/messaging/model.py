"""What a plugin wants said to a client, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chartside.codes import MessageCategory
from chartside.gate.model import Action, Decision
from chartside.messaging.channel import Attachment


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message's text for one channel."""

    body: str = field(repr=False)
    subject: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a client: ``kind`` of channel, the address that the client gave, and the text for it.

    ``zones``: IANA names; the hour must be allowed in each (R-8). More than one where only the number is known.
    """

    kind: str
    to: str = field(repr=False)
    zones: tuple[str, ...]
    render: Callable[[], Rendered] = field(repr=False)

    @property
    def action(self) -> Action:
        """What the gate is asked. ValueError for a kind that it does not know."""
        return Action(self.kind)


@dataclass(frozen=True, slots=True)
class Intent:
    """One message that a plugin wants a client to get, at most once.

    ``parts`` name it completely (appointment, start, step ...), the channel and recipient left out: equal parts
    are the same message on every machine and in every run. ``ways`` in order of preference; the next is taken only
    after a definite failure, and with consent for it (R-17). ``until``: from then on it is of no use.
    ``about``: reference of what it is about. ``location``: the client's state, empty when unknown.
    """

    parts: tuple[str, ...]
    patient: str
    ways: tuple[Way, ...]
    until: datetime
    category: MessageCategory
    purpose: str
    about: str = ""
    location: str = ""
    language: str = "en"


class Status(StrEnum):
    """How it stands with an intent after a run."""

    SENT = "sent"
    ALREADY = "already sent"
    WOULD = "would be sent"  # dry run
    HELD = "held back"  # not now, or not at all; see the reason
    UNDECIDED = "undecided"  # it may have been sent: a person must look
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an intent. ``reason`` is a short text without PHI; ``home`` where the EHR has its record.

    ``again``: whether a later run may still send it. ``key``: the effect's.
    """

    intent: Intent
    status: Status
    reason: str = ""
    channel: str = ""
    home: str = ""
    key: str = ""
    decision: Decision | None = None


Recheck = Callable[[Sequence[Intent]], Sequence[str]]
"""Reads again what the intents rest on, at the moment of sending (R-11): a reason to drop each, or ``""``."""
