"""The recordings of ``bench_asr.py``: as given, with noise, as by telephone, and what nobody says."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from chartside_transcription.audio import RATE
from chartside_transcription.report import Label

HOTWORDS = [
    "escitalopram",
    "lisinopril",
    "melatonin",
    "sertraline",
    "bupropion",
    "lamotrigine",
    "Dr. Alvarez",
    "Dr. Okonkwo",
    "Maple Street Clinic",
]
"""As of a chart: some are said in the recordings, half of them are not."""


@dataclass
class Recording:
    path: Path
    reference: str
    speakers: int = 1
    rttm: Path | None = None
    hotwords: list[str] = field(default_factory=list)


def sets_of(labels: list[Label], folder: Path, every: int) -> dict[str, list[Recording]]:
    """The recordings by what they are good for."""
    known = {label.path.stem: label for label in labels}
    given = {name: Recording(label.path, label.reference) for name, label in known.items()}
    read = [r for name, r in sorted(given.items()) if name[0].isdigit()][::every]
    dictation = [r for name, r in given.items() if name.startswith("dict")]
    talks = [r for name, r in given.items() if name.startswith(("dlg", "mix"))]
    for talk in talks:
        talk.speakers, talk.rttm = 2, talk.path.with_suffix(".rttm")
    names = ("az_", "two_", "jfk", "sense_")
    return {
        "read": read,
        "other readers": [r for name, r in given.items() if name.startswith(names)],
        "two speakers": talks,
        "dictation": dictation,
        "dictation, hotwords": [Recording(r.path, r.reference, hotwords=HOTWORDS) for r in dictation],
        "read, hotwords": [
            Recording(r.path, r.reference, hotwords=HOTWORDS) for r in read[:: max(1, 2 // every)]
        ],
        "noise": [_changed(r, folder, "noise", in_a_room) for r in read],
        "telephone": [_changed(r, folder, "telephone", on_a_phone) for r in read],
    }


def _changed(recording: Recording, folder: Path, name: str, change: Any) -> Recording:
    path = folder / f"{name}-{recording.path.name}"
    write_wav(path, change(read_wav(recording.path)))
    return Recording(path, recording.reference)


def read_wav(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    """16 kHz mono samples."""
    with wave.open(str(path)) as file:
        found = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        rate = file.getframerate()
    if rate == RATE:
        return found
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(found.astype(np.float32), RATE, rate).clip(-32768, 32767), np.int16)


def write_wav(path: Path, samples: np.ndarray[Any, Any]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.asarray(samples).clip(-32768, 32767).astype("<i2").tobytes())


def in_a_room(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Echo of 0.3 s (exponential decay) and 15 dB of pink noise."""
    random = np.random.default_rng(1)
    tail = random.standard_normal(RATE * 3 // 10) * np.exp(-np.linspace(0, 6.9, RATE * 3 // 10)) * 0.08
    tail[0] = 1.0
    wet = np.convolve(samples.astype(float), tail)[: len(samples)]
    noise = pink(len(wet), random)
    return wet + noise * np.sqrt(np.mean(wet**2) / np.mean(noise**2)) * 10 ** (-15 / 20)


def on_a_phone(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """300 to 3,400 Hz at 8 kHz, as of G.711, with its 8 bits (mu-law)."""
    from scipy.signal import butter, resample_poly, sosfilt

    band = butter(4, (300, 3400), "bandpass", fs=RATE, output="sos")
    narrow = resample_poly(sosfilt(band, samples.astype(float)), 1, 2) / 32768
    law = np.sign(narrow) * np.log1p(255 * np.abs(narrow).clip(0, 1)) / np.log(256)
    back = np.round(law * 127) / 127
    return resample_poly(np.sign(back) * (np.power(256, np.abs(back)) - 1) / 255, 2, 1) * 32768


def pink(count: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    spectrum = np.fft.rfft(random.standard_normal(count))
    made: np.ndarray[Any, Any] = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), count)
    return made / np.abs(made).max()


def no_speech(folder: Path) -> Iterator[tuple[str, Path]]:
    """40 s each of what nobody says."""
    random, count = np.random.default_rng(2), 40 * RATE
    t = np.arange(count) / RATE
    chords = [(220.0, 277.2, 329.6), (196.0, 246.9, 293.7), (174.6, 220.0, 261.6), (164.8, 207.7, 246.9)]
    music = np.zeros(count)
    for n, at in enumerate(range(0, count, RATE // 2)):
        part = t[: min(RATE // 2, count - at)]
        tones = sum(np.sin(2 * np.pi * f * k * part) / k for f in chords[n // 4 % 4] for k in (1, 2, 3))
        music[at : at + len(part)] += tones * np.exp(-3 * part)
    knocks = np.zeros(count)
    for at in random.integers(0, count - 800, 60):
        knocks[at : at + 800] += random.standard_normal(800) * np.exp(-np.arange(800) / 120)
    wind = pink(count, random) * (0.5 + 0.5 * np.sin(2 * np.pi * 0.3 * t))
    for name, sound in {
        "silence": np.zeros(count),
        "hiss": random.standard_normal(count) * 0.05,
        "fan": pink(count, random),
        "hum": np.sin(2 * np.pi * 60 * t) + 0.3 * np.sin(2 * np.pi * 180 * t),
        "music": music,
        "knocks": knocks,
        "wind": wind,
        "tone": np.sin(2 * np.pi * 1000 * t),
    }.items():
        path = folder / f"no-speech-{name}.wav"
        write_wav(path, sound / max(float(np.abs(sound).max()), 1e-9) * (12_000 if sound.any() else 0))
        yield name, path


def hour(labels: list[Label], folder: Path, minutes: float) -> Path:
    """Readers, dictations and talks one after the other, again and again."""
    path, wanted, have = folder / "long.wav", int(minutes * 60 * RATE), 0
    sounds = [read_wav(label.path) for label in labels if label.reference]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        while have < wanted:
            for sound in sounds:
                pause = np.zeros(RATE // 2, np.int16)
                part = np.concatenate([sound, pause])[: wanted - have]
                file.writeframes(part.tobytes())
                have += len(part)
    return path
