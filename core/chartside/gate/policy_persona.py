"""The lint of a bot's persona strings (P-7): its name, greeting and prompts never call it a professional or a human.

The same words are allowed where they are plainly denied ("I am not a therapist"), because the disclosure needs them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_WORDS: Final = (
    r"therapists?|psycho ?therapists?|psychologists?|psychiatrists?|counsell?ors?|clinicians?|doctors?|dr|physicians?"
    r"|social workers?|life coach(es)?|healers?|licensed|diagnos(e|es|ed|ing|is|tic|tics|tician)|humans?|real persons?"
    r"|terapeutas?|psicoterapeutas?|psicolog[oa]s?|psiquiatras?|consejer[oa]s?|doctor(a|as|es)?|medic[oa]s?|licenciad[oa]s?"
    r"|diagnostic(o|os|ar|a|as|amos|an)|human[oa]s?|seres humanos|persona real|personas reales"
)
_REFUSED: Final = re.compile(rf"\b({_WORDS})\b")
_NO: Final = r"not|never|no|nor|neither|isn t|cannot|can t|don t|doesn t|ni|tampoco|nunca|jamas"
_BETWEEN: Final = r"be|a|an|the|your|any|real|licensed|or|nor|un|una|el|la|su|tu|ser|soy|es|puede|puedo|o|ni"
_DENIED: Final = re.compile(rf"\b({_NO})( ({_BETWEEN}|{_WORDS}))* ({_WORDS})\b")


def persona_problems(strings: Iterable[str]) -> list[str]:
    """One sentence for each string that says what a bot must not say of itself; empty when all are good."""
    found = []
    for number, text in enumerate(strings, 1):
        if words := refused_words(text):
            listed = ", ".join(repr(word) for word in words)
            found.append(
                f"persona string {number}: {listed}: a bot is no professional and no human; leave it out"
            )
    return found


def refused_words(text: str) -> list[str]:
    """The refused words of a text, in order, without those that are plainly denied."""
    plain = _plain(text)
    while (rest := _DENIED.sub(" ", plain, count=1)) != plain:
        plain = rest
    return list(dict.fromkeys(match.group(0) for match in _REFUSED.finditer(plain)))


def _plain(text: str) -> str:
    """Lower case, without accents, look-alike forms, invisible characters and marks between letters."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", letters).split())
    # "t h e r a p i s t", "t.h.e.r.a.p.i.s.t": single letters in a row are read as one word.
    return re.sub(r"\b(?:[a-z] ){3,}[a-z]\b", lambda m: m.group(0).replace(" ", ""), words)
