"""From a recording to a transcript: decode, cut, recognise, drop the sound, tell the speakers apart, mark.

Sound exists only in the memory of this process and of the decoder's, at most two minutes of it, and each piece is
dropped before the next one is recognised (T-2, T-3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from chartside_transcription.audio import RATE
from chartside_transcription.audio.decode import Decoding, Samples
from chartside_transcription.audio.pieces import Cutter, Piece
from chartside_transcription.engines.base import Engine, EngineOptions, Heard
from chartside_transcription.hotwords import with_hotwords
from chartside_transcription.marks import mark
from chartside_transcription.silence import is_speech
from chartside_transcription.spare import give_back
from chartside_transcription.transcript import Transcript, Word


@dataclass(frozen=True, slots=True)
class Progress:
    """After each piece: seconds of the recording that are done, and how many there are (0: not known)."""

    done: float
    total: float


@dataclass(frozen=True, slots=True)
class Options:
    """``speakers``: how many speak, as the clinician states; ``roles``: who, in the order of first speaking."""

    speakers: int = 1
    roles: tuple[str, ...] = ()
    hotwords: tuple[str, ...] = ()
    language: str = "en"


Tell = Callable[[Progress], None]
Source = Path | IO[bytes] | Iterable[bytes]


def transcribe(source: Source, engine: Engine, options: Options, tell: Tell = lambda _: None) -> Transcript:
    """The transcript of a recording. Raises InputError for a recording that cannot be used.

    ``tell`` is called after each piece; an exception from it (a consent revoked, T-1) ends the run, and all is dropped.
    """
    with Decoding(source) as blocks:
        engine.prepare()  # the decoder begins meanwhile
        give_back()
        run = Run(engine, options)
        for piece in Cutter().pieces(run.counted(blocks)):
            run.add(piece)
            done = min(piece.end, run.duration)
            del piece
            give_back()
            tell(Progress(done, blocks.declared))
        tell(Progress(run.duration, run.duration))
        return run.transcript()


class Run:
    """What is known of one recording so far: words and voices, no sound."""

    def __init__(self, engine: Engine, options: Options) -> None:
        self.engine, self.options = engine, options
        self.words: list[Word] = []
        self.dropped = self.samples = 0
        self._voices = None
        if options.speakers > 1:
            from chartside_transcription.speakers.voices import Voices

            self._voices = Voices()

    @property
    def duration(self) -> float:
        """Seconds taken in."""
        return self.samples / RATE

    def counted(self, blocks: Iterable[Samples]) -> Iterable[Samples]:
        """The same blocks; their length is noted."""
        for block in blocks:
            self.samples += len(block)
            yield block

    def add(self, piece: Piece) -> None:
        """Recognise a piece."""
        heard = self._hear(piece, ())
        if not is_speech(piece, heard):
            self.dropped += 1
            return
        if self.options.hotwords:
            heard = with_hotwords(heard, self.options.hotwords, lambda some: self._hear(piece, some))
        self.words += _words(piece, heard)
        if self._voices is not None:
            self._voices.add(piece)

    def _hear(self, piece: Piece, hotwords: tuple[str, ...]) -> Heard:
        return self.engine.hear(piece.samples, EngineOptions(hotwords, self.options.language))

    def transcript(self) -> Transcript:
        """All that was said."""
        words, guessed = self._with_speakers()
        return Transcript(
            mark(words, self.options.hotwords),
            self.duration,
            self.engine.name,
            "@".join(self.engine.model),
            guessed,
            self.dropped,
        )

    def _with_speakers(self) -> tuple[tuple[Word, ...], bool]:
        from chartside_transcription.speakers import clusters

        if self._voices is None or not self._voices.embeddings:
            words = tuple(self.words)
            named = tuple(Word(w.text, w.start, w.end, w.probability, "S1") for w in words)
            return clusters.name_roles(named, self.options.roles)
        labels = clusters.cluster(self._voices.embeddings, self.options.speakers)
        named = clusters.assign(self.words, self._voices.windows, labels.tolist())
        return clusters.name_roles(named, self.options.roles)


def _words(piece: Piece, heard: Heard) -> list[Word]:
    """Times of the piece as times of the recording."""
    return [Word(w.text, piece.original(w.start), piece.original(w.end), w.probability) for w in heard.words]
