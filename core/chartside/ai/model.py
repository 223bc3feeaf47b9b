"""What a plugin says about a model and about a text that the model wrote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from chartside.codes import LOINC_PROGRESS_NOTE, LOINC_SYSTEM, concept
from chartside.types import Resource

Coding = dict[str, str]

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9._~:|=+-]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Model:
    """One model at one version; each version is a Device of its own, so that a bad one can be found (P-5).

    ``kind``: a code of the AI Transparency guide (``Large-Language-Models``, ``AI-for-Audio-Data``);
    ``card``: the model card as Markdown, ``card_url``: where it is published; one of them is required.
    """

    name: str
    version: str
    manufacturer: str
    card: str = ""
    card_url: str = ""
    kind: str = "Large-Language-Models"

    def __post_init__(self) -> None:
        """Refuse a model without a version or a card (ValueError)."""
        if not _SLUG.match(self.name) or not _SLUG.match(self.version):
            raise ValueError("Model: name and version are slugs such as whisper-small and 2024.1")
        if not (self.card or self.card_url):
            raise ValueError("Model: give its model card, as card (Markdown) or card_url")

    @property
    def key(self) -> str:
        """The value of the Device's identifier."""
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that a model wrote about one client, before anybody has signed it.

    ``key``: what makes writing it twice write it once (see ``chartside.jobs.ledger.effect_key``). ``sources``:
    references of what the model read. ``dictated``: speech recognition wrote it down (label DICTAST, too).
    ``type``: a CodeableConcept, a progress note if not given. ``at``: when the model wrote it. ``replaces``: the signed
    document of which it is a new version. ``labels``: further codings for ``meta.security`` (PSYTHPN). ``also``: the
    same text in other forms, as (content type, bytes).
    """

    key: str
    patient: str
    text: str
    model: Model
    at: datetime
    title: str
    sources: tuple[str, ...] = ()
    encounter: str = ""
    replaces: str = ""
    labels: tuple[Coding, ...] = ()
    also: tuple[tuple[str, bytes], ...] = ()
    dictated: bool = False
    language: str = "en"
    content_type: str = "text/plain; charset=utf-8"
    type: Resource = field(
        default_factory=lambda: concept(LOINC_SYSTEM, LOINC_PROGRESS_NOTE, "Progress note")
    )

    def __post_init__(self) -> None:
        """Refuse references that are none and an empty key (ValueError)."""
        if not _SLUG.match(self.key):
            raise ValueError("Draft.key: is empty or no slug; use chartside.jobs.ledger.effect_key")
        named = (self.patient, *self.sources, *(one for one in (self.encounter, self.replaces) if one))
        if not all(_REFERENCE.match(one) for one in named):
            raise ValueError(
                "Draft: patient, encounter, replaces and sources are references such as Patient/12"
            )
        if not self.patient.startswith("Patient/") or self.at.tzinfo is None:
            raise ValueError("Draft: patient is a Patient/..., and at has a time zone")
