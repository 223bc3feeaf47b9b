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
    """A message's text for one channel. ``template``: its id, which the EHR records in place of the text."""

    body: str = field(repr=False)
    subject: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = ()
    template: str = ""


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
    ``about``: reference of what it is about. ``location``: the client's state, empty when unknown. ``recipient``:
    reference of who reads it, where that is not the client (a guardian). ``since``: before then it cannot have
    been sent. ``corrects``: it takes back something that would else mislead, such as a calendar entry; by e-mail
    no cap holds it up.
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
    recipient: str = ""
    since: datetime | None = None
    corrects: bool = False

    def capped(self, kind: str) -> bool:
        """Whether the caps hold for it by this kind of channel. The one text that confirms an opt-out goes out in any
        case (R-5), and a correction by e-mail: the law caps calls and texts (R-3, 47 CFR 64.1200(a)(9)(iv))."""
        return self.category is not MessageCategory.OPT_OUT and not (self.corrects and kind == "email")


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

    ``key``: the effect's. ``not_before``: when the quiet hours end, for one that was held back by them.
    """

    intent: Intent
    status: Status
    reason: str = ""
    channel: str = ""
    home: str = ""
    key: str = ""
    decision: Decision | None = None
    not_before: datetime | None = None


class Later(str):
    """A reason not to send now which a later run may find otherwise, such as a record that came back garbled."""

    __slots__ = ()


Recheck = Callable[[Sequence[Intent]], Sequence[str]]
"""Reads again what the intents rest on, at the moment of sending (R-11): for each a reason to drop it for good, a
``Later``, or ``""``."""

UNCLEAR = "no clear answer yet; the provider is asked again"
"""Reason of an UNDECIDED that the next run looks into; with any other, a person must look."""
