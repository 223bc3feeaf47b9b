"""The drafter that comes with Chartside: rules find what belongs in a note and quote it word for word.

It writes no clinical judgement, fills in no finding that nobody mentioned, and infers no emotion or state of mind. A
sentence about safety is quoted with its question, and never interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chartside_transcription.draft.choose import chosen
from chartside_transcription.draft.model import Drafter, Proposal
from chartside_transcription.draft.patterns import AGREES, KINDS, LOOKS_BACK, NUMBER, SCALE, TOPICS
from chartside_transcription.draft.support import LONGEST_SPAN, MOST_SPANS
from chartside_transcription.draft.template import Template
from chartside_transcription.draft.utterances import Utterance, utterances
from chartside_transcription.drugs import drugs
from chartside_transcription.marks import bare
from chartside_transcription.transcript import CLIENT, CLINICIAN, Transcript

MOST_REPORTS = 16
"""Sentences of the client that only tell: the ones with the most different topics are quoted, so that a note of an hour
stays a note. What is about safety, scores, medication, goals, homework and plans is never left out."""
_ASKED_AND_ANSWERED = ("risk", "score-said", "medication", "homework", "intervention", "goal", "appointment")
"""Kinds of which a question is quoted, together with its answer; any other question is no finding."""
MOST_ANSWERS = 3
"""Sentences; an answer about safety is never cut."""
_SOON = 6
"""Sentences within which a question follows up on a statement about safety."""
_SHORT = 3
"""Words; shorter ones ("Yeah, sure.") are quoted with their question or not at all."""


@dataclass(frozen=True, slots=True)
class Found:
    """Sentences that stand together; ``heading`` where the speaker dictated one."""

    kind: str
    parts: tuple[Utterance, ...]
    heading: str = ""


class Rules(Drafter):
    """The default drafter."""

    name = "rules"

    def propose(self, transcript: Transcript, template: Template) -> Iterable[Proposal]:
        """See Drafter. Order: as the template's sections, then as said."""
        said = utterances(transcript)
        several = len(transcript.speakers) > 1
        found = list(_conversation(said) if several else _dictation(said, template))
        reports = [one for one in found if one.kind == "report"]
        if several and len(reports) > MOST_REPORTS:
            kept = {one.parts for one in chosen(reports, MOST_REPORTS, lambda one: one.parts[0].text)}
            found = [one for one in found if one.kind != "report" or one.parts in kept]
        made = [
            Proposal(
                one.heading or template.heading_of(one.kind),
                _text(one.parts, quoted=several),
                tuple((group[0].first, group[-1].last) for group in _groups(one.parts)),
                one.kind,
            )
            for one in found
        ]
        order = {section.heading: n for n, section in enumerate(template.section)}
        return sorted((p for p in made if p.heading), key=lambda p: (order[p.heading], p.spans[0][0]))


def _conversation(said: Sequence[Utterance]) -> Iterator[Found]:
    at = 0
    while at < len(said):
        kind = _kind_in_talk(said[at])
        parts = _with_answer(said, at, kind) if kind else ()
        for some in _citable(parts):
            yield Found(kind, some)
        at += max(len(parts), 1)


def _kind_in_talk(one: Utterance) -> str:
    if one.question and SCALE.search(one.text):
        return "score-said"
    kind = _kind(one)
    if one.question and kind in ("homework", "goal", "plan", "appointment") and LOOKS_BACK.search(one.text):
        return "intervention"
    if kind:
        return kind
    told = one.speaker != CLINICIAN and not one.question and len(one.text.split()) >= _SHORT
    return "report" if told and TOPICS.search(one.text) else ""


def _with_answer(said: Sequence[Utterance], at: int, kind: str) -> tuple[Utterance, ...]:
    """The sentence, and what the other one says to it; nothing for a question that is no finding."""
    one = said[at]
    if one.question:
        if kind not in _ASKED_AND_ANSWERED:
            return ()
        answer = _answer(said, at, len(said) if kind == "risk" else MOST_ANSWERS)
        useless = kind == "score-said" and not any(NUMBER.search(part.text) for part in answer)
        return () if useless or not (answer or kind == "risk") else (one, *answer)
    if kind == "risk" and (asked := _follow_up(said, at)):
        return (*said[at : asked + 1], *_answer(said, asked, len(said)))
    agreed = _answer(said, at, 1) if kind == "homework" and one.speaker == CLINICIAN else ()
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


def _citable(parts: Sequence[Utterance]) -> Iterator[tuple[Utterance, ...]]:
    """All of them, in as many pieces as the check asks for."""
    some: list[Utterance] = []
    for part in parts:
        if some and len(_groups([*some, part])) > MOST_SPANS:
            yield tuple(some)
            some = []
        some.append(part)
    if some:
        yield tuple(some)


def _answer(said: Sequence[Utterance], asked: int, most: int) -> tuple[Utterance, ...]:
    """What the other one says next, until it is about something else that belongs in the note."""
    answer: list[Utterance] = []
    for one in said[asked + 1 : asked + 1 + most]:
        own = _kind(one)
        about_else = own and own != _kind(said[asked]) and most <= MOST_ANSWERS
        if one.speaker == said[asked].speaker or one.question or about_else:
            break
        answer.append(one)
    return tuple(answer)


def _dictation(said: Sequence[Utterance], template: Template) -> Iterator[Found]:
    """Every sentence is the clinician's own and belongs into the note; a spoken heading holds until the next one."""
    heading = ""
    for one in said:
        spoken, alone = spoken_heading(one.text, template)
        heading = spoken or heading
        kind = _kind(one) or "report"
        if not alone and len(one.text.split()) >= 2:
            yield Found(kind, (one,), heading)


def spoken_heading(text: str, template: Template) -> tuple[str, bool]:
    """The heading with which a sentence begins ("Plan: ...", "New section, plan."), and whether that is all of it."""
    for section in template.section:
        name = re.escape(section.heading)
        cue = r"(?:(?:new |next )?(?:heading|section)[\s,:.]+)?"
        qualifier = r"(?:treatment )?" if "plan" in section.kinds else ""
        found = re.match(rf"\s*{cue}{qualifier}{name}\s*(?:[:.,]|$)\s*", text, re.IGNORECASE)
        if found:
            return section.heading, found.end() == len(text)
    return "", False


def _kind(one: Utterance) -> str:
    first, *others = KINDS
    if first[1].search(one.text):
        return first[0]
    if any(bare(word) in drugs() for word in one.text.split()):
        return "medication"
    return next((kind for kind, pattern in others if pattern.search(one.text)), "")


def _text(parts: Sequence[Utterance], *, quoted: bool) -> str:
    """Word for word; in a conversation with who said it."""
    texts = [(group[0].speaker, " ".join(part.text for part in group)) for group in _groups(parts)]
    return " ".join(f'{_name(who)}: "{text}"' if quoted else text for who, text in texts)


def _groups(parts: Sequence[Utterance]) -> list[list[Utterance]]:
    """Sentences of one speaker that follow one another, as long as their span stays short enough to be a citation."""
    groups: list[list[Utterance]] = []
    for part in parts:
        before = groups[-1] if groups else None
        if before and before[-1].speaker == part.speaker and part.last - before[0].first < LONGEST_SPAN:
            before.append(part)
        else:
            groups.append([part])
    return groups


def _name(speaker: str) -> str:
    return speaker.capitalize() if speaker in (CLIENT, CLINICIAN, "other") else speaker
