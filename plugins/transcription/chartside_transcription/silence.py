"""Is there speech at all? Recognisers write words into silence, music and noise; these are dropped (T-6)."""

from __future__ import annotations

from chartside_transcription.audio.pieces import Piece
from chartside_transcription.engines.base import Heard
from chartside_transcription.marks import bare

NO_SPEECH, UNSURE = 0.6, -1.0
"""Whisper's own thresholds: silence when no speech is probable *and* the text is a guess."""
LEAST_SPEECH = 0.25
"""Seconds; the shortest yes takes about this long."""
INVENTED = frozenset(
    {
        "you",
        "thank you",
        "thanks",
        "thanks for watching",
        "thank you for watching",
        "thank you very much",
        "please subscribe",
        "subscribe",
        "bye",
        "music",
        "applause",
        "so",
        "okay",
        "the",
        "oh",
        "",
    }
)
"""What Whisper writes where nobody speaks: subtitles of its training. Said alone and unsurely, it is no speech."""


def is_speech(piece: Piece, heard: Heard) -> bool:
    """Whether the words of a piece can stand."""
    if not heard.words or piece.speech < LEAST_SPEECH:
        return False
    if heard.no_speech > NO_SPEECH and heard.average < UNSURE:
        return False
    if heard.loops:
        return False
    return not (_is_invented(heard) and (heard.no_speech > 0.3 or piece.speech < 1.0 or heard.average < -0.7))


def _is_invented(heard: Heard) -> bool:
    text = " ".join(bare(word.text) for word in heard.words)
    probability = sum(word.probability for word in heard.words) / len(heard.words)
    return text in INVENTED and probability < 0.8
