"""Proposals into a draft: checked one by one, the unsupported dropped and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from chartside_transcription.draft.model import Draft, Drafter, Section, Sentence
from chartside_transcription.draft.pronouns import said_of_themselves
from chartside_transcription.draft.support import unsupported
from chartside_transcription.draft.template import Template
from chartside_transcription.draft.tokens import GENDERS
from chartside_transcription.draft.utterances import utterances
from chartside_transcription.marks import bare
from chartside_transcription.transcript import Transcript

MOST_SENTENCES = 500


def make_draft(
    transcript: Transcript, template: Template, drafter: Drafter, pronouns: frozenset[str] = frozenset()
) -> Draft:
    """The draft of a note. Empty where nothing was said; whoever drafted, every sentence passed the check.

    ``pronouns``: the client's own (``he``, ``she``, ``they``) by the record; what they say themselves goes before.
    """
    said = utterances(transcript)
    pronouns = said_of_themselves(transcript) or pronouns
    sections: dict[str, list[Sentence]] = {section.heading: [] for section in template.section}
    dropped: Counter[str] = Counter()
    proposals = drafter.propose(transcript, template) if said else ()
    for n, proposal in enumerate(proposals):
        text = " ".join(proposal.text.split())
        doubtful = set[str]()
        reason = (
            "too many sentences"
            if n >= MOST_SENTENCES
            else unsupported(
                replace(proposal, text=text), transcript, said, pronouns=pronouns, doubtful=doubtful
            )
        )
        if not reason and proposal.heading not in sections:
            reason = "no such heading"
        if reason:
            dropped[reason] += 1
            continue
        words = [bare(word).split("'")[0] for word in text.split()]
        look = tuple(dict.fromkeys(word for word in words if GENDERS.get(word, "") in doubtful))
        sentence = Sentence(text, proposal.spans, proposal.kind, doubtful=look)
        if sentence not in sections[proposal.heading]:
            sections[proposal.heading].append(sentence)
    return Draft(
        template.title,
        template.name,
        tuple(Section(heading, tuple(found)) for heading, found in sections.items()),
        drafter.name,
        dict(dropped),
    )
