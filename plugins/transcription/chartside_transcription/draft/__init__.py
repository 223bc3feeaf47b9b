"""A draft note: what was said, ordered under headings, each sentence with the words it came from (T-8)."""

from __future__ import annotations

from chartside_transcription.draft.model import Draft, Drafter, Proposal, Section, Sentence
from chartside_transcription.draft.organise import make_draft
from chartside_transcription.draft.template import Template, load_template

__all__ = [
    "Draft",
    "Drafter",
    "Proposal",
    "Section",
    "Sentence",
    "Template",
    "load_template",
    "make_draft",
]
