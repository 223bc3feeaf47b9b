"""Cut the stream at silences into pieces that the engine can take, so that memory is flat at any length (T-3).

A piece holds at most 29 s of speech (one window of the recogniser, so that no window is wasted) out of at most
two minutes of recording; longer silences inside it are left out. Nothing is ever cut inside a word where a pause can
be found within the last quarter of the window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chartside_transcription.audio import RATE
from chartside_transcription.audio.vad import FRAME, SILENCE, SPEECH, VoiceDetector

Span = tuple[int, int]


def _frames(seconds: float) -> int:
    return round(seconds * RATE / FRAME)


WINDOW = _frames(29.0)
EARLIEST_CUT = _frames(22.0)
LONGEST = _frames(119.0)
GAP = _frames(1.0)
"""A silence longer than this is left out ..."""
PAD = _frames(0.8)
"""... but for this much on each side: with less, the recogniser loses first and last words (measured)."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """``samples``: the speech, silences left out; ``spans``: where it lay, in frames of the recording;
    ``voiced``: for each frame of ``samples`` the probability of speech.
    """

    samples: NDArray[np.int16]
    spans: tuple[Span, ...]
    voiced: NDArray[np.float32]

    @property
    def end(self) -> float:
        """Seconds of the recording up to which this piece reaches."""
        return self.spans[-1][1] * FRAME / RATE

    @property
    def speech(self) -> float:
        """Seconds that the voice detector holds for speech."""
        return float((self.voiced >= SPEECH).sum()) * FRAME / RATE

    def original(self, seconds: float) -> float:
        """A time inside ``samples`` as a time of the recording."""
        left = max(seconds, 0.0) * RATE / FRAME
        for start, end in self.spans:
            if left <= end - start:
                return (start + left) * FRAME / RATE
            left -= end - start
        return self.end


def speech_spans(voiced: NDArray[np.float32]) -> list[list[int]]:
    """Stretches of speech with their padding, in frames; gaps up to ``GAP`` do not part them."""
    loud = np.flatnonzero(voiced >= SPEECH)
    if not len(loud):
        return []
    soft = voiced >= SILENCE
    spans: list[list[int]] = []
    for at in loud:
        if spans and at < spans[-1][1]:
            continue
        end = int(at) + 1
        while end < len(voiced) and soft[end : end + GAP].any():
            end += int(np.argmax(soft[end : end + GAP])) + 1
        spans.append([int(at), end])
    return _padded(spans, len(voiced))


def _padded(spans: list[list[int]], length: int) -> list[list[int]]:
    padded: list[list[int]] = []
    for start, end in spans:
        start, end = max(0, start - PAD), min(length, end + PAD)  # noqa: PLW2901
        if padded and start <= padded[-1][1]:
            padded[-1][1] = end
        else:
            padded.append([start, end])
    return padded


class Cutter:
    """Takes blocks, gives pieces. Holds at most two minutes of sound."""

    def __init__(self) -> None:
        self._detect = VoiceDetector()
        self._samples = np.zeros(0, np.int16)
        self._voiced = np.zeros(0, np.float32)
        self._offset = 0

    def pieces(self, blocks: Iterable[NDArray[np.int16]]) -> Iterator[Piece]:
        """All pieces of a recording, each as soon as it is known."""
        rest = np.zeros(0, np.int16)
        for block in blocks:
            rest = np.concatenate([rest, block])
            whole = len(rest) // FRAME * FRAME
            if whole:
                yield from self._push(rest[:whole])
                rest = rest[whole:]
        if len(rest):
            yield from self._push(np.pad(rest, (0, -len(rest) % FRAME)))
        while (piece := self._next(last=True)) is not None:
            yield piece

    def _push(self, samples: NDArray[np.int16]) -> Iterator[Piece]:
        self._samples = np.concatenate([self._samples, samples])
        self._voiced = np.concatenate([self._voiced, self._detect(samples)])
        while (piece := self._next(last=False)) is not None:
            yield piece

    def _next(self, *, last: bool) -> Piece | None:
        spans = speech_spans(self._voiced)
        if not spans:
            self._drop(max(0, len(self._voiced) - PAD))
            return None
        if spans[0][0] > 0:
            self._drop(spans[0][0])
            spans = [[a - spans[0][0], b - spans[0][0]] for a, b in spans]
        fill = sum(b - a for a, b in spans)
        if fill > WINDOW:
            return self._cut(spans, WINDOW)
        if len(self._voiced) >= LONGEST or last:
            return self._take(spans, len(self._voiced))
        return None

    def _cut(self, spans: list[list[int]], limit: int) -> Piece:
        """Cut in the longest pause between ``EARLIEST_CUT`` and ``limit`` of the speech."""
        kept = np.concatenate([np.arange(a, b) for a, b in spans])[:limit]
        quiet = self._voiced[kept] < SILENCE
        at = _longest_pause(quiet, EARLIEST_CUT)
        if at is None:  # nobody pauses for 7 s: where it is least likely that somebody speaks
            at = EARLIEST_CUT + int(np.argmin(self._voiced[kept[EARLIEST_CUT:]]))
        end = int(kept[at])
        return self._take([[a, min(b, end)] for a, b in spans if a < end], end)

    def _take(self, spans: list[list[int]], end: int) -> Piece:
        pick = np.concatenate([np.arange(a, b) for a, b in spans])
        piece = Piece(
            self._samples.reshape(-1, FRAME)[pick].reshape(-1),
            tuple((a + self._offset, b + self._offset) for a, b in spans),
            self._voiced[pick],
        )
        self._drop(end)
        return piece

    def _drop(self, frames: int) -> None:
        self._samples = self._samples[frames * FRAME :].copy()
        self._voiced = self._voiced[frames:].copy()
        self._offset += frames


def _longest_pause(quiet: NDArray[np.bool_], earliest: int) -> int | None:
    """The middle of the longest run of quiet frames from ``earliest`` on; None where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet[earliest:].astype(np.int8), [0]])))
    if not len(edges):
        return None
    starts, ends = edges[::2], edges[1::2]
    lengths = ends - starts
    best = int(np.flatnonzero(lengths == lengths.max())[-1])
    return earliest + int(starts[best] + ends[best]) // 2
