"""What people wrote, made fit for paper."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_UNBROKEN = re.compile(r"(\S{36})(?=\S)")


def clean(text: str) -> str:
    """Without control characters and marks that turn the direction of writing: they could make a sum read backwards."""
    return "".join(_kept(unicodedata.normalize("NFC", text)))


def _kept(text: str) -> Iterator[str]:
    for letter in text:
        kind = unicodedata.category(letter)
        if kind in {"Zl", "Zp"} or letter == "\n":
            yield "\n"
        elif letter == "\t":
            yield " "
        elif kind == "Cs":
            yield code_point(letter)
        elif kind not in {"Cc", "Cf"} or letter in "\u200b\u200c\u200d":
            yield letter


def breakable(text: str) -> str:
    """A word too long for a line gets places to break."""
    return _UNBROKEN.sub("\\1\u200b", text)


def code_point(letter: str) -> str:
    """``[U+4E2D]``: a letter that cannot be shown."""
    return f"[U+{ord(letter):04X}]"
