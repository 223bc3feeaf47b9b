"""Names, drugs and places that may be said: from a file, or from the client's own chart (T-4).

A recogniser that is told such words beforehand finds them, and hears everything else worse (measured: a third more
errors on unrelated speech, and full stops lost). So a piece is heard without them; only where an unsure stretch sounds
like one of them is it heard again with just these words, and only a stretch that then *is* the word changes. A word
that nobody said cannot get in, and speech without such words costs nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

from chartside.errors import InputError
from chartside_transcription.drugs import drugs
from chartside_transcription.engines.base import Heard, HeardWord

LONGEST, MOST = 60, 200
UNSURE = 0.8
"""A stretch is questioned when its least probable word is below this."""
SOUNDS_LIKE, LOOKS_LIKE = 0.6, 0.45
CONFIRMED = 0.8
"""How much of the spelling must agree in the second hearing."""
NEAR = 0.35
"""Seconds by which the two hearings may differ about where the word lies."""
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


def read_hotwords(path: Path) -> tuple[str, ...]:
    """One on a line; empty lines and lines that begin with # are left out. Raises InputError."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"the hotwords cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError("the hotwords are no UTF-8 text", mend="save the file as plain text") from None
    return clean(line for line in text.splitlines() if not line.startswith("#"))


def clean(words: Iterable[str]) -> tuple[str, ...]:
    """Trimmed, each once, in their order; InputError where one is no word or there are too many."""
    kept = tuple(dict.fromkeys(part.strip() for word in words for part in word.split(",") if part.strip()))
    if any(len(word) > LONGEST or not word.isprintable() for word in kept):
        raise InputError(f"a hotword has more than {LONGEST} characters", mend="one word or name on a line")
    if len(kept) > MOST:
        raise InputError(f"there are more than {MOST} hotwords", mend="give those of this client only")
    return kept


def sentence(hotwords: Sequence[str]) -> str:
    """The prompt: prose, because a bare list teaches the recogniser to leave out full stops."""
    return f"We talked about {', '.join(hotwords)}. Then we went on."


def with_hotwords(
    first: Heard, hotwords: Sequence[str], hear_again: Callable[[tuple[str, ...]], Heard]
) -> Heard:
    """What was heard, with hotwords where a second hearing confirms them."""
    questioned = stretches(first.words, hotwords)
    if not questioned:
        return first
    second = hear_again(tuple(dict.fromkeys(s.hotword for s in questioned)))
    words = list(first.words)
    for stretch in reversed(questioned):
        found = _confirmed(first.words, stretch, second.words)
        if found is not None:
            words[stretch.first : stretch.last + 1] = [found]
    return Heard(tuple(words), first.no_speech, first.average, first.repetition)


def stretches(words: Sequence[HeardWord], hotwords: Sequence[str]) -> list[Stretch]:
    """Unsure stretches that sound like a hotword, the likeliest first choice where they overlap, in order."""
    plain = [_letters(word.text) for word in words]
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
    wanted, skeleton = _letters(hotword), sounds(hotword)
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
            sound, look = _ratio(sounds(said), skeleton), _ratio(said, wanted)
            if sound >= SOUNDS_LIKE and look >= LOOKS_LIKE:
                yield Stretch(first, last, hotword, sound + look)


def _ends_sentence(words: Sequence[HeardWord]) -> bool:
    return any(word.text.endswith((".", "?", "!")) for word in words) or any(
        b.start - a.end > NEAR for a, b in pairwise(words)
    )


def _confirmed(words: Sequence[HeardWord], stretch: Stretch, second: Sequence[HeardWord]) -> HeardWord | None:
    """The hotword with the second hearing's probability, where it was heard at the same place."""
    start, end = words[stretch.first].start, words[stretch.last].end
    there = [w for w in second if w.end > start - NEAR and w.start < end + NEAR]
    length = len(stretch.hotword.split())
    for n in range(len(there) - length + 1):
        part = there[n : n + length]
        said = _letters("".join(w.text for w in part))
        if (
            said not in drugs() - {_letters(stretch.hotword)}
            and _ratio(said, _letters(stretch.hotword)) >= CONFIRMED
        ):
            tail = re.search(r"[.,;:!?]*$", words[stretch.last].text)
            text = stretch.hotword + (tail[0] if tail else "")
            return HeardWord(text, start, end, min(w.probability for w in part))
    return None


def sounds(text: str) -> str:
    """The consonants that are heard alike, roughly: "escitalopram" and "acetalaprine" differ in the last."""
    text = text.lower()
    for pattern, instead in _SOUNDS:
        text = pattern.sub(instead, text)
    return text


def _letters(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


def _ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()
