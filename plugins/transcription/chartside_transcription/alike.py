"""Which unsure words sound like a hotword (T-4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from chartside_transcription.drugs import drugs
from chartside_transcription.engines.base import HeardWord

UNSURE = 0.8
"""A stretch is questioned when its least probable word is below this."""
SOUNDS_LIKE, LOOKS_LIKE = 0.6, 0.45
PAUSE = 0.35
"""Seconds between two words that are not one."""
LONGEST_STRETCH = 4

_SOUNDS = (
    (re.compile("[^a-z]"), ""),
    (re.compile("ph"), "f"),
    (re.compile("tch|ch|sh"), "j"),
    (re.compile("c(?=[eiy])|z|x"), "s"),
    (re.compile("ck|c|q|g(?![eiy])"), "k"),
    (re.compile("g"), "j"),
    (re.compile("d"), "t"),
    (re.compile("b"), "p"),
    (re.compile("v"), "f"),
    (re.compile("[aeiouyhw]"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words ``first`` to ``last`` (included) that sound like ``hotword``."""

    first: int
    last: int
    hotword: str
    score: float


def stretches(words: Sequence[HeardWord], hotwords: Sequence[str]) -> list[Stretch]:
    """Unsure stretches that sound like a hotword, the likeliest first choice where they overlap, in order."""
    plain = [letters(word.text) for word in words]
    found = [
        stretch
        for hotword in hotwords
        if len(sounds(hotword)) >= 3
        for stretch in _alike(words, plain, hotword)
    ]
    kept: list[Stretch] = []
    for stretch in sorted(found, key=lambda s: (-s.score, s.first)):
        if all(stretch.last < other.first or stretch.first > other.last for other in kept):
            kept.append(stretch)
    return sorted(kept, key=lambda s: s.first)


def _alike(words: Sequence[HeardWord], plain: Sequence[str], hotword: str) -> Iterable[Stretch]:
    wanted, skeleton = letters(hotword), sounds(hotword)
    for first in range(len(words)):
        for last in range(first, min(first + LONGEST_STRETCH, len(words))):
            said = "".join(plain[first : last + 1])
            if said == wanted or len(said) > 2 * len(wanted):
                break
            if not drugs().isdisjoint((said, *plain[first : last + 1])):
                continue  # another drug's name is never replaced: it is marked for a look instead
            if min(w.probability for w in words[first : last + 1]) >= UNSURE:
                continue
            if _ends_sentence(words[first:last]):
                break
            sound, look = ratio(sounds(said), skeleton), ratio(said, wanted)
            if sound >= SOUNDS_LIKE and look >= LOOKS_LIKE:
                yield Stretch(first, last, hotword, sound + look)


def _ends_sentence(words: Sequence[HeardWord]) -> bool:
    return any(word.text.endswith((".", "?", "!")) for word in words) or any(
        b.start - a.end > PAUSE for a, b in pairwise(words)
    )


def sounds(text: str) -> str:
    """The consonants that are heard alike, roughly: "escitalopram" and "acetalaprine" differ in the last."""
    text = text.lower()
    for pattern, instead in _SOUNDS:
        text = pattern.sub(instead, text)
    return text


def letters(text: str) -> str:
    """Letters and digits in lower case."""
    return re.sub("[^a-z0-9]", "", text.lower())


def ratio(a: str, b: str) -> float:
    """0 (nothing in common) to 1 (the same)."""
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
