"""X12 interchanges as segments: read with any delimiters, written back as they were.

The delimiters stand in the ISA segment: its fourth character separates elements, its last element is the component
separator, and the character after that ends a segment. Files come with line breaks after segments, with a line
break *as* the terminator, indented, and without the last terminator; all of these are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from chartside.errors import InputError

MAX_BYTES = 128 * 1024 * 1024
"""Larger files are refused: the largest clearinghouse files are a few tens of megabytes."""
MAX_SEGMENT = 32_768
"""Characters in one segment; the longest legal one of the guides here is under 2,000."""
MAX_ELEMENTS = 128

_ID = re.compile(r"[A-Z][A-Z0-9]{1,2}\Z")
_BLANK = " \t\r\n\x1a\x00\ufeff"


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The four characters that cut an interchange. ``repetition`` is empty where ISA11 holds none (before 00402)."""

    element: str = "*"
    component: str = ":"
    repetition: str = "^"
    segment: str = "~"


class Seg(NamedTuple):
    """One segment: ``number`` counts from 1 over the whole file, ``elements`` begins with the id."""

    number: int
    elements: tuple[str, ...]

    @property
    def id(self) -> str:
        """The segment's id: ``"CLM"``."""
        return self.elements[0]

    def get(self, position: int) -> str:
        """The element at a position (1 is the first after the id); empty where it was not sent."""
        return self.elements[position] if position < len(self.elements) else ""

    @property
    def where(self) -> str:
        """For messages: ``"segment 23 CLM"``."""
        return f"segment {self.number} {self.elements[0]}"


def refuse(seg: Seg, reason: str, *, mend: str = "", loop: str = "") -> InputError:
    """An error that names the segment, its loop where that is known, and the reason, and nothing of the content."""
    return InputError(f"{seg.where}{f', loop {loop}' if loop else ''}: {reason}", mend=mend)


def load(source: bytes | str | Path) -> str:
    """The text of a file, of bytes (UTF-8, else Latin-1) or the text itself, without a byte order mark.

    Raises InputError if it is too large.
    """
    if isinstance(source, Path):
        try:
            if source.stat().st_size > MAX_BYTES:
                raise InputError(
                    f"the file is larger than {MAX_BYTES // 2**20} MiB", mend="split it by interchange"
                )
            source = source.read_bytes()
        except OSError as error:
            raise InputError(f"the file cannot be read: {error.strerror or 'unknown reason'}") from None
    if len(source) > MAX_BYTES:
        raise InputError(f"the file is larger than {MAX_BYTES // 2**20} MiB", mend="split it by interchange")
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError:
        return source.decode("latin-1")


def find_delimiters(text: str, start: int = 0) -> tuple[Delimiters, int]:
    """The delimiters of the ISA at ``start``, and where its terminator stands. Raises InputError."""
    separator = text[start + 3 : start + 4]
    if not separator or separator.isalnum() or separator in _BLANK:
        raise InputError("segment 1 ISA: the element separator is missing")
    end, position = start + 3, start + 3
    for _ in range(15):
        end = text.find(separator, position + 1, start + 400)
        if end < 0:
            raise InputError(
                "segment 1 ISA: it has fewer than 16 elements", mend="the file is cut, or no X12"
            )
        position = end
    component, terminator = text[end + 1 : end + 2], text[end + 2 : end + 3]
    repetition = text[start:end].split(separator)[11]
    if not component or component.isalnum() or component in _BLANK or component == separator:
        raise InputError("segment 1 ISA: ISA16 holds no component separator")
    if not terminator or terminator.isalnum() or terminator in {" ", separator, component}:
        raise InputError("segment 1 ISA: no segment terminator follows ISA16")
    usable = (
        len(repetition) == 1
        and not repetition.isalnum()
        and repetition not in {" ", separator, component, terminator}
    )
    return Delimiters(separator, component, repetition if usable else "", terminator), end + 2


def read_segments(text: str) -> Iterator[tuple[Seg, Delimiters]]:
    """Every segment of a file with the delimiters of its interchange. Raises InputError naming the segment."""
    position, index = _skip(text, 0), 0
    if not text.startswith("ISA", position):
        raise InputError(
            "segment 1: the file does not begin with ISA", mend="give an X12 file (837, 835, 999, 277, 271)"
        )
    while position < len(text):
        delimiters, end = find_delimiters(text, position)
        while True:
            raw = text[position:end].lstrip(_BLANK).rstrip("\r\n\x1a\x00")
            if raw:
                index += 1
                seg = _split(raw, index, delimiters.element)
                yield seg, delimiters
            position = end + 1
            if position >= len(text):
                return
            ahead = _skip(text, position)
            if ahead >= len(text):
                return
            if text.startswith("ISA", ahead) and raw.startswith("IEA"):
                position = ahead
                break
            found = text.find(delimiters.segment, position)
            end = found if found >= 0 else len(text)


def _skip(text: str, position: int) -> int:
    length = len(text)
    while position < length and text[position] in _BLANK:
        position += 1
    return position


def _split(raw: str, index: int, separator: str) -> Seg:
    if len(raw) > MAX_SEGMENT:
        raise InputError(
            f"segment {index}: longer than {MAX_SEGMENT} characters", mend="a terminator is missing"
        )
    elements = tuple(raw.split(separator))
    if len(elements) > MAX_ELEMENTS:
        raise InputError(
            f"segment {index}: more than {MAX_ELEMENTS} elements", mend="a terminator is missing"
        )
    if not _ID.match(elements[0]):
        raise InputError(
            f"segment {index}: it does not begin with a segment id", mend="a terminator is missing or doubled"
        )
    return Seg(index, elements)


def render(segments: Iterable[tuple[str, ...]], delimiters: Delimiters, *, newline: bool = True) -> str:
    """Segments as text, each with its terminator and, for people's sake, a line break. The inverse of reading."""
    after = delimiters.segment + ("\n" if newline and delimiters.segment not in "\r\n" else "")
    return "".join(delimiters.element.join(elements) + after for elements in segments)


def normalise(source: bytes | str | Path) -> str:
    """A file read and written back, segment by segment: what differs is blank space between segments only."""
    parts: list[str] = []
    for seg, delimiters in read_segments(load(source)):
        parts.append(render([seg.elements], delimiters))
    return "".join(parts)
