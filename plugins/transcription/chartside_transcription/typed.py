"""A transcript that somebody typed, or another program wrote: ``Client: ...`` on each line, or one speaker's text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chartside.errors import InputError
from chartside_transcription.transcript import CLIENT, CLINICIAN, OTHER, Transcript, Word

_SPEAKER = re.compile(r"^\s*(?:\[?\d[\d:.]*\]?\s+)?([A-Za-z][A-Za-z0-9 ]{0,30}):\s+(?=\S)")
_ROLES = {
    **dict.fromkeys(("clinician", "therapist", "counselor", "counsellor", "doctor", "provider"), CLINICIAN),
    **dict.fromkeys(("client", "patient"), CLIENT),
    **dict.fromkeys(("other", "partner", "parent"), OTHER),
}
A_WORD = 0.4
"""Seconds: typed words have no times, so they are spread evenly."""


def typed(data: bytes) -> Transcript:
    """The transcript. Raises InputError for bytes that are no text."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            "the transcript is no UTF-8 text", mend="save it as UTF-8, or give the recording"
        ) from None
    words = tuple(
        Word(word, n * A_WORD, (n + 1) * A_WORD, 1.0, speaker)
        for n, (word, speaker) in enumerate(_words(text))
    )
    return Transcript(words, len(words) * A_WORD, "typed")


def _words(text: str) -> Iterator[tuple[str, str]]:
    speaker = ""
    for line in text.splitlines():
        found = _SPEAKER.match(line)
        role = _ROLES.get(found[1].lower()) if found else None
        speaker = role or speaker
        for word in line[found.end() if found and role else 0 :].split():
            yield word, speaker
