"""A voice as 192 numbers: CAM++ of 3D-Speaker (Apache-2.0) over Kaldi filter banks, by onnxruntime."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from chartside.errors import PluginError
from chartside_transcription.audio import RATE
from chartside_transcription.audio.pieces import Piece
from chartside_transcription.audio.vad import FRAME, SILENCE, SPEECH
from chartside_transcription.offline import stay_offline
from chartside_transcription.weights import INSTALL

SHA256 = "665f00292239b8f4bacde65524e108cef35ffdf541bf10cbf856ec599926f920"
"""Of ``campplus.onnx``; made by ``tools/export_campplus.py`` from the published checkpoint."""
WINDOW = 1.5
"""Seconds of speech for one embedding: one turn rarely is shorter, and the cost grows with the overlap."""
SHORTEST = 0.6
PAUSE = 6
"""Frames (0.19 s) of silence at which another speaker may begin."""
BATCH = 16


class Voices:
    """Computes embeddings piece by piece and keeps only these."""

    def __init__(self) -> None:
        stay_offline()
        try:
            import kaldi_native_fbank
            import onnxruntime
        except ImportError:
            raise PluginError("speaker recognition is not installed", mend=INSTALL) from None
        data = files(__package__).joinpath("campplus.onnx").read_bytes()
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise PluginError("campplus.onnx was changed; it was not used", mend="reinstall chartside")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._fbank = kaldi_native_fbank
        self.windows: list[tuple[float, float]] = []
        self.embeddings: list[NDArray[np.float32]] = []

    def add(self, piece: Piece) -> None:
        """Embed the speech of a piece."""
        cuts = [cut for run in _runs(piece) for cut in _cuts(*run)]
        if not cuts:
            return
        features = self._features(piece.samples)
        by_length: dict[int, list[tuple[int, int]]] = {}
        for a, b in cuts:
            by_length.setdefault(b - a, []).append((a, b))
        for same in by_length.values():
            for n in range(0, len(same), BATCH):
                self._embed(piece, features, same[n : n + BATCH])

    def _embed(self, piece: Piece, features: NDArray[np.float32], cuts: list[tuple[int, int]]) -> None:
        windows = [features[a:b] for a, b in cuts if b <= len(features)]
        if not windows:
            return
        batch = np.stack([w - w.mean(axis=0) for w in windows])
        [found] = self._session.run(None, {"fbank": batch})
        for (a, b), vector in zip(cuts, found, strict=False):
            self.windows.append((piece.original(a / 100), piece.original(b / 100)))
            self.embeddings.append(vector / max(float(np.linalg.norm(vector)), 1e-9))

    def _features(self, samples: NDArray[np.int16]) -> NDArray[np.float32]:
        options = self._fbank.FbankOptions()
        options.frame_opts.dither = 0.0
        options.frame_opts.samp_freq = RATE
        options.mel_opts.num_bins = 80
        bank = self._fbank.OnlineFbank(options)
        bank.accept_waveform(RATE, samples.astype(np.float32))
        bank.input_finished()
        return np.stack([bank.get_frame(n) for n in range(bank.num_frames_ready)]).astype(np.float32)


def _runs(piece: Piece) -> list[tuple[int, int]]:
    """Stretches of speech between pauses, in feature frames (10 ms). They do not cross what was left out."""
    edges = np.cumsum([b - a for a, b in piece.spans])[:-1]
    runs: list[list[int]] = []
    for at in np.flatnonzero(piece.voiced >= SPEECH):
        near = runs and at - runs[-1][1] < PAUSE and not any(runs[-1][1] <= edge <= at for edge in edges)
        if near or (runs and bool((piece.voiced[runs[-1][1] : at] >= SILENCE).all())):
            runs[-1][1] = int(at) + 1
        else:
            runs.append([int(at), int(at) + 1])
    per = FRAME * 100 / RATE
    return [(round(a * per), round(b * per)) for a, b in runs]


def _cuts(start: int, end: int) -> list[tuple[int, int]]:
    """Windows that cover a stretch evenly; one that is too short alone is no window."""
    length = end - start
    if length < SHORTEST * 100:
        return []
    count = max(1, round(length / (WINDOW * 100)))
    size = min(length, int(WINDOW * 100)) if length >= WINDOW * 100 else length // 10 * 10
    step = (length - size) / max(count - 1, 1)
    return [(start + round(n * step), start + round(n * step) + size) for n in range(count)]
