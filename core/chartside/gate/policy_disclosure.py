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


def _either(*lists: str) -> str:
    """Words of the lists as alternatives; an underscore stands for the space within a phrase."""
    return "|".join(word.replace("_", " ") for words in lists for word in words.split())


# What one can be: nouns and adjectives, English and Spanish (without accents).
_KINDS: Final = _either(
    "human humans person persons people real alive someone somebody anyone anybody guy flesh",
    "bot bots chatbot chatbots chat_bot gpt chatgpt chat_gpt llm language_model siri alexa robot robots android cyborg",
    "machine machines computer computers computerized ai a_i artificial intelligence virtual algorithm algorithms",
    "automated automatic automation auto_reply autoreply program programs programmed software",
    "humano humanos humana humanas persona personas gente alguien de_verdad de_carne maquina maquinas ia i_a",
    "computadora computador ordenador inteligencia automatico automatica automatizado automatizada programa",
    "grabadora contestador contestadora robotico robotica modelo_de_lenguaje",
)
# How it is asked, of whom.
_QUESTIONS: Final = _either(
    "are_you are_u r_you r_u are_ya are_yall arent_you aren_t_you were_you you_are u_r youre you_re ur_a you_a you_an",
    "you_even you_actually you_human are_there are_we are_these am_i i_m im is_this is_that is_it is_there is_a is_an",
    "is_the is_any is_my isn_t_this isn_t_it this_is is_anyone is_anybody is_somebody is_someone did_a did_an did_you",
    "do_i do_you does_a does_an does_any who who_s whos what_are with_a with_an tell_me prove be_honest seriously",
    "talking_to talking_with talk_to speaking_to speaking_with speak_to chatting_with texting_with writing_to",
    "eres es_usted usted_es es_esto esto_es es_este es_esta es_un es_una es_de sos sera seras estoy estas hablo",
    "typing_to hablando chateando escribiendo hay me_contesta me_responde me_escribe quien con_un con_una dime",
    "acaso esto_lo",
)
_ASKED: Final = re.compile(rf"\b({_QUESTIONS})\b")
_KIND: Final = re.compile(rf"\b({_KINDS})\b")
# Whole sentences that ask without naming a kind, or that name one and nothing else.
_BARE: Final = _either("human bot robot machine computer ai a_i person real_person humano maquina persona ia")
_WHOLE: Final = re.compile(
    rf"((are|r) (you|u) real|(what|who) (are|r) (you|u)( exactly| really)?|(que|quien) (eres|es usted|sos)"
    rf"|(eres|es usted) real|({_BARE})( (or|o) (a |an |un |una )?({_BARE}|not|no))?)"
)
# A sentence about oneself, or about a thing that one owns, is no question.
_OTHER: Final = re.compile(
    r"\b(i am (only |just )?(a )?(human|person|real)|i m (only|just) human|my (computer|machine|program|software)"
    r"|soy (un |una )?(humano|humana|persona|ser humano)|mi (computadora|ordenador|programa|maquina))\b"
)
_LONGEST: Final = 240
"""Characters of a sentence that are looked at, and..."""
_MOST: Final = 4000
"""...of a text: a hostile one costs nothing."""


def asks_if_human(text: str) -> bool:
    """Whether a client asks, in English or Spanish, if they deal with a person or a machine."""
    return any(_asks(plain) for plain in _sentences(text))


def _sentences(text: str) -> list[str]:
    joined = re.sub(r"\b([ai])\.([ai])\.?", r"\1\2", text[:_MOST], flags=re.IGNORECASE)  # A.I. is one word
    return [_plain(part[:_LONGEST]) for part in re.split(r"[.!?;\n¿¡]+", joined)]


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
