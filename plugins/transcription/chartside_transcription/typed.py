"""A transcript that somebody typed, or another program wrote: ``Client: ...`` on each line, or one speaker's text.

Words of one person are never counted as another's: every label is a speaker. One that names no role is ``other``, and
``S1``, ``S2`` where there are several, as in a recording.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from chartside.errors import InputError
from chartside_transcription.marks import word_set
from chartside_transcription.transcript import CLIENT, CLINICIAN, OTHER, Transcript, Word, clean

_LABEL = re.compile(
    r"^\s*(?:\[?\d[\d:.]*\]?\s+)?([^\W\d_][\w.'’-]*(?: [\w.'’&-]+){0,3}(?: ?\([^()]{1,30}\))?):(?:\s+(?=\S)|\s*$)"
)
_ROLES = {
    **dict.fromkeys(("clinician", "therapist", "counselor", "counsellor", "doctor", "provider"), CLINICIAN),
    **dict.fromkeys(("client", "patient"), CLIENT),
    **dict.fromkeys(("other", "partner", "parent"), OTHER),
}
_KIN = word_set(
    "mother mom mum father dad wife husband spouse sister brother son daughter child grandmother grandfather aunt "
    "uncle friend guardian interpreter speaker interviewer nurse"
)
_NO_NAMES = word_set(
    "a an the and or but so because then well yes no okay at on in of for from to with by my our your his her their it "
    "this that what when where who why how first second third next last monday tuesday wednesday thursday friday "
    "saturday sunday today yesterday tomorrow date time session note notes topic location subject example question "
    "answer score total warning important data subjective objective assessment plan behavior behaviour intervention "
    "response goal goals homework diagnosis medication medications risk safety mood affect sleep history"
)
"""Words that begin a line before a colon and name nobody, headings of notes among them."""
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
    lines = [clean(line) for line in text.splitlines()]
    speakers, speaker = _speakers(lines), ""
    for line in lines:
        found = _LABEL.match(line)
        named = speakers.get(_plain(found[1])) if found else None
        speaker = named or speaker
        for word in line[found.end() if found and named else 0 :].split():
            yield word, speaker


def _speakers(lines: list[str]) -> Mapping[str, str]:
    """Who stands for each label. Without a role's label a name counts only where one speaks again: it is a talk."""
    found = Counter(_plain(one[1]) for one in map(_LABEL.match, lines) if one and _names(one[1]))
    known = {label: _ROLES[_base(label)] for label in found if _base(label) in _ROLES}
    others = [label for label in found if label not in known]
    if not known and (len(others) < 2 or max(found.values()) < 2):
        return {}
    if known and len(others) == 1:
        return {**known, others[0]: OTHER}
    return {**known, **{label: f"S{n}" for n, label in enumerate(others, 1)}}


def _names(label: str) -> bool:
    """Whether it may name a speaker: a role, or words that begin with a capital as names do."""
    words = _base(label).split()
    if words[0] in _ROLES or words[0] in _KIN:
        return len(words) == 1 or words[1].isdigit()
    given = label.partition("(")[0].split()
    return not _NO_NAMES & set(words) and all(word[0].isupper() or word == "&" for word in given)


def _base(label: str) -> str:
    return label.partition("(")[0].strip().lower()


def _plain(label: str) -> str:
    return " ".join(label.lower().split())
