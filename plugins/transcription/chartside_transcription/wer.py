"""Word errors after one normalisation of both sides, counted by jiwer.

The normalisation is our own and small: OpenAI's English one is published only with libraries for other scripts, and the
recogniser's spelling of numbers and titles must not count as an error here either. It puts away case, punctuation and
hesitations, and writes numbers ("fifty three"), titles ("mister"), units and spelled letters ("P H Q") in one way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chartside.errors import PluginError
from chartside_transcription.weights import INSTALL

_ONES = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
        "seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: 10 * n
    for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2)  # noqa: SIM905
}
_SAME = {
    "mister": "mr",
    "missus": "mrs",
    "doctor": "dr",
    "okay": "ok",
    "milligram": "mg",
    "milligrams": "mg",
    "mgs": "mg",
    "percent": "%",
}
_HESITATIONS = frozenset({"um", "uh", "hmm", "mm", "mhm", "er", "erm", "ah"})


@dataclass(frozen=True, slots=True)
class Errors:
    """Of a recording or of many: ``words`` said, and how they were missed. Adds up."""

    words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    @property
    def wrong(self) -> int:
        """All three kinds."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Word error rate: 0 is perfect; above 1 where more was invented than said."""
        return self.wrong / self.words if self.words else 0.0

    def __add__(self, other: Errors) -> Errors:
        return Errors(
            self.words + other.words,
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
        )


def word_errors(reference: str, heard: str) -> Errors:
    """Count the errors of ``heard`` against what was said."""
    try:
        import jiwer
    except ImportError:
        raise PluginError("the counting of word errors is not installed", mend=INSTALL) from None
    said, found = normalise(reference), normalise(heard)
    if not said:
        return Errors(insertions=len(found))
    counted = jiwer.process_words(" ".join(said), " ".join(found))
    return Errors(len(said), counted.substitutions, counted.deletions, counted.insertions)


def normalise(text: str) -> list[str]:
    """Words in one spelling."""
    text = unicodedata.normalize("NFKD", text.lower()).replace("’", "'")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"\b([a-z])\.(?=[a-z]\b|\s|$)", r"\1", text)  # a.m., U.S.
    text = re.sub(r"(?<=\d)(?=[a-z])|(?<=[a-z])(?=\d)", " ", text)  # GAD7, 3am
    words = (word.strip("'") for word in re.findall(r"[a-z0-9']+|%", text))
    plain = (_SAME.get(word, word) for word in words if word and word not in _HESITATIONS)
    return list(_numbers(_spelled(plain)))


def _spelled(words: Iterable[str]) -> Iterator[str]:
    """Single letters in a row are one word: "p h q" is "phq"."""
    letters: list[str] = []
    for word in words:
        if len(word) == 1 and word.isalpha():
            letters.append(word)
            continue
        yield from _joined(letters)
        letters = []
        yield word
    yield from _joined(letters)


def _joined(letters: list[str]) -> list[str]:
    return ["".join(letters)] if len(letters) > 1 else letters


def _numbers(words: Iterable[str]) -> Iterator[str]:
    """Number words as digits: "fifty three" is 53, "two hundred" is 200; "nine eleven" stays two numbers."""
    number: int | None = None
    room = 0  # what the next number word may be below, to belong to this number
    for word in words:
        value = _ONES.get(word, _TENS.get(word))
        if value is not None and number is not None and 0 < value < room:
            number, room = number + value, 10 if word in _TENS else 0
        elif word in ("hundred", "thousand") and number:
            number, room = number * (100 if word == "hundred" else 1000), 100 if word == "hundred" else 1000
        else:
            if number is not None:
                yield str(number)
            number, room = value, 10 if word in _TENS else 0
            if value is None:
                yield word
    if number is not None:
        yield str(number)
