"""A talk as findings: which sentences belong in a note, and what was asked, answered and agreed with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chartside_transcription.draft import talk
from chartside_transcription.draft.patterns import AGREES, KINDS, LOOKS_BACK, NUMBER, SCALE, TOPICS
from chartside_transcription.draft.utterances import Utterance
from chartside_transcription.drugs import drugs
from chartside_transcription.marks import bare
from chartside_transcription.transcript import CLIENT, CLINICIAN, OTHER

_ASKED_AND_ANSWERED = (
    "risk",
    "score-said",
    "medication",
    "homework",
    "intervention",
    "goal",
    "appointment",
    "reason",
)
"""Kinds of which a question is quoted, together with its answer; any other question is no finding."""
MOST_ANSWERS = 3
"""Sentences; an answer about safety is never cut."""
_SOON = 6
"""Sentences within which a question follows up on a statement about safety, or anything on a medication."""
_SCORE_WITHIN = 3
"""Sentences after the one that names a test."""
_SHORT = 3
"""Words; shorter ones ("Yeah, sure.") are quoted with their question or not at all."""


def conversation(said: Sequence[Utterance]) -> Iterator[tuple[str, tuple[Utterance, ...]]]:
    """Kinds, each with the sentences that stand together, in their order."""
    kinds = _kinds(said)
    at = 0
    while at < len(said):
        kind, parts = kinds[at], _score_told(said, kinds, at)
        if parts:
            kind = "score"
        elif kind:
            parts = _with_answer(said, at, kind)
        if parts:
            yield kind, parts
        at += max(len(parts), 1)


def _kinds(said: Sequence[Utterance]) -> list[str]:
    """The kind of each sentence. What goes on about a medication is about it, until somebody asks something else."""
    kinds: list[str] = []
    left = 0
    for one in said:
        kind = _kind_in_talk(one)
        if left and kind in ("", "report", "intervention") and talk.follows_medication(one.text):
            kind = "medication"
        left = _SOON if kind == "medication" else 0 if one.question and kind != "risk" else max(left - 1, 0)
        kinds.append(kind)
    return kinds


def _score_told(said: Sequence[Utterance], kinds: Sequence[str], at: int) -> tuple[Utterance, ...]:
    """A sentence that names a test, to the one that tells its score; nothing where none of the next ones does."""
    if kinds[at] == "risk" or not (kinds[at] == "score" or talk.names_test(said[at].text)):
        return ()
    told = kinds[at] == "score" or talk.tells_score(said[at].text)
    end = at if told and not said[at].question else -1
    for n in range(at + 1, min(at + 1 + _SCORE_WITHIN, len(said))):
        asks = said[n].question and said[n].speaker == said[at].speaker
        if asks or kinds[n] == "risk":
            break
        if talk.tells_score(said[n].text):
            end = n
    return tuple(said[at : end + 1])


def _kind_in_talk(one: Utterance) -> str:
    if one.question and SCALE.search(one.text):
        return "score-said"
    kind = worded(one)
    if kind not in ("risk", "score", "medication"):
        clinician, client = one.speaker not in (CLIENT, OTHER), one.speaker != CLINICIAN
        told = talk.kind_of(one.text, clinician=clinician, client=client)
        theirs = kind == "homework" or (kind == "appointment" and not talk.between_us(one.text))
        kind = told or ("" if theirs and not clinician else kind)
    if one.question and kind in ("homework", "goal", "plan", "appointment") and LOOKS_BACK.search(one.text):
        return "intervention"
    if kind:
        return kind
    tells = one.speaker != CLINICIAN and not one.question and len(one.text.split()) >= _SHORT
    return "report" if tells and TOPICS.search(one.text) else ""


def _with_answer(said: Sequence[Utterance], at: int, kind: str) -> tuple[Utterance, ...]:
    """The sentence, and what the other one says to it; nothing for a question that is no finding."""
    one = said[at]
    if one.question or (kind == "reason" and talk.REASON_ASKED.search(one.text)):
        if kind not in _ASKED_AND_ANSWERED:
            return ()
        answer = _answer(said, at, len(said) if kind == "risk" else MOST_ANSWERS, kind)
        useless = kind == "score-said" and not any(NUMBER.search(part.text) for part in answer)
        return () if useless or not (answer or kind == "risk") else (one, *answer)
    if kind == "risk" and (asked := _follow_up(said, at)):
        return (*said[at : asked + 1], *_answer(said, asked, len(said), "risk"))
    asks = kind in ("homework", "appointment") and one.speaker == CLINICIAN
    agreed = _answer(said, at, 1, kind) if asks else ()
    return (one, *(part for part in agreed if AGREES.search(part.text)))


def _follow_up(said: Sequence[Utterance], at: int) -> int:
    """The question that a statement about safety leads to, of the same turn or the next; 0 where there is none."""
    speaker = said[at].speaker
    for n, one in enumerate(said[at + 1 : at + 1 + _SOON], at + 1):
        if one.speaker != said[n - 1].speaker and said[n - 1].speaker != speaker:
            return 0  # a third turn
        if one.question and (one.speaker != speaker or speaker == CLINICIAN):
            return n if _kind_in_talk(one) in ("", "risk") else 0
    return 0


def _answer(said: Sequence[Utterance], asked: int, most: int, kind: str) -> tuple[Utterance, ...]:
    """What the other one says next, until it is about something else that belongs in the note."""
    answer: list[Utterance] = []
    for one in said[asked + 1 : asked + 1 + most]:
        own = _kind_in_talk(one)
        expected = ("", "report", kind, worded(said[asked])) if answer or kind != "reason" else ()
        about_else = own == "risk" if not expected else own not in expected
        if one.speaker == said[asked].speaker or one.question or (about_else and most <= MOST_ANSWERS):
            break
        answer.append(one)
    return tuple(answer)


def worded(one: Utterance) -> str:
    """The kind of a sentence by its own words, whoever says it."""
    first, *others = KINDS
    if first[1].search(one.text):
        return first[0]
    if any(bare(word) in drugs() for word in one.text.split()):
        return "medication"
    return next((kind for kind, pattern in others if pattern.search(one.text)), "")
