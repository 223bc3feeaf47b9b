"""The drafter that comes with Chartside: rules find what belongs in a note and quote it word for word.

It writes no clinical judgement, fills in no finding that nobody mentioned, and infers no emotion or state of mind. A
sentence about safety is quoted with its question, and never interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from chartside_transcription.draft.model import Drafter, Proposal
from chartside_transcription.draft.template import Template
from chartside_transcription.draft.utterances import Utterance, utterances
from chartside_transcription.drugs import drugs
from chartside_transcription.marks import bare
from chartside_transcription.transcript import CLIENT, CLINICIAN, Transcript

_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_RULES: tuple[tuple[str, str], ...] = (
    # the first rule that matches names the kind
    (
        "risk",
        r"suicid|homicid|self[- ]?harm|(?:kill|hurt|harm|cut)(?:ing)? (?:my|your|him|her|them)sel(?:f|ves)|"
        r"want(?:ing)? to (?:die|be dead)|(?:not|n't) want(?:ing)? to (?:be alive|live)|be(?:ing)? alive|"
        r"end (?:my|your) life|better off dead|overdos|safety plan|weapon|\bguns?\b|"
        r"(?:hits?|hitting|beats?|threaten(?:s|ed)?) (?:me|you|her|him)\b|abus(?:e|ed|ive|ing)\b|risk (?:is|was|of)|"
        r"hurt(?:ing)? (?:someone|somebody|anyone|anybody|others)",
    ),
    (
        "score",
        r"\b(?:p ?h ?q|g ?a ?d|p ?c ?l|audit|c-?ssrs|moca|m ?d ?q|y-?bocs|oq)[ -]?(?:\d+|nine|seven|five|two|four|"
        r"forty)?\b.*\b(?:\d+|[a-z]*teen|zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty)\b",
    ),
    (
        "appointment",
        rf"(?:meet|see (?:you|each other|her|him)|session|appointment|come (?:in|back)|again|read it together).{{0,40}}"
        rf"next (?:{_WEEKDAY}|week|month|time)|next (?:{_WEEKDAY}|appointment|session) (?:is|at|on)|"
        rf"(?:we'll|we will|let's) meet|see you (?:on |next |in )|follow[- ]up (?:in|on|appointment)",
    ),
    (
        "medication",
        r"\bmilligrams?\b|\bmg\b|\bmedications?\b|\bprescri|\bdos(?:e|age)\b|\bpills?\b|side effects?",
    ),
    (
        "homework",
        r"homework|write (?:it |them |him |her )?(?:a letter|down)|diary|journal\b|worksheet|"
        r"(?:complete|fill out|keep).{0,30}(?:thought records?|log|diary|chart)|"
        r"(?:for|before|until) next (?:week|session|time)|"
        r"i would like you to|i'd like you to|your (?:task|assignment)|practice (?:it|that|this|the)|"
        r"would you be willing|before we meet",
    ),
    (
        "plan",
        r"^(?:treatment )?plan\b|treatment plan|\bcontinue (?:weekly|with|the|individual|\w+ therapy)|coordinate with|"
        r"refer(?:ral|red? to)|"
        r"release of information|weekly .*therapy|discharge",
    ),
    (
        "goal",
        r"\bgoals?\b|\bwant to (?:be able|work on|learn|stop|start|get better)|working (?:on|toward)|\bhope to\b",
    ),
    (
        "diagnosis",
        r"\bdiagnos(?:is|es|ed)\b|\b(?:major depressive|generalized anxiety|panic|bipolar|adjustment|post"
        r"[- ]?traumatic stress|obsessive[- ]compulsive|use|personality|eating) disorder\b",
    ),
    (
        "observation",
        r"\b(?:mood|affect|effect|speech|thought process|appearance|orient(?:ed|ation)|insight|judgment|eye"
        r" contact|memory) (?:was|is|were|appeared|remained)\b|\balert and oriented\b",
    ),
    (
        "intervention",
        r"\bwe (?:practi[cs]ed|reviewed|discussed|explored|worked|talked|processed|did)\b|breathing exercise|"
        r"cognitive (?:restructuring|behavioral)|grounding|mindfulness|exposure|role[- ]play|psychoeducation|"
        r"thought record|"
        r"coping (?:skills?|plan)|motivational interviewing|\bemdr\b|\bdbt\b|safety (?:check|assessment)",
    ),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)
_SCALE = re.compile(r"scale (?:from|of) (?:zero|one|0|1) to (?:ten|10|five|5)|zero to ten", re.IGNORECASE)
_NUMBER = re.compile(r"\b(?:\d+|zero|one|two|three|four|five|six|seven|eight|nine|ten)\b", re.IGNORECASE)
_TOPICS = re.compile(
    r"\b(?:sle(?:ep|pt|eping)|insomnia|nightmares?|wak(?:e|ing|es)|woke|tired|exhaust\w*|energy|appetite|eat(?:en|ing)?|ate|meals?|"
    r"weight|anxi\w+|worr\w+|panic\w*|nervous|afraid|scared|fear\w*|sad\w*|depress\w*|cry\w*|cried|hopeless|guilt\w*|"
    r"asham\w+|ang(?:er|ry)|irritab\w+|mood|stress\w*|overwhelm\w*|lonel\w+|alone|grief|griev\w+|loss|died|death|"
    r"cemetery|concentrat\w+|focus|memory|pain|headaches?|chest|heart|stomach|breath\w*|tense|tension|drink\w*|drank|"
    r"alcohol|beers?|wine|smok\w+|cannabis|marijuana|weed|drugs?|coffee|work\w*|job|fired|boss|school|class(?:es)?|"
    r"money|rent|hous(?:e|ing)|mother|father|mom|dad|parents?|brother|sister|wife|husband|partner|girlfriend|boyfriend|"
    r"friends?|kids?|children|son|daughter|family|divorce\w*|argu\w+|fight|fought|breakup|trauma\w*|flashbacks?|"
    r"feel\w*|felt|help(?:s|ed)|cop(?:e|ing)|exercis\w+|hospital\w*)\b",
    re.IGNORECASE,
)
_NOT_SUBSTANCE = 4
"""Words; shorter answers ("Yeah.") are quoted only together with their question."""


class Rules(Drafter):
    """The default drafter."""

    name = "rules"

    def propose(self, transcript: Transcript, template: Template) -> Iterable[Proposal]:
        """See Drafter. Order: as the template's sections, then as said."""
        said = utterances(transcript)
        several = len(transcript.speakers) > 1
        found = [
            Proposal(template.heading_of(kind), _text(parts, quoted=several), _spans(parts), kind)
            for kind, parts in _find(said, several=several)
        ]
        order = {section.heading: n for n, section in enumerate(template.section)}
        return sorted((p for p in found if p.heading), key=lambda p: (order[p.heading], p.spans[0][0]))


def _find(said: Sequence[Utterance], *, several: bool) -> Iterator[tuple[str, list[Utterance]]]:
    skip = -1
    for n, one in enumerate(said):
        if n <= skip:
            continue
        kind = _kind(one, several=several)
        if not kind:
            continue
        parts = [one]
        if one.question and kind in ("risk", "score-said"):
            parts += _answer(said, n)
            skip = n + len(parts) - 1
            if kind == "score-said" and not any(_NUMBER.search(part.text) for part in parts[1:]):
                continue
        elif several and one.question and kind != "homework":
            continue  # a question is no finding
        yield kind, parts


def _kind(one: Utterance, *, several: bool) -> str:
    if several and one.question and _SCALE.search(one.text):
        return "score-said"
    if any(bare(word) in drugs() for word in one.text.split()) and not _COMPILED[0][1].search(one.text):
        return "medication"
    for kind, pattern in _COMPILED:
        if pattern.search(one.text):
            return kind
    words = len(one.text.split())
    if not several:  # a dictation: every sentence is the clinician's own and belongs into the note
        return "report" if words >= 2 else ""
    spoke = one.speaker != CLINICIAN
    return "report" if spoke and words > _NOT_SUBSTANCE and _TOPICS.search(one.text) else ""


def _answer(said: Sequence[Utterance], asked: int) -> list[Utterance]:
    """What the other one says next, up to two sentences."""
    answer: list[Utterance] = []
    for one in said[asked + 1 : asked + 3]:
        if one.speaker == said[asked].speaker or one.question:
            break
        answer.append(one)
    return answer


def _text(parts: Sequence[Utterance], *, quoted: bool) -> str:
    if not quoted:
        return " ".join(part.text for part in parts)
    return " ".join(f'{_name(part.speaker)}: "{_clean(part.text)}"' for part in parts)


def _name(speaker: str) -> str:
    return speaker.capitalize() if speaker in (CLIENT, CLINICIAN, "other") else speaker


def _clean(text: str) -> str:
    return text.replace('"', "'")


def _spans(parts: Sequence[Utterance]) -> tuple[tuple[int, int], ...]:
    return tuple((part.first, part.last) for part in parts)
