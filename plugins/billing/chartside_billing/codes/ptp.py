"""NCCI procedure-to-procedure edits: packed, memory-mapped, looked up by bisection.

A code is a number (its place in the sorted list of codes). All pairs of one column-1 code stand together, sorted by
their column-2 number, so that a pair costs two bytes for column 2 and two for what is said of it: an entry in
a table of
(first day, last day, indicator), of which a full file has a few thousand. 2.6 million rows take about 11 MB.
"""

from __future__ import annotations

import json
import mmap
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, Literal

from chartside.errors import InputError

MAGIC = b"CHARTSIDE-PTP-1\n"
NEVER = 99991231
Row = tuple[str, str, int, int, str]
"""Column 1, column 2, first day and last day (YYYYMMDD, inclusive; ``NEVER`` if it still holds), indicator 0 or 1."""


class Packer:
    """Takes rows in any order and writes the packed file. Memory: about nine bytes a row."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._terms: dict[tuple[int, int, str], int] = {}
        self._pairs: dict[int, array[int]] = {}
        self.rows = 0

    def add_all(self, rows: Iterable[Row]) -> None:
        """Add rows. The loop is written flat: it runs some millions of times."""
        codes, terms, pairs, count = self._codes, self._terms, self._pairs, 0
        for first, second, start, end, indicator in rows:
            one = codes.setdefault(first, len(codes))
            two = codes.setdefault(second, len(codes))
            key = (start, end, indicator)
            term = terms.get(key)
            if term is None:
                term = terms[key] = len(terms)
            bucket = pairs.get(one)
            if bucket is None:
                bucket = pairs[one] = array("Q")
            bucket.append(two << 32 | term)
            count += 1
        self.rows += count

    def write(self, out: BinaryIO, about: dict[str, Any]) -> None:
        """The packed file. Raises InputError if there are more codes or terms than two bytes can number."""
        if len(self._codes) > 65_535 or len(self._terms) > 65_535:
            raise InputError("more codes or dates than an NCCI file has: is it another file?")
        ordered = sorted(self._codes)
        places = array("H", bytes(2 * len(ordered)))
        for place, code in enumerate(ordered):
            places[self._codes[code]] = place
        by_place = {places[one]: bucket for one, bucket in self._pairs.items()}
        offsets, seconds, terms = array("I", [0]), array("H"), array("H")
        for place in range(len(ordered)):
            for value in sorted((places[v >> 32] << 16 | v & 0xFFFF) for v in by_place.get(place, ())):
                seconds.append(value >> 16)
                terms.append(value & 0xFFFF)
            offsets.append(len(seconds))
        head = json.dumps({**about, "codes": ordered, "terms": list(self._terms)}).encode("ascii")
        out.write(MAGIC + struct.pack("<QQ", len(head), len(seconds)) + head + bytes(-len(head) % 4))
        for block in (offsets, seconds, terms):
            out.write(block.tobytes())


class Ptp:
    """Look-ups over a packed file (``rules.loaded.PairTable``)."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size < len(MAGIC) + 16 or file.read(len(MAGIC)) != MAGIC:
                raise InputError(
                    "the NCCI pairs file is not one of ours, or is damaged", mend="import it again"
                )
            length, rows = struct.unpack("<QQ", file.read(16))
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = len(MAGIC) + 16
        head: dict[str, Any] = json.loads(self._map[start : start + length])
        start += length + -length % 4
        self.about = head
        self.rows = rows
        self._places = {code: place for place, code in enumerate(head["codes"])}
        self._terms = [(date_of(first), date_of(last), flag) for first, last, flag in head["terms"]]
        widths = (4 * (len(head["codes"]) + 1), 2 * rows, 2 * rows)
        if size != start + sum(widths):
            raise InputError("the NCCI pairs file is cut", mend="import it again")
        view = memoryview(self._map)
        blocks = []
        kinds: tuple[Literal["I", "H"], ...] = ("I", "H", "H")
        for width, kind in zip(widths, kinds, strict=True):
            blocks.append(view[start : start + width].cast(kind))
            start += width
        self._offsets, self._seconds, self._term_of = blocks

    def indicator(self, column1: str, column2: str, on: date) -> str | None:
        """``"0"`` no modifier allowed, ``"1"`` modifier allowed; None: no pair that day."""
        one, two = self._places.get(column1), self._places.get(column2)
        if one is None or two is None:
            return None
        seconds, end = self._seconds, self._offsets[one + 1]
        place = bisect_left(seconds, two, self._offsets[one], end)
        while place < end and seconds[place] == two:
            first, last, flag = self._terms[self._term_of[place]]
            if first <= on <= last:
                return str(flag)
            place += 1
        return None

    def covers(self, code: str) -> bool:
        """Whether any pair names the code."""
        return code in self._places


def date_of(number: int) -> date:
    """YYYYMMDD as a day."""
    return date(number // 10_000, number // 100 % 100, number % 100)
