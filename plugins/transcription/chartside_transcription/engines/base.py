"""What an engine is given and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Recipient = Callable[[str, str, str], str]
"""``(kind, name, data class)`` to the address that the outbound registry holds; raises OutboundRefused."""


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
    """

    words: tuple[HeardWord, ...] = field(default=())
    no_speech: float = 0.0
    average: float = 0.0
    repetition: float = 1.0

    @classmethod
    def of_text(cls, text: str, duration: float) -> Self:
        """Words spread evenly over the piece, for an engine that gives no times; their probability is unknown (0.5)."""
        parts = text.split()
        step = duration / max(len(parts), 1)
        return cls(tuple(HeardWord(p, n * step, (n + 1) * step, 0.5) for n, p in enumerate(parts)))


class Engine(ABC):
    """Recognises one piece at a time. Keeps nothing of it. See the package's docstring for a complete example."""

    name: ClassVar[str]
    """Its key in ``[plugins.transcription] engine = "..."``."""

    outbound_kind: ClassVar[str] = ""
    """Where sound leaves this machine: the kind of recipient that the outbound registry must hold."""

    def __init__(self, settings: Any, recipient: Recipient | None = None) -> None:
        self.settings, self.recipient = settings, recipient

    @property
    @abstractmethod
    def model(self) -> tuple[str, str]:
        """Name and version of the model: they stand in the Device of the Provenance."""

    @abstractmethod
    def hear(self, samples: NDArray[np.int16], options: EngineOptions) -> Heard:
        """Recognise at most 30 s of 16 kHz mono samples. Raises ChartsideError."""
