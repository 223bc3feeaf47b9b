"""Choose the sentences that together touch the most different topics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from chartside_transcription.draft.patterns import NUMBER, TOPICS

T = TypeVar("T")
_FULL = 40
"""Words; a longer sentence counts as less to the point."""


def chosen(items: Sequence[T], most: int, text: Callable[[T], str]) -> list[T]:
    """At most ``most`` items in their order: again and again the one that adds the most topics not yet touched."""
    topics = {n: _topics(text(item)) for n, item in enumerate(items)}
    left, seen, taken = set(topics), set[str](), list[int]()
    while left and len(taken) < most:
        best = max(left, key=lambda n: (len(topics[n] - seen), len(topics[n]), _weight(text(items[n])), -n))
        left.discard(best)
        taken.append(best)
        seen |= topics[best]
    return [items[n] for n in sorted(taken)]


def _topics(text: str) -> set[str]:
    """First four letters tell one topic from another well enough: worry, worried, worries."""
    return {found.lower()[:4] for found in TOPICS.findall(text)}


def _weight(text: str) -> int:
    """A number and a fair length make a sentence worth more."""
    words = len(text.split())
    return (2 if NUMBER.search(text) else 0) + (1 if 5 <= words <= _FULL else 0)
