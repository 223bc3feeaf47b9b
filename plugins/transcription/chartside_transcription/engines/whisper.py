"""The embedded default: Whisper by faster-whisper and CTranslate2, on the processor, without any network."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chartside.errors import PluginError
from chartside_transcription import weights
from chartside_transcription.engines.base import Engine, EngineOptions, Heard
from chartside_transcription.engines.listening import Listening
from chartside_transcription.offline import stay_offline

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

MOST_HOTWORDS = 40
"""More would crowd the prompt and lead the recogniser."""


class Whisper(Engine):
    """``settings``: ``fast``, ``model_path``, ``threads``."""

    name = "whisper"

    @property
    def model(self) -> tuple[str, str]:
        """See Engine."""
        if self.settings.model_path:
            return (f"whisper ({self.settings.model_path.name})", self._folder_version)
        chosen = self._weights
        return (chosen.name, chosen.version)

    @property
    def _weights(self) -> weights.Weights:
        return weights.TINY_EN if self.settings.fast else weights.BASE

    @cached_property
    def _folder_version(self) -> str:
        """The first digits of the SHA-256 of the practice's own model."""
        import hashlib

        with (weights.model_folder(self.settings.model_path) / "model.bin").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:8]

    @cached_property
    def _whisper(self) -> WhisperModel:
        stay_offline()
        try:
            from faster_whisper import WhisperModel
        except ImportError:
            raise PluginError("the embedded engine is not installed", mend=weights.INSTALL) from None
        options: dict[str, Any] = {
            "device": "cpu",
            "compute_type": "int8",
            "cpu_threads": self.settings.threads,
        }
        if self.settings.model_path:
            return WhisperModel(
                str(weights.model_folder(self.settings.model_path)), local_files_only=True, **options
            )
        return WhisperModel(self._weights.name, files=weights.load(self._weights), **options)

    def prepare(self) -> None:
        """See Engine. Raises PluginError with the install line, or where the weights are not the published ones."""
        self._whisper  # noqa: B018

    def hear(self, samples: NDArray[np.int16], options: EngineOptions) -> Heard:
        """See Engine. A piece is one window of the recogniser."""
        return Listening(self._whisper, samples, options.language).hear(options.hotwords[:MOST_HOTWORDS])
