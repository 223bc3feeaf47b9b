"""Words of a sentence as the check compares them: stems, persons and negations, clause by clause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chartside_transcription.marks import bare, word_set

FRAME = re.compile(
    r"^\s*(?:the\s+)?(?P<who>client|patient|clinician|therapist)\s+(?:also\s+)?(?:reports?|reported|states?|stated|says?|"
    r"said|describes?|described|mentions?|mentioned|notes?|noted)[:,]?\s+(?:that\s+)?",
    re.IGNORECASE,
)
"""Who told it; what follows is what was told. "Denies" is none: a denial is a finding of its own."""
CLIENT_PERSON = frozenset({"client", "patient"})
CLINICIAN_PERSON = frozenset({"clinician", "therapist"})
_FIRST = word_set("i me my mine myself")
_THIRD = word_set("he him his himself she her hers herself they them their theirs themself themselves")
_SECOND = word_set("you your yours yourself")
_WE, _IT = word_set("we us our ours ourselves"), word_set("it its itself")
_GLUE = word_set(
    "a an the and of to is are was were be been being am that this these those there has have had do does did so then "
    "also"
)
"""What needs no source. "From", "with", "off" do: who moved from where to where is a finding."""
_FILLERS = word_set("um uh er hmm yeah yes okay ok honestly actually basically oh")
"""May be left out within a clause; nothing else may."""
_NOT = word_set("no not never none nothing neither nor without cannot")
_NEGATIONS = word_set("deny denies denied denying hardly barely stop stops stopped quit")
"""Words with content of their own, which turn what follows."""
_SUBJECTS = word_set("i he she they we it you my there")
_BOUND = word_set(
    "if unless would could might may maybe perhaps should possibly almost probably wish hope try sometimes rarely "
    "occasionally last ago when whenever before after used past since until till yesterday tomorrow previously once "
    "formerly earlier says said thinks thought told think guess supposed seems seemed only but except believe believed "
    "want wants wanted imagine imagined dream dreamed dreamt pretend pretended afraid"
)
"""Conditions, doubts, times and others' say: what they hold for may not be told without them."""
_ONES = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_NUMBERS = {word: n for n, word in enumerate(_ONES)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}


@dataclass(frozen=True, slots=True)
class Token:
    """``stem``: of a content word, a number in digits, ``<not>``, or a person: ``<first>`` (the client), ``<second>``,
    ``<third>``, ``<clinician>``, ``<we>``, ``<it>``, ``<either>`` (a pronoun that may stand for the client)."""

    stem: str
    negated: bool = False
    optional: bool = False

    @property
    def content(self) -> bool:
        """Whether it says something."""
        return not self.stem.startswith("<")

    def stands_for(self, other: Token) -> bool:
        """Whether this token of the sentence says no more than ``other`` of the source."""
        if self.stem == "<either>":
            return other.stem in ("<first>", "<third>")
        if self.stem == "<clinician>":
            return other.stem in ("<clinician>", "<second>")
        return (self.stem, self.negated) == (other.stem, other.negated)


def follows(wanted: Sequence[Token], at: int, clause: Sequence[Token]) -> int:
    """The place in ``wanted`` after this clause where the whole clause stands there; else ``at``."""
    place = at
    for token in clause:
        if place < len(wanted) and wanted[place].stands_for(token):
            place += 1
        elif not token.optional:
            return at
    return place


def tokens(text: str, *, client_named: bool = False) -> list[Token]:
    """Content words, numbers and persons of a whole sentence. See ``clauses``."""
    return [token for clause in clauses(text, client_named=client_named) for token in clause]


def clauses(text: str, *, client_named: bool = False) -> list[list[Token]]:
    """The same by clauses that can be told apart without a change of meaning: those joined by "and" with a subject.

    A negation governs what follows, up to a comma, a "but" or the clause's end. ``client_named``: the sentence names
    the client, so that its pronouns may stand for the client.
    """
    found: list[list[Token]] = [[]]
    negated = False
    words = re.sub(r"(?<=\w)-(?=\w)", " ", text).replace("’", "'").split()
    for raw, following in zip(words, [*map(bare, words[1:]), ""], strict=False):
        word = bare(raw)
        if word == "and" and following.split("'", 1)[0] in _SUBJECTS:
            found.append([])
            negated = False
        negated = negated and word not in ("but", "however", "except")
        if word in _NOT or word.endswith("n't"):
            negated = True
            found[-1].append(Token("<not>"))
        elif word and (token := _token(word, negated, client_named=client_named)):
            _append(found[-1], token)
        negated = (negated or word in _NEGATIONS) and not raw.endswith((",", ";", ".", "?", "!", ":"))
    return [clause for clause in found if clause]


def _append(found: list[Token], token: Token) -> None:
    """Twenty and five are 25."""
    before = found[-1] if found else None
    if before and token.stem.isdigit() and before.stem.isdigit() and len(token.stem) == 1:
        tens = int(before.stem)
        if 20 <= tens <= 90 and tens % 10 == 0 and token.stem != "0":
            found[-1] = Token(str(tens + int(token.stem)), before.negated)
            return
    found.append(token)


def _token(word: str, negated: bool, *, client_named: bool) -> Token | None:
    stem = word.split("'", 1)[0]
    if person := _person(stem):
        instead = "<either>" if person == "<third>" and client_named else person
        return Token(instead, optional=person in ("<first>", "<it>"))
    if stem in _GLUE:
        return None
    if stem in _NUMBERS:
        return Token(str(_NUMBERS[stem]), negated)
    return Token(stem if stem.isdigit() else _stem(stem), negated, optional=stem in _FILLERS)


def _person(stem: str) -> str:
    kinds = {
        "<first>": _FIRST | CLIENT_PERSON,
        "<second>": _SECOND,
        "<third>": _THIRD,
        "<we>": _WE,
        "<it>": _IT,
        "<clinician>": CLINICIAN_PERSON,
    }
    return next((kind for kind, words in kinds.items() if stem in words), "")


def _stem(word: str) -> str:
    """Endings off, but the past stays the past: "worried" is not "worries"."""
    if len(word) < 4:
        return word
    past = ""
    for ending, instead in (("ies", "y"), ("ied", "y+"), ("ing", ""), ("ed", "+"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            past = "+" if instead.endswith("+") else ""
            word = word[: -len(ending)] + instead.rstrip("+")
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.rstrip("e") + past


def bound_words(text: str) -> set[str]:
    """Words of the source that the sentence must keep."""
    words = {bare(word).replace("’", "'") for word in text.split()}
    words |= {"would"} if any(word.endswith("'d") for word in words) else set()
    return {_stem(word) for word in words & _BOUND}


def is_present(text: str) -> bool:
    """Whether it says how things are."""
    return bool(
        re.search(
            r"\b(?:is|am|are|has|have|(?:it|he|she|that|there)'s)\b|'(?:m|re|ve)\b", text, re.IGNORECASE
        )
    )


def is_past(text: str) -> bool:
    """Whether it says how things were."""
    return bool(re.search(r"\b(?:was|were|had|did)\b", text, re.IGNORECASE))
