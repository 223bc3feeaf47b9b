"""Does a text ask for no more texts? (R-4 to R-7; 47 CFR 64.1200(a)(10): any reasonable way of saying so counts.)

Pure and deterministic. Whatever might be an opt-out but need not be is CLARIFY: a person looks, and the client is told
how to opt out. What sounds like danger is DANGER, never an opt-out: a person must read it at once.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

from chartside.codes import MessageCategory


class Kind(StrEnum):
    """``cancel``: a bare CANCEL, an opt-out by law that may have meant the visit (R-7)."""

    OPT_OUT = "opt-out"
    CANCEL = "cancel"
    CLARIFY = "clarify"
    NOTHING = "nothing"
    DANGER = "danger"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a text asks for. ``category``: None means all texts. ``language``: of the words, ``en`` or ``es``."""

    kind: Kind
    category: MessageCategory | None = None
    language: str = "en"

    @property
    def opts_out(self) -> bool:
        """Whether no more texts may be sent."""
        return self.kind in (Kind.OPT_OUT, Kind.CANCEL)


_PHRASES: Final[dict[str, Any]] = tomllib.loads(
    files(__package__).joinpath("phrases.toml").read_text("utf-8")
)
_KEYS: Final = frozenset(_PHRASES["keywords"])
_BARE: Final = _KEYS | frozenset(_PHRASES["alone"])
_CANCEL: Final = frozenset(_PHRASES["cancel"])
_LOOKALIKES: Final = frozenset(_PHRASES["lookalikes"])
_NEAR: Final = r"(?: [\w'-]+){0,4}? "
"""A few words between, in the same sentence."""


def _any_of(patterns: Iterable[str]) -> str:
    return rf"(?:{'|'.join(patterns)})"


def _pattern(name: str) -> re.Pattern[str]:
    """One of the lists as a pattern of whole words, with the lists filled in that it names."""
    text = _any_of(rf"\b{each}" if each.endswith((r"\b", "$")) else rf"\b{each}\b" for each in _PHRASES[name])
    parts = {"verbs": _any_of(_PHRASES["verbs"]), "messages": _any_of(_PHRASES["messages"]), "near": _NEAR}
    parts["but"] = rf"(?! {_any_of(_PHRASES['but'])}\b)"
    for key, value in parts.items():
        text = text.replace("{" + key + "}", value)
    return re.compile(text)


_POLITE, _OPT_OUT, _NEGATED, _ASKS, _HARMLESS, _VISIT, _DANGER, _EVERY, _SPANISH, _NAMED, _SIGNS = map(
    _pattern,
    (
        "polite",
        "opt_out",
        "negated",
        "asks",
        "harmless",
        "visit",
        "danger",
        "every",
        "spanish",
        "texts_named",
        "other_signs",
    ),
)
_KEYWORD: Final = re.compile(rf"\b{_any_of(sorted(_KEYS | _CANCEL))}\b")
_CATEGORIES: Final = {
    MessageCategory(name): re.compile(rf"\b{_any_of(words)}\b")
    for name, words in _PHRASES["categories"].items()
}


def read_reply(text: str) -> Reply:
    """What a client's text asks for, as far as texts to the client go. Never raises."""
    words = _plain(text)
    language = "es" if _SPANISH.search(words) else "en"
    if _DANGER.search(words):
        return Reply(Kind.DANGER, language=language)
    kind = _kind(text, words)
    category = _category(words) if kind is Kind.OPT_OUT else None
    return Reply(kind, category, language)


def _kind(text: str, words: str) -> Kind:
    bare = _bare(words)
    if bare in _CANCEL:
        return Kind.CANCEL
    if bare in _BARE or _typo(bare):
        return Kind.OPT_OUT
    if _NEGATED.search(words):
        return Kind.CLARIFY
    if _OPT_OUT.search(words):
        return Kind.CLARIFY if _doubtful(words) else Kind.OPT_OUT
    if _opens_with_key(text, words):
        return Kind.OPT_OUT
    return Kind.CLARIFY if bare in _LOOKALIKES and _near_key(bare) else _hint(words)


def _doubtful(words: str) -> bool:
    """A question about the past, or a visit that is to be cancelled beside the texts."""
    cancels = _VISIT.search(words) and "cancel" in words and not _NAMED.search(words)
    return bool(_ASKS.search(words) or cancels)


def _hint(words: str) -> Kind:
    """A keyword within a sentence may mean the texts, unless it stands in a phrase that means something else."""
    rest = _HARMLESS.sub(" ", words)
    return Kind.CLARIFY if _KEYWORD.search(rest) or _SIGNS.search(rest) else Kind.NOTHING


def _plain(text: str) -> str:
    """Small letters without accents, a nought within a word as the letter, ``;`` for the end of a sentence."""
    folded = unicodedata.normalize("NFKD", str(text)[:1000]).casefold()
    kept = "".join(c for c in folded if not unicodedata.combining(c))
    kept = kept.replace("’", "'").replace("‘", "'")
    kept = re.sub(r"(?<=[a-z])0(?=[a-z])", "o", kept)
    if re.fullmatch(r"(?:[a-z][.\-_* ]+){2,}[a-z]\W*", kept):  # s.t.o.p
        kept = re.sub(r"[^a-z]", "", kept)
    kept = re.sub(r"[.!?;:,\n]+", " ; ", kept)
    return re.sub(r"\s+", " ", re.sub(r"[^a-z0-9'; -]", " ", kept)).strip(" -';")


def _bare(words: str) -> str:
    """The one word that is left without words of politeness, its repetitions, or several that make a keyword."""
    left = _POLITE.sub(" ", words.replace(";", " ")).split()
    joined = left[0] if len(set(left)) == 1 else "".join(left)
    return joined if len(set(left)) == 1 or joined in _BARE else ""


def _typo(word: str) -> bool:
    """One slip of the keys away from a keyword (two in a long one), and no other word."""
    if word in _LOOKALIKES or len(word) < 3:
        return False
    squeezed = re.sub(r"(.)\1+", r"\1", word)
    return squeezed in _BARE or _near_key(word)


def _near_key(word: str) -> bool:
    return any(
        distance(word, key) <= (2 if len(key) > 7 else 1)
        for key in _BARE
        if len(key) > 3 and abs(len(key) - len(word)) < 3
    )


def distance(one: str, other: str) -> int:
    """Slips between two words: a letter too many, too few, another, or two swapped (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def _opens_with_key(text: str, words: str) -> bool:
    """``STOP. I do not want this``: a keyword, then the end of the sentence."""
    first = re.match(r"\W*(\w+)\s*([.!,;:\n-]+)", str(text))
    if not first or _plain(first[1]) not in _KEYS:
        return False
    return not _HARMLESS.search(words) and not _VISIT.search(words)


def _category(words: str) -> MessageCategory | None:
    if _EVERY.search(words):
        return None
    found = [category for category, pattern in _CATEGORIES.items() if pattern.search(words)]
    return found[0] if len(found) == 1 else None
