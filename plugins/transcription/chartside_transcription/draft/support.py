"""The check that no sentence of a draft says more than its span: ours, whoever drafts (T-8).

A sentence stands when its spans exist, are short and lie in what one speaker said, and

- where it quotes: each quote is whole sentences of its span, word for word, attributed to who said them, and nothing
  stands beside the quotes;
- else: its content words, numbers and persons are those of whole clauses of the span, in their order: nothing is added,
  and within a clause nothing is left out but fillers. Negations, conditions, doubts and times ("maybe", "if", "last
  week", "used to") of the source stand in it, too; what was is not said to be. It is about the client where the client
  spoke, and no question is a source.

So a mood, a diagnosis, a judgement that nobody spoke has no word to stand on. It is strict: a good paraphrase that
fails costs a sentence, a bad one that passes costs the chart its truth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chartside_transcription.draft.model import Proposal
from chartside_transcription.draft.tokens import (
    CLIENT_PERSON,
    CLINICIAN_PERSON,
    FRAME,
    bound_words,
    clauses,
    follows,
    is_past,
    is_present,
    tokens,
)
from chartside_transcription.draft.utterances import Utterance
from chartside_transcription.marks import bare
from chartside_transcription.transcript import CLIENT, CLINICIAN, Transcript

LONGEST_SPAN, MOST_SPANS = 80, 4
"""Words of one span, and spans of one sentence: more would cite everything and so nothing."""
_QUOTE = re.compile(r"[\"“]([^\"“”]*)[\"”]")
_ATTRIBUTION = re.compile(r"^(Clinician|Client|Other|S\d+)\s*:$", re.IGNORECASE)


def unsupported(
    proposal: Proposal,
    transcript: Transcript,
    said: Sequence[Utterance],
    *,
    pronouns: frozenset[str] = frozenset(),
    doubtful: set[str] | None = None,
) -> str:
    """Why the sentence cannot stand; empty when its span supports it.

    ``pronouns``: the client's own (``he``, ``she``, ``they``), as far as they are known. ``doubtful`` takes those
    (``he``, ``she``) that the sentence uses for the client though none are known.
    """
    if not proposal.spans or len(proposal.spans) > MOST_SPANS:
        return "no span, or too many"
    for first, last in proposal.spans:
        if not 0 <= first <= last < len(transcript.words) or last - first >= LONGEST_SPAN:
            return "span outside the transcript, or too long"
        if len({word.speaker for word in transcript.words[first : last + 1]}) > 1:
            return "span of more than one speaker"
    sources = [[u for u in said if u.first <= last and u.last >= first] for first, last in proposal.spans]
    several = len(transcript.speakers) > 1
    if re.search(r"[\"“”]", proposal.text):
        return _quotes(proposal.text, sources, several=several)
    meant = set[str]()
    parts = [part for parts in sources for part in parts]
    reason = _words(proposal.text, parts, meant, several=several)
    if not reason and pronouns and meant - pronouns:
        return "pronoun that the client does not use"
    if doubtful is not None and not pronouns:
        doubtful |= meant - {"they"}
    return reason


def _quotes(text: str, sources: Sequence[Sequence[Utterance]], *, several: bool) -> str:
    """Quotes are whole sentences of their spans, in order; beside them only who said it."""
    quotes = _QUOTE.findall(text)
    beside = [part.strip() for part in _QUOTE.sub("\n", text).split("\n")]
    if len(quotes) != len(sources) or beside[-1].strip(" .") or re.search(r"[\"“”]", "".join(beside)):
        return "words beside the quote"
    for before, quote, parts in zip(beside, quotes, sources, strict=False):
        who = _ATTRIBUTION.match(before)
        if (before or several) and not who:
            return "quote without who said it"
        if who and any(part.speaker.lower() not in ("", who[1].lower()) for part in parts):
            return "quote of somebody else"
        if not _plain(quote) or _plain(quote) != _plain(" ".join(part.text for part in parts)):
            return "quote that was not said so"
    return ""


def _plain(text: str) -> list[str]:
    return [word for word in map(bare, text.split()) if word]


def _words(text: str, parts: Sequence[Utterance], meant: set[str], *, several: bool) -> str:
    """Content in order, clause by clause; said by whom it is said of. ``meant``: as of ``follows``."""
    about, rest = _about(text) if several else (CLIENT, text)
    named = rest != text or bool(_bare(text) & CLIENT_PERSON)
    wanted = tokens(rest, client_named=named or not several)
    if not any(token.content for token in wanted):
        return "says nothing"
    asks = text.rstrip().endswith("?")
    usable = [p for p in parts if (asks or not p.question) and (not several or p.speaker == about)]
    if not usable:
        return "no source: a question, or somebody else's words"
    at = 0
    used: list[Utterance] = []
    for part in usable:
        before = at
        for clause in clauses(part.text):
            at = follows(wanted, at, clause, meant)
        if at > before:
            used.append(part)
    if at < len(wanted):
        return _reason(wanted[at].stem, {token.stem for part in usable for token in tokens(part.text)})
    return _kept(text, used)


def _about(text: str) -> tuple[str, str]:
    """Whom the sentence is about, and the sentence without its frame ("Client reports that ...")."""
    found = FRAME.match(text)
    if found:
        return (CLINICIAN if found["who"].lower() in CLINICIAN_PERSON else CLIENT), text[found.end() :]
    lower = _bare(text)
    return (CLINICIAN if lower & CLINICIAN_PERSON and not lower & CLIENT_PERSON else CLIENT), text


def _bare(text: str) -> set[str]:
    return {bare(word).removesuffix("'s") for word in text.split()}


def _reason(stem: str, said: set[str]) -> str:
    if stem.isdigit():
        return "number that was not said"
    return "order, omission or negation changed" if stem in said else "word that was not said"


def _kept(text: str, used: Sequence[Utterance]) -> str:
    """Conditions, doubts, times and the tense of the source."""
    kept = bound_words(text)
    reported = bool(re.match(r"\s*(?:the\s+)?\w+\s+\w+ed\b", text))  # "Client reported that she was ..."
    for part in used:
        if bound_words(part.text) - kept:
            return "condition, doubt or time left out"
        past, present = is_past(part.text), is_present(part.text)
        if past and not present and not is_past(text):
            return "past told as present"
        if present and not past and is_past(text) and not is_present(text) and not reported:
            return "present told as past"
    return ""
