"""A piece of sound before Whisper: encoded once, however often the recogniser then looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chartside_transcription.engines.base import Heard, HeardWord
from chartside_transcription.hotwords import sentence

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

BEAM = 5
SURE_ENOUGH = -1.0
"""Whisper's own threshold: below, the text is a guess, and is heard again."""
WARMER = (0.2, 0.4, 0.6)
"""Sampling temperatures of the further tries."""
BEST_OF = 5
"""Samples at each temperature (Whisper's own default)."""
BEFORE, AFTER = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Punctuation of the word after it, of the word before it (faster-whisper's defaults)."""


class Listening:
    """Holds the encoder's output and no sound. Without time tokens: a piece was cut at silences already."""

    def __init__(self, whisper: WhisperModel, samples: NDArray[np.int16], language: str) -> None:
        from faster_whisper.audio import pad_or_trim
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        self._whisper = whisper
        many = whisper.model.is_multilingual
        self._tokens = Tokenizer(whisper.hf_tokenizer, many, task="transcribe", language=language)
        self._suppressed = get_suppressed_tokens(self._tokens, [-1])
        # Without the last frame, which looks past the end of the sound (as faster-whisper leaves it out).
        features = whisper.feature_extractor(samples.astype(np.float32) / 32768.0)[:, :-1]
        self._frames = features.shape[-1]
        self._encoded = whisper.encode(pad_or_trim(features))

    def hear(self, hotwords: Sequence[str]) -> Heard:
        """The words; where the text loops or is a guess, the first of further tries that is neither."""
        prompt = self._prompt(hotwords)
        first = self._heard(self._generate(prompt, beam_size=BEAM))
        if not _doubtful(first) or (first.no_speech > 0.6 and first.average < SURE_ENOUGH):
            return first  # silence, too: more tries only invent
        for temperature in WARMER:
            sampled = {"sampling_topk": 0, "sampling_temperature": temperature}
            again = self._heard(self._generate(prompt, beam_size=1, num_hypotheses=BEST_OF, **sampled))
            if again.words and not _doubtful(again):
                return again
        return first

    def weigh(self, words: Sequence[str], hotwords: Sequence[str]) -> list[float]:
        """See ``Heard.weigh``: the decoder runs once over the given words; nothing is searched for."""
        start = self._prompt(hotwords)[:-1]  # the last, "no times", is added by CTranslate2
        ids = [self._tokens.encode(" " + word) for word in words]
        text = [token for word in ids for token in word][: self._whisper.max_length - len(start) - 2]
        [found] = self._whisper.model.align(self._encoded, start, [text], self._frames)
        logs = iter(np.log(np.maximum(found.text_token_probs, 1e-9)).tolist())
        return [sum(islice(logs, len(word))) for word in ids]

    def _prompt(self, hotwords: Sequence[str]) -> list[int]:
        told = sentence(hotwords) if hotwords else None
        prompt: list[int] = self._whisper.get_prompt(self._tokens, [], without_timestamps=True, hotwords=told)
        return prompt

    def _generate(self, prompt: list[int], **how: Any) -> Any:
        return self._whisper.model.generate(
            self._encoded,
            [prompt],
            max_length=self._whisper.max_length,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
            **how,
        )[0]

    def _heard(self, result: Any) -> Heard:
        """With the times and probabilities of the words."""
        from faster_whisper.transcribe import get_compression_ratio

        tokens = result.sequences_ids[0]
        segment = {"seek": 0, "start": 0.0, "end": self._frames / 100, "tokens": tokens}
        self._whisper.add_word_timestamps(
            [[segment]], self._tokens, self._encoded, self._frames, BEFORE, AFTER, 0.0
        )
        return Heard(
            _words(segment.get("words", ())),
            float(result.no_speech_prob),
            float(result.scores[0] * len(tokens) / (len(tokens) + 1)),
            get_compression_ratio(self._tokens.decode(tokens)),
            self.weigh,
        )


def _doubtful(heard: Heard) -> bool:
    return heard.loops or heard.average < SURE_ENOUGH


def _words(found: Sequence[dict[str, Any]]) -> tuple[HeardWord, ...]:
    words: list[HeardWord] = []
    for word in found:
        text: str = word["word"]
        if not text.strip():
            continue
        new = HeardWord(text.strip(), float(word["start"]), float(word["end"]), float(word["probability"]))
        if words and not text.startswith(" "):  # the second half of "self-harm", "PHQ-9"
            new = _joined(words.pop(), new)
        words.append(new)
    return tuple(words)


def _joined(first: HeardWord, second: HeardWord) -> HeardWord:
    """As improbable as its less probable half."""
    probability = min(first.probability, second.probability)
    return HeardWord(first.text + second.text, first.start, second.end, probability)
