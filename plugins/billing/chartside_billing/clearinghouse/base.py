"""What a clearinghouse can do for us.

A new one is a class with three methods::

    class OurHouse(Clearinghouse):
        name = "our-house"

        def submit(self, name, data): ...   # hand over a file; raise if it was not taken
        def fetch(self): ...                # yield the answers that wait
        def done(self, answer): ...         # this answer was worked in: it need not come again

``submit`` is called under a claim of the host's ledger, so that a file goes out once; ``fetch`` may give an answer
again until ``done`` was called, and whoever works it in does so idempotently.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

TOO_LARGE = "it is larger than any remittance"


@dataclass(frozen=True, slots=True)
class Answer:
    """A file that came back: the name under which it lies, and its bytes; ``problem``: why it could not be fetched."""

    name: str
    data: bytes
    problem: str = ""


class Clearinghouse(ABC):
    """One clearinghouse account of a practice."""

    name: str

    @abstractmethod
    def submit(self, name: str, data: bytes) -> None:
        """Hand over an 837P under a name of ours.

        Raises ChannelUnavailable if it surely did not arrive, OutcomeUnknown if nobody can tell.
        """

    @abstractmethod
    def fetch(self) -> Iterator[Answer]:
        """The answers that wait (999, TA1, 277CA, 835), oldest first. One that cannot be had says why."""

    @abstractmethod
    def done(self, answer: Answer) -> None:
        """Say that an answer was worked in."""


def interchange_number(at: datetime, kind: str = "837") -> int:
    """ISA13: another one each second for 15 years, even for claims, odd for questions (270)."""
    return int(at.timestamp()) * 2 % 999_999_998 + 2 + (kind != "837")


def file_name(control: int, kind: str = "837") -> str:
    """The name of a file of ours: nothing in it but the interchange number."""
    return f"chartside-{control:09}.{kind}"
