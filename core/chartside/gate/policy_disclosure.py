"""When an AI says that it is one (P-2): at the start, after an absence, hourly for minors, and whenever it is asked.

Pure functions. Recognising the question leans to saying it once too often: a disclosure too many harms nobody.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chartside.gate.policy import Effect


class Due(StrEnum):
    """Why the disclosure is due."""

    START = "start"
    RETURNED = "returned"
    INTERVAL = "interval"
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often: after an ``absence``, every so often for ``minors``, and for ``everyone`` where a law says so."""

    absence: timedelta = timedelta(days=7)
    minors: timedelta = timedelta(hours=1)
    everyone: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is known of a conversation. ``minor``: None when the age is unknown, which counts as a minor.

    ``disclosed``: when it was last said in this conversation, None if not yet; ``last_seen``: the client's last
    message before this one, in any conversation.
    """

    disclosed: datetime | None = None
    last_seen: datetime | None = None
    minor: bool | None = None


def schedule(effects: Iterable[Effect], base: Schedule | None = None) -> Schedule:
    """The schedule under the laws that hold here: each may only shorten an interval."""
    found = base or Schedule()
    for effect in effects:
        if effect.rule.every_hours is not None:
            hours = timedelta(hours=effect.rule.every_hours)
            found = replace(found, everyone=min(hours, found.everyone or hours))
        if effect.rule.after_days is not None:
            found = replace(found, absence=min(timedelta(days=effect.rule.after_days), found.absence))
    return found


def due(
    now: datetime, conversation: Conversation, text: str = "", plan: Schedule | None = None
) -> Due | None:
    """Whether, and why, the next answer must begin with the disclosure. ``text``: the client's message, if any."""
    plan = plan or Schedule()
    if asks_if_human(text):
        return Due.ASKED
    if conversation.disclosed is None:
        return Due.START
    if conversation.last_seen is not None and now - conversation.last_seen >= plan.absence:
        return Due.RETURNED
    intervals = [plan.everyone] if plan.everyone else []
    if conversation.minor is not False:
        intervals.append(plan.minors)
    if intervals and now - conversation.disclosed >= min(intervals):
        return Due.INTERVAL
    return None


# --- "are you human?"

# What one can be: nouns and adjectives of both sides, English and Spanish (without accents).
_KIND: Final = re.compile(
    r"\b(humans?|persons?|people|real|alive|bots?|chat ?bots?|chat ?gpt|gpt|robots?|machines?|computers?|computerized"
    r"|a ?i|artificial|intelligence|automated|automatic|auto ?reply|automation|programs?|programmed|software|algorithms?"
    r"|virtual|siri|alexa|cyborg|android|man or|guy|someone|somebody|anyone|anybody|llm|language model|flesh"
    r"|humanos?|humanas?|personas?|gente|maquinas?|computador(a|as)?|ordenador(es)?|i ?a|inteligencia|automatic[oa]s?"
    r"|automatizad[oa]s?|programas?|grabadora|contestador(a)?|robotic[oa]|de verdad|de carne|alguien|modelo de lenguaje)\b"
)
# Whom it is asked of, in the form of a question.
_ASKED: Final = re.compile(
    r"\b((are|r|aren t|arent|were) (you|u|ya|yall|we|there|these)|(you|u) (are|r)|youre|you re|ur a|you (a|an|even|actually|human)"
    r"|am i|i m|im|is (this|that|it|there|a|an|the|any|my)|isn t (this|it)|this is|is anyone|is anybody"
    r"|did (a|an|you)|do (i|you)|does (a|an|any)|who(s| is| am| wrote| writes)? |what (are|r) (you|u)|with (a|an|who)"
    r"|(talking|speaking|chatting|texting|writing|typing|talk|speak) (to|with|2)|tell me|prove|be honest|seriously"
    r"|eres|es (usted|esto|este|esta|una?|de)|usted es|sos|sera(s)?|estoy|estas|hablo|hablando|chateando|escribiendo|hay"
    r"|me (contesta|responde|escribe)|quien|que eres|con (un|una|quien)|dime|tengo que|acaso|esto (lo )?(es|escribe))\b"
)
_WHOLE: Final = re.compile(
    r"(are|r) (you|u) real|what (are|r) (you|u)( exactly| really)?|who (are|r) (you|u)( really)?|(human|bot|robot|ai|a i|real person)"
    r"( or (a )?(human|bot|robot|machine|computer|ai|a i|not|person|real))?|(que|quien) (eres|es usted|sos)|(humano|robot|bot|ia)"
    r"( o (un )?(humano|robot|bot|maquina|persona|ia))?|eres real|es usted real"
)
# A sentence about oneself, or a thing that one owns, is no question.
_OTHER: Final = re.compile(
    r"\b(i am (a )?(human|person|real|only human)|i m only human|soy (un |una )?(humano|humana|persona|ser humano)"
    r"|my (computer|machine|program|software)|mi (computadora|ordenador|programa|maquina))\b"
)
_LONGEST: Final = 240
"""Characters of a sentence that are looked at; longer ones are cut, so that a hostile text costs nothing."""


def asks_if_human(text: str) -> bool:
    """Whether a client asks, in English or Spanish, if they deal with a person or a machine."""
    return any(_asks(plain) for plain in _sentences(text))


def _sentences(text: str) -> list[str]:
    return [
        _plain(part[:_LONGEST])
        for part in re.split(r"[.!?;\n¿¡]+", text[:4000].replace("A.I.", "AI").replace("a.i.", "ai"))
    ]


def _asks(plain: str) -> bool:
    if not plain:
        return False
    if _WHOLE.fullmatch(plain):
        return True
    return bool(not _OTHER.search(plain) and _KIND.search(plain) and _ASKED.search(plain))


def _plain(text: str) -> str:
    """Lower case, without accents, marks and invisible characters; one space between words."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return " ".join(re.sub(r"[^a-z0-9]+", " ", letters).split())
