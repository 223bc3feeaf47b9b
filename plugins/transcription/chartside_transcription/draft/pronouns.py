"""The client's pronouns: what the client says of themselves, else what the record holds; never a guess.

``Patient.gender`` is administrative and no pronoun, so it counts for nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from chartside.codes import LOINC_SYSTEM
from chartside.types import Resource
from chartside_transcription.draft.tokens import GENDERS
from chartside_transcription.transcript import CLIENT, Transcript

_CODES = {"LA29518-0": "he", "LA29519-8": "she", "LA29520-6": "they"}
"""LOINC answers of HL7's value set of pronouns (terminology.hl7.org/ValueSet/pronouns)."""
_PAIR = (
    r"(he|him|she|her|they|them)(?:(?: ?/ ?| slash | and | or |, | )(he|him|his|she|hers?|they|them|theirs?))"
)
_SAYS = re.compile(
    rf"\b(?:my pronouns are|pronouns?:?|i use|i go by|i prefer|please use|i'm) {_PAIR}\b"
    r"|\bmy pronouns are (he|she|they)\b|\bcall me (he|she|they)(?:[.,!]|$)"
    r"|\bi (?:use|go by) (he|she|they)(?: pronouns|[.,!]|$)",
    re.IGNORECASE,
)


def said_of_themselves(transcript: Transcript) -> frozenset[str]:
    """``he``, ``she``, ``they``: all that the client says to use; empty where they say nothing of it."""
    texts = [turn.text for turn in transcript.turns() if turn.speaker == CLIENT]
    found = (word.lower() for text in texts for one in _SAYS.finditer(text) for word in one.groups() if word)
    return frozenset(GENDERS[word] for word in found)


def in_record(patient: Resource) -> frozenset[str]:
    """Those of the Patient's extensions (``individual-pronouns``, and EHRs' own with the same codes)."""
    extensions = patient.get("extension")
    return frozenset(_coded(extensions)) if isinstance(extensions, list) else frozenset()


def _coded(extensions: Iterable[Any]) -> Iterator[str]:
    for one in filter(_is_map, extensions):
        inner = [part for part in _rows(one.get("extension")) if _is_map(part)]
        periods = [part["valuePeriod"] for part in inner if _is_map(part.get("valuePeriod"))]
        if not any(period.get("end") for period in periods):  # else they were once
            yield from _coded(inner)
        concept = one.get("valueCodeableConcept")
        codings = [one.get("valueCoding"), *_rows(concept.get("coding") if _is_map(concept) else None)]
        for coding in filter(_is_map, codings):
            if coding.get("system") == LOINC_SYSTEM and coding.get("code") in _CODES:
                yield _CODES[coding["code"]]


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
