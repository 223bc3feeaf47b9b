"""The GSM 7-bit alphabet (3GPP TS 23.038): one text message holds 160 of its letters, or 70 of any others."""

from __future__ import annotations

import unicodedata

LIMIT = 160

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", " ": " "})


def cost(text: str) -> int | None:
    """How many of the 160 places a text takes (an extension letter takes two); None if it is not all GSM 7-bit.

    >>> cost("Hola, ¿qué tal?"), cost("[x]"), cost("está")
    (15, 5, None)
    """
    if foreign(text):
        return None
    return sum(2 if letter in _EXTENSION else 1 for letter in text)


def foreign(text: str) -> str:
    """The letters that are not of the alphabet, each once."""
    return "".join(dict.fromkeys(x for x in text if x not in _BASIC and x not in _EXTENSION))


def plain(text: str) -> str:
    """Write foreign letters as near as the alphabet allows: ``í`` becomes ``i``, but ``é`` and ``ñ`` stay.

    >>> plain("Clínica Ñandú – sábado")
    'Clinica Ñandu - sabado'
    """
    return "".join(_nearest(letter) for letter in text.translate(_PLAIN))


def _nearest(letter: str) -> str:
    if letter in _BASIC or letter in _EXTENSION:
        return letter
    base = "".join(x for x in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(x))
    return base if base and not foreign(base) else letter
