"""Cutting at silences: no speech lost, flat memory, times that stay true (T-3)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from chartside_transcription.audio import RATE
from chartside_transcription.audio.pieces import LONGEST, PAD, WINDOW, Cutter, Piece, speech_spans
from chartside_transcription.audio.vad import FRAME, SPEECH, VoiceDetector


def blocks(samples: Any, size: int = 16_384) -> Any:
    return (samples[n : n + size] for n in range(0, len(samples), size))


@pytest.fixture(scope="module")
def pieces(talk: Any) -> list[Piece]:
    return list(Cutter().pieces(blocks(talk)))


def test_the_network_gives_the_same_in_blocks_as_at_once(talk: Any) -> None:
    """Its state is carried from block to block."""
    part = talk[: 10 * RATE // FRAME * FRAME]
    once = VoiceDetector()(part)
    detect = VoiceDetector()
    in_blocks = np.concatenate([detect(block) for block in blocks(part, 7 * FRAME)])
    assert np.allclose(once, in_blocks, atol=1e-4)


def test_no_voiced_frame_is_lost_and_none_comes_twice(talk: Any, pieces: list[Piece]) -> None:
    """T-3: the spans of the pieces cover all that the detector holds for speech, in order."""
    spans = [span for piece in pieces for span in piece.spans]
    assert all(a < b for a, b in spans)
    assert all(b <= c for (_, b), (c, _) in itertools.pairwise(spans))
    covered = np.zeros(len(talk) // FRAME + 1, bool)
    for a, b in spans:
        covered[a:b] = True
    voiced = np.flatnonzero(VoiceDetector()(np.pad(talk, (0, -len(talk) % FRAME))) >= SPEECH)
    assert len(voiced) > 500
    assert covered[voiced].all()


def test_a_piece_is_what_lay_at_its_place(talk: Any, pieces: list[Piece]) -> None:
    """Its samples are those of its spans; no piece is longer than a window of the recogniser."""
    padded = np.pad(talk, (0, -len(talk) % FRAME))
    for piece in pieces:
        assert len(piece.samples) <= WINDOW * FRAME <= 30 * RATE
        assert np.array_equal(
            piece.samples, np.concatenate([padded[a * FRAME : b * FRAME] for a, b in piece.spans])
        )
        assert piece.spans[-1][1] - piece.spans[0][0] <= LONGEST + PAD


def test_times_of_a_piece_are_times_of_the_recording(pieces: list[Piece]) -> None:
    """Also where silence was left out inside it."""
    for piece in pieces:
        at = [piece.original(t) for t in np.arange(0, len(piece.samples) / RATE, 0.25)]
        assert at == sorted(at)
        assert at[0] == pytest.approx(piece.spans[0][0] * FRAME / RATE)
        assert piece.original(1e6) == piece.end


@pytest.mark.slow
def test_silences_of_minutes_are_left_out_and_times_stay_true(talk: Any) -> None:
    """T-3: speech, five minutes of nothing, speech."""
    said, gap = talk[: 5 * RATE], np.zeros(300 * RATE, np.int16)
    found = list(Cutter().pieces(blocks(np.concatenate([said, gap, said]))))
    assert sum(len(piece.samples) for piece in found) < 16 * RATE
    assert found[-1].spans[-1][0] * FRAME / RATE > 303
    assert found[0].end < 10


@pytest.mark.slow
def test_nothing_is_held_of_silence_and_at_most_two_minutes_of_speech(talk: Any) -> None:
    """T-3: memory is flat, whoever speaks or does not."""
    cutter, most = Cutter(), 0
    sound = itertools.chain(blocks(np.zeros(200 * RATE, np.int16)), blocks(np.tile(talk, 2)))

    def watched() -> Any:
        nonlocal most
        for block in sound:
            most = max(most, len(cutter._samples))
            yield block

    assert len(list(cutter.pieces(watched()))) >= 4
    assert most <= (LONGEST + 2 * PAD) * FRAME


def test_the_cut_lies_in_a_pause(talk: Any) -> None:
    """T-3: at a cut nobody speaks, in a talk that has pauses."""
    for piece in list(Cutter().pieces(blocks(talk)))[:-1]:
        assert piece.voiced[-1] < SPEECH


def test_speech_without_a_pause_is_cut_all_the_same() -> None:
    """Somebody who never pauses still gives pieces of one window."""
    cutter = Cutter()
    cutter._detect = lambda samples: np.full(len(samples) // FRAME, 0.9, np.float32)  # type: ignore[assignment]
    found = list(cutter.pieces(blocks(np.ones(100 * RATE, np.int16))))
    assert all(len(piece.samples) <= WINDOW * FRAME for piece in found)
    assert sum(len(piece.samples) for piece in found) >= 100 * RATE


def test_no_sound_no_pieces() -> None:
    """T-6: silence reaches no recogniser at all."""
    assert list(Cutter().pieces(blocks(np.zeros(60 * RATE, np.int16)))) == []
    assert list(Cutter().pieces(iter([]))) == []
    assert speech_spans(np.zeros(100, np.float32)) == []
