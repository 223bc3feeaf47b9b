"""A draft as the text that a clinician reads and changes, and as the text that is signed (T-9, T-10).

In the draft each sentence carries its source, ``{0:44-0:46 client}``, and words to look at stand as ``[six?]``.
Both, and the line that calls it a draft, are taken out when it is signed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from chartside_transcription.draft.model import Draft, Section, Sentence
from chartside_transcription.transcript import CLIENT, CLINICIAN, Transcript, Word

HOW_MADE = (
    "Written down by speech recognition, put in order by software, then read and signed by a clinician."
)
WARNING = (
    "DRAFT written down by speech recognition and put in order by software. Not read by a clinician yet."
)
GUESSED = (
    "Who is the clinician and who the client is a guess by voice: let them change places if it is wrong."
)
_SOURCE = re.compile(r"[ \t]*\{[0-9:]+-[0-9:]+(?: [^{}\n]{1,40})?\}")
_MARKED = re.compile(r"\[([^\[\]\n]{1,60})\?\]")
_NAMED = re.compile(r"\b(Clinician|Client)(?=: \")")


def draft_text(draft: Draft, transcript: Transcript) -> str:
    """The draft with sources and marks."""
    guessed = [GUESSED] if transcript.guessed and len(transcript.speakers) > 1 else []
    return "\n".join([draft.title, WARNING, *guessed, "", *_lines(draft, transcript)]).rstrip() + "\n"


def _lines(draft: Draft, transcript: Transcript) -> Iterator[str]:
    several = len(transcript.speakers) > 1
    for section in draft.sections:
        yield section.heading
        yield from _section(section, transcript, several=several)
        yield ""


def _section(section: Section, transcript: Transcript, *, several: bool) -> Iterator[str]:
    for sentence in section.sentences:
        sources = "".join(_source(transcript.words[a : b + 1], several=several) for a, b in sentence.spans)
        yield f"- {_with_marks(sentence, transcript)}{sources}"


def _source(words: tuple[Word, ...], *, several: bool) -> str:
    who = f" {words[0].speaker}" if several else ""
    return f" {{{clock(words[0].start)}-{clock(words[-1].end)}{who}}}"


def _with_marks(sentence: Sentence, transcript: Transcript) -> str:
    """Marked words in the sentence's own text, found in their order."""
    text, at = sentence.text, 0
    for first, last in sentence.spans:
        for word in transcript.words[first : last + 1]:
            place = text.find(word.text, at)
            if place < 0:
                continue
            if word.marks:
                core = word.text.rstrip(".,;:!?") or word.text
                shown = f"[{core}?]{word.text[len(core) :]}"
                text = text[:place] + shown + text[place + len(word.text) :]
                at = place + len(shown)
            else:
                at = place + len(word.text)
    for doubtful in sentence.doubtful:
        text = re.sub(rf"(?<!\[)\b({re.escape(doubtful)})\b(?!\?\])", r"[\1?]", text, flags=re.IGNORECASE)
    return text


def final_text(text: str) -> str:
    """What is signed: the text alone, without sources, marks and the warning."""
    lines = [line for line in text.splitlines() if line.strip() not in (WARNING, GUESSED)]
    plain = "\n".join(_MARKED.sub(r"\1", _SOURCE.sub("", line)).rstrip() for line in lines)
    return re.sub(r"\n{3,}", "\n\n", plain).strip() + "\n"


def version_of(text: str) -> str:
    """Names the note that this draft would be signed as, so that a signature holds for what was read and nothing else.

    Marks and sources are no part of it: signing takes them out, and completing an interrupted signing is no conflict.
    """
    return hashlib.sha256(final_text(text).encode()).hexdigest()[:24]


def transcript_text(transcript: Transcript) -> str:
    """Turn by turn, with the time and who speaks."""
    return "\n".join(f"{clock(t.words[0].start)} {t.speaker}: {t.text}" for t in transcript.turns()) + "\n"


def swapped(text: str) -> str:
    """Clinician and client change places in every attribution and source (T-7)."""
    other = {"Clinician": "Client", "Client": "Clinician", CLINICIAN: CLIENT, CLIENT: CLINICIAN}
    text = _NAMED.sub(lambda found: other[found[1]], text)
    return re.sub(r"(\{[0-9:]+-[0-9:]+ )(clinician|client)\}", lambda f: f"{f[1]}{other[f[2]]}}}", text)


def marked_words(text: str) -> list[str]:
    """The words that a draft still marks for a look."""
    return _MARKED.findall(text)


def empty(text: str) -> bool:
    """Whether nothing stands under any heading."""
    return not any(line.startswith("- ") for line in text.splitlines())


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
