"""Words of a sentence as the check compares them: stems, persons and negations, clause by clause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
GENDERS = {
    **dict.fromkeys(("he", "him", "his", "himself"), "he"),
    **dict.fromkeys(("she", "her", "hers", "herself"), "she"),
    **dict.fromkeys(("they", "them", "their", "theirs", "themself", "themselves"), "they"),
}
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
_NUMBERS["hundred"] = 100
_ENDS = (",", ";", ".", "?", "!", ":")


@dataclass(frozen=True, slots=True)
class Token:
    """``stem``: of a content word, a number in digits, ``<not>``, or a person: ``<first>`` (the client), ``<second>``,
    ``<third>``, ``<clinician>``, ``<we>``, ``<it>``, ``<either>`` (a pronoun that may stand for the client).

    ``gender`` of a pronoun of the third person: ``he``, ``she`` or ``they``."""

    stem: str
    negated: bool = False
    optional: bool = False
    gender: str = ""

    @property
    def content(self) -> bool:
        """Whether it says something."""
        return not self.stem.startswith("<")

    def stands_for(self, other: Token) -> bool:
        """Whether this token of the sentence says no more than ``other`` of the source."""
        if self.stem == "<either>":
            return other.stem == "<first>" or (other.stem, other.gender) == ("<third>", self.gender)
        if self.stem == "<clinician>":
            return other.stem in ("<clinician>", "<second>")
        return (self.stem, self.negated, self.gender) == (other.stem, other.negated, other.gender)


def follows(wanted: Sequence[Token], at: int, clause: Sequence[Token], meant: set[str] | None = None) -> int:
    """The place in ``wanted`` after this clause where the whole clause stands there; else ``at``.

    ``meant`` takes the gender of each pronoun that stands for the client, where the clause stands.
    """
    place, genders = at, set[str]()
    for token in clause:
        if place < len(wanted) and wanted[place].stands_for(token):
            if token.stem == "<first>" and wanted[place].gender:
                genders.add(wanted[place].gender)
            place += 1
        elif not token.optional:
            return at
    if meant is not None:
        meant |= genders
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
    negated = shared = False
    words = _in_digits(re.sub(r"(?<=\w)-(?=\w)", " ", text).replace("’", "'").split())
    for raw, before, following in zip(words, ["", *words], [*map(bare, words[1:]), ""], strict=False):
        word = bare(raw)
        if word == "and" and following.split("'", 1)[0] in _SUBJECTS:
            found.append([])
            negated, shared = False, not before.endswith(_ENDS)
        negated = negated and word not in ("but", "however", "except")
        if word in _NOT or word.endswith("n't"):
            negated = True
            found[-1].append(Token("<not>"))
        elif word and (token := _token(word, negated, client_named=client_named)):
            # "my sister and I fight": without a comma both may be the subject, and none of them is left out
            found[-1].append(replace(token, optional=token.optional and not shared))
            shared = False
        negated = (negated or word in _NEGATIONS) and not raw.endswith(_ENDS)
    return [clause for clause in found if clause]


def _in_digits(words: Sequence[str]) -> list[str]:
    """Number words in digits: "twenty five" is 25, "one hundred and forty" 140; nothing is added up across a comma."""
    found: list[str] = []
    for raw in words:
        word = bare(raw)
        value = _NUMBERS.get(word, int(word) if re.fullmatch("[1-9]", word) else -1)
        if value < 0:
            found.append(raw)
            continue
        linked = found[-1:] == ["and"] and 0 < value < 100 and _number(found[-2:-1]) in range(100, 1000, 100)
        at = len(found) - (2 if linked else 1)
        whole = _together(_number(found[at : at + 1] if at >= 0 else []), value)
        if whole:
            del found[at:]
        found.append(f"{whole or value}{raw[-1] if raw.endswith(_ENDS) else ''}")
    return found


def _number(words: Sequence[str]) -> int:
    return int(words[0]) if words and re.fullmatch(r"[0-9]{1,3}", words[0]) else 0


def _together(before: int, value: int) -> int:
    """One number out of two that follow one another; 0 where they are two."""
    if value == 100 and 0 < before < 10:
        return before * 100
    tens = before % 10 == 0 and before % 100 >= 20 and 0 < value < 10
    hundreds = before > 0 and before % 100 == 0 and 0 < value < 100
    return before + value if tens or hundreds else 0


def _token(word: str, negated: bool, *, client_named: bool) -> Token | None:
    stem = word.split("'", 1)[0]
    if person := _person(stem):
        instead = "<either>" if person == "<third>" and client_named else person
        return Token(instead, optional=person in ("<first>", "<it>"), gender=GENDERS.get(stem, ""))
    if stem in _GLUE:
        return None
    return Token(stem if stem.isdigit() else _stem(stem), negated, optional=stem in _FILLERS)


def _person(stem: str) -> str:
    kinds = {
        "<first>": _FIRST | CLIENT_PERSON,
        "<second>": _SECOND,
        "<third>": frozenset(GENDERS),
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
