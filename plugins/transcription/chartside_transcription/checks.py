"""What ``chartside check`` says of this plugin's set-up."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from chartside.errors import ChartsideError
from chartside_transcription import weights
from chartside_transcription.draft import load_template
from chartside_transcription.engines import find_engine
from chartside_transcription.settings import Settings


def problems(settings: Settings) -> Iterator[str]:
    """One sentence with its mend each. Weights are located, not read: reading them takes a second."""
    if settings.engine == "whisper":
        yield from _embedded(settings)
    elif settings.engine == "openai-endpoint" and not settings.recipient:
        yield "plugins.transcription.recipient: is empty -> name the [outbound.NAME] entry of kind asr"
    for attempt in (lambda: find_engine(settings.engine), lambda: load_template(settings.template)):
        try:
            attempt()
        except ChartsideError as error:
            yield str(error)


def _embedded(settings: Settings) -> Iterator[str]:
    missing = [
        n for n in ("av", "ctranslate2", "faster_whisper", "onnxruntime", "numpy") if find_spec(n) is None
    ]
    if missing:
        yield f"transcription: {', '.join(missing)} is not installed -> {weights.INSTALL}"
        return
    try:
        if settings.model_path:
            weights.model_folder(settings.model_path)
            return
        chosen = weights.TINY_EN if settings.fast else weights.BASE
        for part in (p for file in chosen.files for p in file.parts):
            weights.locate(part)
    except ChartsideError as error:
        yield str(error)
