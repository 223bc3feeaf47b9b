"""The drafter that comes with Chartside: rules find what belongs in a note and quote it word for word.

It writes no clinical judgement, fills in no finding that nobody mentioned, and infers no emotion or state of mind. A
sentence about safety is quoted with its question, and never interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chartside_transcription.draft.choose import chosen
from chartside_transcription.draft.conversation import conversation, worded
from chartside_transcription.draft.model import Drafter, Proposal
from chartside_transcription.draft.support import LONGEST_SPAN, MOST_SPANS
from chartside_transcription.draft.template import Template
from chartside_transcription.draft.utterances import Utterance, utterances
from chartside_transcription.transcript import CLIENT, CLINICIAN, Transcript

MOST_REPORTS = 16
"""Sentences of the client that only tell: the ones with the most different topics are quoted, so that a note of an hour
stays a note. What is about safety, scores, medication, goals, homework and plans is never left out."""
_INSTEAD = {"reason": "report"}
"""Where a template has no place of its own for it."""


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
        found = list(_talk(said) if several else _dictation(said, template))
        reports = [one for one in found if one.kind == "report"]
        if several and len(reports) > MOST_REPORTS:
            kept = {one.parts for one in chosen(reports, MOST_REPORTS, lambda one: one.parts[0].text)}
            found = [one for one in found if one.kind != "report" or one.parts in kept]
        made = [
            Proposal(
                one.heading
                or template.heading_of(one.kind)
                or template.heading_of(_INSTEAD.get(one.kind, "")),
                _text(one.parts, quoted=several),
                tuple((group[0].first, group[-1].last) for group in _groups(one.parts)),
                one.kind,
            )
            for one in found
        ]
        order = {section.heading: n for n, section in enumerate(template.section)}
        return sorted((p for p in made if p.heading), key=lambda p: (order[p.heading], p.spans[0][0]))


def _talk(said: Sequence[Utterance]) -> Iterator[Found]:
    for kind, parts in conversation(said):
        for some in _citable(parts):
            yield Found(kind, some)


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


def _dictation(said: Sequence[Utterance], template: Template) -> Iterator[Found]:
    """Every sentence is the clinician's own and belongs into the note; a spoken heading holds until the next one."""
    heading = ""
    for one in said:
        spoken, alone = spoken_heading(one.text, template)
        heading = spoken or heading
        kind = worded(one) or "report"
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


def _text(parts: Sequence[Utterance], *, quoted: bool) -> str:
    """Word for word; in a conversation with who said it."""
    texts = [(group[0].speaker, " ".join(part.text for part in group)) for group in _groups(parts)]
    return " ".join(f'{_name(who)}: "{text}"' if quoted else text for who, text in texts)


def _groups(parts: Sequence[Utterance]) -> list[list[Utterance]]:
    """Sentences of one speaker that follow one another, as long as their span stays short enough to be a citation."""
    groups: list[list[Utterance]] = []
    for part in parts:
        before = groups[-1] if groups else None
        follows = before and before[-1].speaker == part.speaker and before[-1].last + 1 == part.first
        if before and follows and part.last - before[0].first < LONGEST_SPAN:
            before.append(part)
        else:
            groups.append([part])
    return groups


def _name(speaker: str) -> str:
    return speaker.capitalize() if speaker in (CLIENT, CLINICIAN, "other") else speaker
