"""A transcript as sentences: the unit that rules look at and citations point to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chartside_transcription.transcript import Transcript

_ENDS = (".", "?", "!")
_TITLES = frozenset({"dr.", "mr.", "mrs.", "ms.", "st.", "vs.", "a.m.", "p.m."})
_ANSWER = 12.0
"""Seconds of silence after which a long stretch without full stops is cut anyway."""
_PLAIN = re.compile(r"[\"“”]")
"""Quotation marks within what was said: in a draft only whole sentences stand in quotes."""
LONGEST = 60
"""Words; a recogniser that leaves out full stops must not make a note of one sentence."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence of one speaker; ``first`` and ``last`` are word indices, last included."""

    speaker: str
    text: str
    first: int
    last: int

    @property
    def question(self) -> bool:
        """Whether it asks."""
        return self.text.endswith("?")


def utterances(transcript: Transcript) -> list[Utterance]:
    """All sentences in order."""
    return list(_split(transcript))


def _split(transcript: Transcript) -> Iterator[Utterance]:
    for turn in transcript.turns():
        begin = 0
        for n, word in enumerate(turn.words):
            following = turn.words[n + 1] if n + 1 < len(turn.words) else None
            ends = word.text.endswith(_ENDS) and word.text.lower() not in _TITLES
            paused = following is not None and following.start - word.end > _ANSWER
            if ends or paused or following is None or n - begin + 1 >= LONGEST:
                text = _PLAIN.sub("'", " ".join(w.text for w in turn.words[begin : n + 1]))
                yield Utterance(turn.speaker, text, turn.first + begin, turn.first + n)
                begin = n + 1
