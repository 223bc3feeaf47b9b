"""The check that no sentence of a draft says more than its span: ours, whoever drafts (T-8).

A sentence stands when
- its spans exist, are short, and lie in what somebody said;
- what it quotes is there word for word, and is attributed to who said it;
- else: every content word, in the same order, and every number is in the span; each with the same negation; no "if",
  "maybe" or "would" of the span is lost; what it says of the client was said by the client, and not in a question.

Words that carry no finding ("the", "client reports") need no source. Everything else does: a mood, a diagnosis, a
judgement that nobody spoke has no word to stand on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chartside_transcription.draft.model import Proposal
from chartside_transcription.draft.utterances import Utterance
from chartside_transcription.marks import bare, word_set
from chartside_transcription.transcript import CLIENT, CLINICIAN, Transcript

LONGEST_SPAN, MOST_SPANS = 80, 4
_QUOTE = re.compile(r"[\"“]([^\"”]*)[\"”]")
_ATTRIBUTION = re.compile(r"^(?P<who>Clinician|Client|Other|S\d)\s*:\s*", re.IGNORECASE)
_GLUE = word_set(
    "a an the and of to in on at as is are was were be been being am it its he she they his her their him them that "
    "this these those there which who with for from into i me my you your yours we our us have has had do does did so then "
    "also just about client clinician therapist patient reports reported states stated says said describes described "
    "mentions mentioned notes noted session today"
)
_NEGATIONS = word_set(
    "no not never none nothing neither nor without deny denies denied denying cannot can't won't don't doesn't didn't "
    "isn't aren't wasn't weren't haven't hasn't hadn't wouldn't couldn't shouldn't stop stopped"
)
_MODALS = word_set(
    "if unless would could might may maybe perhaps should possibly almost probably wish hope try"
)
_NUMBERS = {
    word: str(n)
    for n, word in enumerate(
        (
            "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
            "seventeen eighteen nineteen"
        ).split()
    )
} | {
    word: str(n * 10)
    for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}


@dataclass(frozen=True, slots=True)
class _Token:
    """A content word: its stem, whether a negation governs it, who said it, and whether as a question."""

    stem: str
    negated: bool
    speaker: str = ""
    asked: bool = False


def unsupported(proposal: Proposal, transcript: Transcript, said: Sequence[Utterance]) -> str:
    """Why the sentence cannot stand; empty when its span supports it."""
    if not proposal.spans or len(proposal.spans) > MOST_SPANS:
        return "no span"
    for first, last in proposal.spans:
        if not 0 <= first <= last < len(transcript.words) or last - first >= LONGEST_SPAN:
            return "span outside the transcript, or too long"
    sources = [_parts(said, span) for span in proposal.spans]
    text = proposal.text.strip()
    if _QUOTE.search(text):
        return _quotes(text, transcript, proposal)
    return _words_of(text, [part for parts in sources for part in parts])


def _parts(said: Sequence[Utterance], span: tuple[int, int]) -> list[Utterance]:
    return [u for u in said if u.first <= span[1] and u.last >= span[0]]


def _quotes(text: str, transcript: Transcript, proposal: Proposal) -> str:
    """Quotes stand word for word in the spans, in order; outside them only attribution and glue."""
    outside = _QUOTE.sub(" ", text)
    loose = [w for w in _tokens(_ATTRIBUTION.sub("", outside)) if w.stem]
    if loose:
        return "words outside the quote"
    quotes = _QUOTE.findall(text)
    if len(quotes) > len(proposal.spans):
        return "quote without a span"
    whos = [w.lower() for w in re.findall(r"(Clinician|Client|Other|S\d)\s*:", outside, re.IGNORECASE)]
    for n, (quote, (first, last)) in enumerate(zip(quotes, proposal.spans, strict=False)):
        words = transcript.words[first : last + 1]
        if _plain(quote) not in _plain(" ".join(w.text for w in words)) or not quote.strip():
            return "quote that was not said"
        if n < len(whos) and any(w.speaker.lower() != whos[n] for w in words if w.speaker):
            return "quote of somebody else"
    return ""


def _plain(text: str) -> str:
    return f" {' '.join(bare(word) for word in text.split())} "


def _words_of(text: str, parts: Sequence[Utterance]) -> str:
    """Content words and numbers in order, negations and modals alike, said by whom it is said of."""
    wanted = _tokens(text)
    given = [token for part in parts for token in _tokens(part.text, part.speaker, part.question)]
    if not wanted:
        return "says nothing"
    lower = {bare(word) for word in text.split()}
    about = CLIENT if "client" in lower or "patient" in lower else CLINICIAN if "clinician" in lower else ""
    usable = [t for t in given if not t.asked and (not about or t.speaker in ("", about, "S1"))]
    at = 0
    for token in wanted:
        match = next((n for n in range(at, len(usable)) if usable[n].stem == token.stem), None)
        if match is None:
            return "word that was not said" if not token.stem.isdigit() else "number that was not said"
        if usable[match].negated != token.negated:
            return "negation changed"
        at = match + 1
    return _modality(text, parts)


def _modality(text: str, parts: Sequence[Utterance]) -> str:
    """A condition or a doubt of the source must stand in the sentence, too."""
    kept = {bare(word) for word in text.split()}
    stems = {token.stem for token in _tokens(text)}
    for part in parts:
        used = stems & {token.stem for token in _tokens(part.text)}
        hedges = {bare(word) for word in part.text.split()} & _MODALS
        if used and hedges - kept:
            return "condition or doubt left out"
    return ""


def _tokens(text: str, speaker: str = "", asked: bool = False) -> list[_Token]:
    """Content words. A negation governs what follows it, up to a comma, a "but" or the sentence's end."""
    found: list[_Token] = []
    negated = False
    for raw in text.replace("-", " ").split():
        word = bare(raw).replace("’", "'")
        if word in ("but", "however", "except"):
            negated = False
        if word in _NEGATIONS:
            negated = True
        elif word and word not in _GLUE:
            found.append(_Token(_stem(word), negated, speaker, asked))
        if raw.endswith((",", ";", ".", "?", "!")):
            negated = False
    return found


def _stem(word: str) -> str:
    """Endings off, numbers as digits; contractions by their first part."""
    word = _NUMBERS.get(word, word.split("'")[0])
    if word.isdigit() or len(word) < 4:
        return word if word not in _GLUE else ""
    for ending, instead in (("ies", "y"), ("ying", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word.rstrip("e")
