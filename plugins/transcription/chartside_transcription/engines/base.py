"""What an engine is given and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Recipient = Callable[[str, str, str], str]
"""``(kind, name, data class)`` to the address that the outbound registry holds; raises OutboundRefused."""


LOOP = 2.4
"""Whisper's own threshold: text that can be compressed more than this may be a loop."""
LOOPED_WORDS = 24
"""So many words that only repeat the words before them; loops fill the window, people stop earlier."""

Weigh = Callable[[Sequence[str], Sequence[str]], list[float]]
"""``(words, hotwords)`` to the log probability of each of the words, from an engine that was told the hotwords."""


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """``hotwords``: names and words of this client's chart that may be said (T-4); ``language``: ISO 639-1."""

    hotwords: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word with its punctuation; times in seconds from the beginning of the piece; probability 0 to 1."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard in a piece, and how sure the engine is that it was speech at all.

    ``no_speech``: probability of no speech; ``average``: mean log probability of the tokens; ``repetition``: how much
    the text can be compressed (above 2.4 it loops). An engine that does not know them leaves the defaults.

    ``weigh`` compares wordings of this piece without searching anew. It may hold what the engine made of the sound, so
    it goes when the piece goes; an engine without it is asked to hear the piece a second time.
    """

    words: tuple[HeardWord, ...] = field(default=())
    no_speech: float = 0.0
    average: float = 0.0
    repetition: float = 1.0
    weigh: Weigh | None = field(default=None, compare=False, repr=False)

    @property
    def loops(self) -> bool:
        """The recogniser fell into saying the same words for the rest of the window.

        Compression alone does not tell: "it was the best of times, it was the worst of times" compresses as well, and
        so does somebody who says "I can't, I can't, I can't".
        """
        if self.repetition <= LOOP or not self.words:
            return False
        said = [word.text.lower().strip(".,!?") for word in self.words]
        again = max(_longest_run(said, size) for size in range(1, 9))
        return again >= LOOPED_WORDS

    @classmethod
    def of_text(cls, text: str, duration: float) -> Self:
        """Words spread evenly over the piece, for an engine that gives no times; their probability is unknown (0.5)."""
        parts = text.split()
        step = duration / max(len(parts), 1)
        return cls(tuple(HeardWord(p, n * step, (n + 1) * step, 0.5) for n, p in enumerate(parts)))


def _longest_run(said: Sequence[str], size: int) -> int:
    """Words in the longest stretch that says the same ``size`` words again and again."""
    longest = run = 0
    for n in range(size, len(said)):
        run = run + 1 if said[n] == said[n - size] else 0
        longest = max(longest, run)
    return longest


class Engine(ABC):
    """Recognises one piece at a time. Keeps nothing of it. See the package's docstring for a complete example."""

    name: ClassVar[str]
    """Its key in ``[plugins.transcription] engine = "..."``."""

    outbound_kind: ClassVar[str] = ""
    """Where sound leaves this machine: the kind of recipient that the outbound registry must hold."""

    publisher: ClassVar[str] = ""
    """Who answers for it, for the Device and the model card; empty: the author of its package."""

    about: ClassVar[str] = ""
    """A sentence or two for the model card: what it was trained on, where it is known to fail."""

    def __init__(self, settings: Any, recipient: Recipient | None = None) -> None:
        self.settings, self.recipient = settings, recipient

    @property
    @abstractmethod
    def model(self) -> tuple[str, str]:
        """Name and version of the model: they stand in the Device of the Provenance."""

    def prepare(self) -> None:  # noqa: B027 - nothing to do is a fair answer
        """Load what is needed; called before the first piece, so that what is missing is told at once."""

    @abstractmethod
    def hear(self, samples: NDArray[np.int16], options: EngineOptions) -> Heard:
        """Recognise at most 30 s of 16 kHz mono samples. Raises ChartsideError."""
