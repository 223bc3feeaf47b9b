"""Word errors after one normalisation, and error rates by group with intervals (T-14)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from chartside.errors import InputError
from chartside_transcription.audio import RATE
from chartside_transcription.cli import app
from chartside_transcription.report import Label, interval, measure, read_labels
from chartside_transcription.wer import Errors, normalise, word_errors

pytest.importorskip("jiwer", reason="pip install 'chartside[transcription]'")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("P H Q nine score was eleven, down from fifteen.", "PHQ-9 score was 11 down from 15"),
        ("fifty three minutes", "53 minutes"),
        ("one hundred twenty milligrams", "120 mg"),
        ("at three a.m.", "At 3 AM"),
        ("Mister Hale, um, is okay", "Mr. Hale is OK"),
        ("self harm", "Self-harm!"),
        ("two thousand", "2,000"),
        ("Doctor Alvarez’s café", "Dr. Alvarez's cafe"),
    ],
)
def test_spellings_are_no_errors(said: str, heard: str) -> None:
    """Numbers, titles, units, spelled letters, hesitations, case, accents."""
    assert normalise(said) == normalise(heard)
    assert word_errors(said, heard).wrong == 0


@pytest.mark.parametrize(
    ("said", "heard"),
    [("fifteen", "fifty"), ("she denied it", "she did not deny it"), ("ten", "two"), ("not", "now")],
)
def test_real_errors_stay_errors(said: str, heard: str) -> None:
    """What matters to a note is not normalised away."""
    assert word_errors(said, heard).wrong >= 1


def test_errors_are_counted_by_kind_and_add_up() -> None:
    """Substitutions, deletions, insertions."""
    assert word_errors("this old cat sat there", "this cat sat then twice") == Errors(5, 1, 1, 1)
    assert word_errors("the cat sat", "the dog sat down") == Errors(3, 1, 0, 1)
    assert word_errors("the cat sat", "") == Errors(3, 0, 3, 0)
    assert word_errors("", "two words") == Errors(0, 0, 0, 2)
    total = Errors(3, 1, 0, 1) + Errors(7, 0, 1, 0)
    assert (total.words, total.wrong, total.rate) == (10, 3, 0.3)
    assert Errors().rate == 0


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Bootstrap over speakers: of 200 drawn practices, 95 % and not 70 % hold the rate that they were drawn with."""
    random = np.random.default_rng(12)
    inside = 0
    for _ in range(200):
        rates = random.beta(2, 18, 30)  # mean 0.1, speakers differ
        units = [Errors(100, int(random.binomial(100, rate))) for rate in rates]
        low, high = interval(units)
        assert low is not None
        assert high is not None
        inside += low <= 0.1 <= high
    assert 0.85 <= inside / 200 <= 0.99
    assert interval([Errors(10, 1)]) == (None, None)


def folder(path: Path, rows: list[str], head: str = "file\treference\taccent\tspeaker") -> Path:
    (path / "labels.tsv").write_text("\n".join([head, *rows]) + "\n", "utf-8")
    return path


def test_groups_are_counted_apart(tmp_path: Path) -> None:
    """One recording cannot be used: it is set aside and told; the others count."""
    rows = [f"{n}.wav\tone two three four\t{'north' if n % 2 else 'south'}\ts{n % 4}" for n in range(8)]
    labels = read_labels(folder(tmp_path, [*rows, "bad.wav\tgone\tnorth\ts9"]))

    def hear(path: Path) -> str:
        if path.stem == "bad":
            raise InputError("the recording is damaged")
        return "one two three four" if int(path.stem) % 2 else "one two three"

    found = measure(labels, hear, (), lambda _: None)
    rates = {row.group: (row.recordings, row.speakers, row.errors.rate) for row in found.rows}
    assert rates == {"all": (8, 4, 0.125), "accent: north": (4, 2, 0.0), "accent: south": (4, 2, 0.25)}
    assert found.refused == (("bad.wav", "the recording is damaged"),)
    assert all(row.says_little for row in found.rows)
    with pytest.raises(InputError, match="no column"):
        measure(labels, hear, ("gender",), lambda _: None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name\twords\na\tb\n", "file and reference"),
        ("file\treference\na.wav\n", "labels.tsv:2"),
        ("file\treference\na.wav\tb\tc\n", "labels.tsv:2"),
        ("file\treference\n../a.wav\tb\n", "outside the folder"),
        ("file\treference\na.wav\t\n", "no line has a reference"),
        ("", "file and reference"),
    ],
)
def test_wrong_labels_are_told_by_their_line(text: str, problem: str, tmp_path: Path) -> None:
    """Never by their words."""
    (tmp_path / "labels.tsv").write_text(text, "utf-8")
    with pytest.raises(InputError, match=problem):
        read_labels(tmp_path)


def test_a_folder_without_labels_and_a_table_that_is_none(tmp_path: Path) -> None:
    """Both say what is expected."""
    with pytest.raises(InputError, match="no labels"):
        read_labels(tmp_path)
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match="UTF-8"):
        read_labels(tmp_path)


def test_the_shared_recordings_are_labelled_in_this_way(shared_data: Path) -> None:
    """MANIFEST.tsv as it lies there: 63 of 64 have a reference."""
    labels = read_labels(shared_data / "asr")
    assert len(labels) == 63
    assert all(label.sha256 for label in labels)


def test_a_recording_that_is_not_the_labelled_one_is_not_counted(tmp_path: Path) -> None:
    """Its SHA-256 differs."""
    (tmp_path / "a.wav").write_bytes(b"other")
    label = Label(tmp_path / "a.wav", "one", "", {}, hashlib.sha256(b"this").hexdigest())
    found = measure([label], lambda _: "one", (), lambda _: None)
    assert found.rows == ()
    assert "SHA-256" in found.refused[0][1]


@pytest.mark.slow
def test_the_command_prints_a_table_and_json(tmp_path: Path, talk: Any, encode: Callable[..., bytes]) -> None:
    """T-14, with the real recogniser (fast): rates by group, and what could not be used."""
    pytest.importorskip("faster_whisper", reason="pip install 'chartside[transcription]'")
    (tmp_path / "a.wav").write_bytes(encode(talk[: 4 * RATE], "wav"))
    (tmp_path / "b.ogg").write_bytes(encode(talk[4 * RATE : 8 * RATE], "ogg"))
    folder(tmp_path, ["a.wav\thello\tnorth\ts1", "b.ogg\thello\tsouth\ts2", "c.wav\thello\tsouth\ts2"])
    done = CliRunner().invoke(app, ["report", str(tmp_path), "--fast", "--by", "accent", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [row["group"] for row in found["rows"]] == ["all", "accent: north", "accent: south"]
    assert "bootstrap" in found["interval"]
    assert found["refused"][0]["file"] == "c.wav"
    (tmp_path / "labels.tsv").unlink()
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert done.exit_code == 2
    assert "labels.tsv" in done.stderr
