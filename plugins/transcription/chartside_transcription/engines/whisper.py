"""The embedded default: Whisper by faster-whisper and CTranslate2, on the processor, without any network."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chartside.errors import PluginError
from chartside_transcription import weights
from chartside_transcription.audio import RATE
from chartside_transcription.engines.base import Engine, EngineOptions, Heard, HeardWord
from chartside_transcription.hotwords import sentence
from chartside_transcription.offline import stay_offline

if TYPE_CHECKING:
    from faster_whisper import BatchedInferencePipeline, WhisperModel

BEAM = 5
SURE_ENOUGH = -1.0
"""Whisper's own threshold: below, the text is a guess, and is heard again."""
WARMER = (0.2, 0.4, 0.6)
"""Sampling temperatures of the further tries."""
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

    @cached_property
    def _pipeline(self) -> BatchedInferencePipeline:
        whisper = self._whisper  # first, so that a missing extra is told clearly
        from faster_whisper import BatchedInferencePipeline

        return BatchedInferencePipeline(whisper)

    def prepare(self) -> None:
        """See Engine. Raises PluginError with the install line, or where the weights are not the published ones."""
        self._pipeline  # noqa: B018

    def hear(self, samples: NDArray[np.int16], options: EngineOptions) -> Heard:
        """See Engine. One window, without time tokens: a piece was cut at silences already."""
        audio = samples.astype(np.float32) / 32768.0
        common: dict[str, Any] = {
            "language": options.language,
            "beam_size": BEAM,
            "word_timestamps": True,
            "without_timestamps": True,
            "hotwords": sentence(options.hotwords[:MOST_HOTWORDS]) if options.hotwords else None,
        }
        whole = [{"start": 0, "end": len(audio) / RATE}]
        segments, _ = self._pipeline.transcribe(audio, clip_timestamps=whole, batch_size=1, **common)
        heard = _heard(list(segments))
        return self._again(audio, common, heard) if _doubtful(heard) else heard

    def _again(self, audio: NDArray[np.float32], common: dict[str, Any], first: Heard) -> Heard:
        """Hear a piece again where the text loops or is a guess; the surest of the tries stands."""
        if first.no_speech > 0.6 and first.average < SURE_ENOUGH:
            return first  # silence: more tries only invent
        segments, _ = self._whisper.transcribe(
            audio, temperature=list(WARMER), condition_on_previous_text=False, **common
        )
        second = _heard([segment for segment in segments if segment.seek == 0])
        return second if second.words and not _doubtful(second) else first


def _doubtful(heard: Heard) -> bool:
    return heard.loops or heard.average < SURE_ENOUGH


def _heard(segments: list[Any]) -> Heard:
    """Shape faster-whisper's segments."""
    if not segments:
        return Heard(no_speech=1.0)
    words: list[HeardWord] = []
    for word in (w for segment in segments for w in segment.words or () if w.word.strip()):
        new = HeardWord(word.word.strip(), float(word.start), float(word.end), float(word.probability))
        if words and not word.word.startswith(" "):  # the second half of "self-harm", "PHQ-9"
            new = _joined(words.pop(), new)
        words.append(new)
    return Heard(
        tuple(words),
        float(max(s.no_speech_prob for s in segments)),
        float(min(s.avg_logprob for s in segments)),
        float(max(s.compression_ratio for s in segments)),
    )


def _joined(first: HeardWord, second: HeardWord) -> HeardWord:
    """As improbable as its less probable half."""
    probability = min(first.probability, second.probability)
    return HeardWord(first.text + second.text, first.start, second.end, probability)
