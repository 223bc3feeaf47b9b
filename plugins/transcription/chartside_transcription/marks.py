"""Which words a person should look at before signing (T-5): improbable ones, and those whose mishearing is dangerous.

A mark is no correction: nothing is changed, and an unmarked word can be wrong, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from chartside_transcription.drugs import drugs
from chartside_transcription.transcript import Word

UNSURE = 0.5
"""Below this probability a word is marked. On the project's recordings about a third of the marked words are wrong, and
most wrong words are marked (``make bench-asr`` prints both)."""
CAREFUL = 0.8
"""A word out of the lists below is marked as a swap only under this probability, or where its phrase is suspect."""


def word_set(text: str) -> frozenset[str]:
    """The words of a line."""
    return frozenset(text.split())


LOW, SWAP, NUMBER, NEGATION, DRUG = "low", "swap", "number", "negation", "drug"

_SWAPS = frozenset(
    {"affect", "effect", "affects", "effects", "affected", "effected", "fewer", "ideation", "ideations"}
)
_FOR_YOUR = re.compile(r"for your (symptom|panic|attack|episode|night|headache|drink|worr|day|time)")
_NEGATIONS = frozenset(
    {"no", "not", "never", "none", "without", "denies", "denied", "deny", "nothing", "neither", "nor"}
)
_CONTRACTED = re.compile(r"n[’']t$|^cannot$")
_NUMBER_WORDS = word_set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred half"
)


def bare(text: str) -> str:
    """A word in lower case without the punctuation around it."""
    return text.lower().strip(" \t.,;:!?\"'“”‘’()[]…—-")


def mark(words: Sequence[Word], hotwords: Iterable[str] = ()) -> tuple[Word, ...]:
    """The words with their marks."""
    known = {bare(part) for phrase in hotwords for part in phrase.split()}
    plain = [bare(word.text) for word in words]
    found: list[set[str]] = [set(_marks(word, text)) for word, text in zip(words, plain, strict=True)]
    for n in range(len(words) - 2):
        if _FOR_YOUR.match(" ".join(plain[n : n + 3])):
            found[n].add(SWAP)
            found[n + 1].add(SWAP)
    for n, text in enumerate(plain):
        if text in known and words[n].probability < CAREFUL:
            found[n].add(DRUG if text in drugs() else LOW)
    return tuple(replace(w, marks=tuple(sorted(m))) for w, m in zip(words, found, strict=True))


def _marks(word: Word, text: str) -> Iterable[str]:
    if word.probability < UNSURE:
        yield LOW
    if text in _SWAPS:
        yield SWAP
    if text in drugs():
        yield DRUG
    if word.probability < CAREFUL:
        if text in _NEGATIONS or _CONTRACTED.search(text):
            yield NEGATION
        if any(c.isdigit() for c in text) or text in _NUMBER_WORDS:
            yield NUMBER
