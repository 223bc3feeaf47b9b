"""Sound for the tests, made from the package's own demo recording; the recognisers are loaded once."""

from __future__ import annotations

import email
import io
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.policy import HTTP
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

RATE = 16_000
CODECS = {
    "wav": ("wav", "pcm_s16le", 16_000),
    "mp3": ("mp3", "libmp3lame", 44_100),
    "m4a": ("mp4", "aac", 44_100),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "flac": ("flac", "flac", 16_000),
}


def encoded(samples: Any, kind: str, *, rate: int = 0, layout: str = "mono", codec: str = "") -> bytes:
    """16 kHz mono samples as a file of this kind."""
    import av

    container, usual, native = CODECS[kind]
    codec, rate = codec or usual, rate or native
    held = io.BytesIO()
    with av.open(held, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = layout
        size = stream.codec_context.frame_size or 0
        turn = av.AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray(np.asarray(samples, np.int16)[None], format="s16", layout="mono")
        frame.rate = RATE
        for given in (frame, None):
            for part in turn.resample(given):
                file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return held.getvalue()


def wav_of(samples: Any) -> bytes:
    """16 kHz mono samples as a WAV."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return held.getvalue()


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """``encode(samples, kind)``: a recording of that kind."""
    pytest.importorskip("av", reason="pip install 'chartside[transcription]'")
    return encoded


@pytest.fixture(scope="session")
def talk() -> Any:
    """88 s of two voices, 16 kHz mono samples: the demo's recording."""
    from chartside_transcription.audio.decode import Decoding

    pytest.importorskip("av", reason="pip install 'chartside[transcription]'")
    with Decoding(Path(str(files("chartside_transcription").joinpath("demo.ogg")))) as blocks:
        return np.concatenate(list(blocks))


@pytest.fixture(scope="session")
def whisper() -> Any:
    """The embedded engine in its fast mode, loaded once; the slow tests take the default."""
    from chartside_transcription.engines.whisper import Whisper
    from chartside_transcription.settings import Settings

    pytest.importorskip("faster_whisper", reason="pip install 'chartside[transcription]'")
    engine = Whisper(Settings(fast=True))
    engine.prepare()
    return engine


SENTENCE = "I have been sleeping six hours a night."


@dataclass
class Asr:
    """A speech recognition server of OpenAI's form, on this machine.

    ``seen``: the fields of each request, with ``authorization``; ``answer`` makes the next answers.
    """

    url: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[], Response] = field(default_factory=lambda: lambda: JSONResponse(Asr.verbose()))

    @staticmethod
    def verbose(text: str = SENTENCE, seconds: float = 3.0) -> dict[str, Any]:
        """The ``verbose_json`` form with word times."""
        words = text.split()
        step = seconds / len(words)
        times = [{"word": w, "start": n * step, "end": (n + 1) * step} for n, w in enumerate(words)]
        return {"text": text, "duration": seconds, "segments": [{"no_speech_prob": 0.01}], "words": times}

    async def transcriptions(self, request: Request) -> Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = email.message_from_bytes(head + await request.body(), policy=HTTP).iter_parts()
        fields: dict[str, Any] = {"authorization": request.headers.get("authorization", "")}
        for part in parts:
            name = part.get_param("name", header="content-disposition")
            fields.setdefault(name, []).append(part.get_payload(decode=True))
        self.seen.append(fields)
        return self.answer()


@pytest.fixture(scope="session")
def asr_server() -> Iterator[Asr]:
    """A running one; it forgets nothing, so a test that looks at ``seen`` clears it first."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    from chartside.loopback import serving

    asr = Asr()
    routes = [Route("/v1/audio/transcriptions", asr.transcriptions, methods=["POST"])]
    with serving(Starlette(routes=routes)) as url:
        asr.url = url
        yield asr
