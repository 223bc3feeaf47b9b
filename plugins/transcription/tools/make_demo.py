"""Make the demo's recording: an invented session, spoken by two voices of espeak-ng, as Ogg Opus of about 16 kbit/s.

The text stands below and was written for this project; nobody in it exists, and the recording is free to use. Needs
``espeak-ng`` and ``av`` (the transcription extra). Run once, by a developer, when the text changes::

    python plugins/transcription/tools/make_demo.py plugins/transcription/chartside_transcription/demo.ogg
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

RATE = 48_000
BITS_A_SECOND = 16_000
PAUSE = 0.45
"""Seconds between two turns."""
VOICES = {"clinician": ("en-us+Annie", "62"), "client": ("en-us+m3", "38")}
"""Voice and pitch; 150 words a minute."""
SESSION = (
    ("clinician", "Good morning. How have the last two weeks been for you?"),
    (
        "client",
        "A bit better. I have been sleeping about six hours a night, and I went back to my yoga class.",
    ),
    ("clinician", "That is good to hear. On a scale from zero to ten, how strong was the worry this week?"),
    ("client", "Maybe a five. Before, it was an eight."),
    ("clinician", "Have you had any thoughts of hurting yourself?"),
    ("client", "No, none at all. And I take the sertraline, fifty milligrams, every morning."),
    (
        "clinician",
        "For next week, please keep the worry diary going. We will meet again next Tuesday at three.",
    ),
)


def main(target: str) -> None:
    """Speak, join, encode."""
    sound = np.concatenate([part for who, text in SESSION for part in (*_spoken(who, text), _silence(PAUSE))])
    with av.open(target, "w", format="ogg") as made:
        stream = made.add_stream("libopus", rate=RATE)
        stream.bit_rate, stream.layout = BITS_A_SECOND, "mono"
        frame = av.AudioFrame.from_ndarray(sound[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=RATE, frame_size=960)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            made.mux(stream.encode(piece))
        made.mux(stream.encode(None))


def _spoken(who: str, text: str) -> Iterator[NDArray[np.int16]]:
    voice, pitch = VOICES[who]
    command = ["espeak-ng", "-v", voice, "-p", pitch, "-s", "150", "-g", "2", "--stdout", text]
    wave = subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603 - our own words
    samples = np.frombuffer(wave[44:], np.int16)  # 22,050 Hz, mono
    places = np.arange(0, len(samples), 22_050 / RATE)
    yield np.interp(places, np.arange(len(samples)), samples).astype(np.int16)


def _silence(seconds: float) -> NDArray[np.int16]:
    return np.zeros(int(seconds * RATE), np.int16)


if __name__ == "__main__":
    main(*sys.argv[1:])
