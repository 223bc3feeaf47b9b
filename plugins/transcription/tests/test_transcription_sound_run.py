"""From sound to transcript with the real recogniser, on a few seconds of the demo's recording (T-2 to T-7, T-15)."""

from __future__ import annotations

import itertools
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chartside.errors import ChartsideError, InputError
from chartside_transcription.audio import RATE
from chartside_transcription.engines.base import EngineOptions
from chartside_transcription.pipeline import Options, Progress, transcribe
from chartside_transcription.transcript import Transcript
from chartside_transcription.wer import word_errors

pytestmark = pytest.mark.slow  # loading the recogniser takes seconds


@pytest.fixture(scope="module")
def first(talk: Any, whisper: Any, encode: Callable[..., bytes]) -> Transcript:
    """The first twelve seconds, two speakers."""
    return transcribe(iter([encode(talk[: 12 * RATE], "wav")]), whisper, Options(2))


def test_words_have_times_probabilities_and_speakers(first: Transcript) -> None:
    """T-5, T-7: in order, inside the recording."""
    assert len(first.words) > 10
    assert first.duration == pytest.approx(12)
    for a, b in itertools.pairwise(first.words):
        assert 0 <= a.start <= a.end <= b.end <= 12.1
        assert a.start <= b.start
    assert all(0 < word.probability <= 1 for word in first.words)
    assert len(first.speakers) == 2
    assert first.model == "whisper-tiny.en@1a5afae0"


def test_the_same_is_heard_in_a_compressed_upload(
    first: Transcript, talk: Any, whisper: Any, encode: Callable[..., bytes]
) -> None:
    """T-16: Opus from a browser costs at most a word in ten."""
    data = encode(talk[: 12 * RATE], "webm")
    found = transcribe((data[n : n + 999] for n in range(0, len(data), 999)), whisper, Options())
    assert word_errors(first.text, found.text).rate < 0.1
    assert found.speakers == ["S1"]


def test_progress_comes_piece_by_piece(talk: Any, whisper: Any, encode: Callable[..., bytes]) -> None:
    """T-3: rising, with the length that the header gives, up to the end."""
    told: list[Progress] = []
    transcribe(iter([encode(talk[: 35 * RATE], "wav")]), whisper, Options(), told.append)
    assert len(told) >= 3
    assert [p.done for p in told] == sorted(p.done for p in told)
    assert told[0].total == told[-1].total == told[-1].done == pytest.approx(35)


def test_an_exception_from_progress_ends_the_run(
    talk: Any, whisper: Any, encode: Callable[..., bytes]
) -> None:
    """T-1: consent revoked in the middle: nothing comes out."""

    class Revoked(ChartsideError):
        pass

    def revoke(_: Progress) -> None:
        raise Revoked("revoked")

    with pytest.raises(Revoked):
        transcribe(iter([encode(talk[: 35 * RATE], "wav")]), whisper, Options(), revoke)


def music(seconds: int) -> Any:
    t = np.arange(seconds * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 277.2, 329.6, 440))
    return chord * (0.6 + 0.4 * np.sin(2 * np.pi * 2 * t)) * 2500


@pytest.mark.parametrize("kind", ["silence", "noise", "music", "clicks"])
def test_where_nobody_speaks_there_are_no_words(
    kind: str, whisper: Any, encode: Callable[..., bytes]
) -> None:
    """T-6."""
    random = np.random.default_rng(3)
    clicks = np.zeros(20 * RATE)
    clicks[random.integers(0, 20 * RATE, 80)] = 30_000
    sound = {
        "silence": np.zeros(20 * RATE),
        "noise": random.standard_normal(20 * RATE) * 3000,
        "music": music(20),
        "clicks": clicks,
    }[kind]
    found = transcribe(
        iter([encode(sound.astype(np.int16), "wav")]), whisper, Options(2, hotwords=("sertraline",))
    )
    assert found.words == ()
    assert found.duration == pytest.approx(20)


def test_hotwords_that_nobody_says_change_nothing(
    first: Transcript, talk: Any, whisper: Any, encode: Callable[..., bytes]
) -> None:
    """T-4: no false insertions, and the rest is heard as before."""
    names = ("lamotrigine", "Dr. Okonkwo", "escitalopram", "Maple Street Clinic")
    found = transcribe(iter([encode(talk[: 12 * RATE], "wav")]), whisper, Options(2, hotwords=names))
    assert [w.text for w in found.words] == [w.text for w in first.words]


def test_a_recording_that_breaks_off_gives_no_transcript(
    talk: Any, whisper: Any, encode: Callable[..., bytes]
) -> None:
    """T-16: what was heard before is dropped with the rest."""
    data = encode(talk[: 35 * RATE], "wav")
    with pytest.raises(InputError, match="cut off"):
        transcribe(iter([data[: len(data) - 6 * RATE * 2]]), whisper, Options())


def test_the_engine_hears_a_piece_and_keeps_nothing(talk: Any, whisper: Any) -> None:
    """T-2: no samples stay on the engine; what the encoder made of them goes with the piece."""
    before = set(vars(whisper))
    found = whisper.hear(talk[: 4 * RATE], EngineOptions())
    assert found.words
    assert set(vars(whisper)) == before
    listening = weakref.ref(found.weigh.__self__)
    del found
    assert listening() is None


def test_the_engine_weighs_wordings_of_what_it_heard(talk: Any, whisper: Any) -> None:
    """T-4: one number a word; other words at the same place are less probable, and too many do no harm."""
    found = whisper.hear(talk[: 4 * RATE], EngineOptions())
    said = [word.text for word in found.words]
    for hotwords in ((), ("sertraline", "Dr. Alvarez")):
        right, wrong = found.weigh(said, hotwords), found.weigh(["sertraline", *said[1:]], hotwords)
        assert len(right) == len(wrong) == len(said)
        assert wrong[0] < right[0] <= 0
    assert len(found.weigh(said * 99, ("sertraline",))) == 99 * len(said)


@pytest.fixture(scope="module")
def base() -> Any:
    """The default model."""
    from chartside_transcription.engines.whisper import Whisper
    from chartside_transcription.settings import Settings

    return Whisper(Settings())


def test_two_voices_are_told_apart_in_the_dialogues(base: Any, shared_data: Path) -> None:
    """T-7: at most one word in fifty with the wrong speaker, in turns without overlap."""
    import json

    for name in ("dlg1_sleep_anxiety", "dlg2_grief"):
        truth = json.loads((shared_data / "asr" / f"{name}.json").read_text())["segments"]
        found = transcribe(shared_data / "asr" / f"{name}.wav", base, Options(2))
        pairs: dict[tuple[str, str], int] = {}
        for word in found.words:
            middle = (word.start + word.end) / 2
            who = next((s["speaker"] for s in truth if s["start"] <= middle <= s["end"]), "")
            if who:
                pairs[who, word.speaker] = pairs.get((who, word.speaker), 0) + 1
        names, heard = sorted({a for a, _ in pairs}), sorted({b for _, b in pairs})
        right = max(
            sum(pairs.get((a, b), 0) for a, b in zip(names, order, strict=False))
            for order in itertools.permutations(heard)
        )
        assert right / sum(pairs.values()) > 0.98


def test_hotwords_help_a_dictation_and_insert_nothing(base: Any, shared_data: Path) -> None:
    """T-4: escitalopram, lisinopril, melatonin are found; of the words that nobody says none appears."""
    from chartside_transcription.report import read_labels

    names = (
        "escitalopram",
        "lisinopril",
        "melatonin",
        "bupropion",
        "lamotrigine",
        "Dr. Okonkwo",
        "quetiapine",
    )
    labels = {label.path.stem: label for label in read_labels(shared_data / "asr")}
    without = with_ = 0
    for name in ("dict1_progress", "dict2_intake"):
        label = labels[name]
        plain, hot = (transcribe(label.path, base, Options(hotwords=words)).text for words in ((), names))
        without += word_errors(label.reference, plain).wrong
        with_ += word_errors(label.reference, hot).wrong
        unsaid = [n for n in names if n.lower() not in label.reference.lower()]
        assert not re.search("|".join(map(re.escape, unsaid)), hot, re.IGNORECASE)
    assert with_ < without
