"""A transcript: words with their times, probabilities, speakers and marks. In memory only, unless somebody saves it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Self

from chartside.errors import InputError

FORMAT = "chartside-transcript/1"
CLINICIAN, CLIENT, OTHER = "clinician", "client", "other"
ROLES = (CLINICIAN, CLIENT, OTHER)
_UNSEEN = ("Cc", "Cf", "Cs")
_JOINERS = ("\u200c", "\u200d")
"""They join or part letters in Persian, Hindi and other scripts."""
MOST_WORDS = 500_000
"""A day of speech; a longer list in a file is no transcript."""


@dataclass(frozen=True, slots=True)
class Word:
    """``start`` and ``end`` in seconds of the recording; ``probability`` 0 to 1; ``marks`` as of ``marks.py``."""

    text: str
    start: float
    end: float
    probability: float
    speaker: str = ""
    marks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As printed."""
        return {
            "word": self.text,
            "start": round(self.start, 2),
            "end": round(self.end, 2),
            "probability": round(self.probability, 3),
            "speaker": self.speaker,
            "marks": list(self.marks),
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker says until another does. ``first`` and ``last``: indices of its words, last included."""

    speaker: str
    words: tuple[Word, ...]
    first: int

    @property
    def last(self) -> int:
        """Index of the last word."""
        return self.first + len(self.words) - 1

    @property
    def text(self) -> str:
        """The words in one line."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Transcript:
    """``speakers``: names as they stand on the words, in the order in which they first speak; ``guessed``: nobody has
    confirmed who is who; ``dropped``: pieces that held no speech after all (T-6).
    """

    words: tuple[Word, ...] = ()
    duration: float = 0.0
    engine: str = ""
    model: str = ""
    guessed: bool = False
    dropped: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        """All words in one line."""
        return " ".join(word.text for word in self.words)

    @property
    def speakers(self) -> list[str]:
        """In the order in which they first speak."""
        return list(dict.fromkeys(word.speaker for word in self.words if word.speaker))

    def turns(self) -> Iterator[Turn]:
        """Turn by turn."""
        at = 0
        for speaker, group in groupby(self.words, key=lambda word: word.speaker):
            words = tuple(group)
            yield Turn(speaker, words, at)
            at += len(words)

    def relabel(self, names: Mapping[str, str]) -> Self:
        """Other names for speakers (T-7); the result counts as confirmed. Raises InputError for an unknown one."""
        unknown = sorted(set(names) - set(self.speakers))
        if unknown:
            raise InputError(
                "the transcript has no speaker of that name",
                mend=f"it has: {', '.join(self.speakers) or 'none'}",
            )
        words = tuple(replace(w, speaker=names.get(w.speaker, w.speaker)) for w in self.words)
        return replace(self, words=words, guessed=False)

    def swap(self) -> Self:
        """Clinician and client change places: the one action that mends a wrong guess (T-7)."""
        return replace(self.relabel(self._swapped()), guessed=False)

    def _swapped(self) -> dict[str, str]:
        pair = {CLINICIAN: CLIENT, CLIENT: CLINICIAN}
        return {name: pair[name] for name in self.speakers if name in pair}

    def to_json(self) -> dict[str, Any]:
        """As printed by ``--json`` and read by ``from_json``."""
        return {
            "format": FORMAT,
            "duration": round(self.duration, 2),
            "engine": self.engine,
            "model": self.model,
            "speakers": self.speakers,
            "speakers_guessed": self.guessed,
            "pieces_without_speech": self.dropped,
            "notes": list(self.notes),
            "text": self.text,
            "segments": [
                {
                    "speaker": turn.speaker,
                    "start": round(turn.words[0].start, 2),
                    "end": round(turn.words[-1].end, 2),
                    "text": turn.text,
                    "words": [turn.first, turn.last],
                }
                for turn in self.turns()
            ],
            "words": [word.to_json() for word in self.words],
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what ``to_json`` gave. Raises InputError that names the place, never the words."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError(
                "the transcript is no JSON", mend="make it with: transcribe FILE --json"
            ) from None
        if (
            not isinstance(data, dict)
            or data.get("format") != FORMAT
            or not isinstance(data.get("words"), list)
        ):
            raise InputError("this JSON is no transcript", mend="make it with: transcribe FILE --json")
        if len(data["words"]) > MOST_WORDS:
            raise InputError("the transcript has more words than a day of speech")
        return cls(
            words=tuple(_words(data["words"])),
            duration=_number(data.get("duration", 0), "duration"),
            engine=clean(str(data.get("engine", ""))),
            model=clean(str(data.get("model", ""))),
            guessed=bool(data.get("speakers_guessed")),
        )


def clean(text: str) -> str:
    """Text from elsewhere without what a reader cannot see: control, bidirectional and lone surrogate characters.

    They make a note read otherwise than it is stored (Unicode Technical Report 36). White space becomes a space.
    """
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if c in _JOINERS or unicodedata.category(c) not in _UNSEEN)


def _words(items: Iterable[Any]) -> Iterator[Word]:
    for n, item in enumerate(items):
        if not isinstance(item, dict) or not isinstance(item.get("word"), str):
            raise InputError(f"words[{n}]: has no word")
        if not (text := clean(item["word"])):
            continue
        marks = item.get("marks")
        yield Word(
            text,
            _number(item.get("start", 0), f"words[{n}].start"),
            _number(item.get("end", 0), f"words[{n}].end"),
            _number(item.get("probability", 0), f"words[{n}].probability"),
            clean(str(item.get("speaker") or "")),
            tuple(clean(str(mark)) for mark in marks) if isinstance(marks, list) else (),
        )


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
        raise InputError(f"{place}: is no number")
    return float(value)
