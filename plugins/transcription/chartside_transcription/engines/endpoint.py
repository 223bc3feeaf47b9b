"""The second engine: any server with OpenAI's ``/v1/audio/transcriptions``, here or at a registered recipient (T-13).

Sound leaves the process here, so the recipient must stand in the outbound registry with the kind ``asr``, the data
class ``audio`` and, unless it is this machine, a business associate agreement in force (S-18). The registry is asked
before every piece.
"""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chartside.errors import OutboundRefused, PluginError
from chartside_transcription.audio import RATE
from chartside_transcription.engines.base import Engine, EngineOptions, Heard, HeardWord
from chartside_transcription.engines.cutoff import post
from chartside_transcription.transcript import clean

KIND, DATA_CLASS = "asr", "audio"
LARGEST_ANSWER = 1 << 20
"""Bytes; half a minute of speech is about 15 kB."""
GRACE, TIMES = 30.0, 4.0
"""Seconds that an answer may take in all, where the config says nothing: the first, and so many times the piece."""
UNKNOWN = 0.5
"""Probability of a word where the server gives none; at or above it no word is marked for that alone."""
PATH = "/v1/audio/transcriptions"


class OpenAiEndpoint(Engine):
    """``settings``: ``recipient`` (its name in the registry), ``endpoint_model``, ``endpoint_token``,
    ``endpoint_seconds``.
    """

    name = "openai-endpoint"
    outbound_kind = KIND

    @property
    def model(self) -> tuple[str, str]:
        """See Engine. The version is the server's business; the name is what was asked for."""
        return (self.settings.endpoint_model, f"at-{self.settings.recipient}")

    def hear(self, samples: NDArray[np.int16], options: EngineOptions) -> Heard:
        """See Engine. Raises OutboundRefused, and PluginError when the server fails."""
        if self.recipient is None:
            raise OutboundRefused("no outbound registry was given", mend="run it with a config")
        address = self.recipient(KIND, self.settings.recipient, DATA_CLASS)
        duration = len(samples) / RATE
        answer = self._post(f"{address}{PATH}", _wav(samples), options, duration)
        return _heard(answer, duration)

    def _post(self, url: str, sound: bytes, options: EngineOptions, duration: float) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "model": self.settings.endpoint_model,
            "language": options.language,
            "response_format": "verbose_json",
            "timestamp_granularities[]": ["word", "segment"],
            "temperature": "0",
            **({"prompt": ", ".join(options.hotwords)} if options.hotwords else {}),
        }
        token = self.settings.endpoint_token
        secret = token.get_secret_value() if token else ""
        status, body = post(
            url,
            seconds=self.settings.endpoint_seconds or GRACE + TIMES * duration,
            largest=LARGEST_ANSWER,
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
            data=fields,
            files={"file": ("piece.wav", sound, "audio/wav")},
        )
        if status != 200:
            raise PluginError(
                f"the speech recognition server refused a piece ({status})", mend="see its own log"
            )
        return _json(body)


def _json(body: bytes) -> dict[str, Any]:
    import orjson

    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise PluginError(
            "the speech recognition server answered no JSON", mend="see that its address is right"
        )
    return found


def _wav(samples: NDArray[np.int16]) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return held.getvalue()


def _heard(answer: dict[str, Any], duration: float) -> Heard:
    """The ``verbose_json`` form, of which nothing is believed: words without times are spread over the piece."""
    segments = _rows(answer.get("segments"))
    no_speech = max((_number(s.get("no_speech_prob"), 0.0) for s in segments), default=0.0)
    average = min((_number(s.get("avg_logprob"), 0.0) for s in segments), default=0.0)
    repetition = max((_number(s.get("compression_ratio"), 1.0) for s in segments), default=1.0)
    words, at = [], 0.0
    for row in _rows(answer.get("words")):
        text = row.get("word")
        if isinstance(text, str) and (text := clean(text)):
            start = min(max(_number(row.get("start"), at), at), duration)
            at = min(max(_number(row.get("end"), duration), start), duration)
            probability = min(max(_number(row.get("probability"), UNKNOWN), 0.0), 1.0)
            words.append(HeardWord(text, start, at, probability))
    text = answer.get("text")
    found = tuple(words) or Heard.of_text(clean(text) if isinstance(text, str) else "", duration).words
    return Heard(found, no_speech, average, repetition)


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _number(value: Any, instead: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else instead
