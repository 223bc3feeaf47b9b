"""Names, drugs and places that may be said: from a file, or from the client's own chart (T-4).

A recogniser that is told such words beforehand finds them, and hears everything else worse (measured: a third more
errors on unrelated speech, and full stops lost). So a piece is heard without them; only where an unsure stretch sounds
like one of them is the recogniser told just these words, and asked which wording is likelier there: what it wrote, the
hotword, or another drug that looks alike. Only where the hotword wins does the stretch change. A word that nobody said
cannot get in, and speech without such words costs nothing more.

An engine that cannot compare wordings hears the piece a second time, told these words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from chartside.errors import InputError
from chartside_transcription.alike import Stretch, letters, ratio, stretches
from chartside_transcription.drugs import drugs
from chartside_transcription.engines.base import Heard, HeardWord, Weigh

LONGEST, MOST = 60, 200
CONFIRMED = 0.8
"""How much of the spelling must agree in the second hearing."""
NEAR = 0.35
"""Seconds by which the two hearings may differ about where the word lies."""
RIVAL = 0.6
"""How much of its spelling another drug must share with what was heard, to be weighed, too."""
FOLLOWING = 2
"""Words after a stretch that are weighed with it: "search or" is not sertraline where "line" comes next."""


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
    """What was heard, with hotwords where the recogniser, told them, holds them for what was said."""
    questioned = stretches(first.words, hotwords)
    if not questioned:
        return first
    told = tuple(dict.fromkeys(s.hotword for s in questioned))
    if first.weigh is not None:
        found = _likelier(first.words, questioned, told, first.weigh)
    else:
        second = hear_again(told).words
        found = [_confirmed(first.words, stretch, second) for stretch in questioned]
    words = list(first.words)
    for stretch, word in reversed(list(zip(questioned, found, strict=True))):
        if word is not None:
            words[stretch.first : stretch.last + 1] = [word]
    return replace(first, words=tuple(words))


def _likelier(
    words: Sequence[HeardWord], questioned: Sequence[Stretch], told: Sequence[str], weigh: Weigh
) -> list[HeardWord | None]:
    """The hotwords that win; as unsure as what stood there, so that each is marked for a look."""
    heard = [" ".join(word.text for word in words[s.first : s.last + 1]) for s in questioned]
    hot = [s.hotword + _tail(text) for s, text in zip(questioned, heard, strict=True)]
    other = [_rival(s.hotword, text) or text for s, text in zip(questioned, heard, strict=True)]
    ours, theirs = (_weighed(words, questioned, wording, told, weigh) for wording in (hot, heard))
    if other != heard:
        rivals = _weighed(words, questioned, other, told, weigh)
        theirs = [max(pair) for pair in zip(theirs, rivals, strict=True)]
    return [
        _as_unsure(words[s.first : s.last + 1], text) if won > lost else None
        for s, text, won, lost in zip(questioned, hot, ours, theirs, strict=True)
    ]


def _as_unsure(words: Sequence[HeardWord], text: str) -> HeardWord:
    return HeardWord(text, words[0].start, words[-1].end, min(word.probability for word in words))


def _weighed(
    words: Sequence[HeardWord],
    questioned: Sequence[Stretch],
    instead: Sequence[str],
    told: Sequence[str],
    weigh: Weigh,
) -> list[float]:
    """The log probability of each stretch in another wording, with the words that follow it."""
    text: list[str] = []
    places: list[tuple[int, int]] = []
    done = 0
    for stretch, wording in zip(questioned, instead, strict=True):
        text += [word.text for word in words[done : stretch.first]]
        begin = len(text)
        text += wording.split()
        places.append((begin, len(text)))
        done = stretch.last + 1
    text += [word.text for word in words[done:]]
    likely = weigh(text, told)
    limits = [*(begin for begin, _ in places[1:]), len(text)]
    return [
        sum(likely[begin : min(end + FOLLOWING, limit)])
        for (begin, end), limit in zip(places, limits, strict=True)
    ]


def _rival(hotword: str, text: str) -> str | None:
    """Another drug that may have been said: bupropion, where buspirone stands in the chart."""
    close = get_close_matches(letters(text), sorted(drugs() - {letters(hotword)}), 1, RIVAL)
    return close[0] + _tail(text) if close else None


def _tail(text: str) -> str:
    """The punctuation after a word."""
    return text[len(text.rstrip(".,;:!?")) :]


def _confirmed(words: Sequence[HeardWord], stretch: Stretch, second: Sequence[HeardWord]) -> HeardWord | None:
    """The hotword with the second hearing's probability, where it was heard at the same place."""
    start, end = words[stretch.first].start, words[stretch.last].end
    there = [w for w in second if w.end > start - NEAR and w.start < end + NEAR]
    length = len(stretch.hotword.split())
    for n in range(len(there) - length + 1):
        part = there[n : n + length]
        said = letters("".join(w.text for w in part))
        if (
            said not in drugs() - {letters(stretch.hotword)}
            and ratio(said, letters(stretch.hotword)) >= CONFIRMED
        ):
            text = stretch.hotword + _tail(words[stretch.last].text)
            return HeardWord(text, start, end, min(w.probability for w in part))
    return None
