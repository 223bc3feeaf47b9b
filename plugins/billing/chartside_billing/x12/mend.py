"""Format repairs on the way out: trim, upper case, transliterate. Each one is reported, none is clinical.

A repair never changes what a value says, only how it is written; anything else is a rule's finding, not a repair.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from chartside.errors import InputError
from chartside_billing.x12.segments import Delimiters

_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "ß": "SS", "Æ": "AE", "æ": "ae"}
    | {
        "Ø": "O",
        "ø": "o",
        "Œ": "OE",
        "œ": "oe",
        "Đ": "D",
        "đ": "d",
        "Ł": "L",
        "ł": "l",
        "ı": "i",
        "Þ": "TH",
        "þ": "th",
    }
    | {"\u00a0": " ", "\t": " ", "\r": " ", "\n": " "}
)
_UPPER = {
    "NM1": range(3, 8),
    "N3": range(1, 3),
    "N4": (1, 2, 3, 4),
    "PER": (2,),
    "NTE": (2,),
    "SBR": (4,),
    "PRV": (3,),
}
_SPACES = re.compile(r" {2,}")


@dataclass(frozen=True, slots=True, order=True)
class Repair:
    """One repair: the place in the claim (``"2010BA NM103"``) and what was done. Never the content."""

    where: str
    what: str


@dataclass(slots=True)
class Mender:
    """Cleans every element that goes out. If not ``active``, it refuses delimiters in the data."""

    delimiters: Delimiters
    active: bool = True
    repairs: list[Repair] = field(default_factory=list)

    def note(self, where: str, what: str) -> None:
        """Remember a repair."""
        self.repairs.append(Repair(where, what))

    def clean(self, text: str, segment_id: str, position: int, loop: str) -> str:
        """One element or component, fit for the wire."""
        if (
            text.isalnum()
            and text.isascii()
            and (text.isupper() or position not in _UPPER.get(segment_id, ()))
        ):
            return text
        where = f"{loop} {segment_id}{position:02}"
        if not self.active:
            if any(mark in text for mark in self._marks()):
                raise InputError(
                    f"{where}: it holds a delimiter of the file",
                    mend="write with repairs, or other delimiters",
                )
            return text
        return self._mend(text, segment_id, position, where)

    def _marks(self) -> str:
        d = self.delimiters
        return d.element + d.component + d.repetition + d.segment

    def _mend(self, text: str, segment_id: str, position: int, where: str) -> str:
        result = transliterate(text)
        if result.count("?") > text.count("?"):
            mend = "write the name in Latin letters in the chart, as the insurer has it"
            raise InputError(f"{where}: it has letters without a plain form", mend=mend)
        if result != text:
            self.note(where, "letters outside the X12 set were written in plain ones")
        spaced = "".join(" " if mark in self._marks() else mark for mark in result)
        if spaced != result:
            self.note(where, "a delimiter inside the text became a blank")
        trimmed = (
            _SPACES.sub(" ", spaced).strip() if position in _UPPER.get(segment_id, ()) else spaced.strip()
        )
        if trimmed != spaced:
            self.note(where, "blanks at the ends or doubled were removed")
        if position in _UPPER.get(segment_id, ()) and trimmed != trimmed.upper():
            self.note(where, "small letters became capitals")
            trimmed = trimmed.upper()
        return trimmed


def transliterate(text: str) -> str:
    """Plain ASCII that reads the same: ``Núñez`` gives ``Nunez``; what has no plain form becomes a question mark."""
    if text.isascii() and text.isprintable():
        return text
    plain = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    kept = "".join(mark for mark in plain if not unicodedata.combining(mark))
    return "".join(mark if " " <= mark <= "~" else "?" for mark in kept if mark.isprintable())


def digits_only(text: str) -> str:
    """Without the marks that people put between digits: ``(555) 010-2000``, ``12-3456789``, ``60601-1234``."""
    bare = re.sub(r"[\s().\-+]", "", text)
    return bare if bare.isdigit() and bare.isascii() else text
