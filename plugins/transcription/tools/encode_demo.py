"""Encode the demo's recording: an invented session in two synthetic voices, as Ogg Opus of about 16 kbit/s.

The text was written for this project; the voices are those of hibari-tts 0.2.1 (Apache-2.0) and Piper en_US-joe-medium;
nobody in it exists, and it is free to use. Run once, by a developer::

    python plugins/transcription/tools/encode_demo.py dlg1_sleep_anxiety.wav chartside_transcription/demo.ogg
"""

from __future__ import annotations

import sys

import av

BITS_A_SECOND = 16_000


def main(source: str, target: str) -> None:
    """Resample to 48 kHz, encode."""
    with av.open(source) as given, av.open(target, "w", format="ogg") as made:
        stream = made.add_stream("libopus", rate=48_000)
        stream.bit_rate, stream.layout = BITS_A_SECOND, "mono"
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000)
        for frame in given.decode(audio=0):
            frame.pts = None
            for piece in resampler.resample(frame):
                made.mux(stream.encode(piece))
        made.mux(stream.encode(None))


if __name__ == "__main__":
    main(*sys.argv[1:])
