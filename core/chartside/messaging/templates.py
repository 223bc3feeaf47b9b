"""Texts of messages: Jinja in a sandbox, few variables, neutral words, one text message each (R-2, R-3).

The same ``lint`` holds for the texts that are shipped and for a practice's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import jinja2
from jinja2 import StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chartside.messaging import gsm7

VARIABLES = {
    "practice": "the practice's name",
    "contact": "the number to call",
    "day": "the day, as in Tue Nov 24",
    "time": "the time, as in 3:00 PM",
    "keys": "what may be replied",
}
"""All that a text may hold."""

REQUIRED = ("practice", "day", "time")

# Beginnings of words. A reader of the phone's lock screen must not learn what kind of care this is,
# and a reminder sells and bills nothing (R-3, 47 CFR 64.1200(a)(9)(iv)(C)).
_CARE = (
    "therap|terap|psych|psic|psiq|counsel|consejer|mental|behavio|conductual|emotion|emocion|trauma|"
    "depress|depres|anxi|ansied|bipolar|adhd|tdah|ptsd|tept|ocd|autis|schizo|esquizo|borderline|"
    "emdr|cbt|dbt|addict|adicci|substance|sustancia|alcohol|opioid|opioide|detox|rehab|recovery|recuperaci|"
    "diagnos|treat|tratamiento|medicat|medicaci|medicin|prescri|receta|clinic|clínic|session|sesi[oó]n|intake|"
    "evaluat|evaluaci|assessment|famil|couples?\\b|pareja|group\\b|grupo\\b|doctor|physician|m[eé]dic|"
    "social work|trabajador[ae]? social|licensed|licenciad|lcsw|lmft|lmhc|phd\\b|crisis|suicid"
)
_SALE = (
    "bill|invoice|pay\\b|payment|balance|owe|copay|fee\\b|offer|discount|sale\\b|promo|"
    "pago|saldo|factura|deud|copago|oferta|descuento"
)
_CARE_WORDS = re.compile(rf"\b(?:{_CARE})\w*", re.IGNORECASE)
_SALE_WORDS = re.compile(rf"\b(?:{_SALE})\w*", re.IGNORECASE)

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
_ENVIRONMENT.globals.clear()  # no range(), no cycler(): a text holds its variables and nothing else


@lru_cache(maxsize=64)  # the texts of a practice are few, and compiling one takes a millisecond and a half
def _compiled(source: str) -> jinja2.Template:
    return _ENVIRONMENT.from_string(source)


@dataclass(frozen=True, slots=True)
class Template:
    """``id`` is what the EHR records in place of the text; ``one_text``: must fit into one text message."""

    id: str
    source: str
    one_text: bool = True

    def render(self, values: Mapping[str, str]) -> str:
        """Fill in; for a text message, letters that its alphabet lacks are replaced by their nearest.

        Raises ValueError (without the text) where a variable is missing or the template is broken.
        """
        try:
            text = _compiled(self.source).render(values)
        except Exception as error:  # whatever an expression of the practice's own does
            raise ValueError(f"template {self.id}: {type(error).__name__}") from None
        return gsm7.plain(text) if self.one_text else text

    def lint(self, worst: Mapping[str, str]) -> list[str]:
        """Return what is wrong with it, one sentence each. ``worst``: the longest values that may be filled in."""
        try:
            names = meta.find_undeclared_variables(_ENVIRONMENT.parse(self.source))
            found = [*_variables(names), *_words(self.source)]
            if not found:  # words may also be put together: {{ "the" ~ "rapy" }}
                found = _words(self.render(dict.fromkeys(VARIABLES, "1")))
            if not found:
                found = _length(self.render(worst)) if self.one_text else []
        except Exception as error:
            found = [f"cannot be read as a Jinja template ({type(error).__name__})"]
        return [f"template {self.id}: {problem}" for problem in found]


def _variables(names: set[str]) -> list[str]:
    allowed = ", ".join(VARIABLES)
    found = [f"{name!r} is no variable; use only {allowed}" for name in sorted(names - set(VARIABLES))]
    missing = [name for name in REQUIRED if name not in names]
    return found + [f"{{{{ {name} }}}} is missing ({VARIABLES[name]})" for name in missing]


def _words(source: str) -> list[str]:
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", " ", source, flags=re.DOTALL)
    care = [f"{word!r} tells what kind of care this is; leave it out" for word in _CARE_WORDS.findall(text)]
    return care + [f"{word!r} bills or advertises; a reminder must not" for word in _SALE_WORDS.findall(text)]


def _length(text: str) -> list[str]:
    letters = gsm7.foreign(text)
    if letters:
        return [f"{' '.join(letters)} does not stand in the alphabet of text messages (GSM 7-bit)"]
    length = gsm7.cost(text) or 0
    over = length - gsm7.LIMIT
    return [f"takes up to {length} of {gsm7.LIMIT} letters; shorten it by {over}"] if over > 0 else []
