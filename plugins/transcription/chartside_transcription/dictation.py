"""Dictation: spoken punctuation becomes what it says (T-15).

``comma``, ``period`` or ``full stop``, ``question mark``, ``exclamation mark``, ``colon``, ``semicolon``, and ``new
line`` and ``new paragraph``, which end a sentence. A word that may be meant as itself ("a period of six weeks",
"colon cancer") stays: doubt changes nothing. Spoken headings are the draft's business (``draft/rules.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from chartside_transcription.marks import bare, word_set
from chartside_transcription.transcript import Transcript, Word

BREAK = "\n"
"""A word of this text begins a new paragraph."""

_SIGNS: dict[tuple[str, ...], str] = {
    ("comma",): ",",
    ("period",): ".",
    ("full", "stop"): ".",
    ("question", "mark"): "?",
    ("exclamation", "mark"): "!",
    ("exclamation", "point"): "!",
    ("semicolon",): ";",
    ("colon",): ":",
    ("new", "line"): BREAK,
    ("new", "paragraph"): BREAK,
    ("next", "paragraph"): BREAK,
}
_ITSELF_AFTER = word_set(
    "a an the this that each any every another one first second last next same time trial grace grieving menstrual "
    "her his their my your of in for during over oxford descending ascending sigmoid transverse"
)
"""After one of these, "period" or "colon" is the word itself."""
_ITSELF_BEFORE = word_set("of in during when where cancer polyp polyps resection pain pains cramps")


def dictated(transcript: Transcript) -> Transcript:
    """The transcript with spoken punctuation done. Times and marks of the words that stay do not change."""
    return replace(transcript, words=tuple(_write(transcript.words)))


def _write(words: Sequence[Word]) -> Iterator[Word]:
    held: Word | None = None
    at, capital = 0, False
    while at < len(words):
        sign, length = _sign(words, at)
        if length:
            if held:
                yield _ended(held, sign)
                held = None
            capital = sign in (".", "?", "!", BREAK)
            at += length
            continue
        if held:
            yield held
        word = words[at]
        held = replace(word, text=word.text[:1].upper() + word.text[1:]) if capital else word
        capital, at = False, at + 1
    if held:
        yield held


def _ended(word: Word, sign: str) -> Word:
    """The word with the sign instead of what the recogniser put there by itself."""
    text = word.text.rstrip(",.;:!?")
    return replace(word, text=f"{text}{'.' if sign == BREAK else sign}")


def _sign(words: Sequence[Word], at: int) -> tuple[str, int]:
    """The sign that is spoken here, and by how many words; ``("", 0)`` for a word that is meant as itself."""
    for spoken, sign in _SIGNS.items():
        if tuple(bare(w.text) for w in words[at : at + len(spoken)]) == spoken:
            before = bare(words[at - 1].text) if at else ""
            after = bare(words[at + len(spoken)].text) if at + len(spoken) < len(words) else ""
            meant = len(spoken) > 1 or (before not in _ITSELF_AFTER and after not in _ITSELF_BEFORE)
            return (sign, len(spoken)) if meant and at else ("", 0)
    return "", 0
