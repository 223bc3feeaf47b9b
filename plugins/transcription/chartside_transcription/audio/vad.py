"""Silero VAD as a stream: the probability of speech for each frame of 32 ms, state carried from block to block.

The network ships with faster-whisper, whose own function wants the whole recording at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chartside_transcription.offline import stay_offline

FRAME = 512
"""Samples a frame."""
CONTEXT = 64
"""Samples of the frame before that the network sees, too."""

SPEECH = 0.5
"""At least this probability begins speech (Silero's default)."""
SILENCE = 0.35
"""Below this, speech may have ended (Silero's default: 0.15 less)."""


class VoiceDetector:
    """One for each recording."""

    def __init__(self) -> None:
        stay_offline()
        from faster_whisper.vad import get_vad_model

        self._session = get_vad_model().session
        self._h = np.zeros((1, 1, 128), np.float32)
        self._c = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def __call__(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        """Probabilities for a whole number of frames of 16 kHz samples."""
        frames = samples.astype(np.float32).reshape(-1, FRAME) / 32768.0
        before = np.vstack([self._context, frames[:-1, -CONTEXT:]])
        self._context = frames[-1, -CONTEXT:]
        given = {"input": np.hstack([before, frames]), "h": self._h, "c": self._c}
        output, self._h, self._c = self._session.run(None, given)
        return np.asarray(output, np.float32).reshape(-1)
