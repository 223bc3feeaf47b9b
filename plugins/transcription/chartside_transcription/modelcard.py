"""The model card that goes with every draft (policy: ONC HTI-1 DSI asks for source attributes)."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import metadata
from typing import TYPE_CHECKING, NamedTuple

from chartside.ai import Model
from chartside.types import Resource

if TYPE_CHECKING:
    from chartside_transcription.draft.model import Drafter
    from chartside_transcription.engines.base import Engine

OWN = "Chartside"
LONGEST_NAME = 100
CARD = """\
# Speech recognition and note drafting

- What it does: writes down speech, puts what was said under the headings of a note, each sentence with its source.
- What it does not do: no diagnosis, no clinical judgement, no inference of emotion or mental state, no risk score.
- Recogniser: {engine}
- Drafter: {drafter}
- Checked: whoever drafts, a sentence that its source does not support is dropped; the check is Chartside's.
- Where it runs: {where}
- Known to fail: about one word in ten on difficult read speech, more with noise, distance, accents and overlapping
  speech; drug names and numbers; who said what with more than two speakers. The practice can measure its own rates:
  `chartside transcription report FOLDER`.
- Who answers: the clinician who reads, changes and signs the note. Until then it is a draft.
"""
WHISPER = "Whisper (OpenAI, MIT) was trained on speech from the web; what exactly is not published."


def model_of(engine: Engine, drafter: Drafter | type[Drafter]) -> Model:
    """What wrote the draft, for the Device: the engine's model and, where it is not Chartside's rules, the drafter's.

    The name, version and publisher of a part that was plugged in stand in the Device and in the card.
    """
    kind = drafter if isinstance(drafter, type) else type(drafter)
    heard, wrote = _origin(type(engine)), _origin(kind)
    parts = [engine.model]
    if wrote.publisher != OWN or drafter.model[0]:
        parts.append(drafter.model if drafter.model[0] else (drafter.name, wrote.version))
    name, version = (_slug("+".join(part[n] for part in parts)) for n in (0, 1))
    card = CARD.format(
        engine=_told(engine.name, engine.model, heard, WHISPER if engine.name == "whisper" else engine.about),
        drafter=_told(drafter.name, drafter.model, wrote, drafter.about),
        where="the sound is sent to a recipient of the practice's outbound registry."
        if engine.outbound_kind
        else "on the practice's own machine, offline.",
    )
    makers = "; ".join(dict.fromkeys((OWN, heard.publisher, wrote.publisher)))
    return Model(name=name, version=version, manufacturer=makers, card=card, kind="AI-for-Audio-Data")


class _Origin(NamedTuple):
    """Who published a class, and in which package at which version."""

    publisher: str
    package: str
    version: str


def _origin(kind: type[Engine | Drafter]) -> _Origin:
    """As the class says; else as the metadata of its package say."""
    top = kind.__module__.partition(".")[0]
    if top == __name__.partition(".")[0]:
        return _Origin(OWN, "", "")
    names = metadata.packages_distributions().get(top)
    if not names:
        return _Origin(_line(kind.publisher) or "unknown publisher", top, "unknown")
    facts = metadata.metadata(names[0]).json
    stated = kind.publisher or facts.get("author") or facts.get("author_email") or names[0]
    return _Origin(_line(str(stated)), names[0], str(facts.get("version") or "unknown"))


def _told(name: str, model: tuple[str, str], origin: _Origin, about: str) -> str:
    """One line of the card; what others wrote of themselves in a single line."""
    which = f", model {model[0]}, version {model[1]}" if model[0] else ""
    package = f", package {origin.package} {origin.version}" if origin.package else ""
    return _line(f"{name}{which}, published by {origin.publisher}{package}. {about}")


def _line(text: str) -> str:
    return " ".join(text.split())


def model_in(device: Resource) -> Model:
    """The model that a Device of ours describes."""
    card = device["contained"][0]["content"][0]["attachment"]
    return Model(
        name=str(device["modelNumber"]),
        version=str(device["version"][0]["value"]),
        manufacturer=str(device.get("manufacturer", "")),
        card=base64.b64decode(str(card.get("data", ""))).decode(),
        card_url=str(card.get("url", "")),
        kind="AI-for-Audio-Data",
    )


def _slug(text: str) -> str:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or "unknown"
    if len(slug) <= LONGEST_NAME:
        return slug
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{slug[: LONGEST_NAME - 13]}-{digest}"
