"""The model card that goes with every draft (policy: ONC HTI-1 DSI asks for source attributes)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from chartside.ai import Model
from chartside.types import Resource

if TYPE_CHECKING:
    from chartside_transcription.draft.model import Drafter
    from chartside_transcription.engines.base import Engine

CARD = """\
# Speech recognition and note drafting

- What it does: writes down speech, orders what was said under the headings of a note, word for word, with its source.
- What it does not do: no diagnosis, no clinical judgement, no inference of emotion or mental state, no risk score.
- Recogniser: {name}, version {version}. Whisper (OpenAI, MIT) was trained on speech from the web; what exactly is not
  published.
- Where it runs: on the practice's own machine, offline, unless the practice configured an endpoint.
- Known to fail: about one word in ten on difficult read speech, more with noise, distance, accents and overlapping
  speech; drug names and numbers; who said what with more than two speakers. The practice can measure its own rates:
  `chartside transcription report FOLDER`.
- Who answers: the clinician who reads, changes and signs the note. Until then it is a draft.
"""


def model_of(engine: Engine, drafter: Drafter | type[Drafter]) -> Model:
    """What wrote the draft, for the Device: the engine's model and, where a model drafts, that one, too."""
    parts = [engine.model, *([drafter.model] if drafter.model[0] else [])]
    name, version = (_slug("+".join(part[n] for part in parts)) for n in (0, 1))
    return Model(
        name=name,
        version=version,
        manufacturer="Chartside",
        card=CARD.format(name=name, version=version),
        kind="AI-for-Audio-Data",
    )


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
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-") or "unknown"
