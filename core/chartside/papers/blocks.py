"""A paper as plain blocks, so that the PDF and the HTML say the same."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is the paper's title."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph; a line feed in it begins a new line."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list, with numbers if ``numbered``."""

    items: tuple[str, ...]
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one a line. ``strong``: what the reader looks for first, such as the sum to pay."""

    pairs: tuple[tuple[str, str], ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """Two parties side by side on paper, one after the other for who listens: a heading and facts each."""

    left: tuple[Heading, Facts]
    right: tuple[Heading, Facts]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its caption, column heads, rows; ``numeric`` names the columns (from 0) that hold money or counts."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    total: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """A line to sign on, with what belongs there."""

    label: str


Block = Heading | Text | Bullets | Facts | Beside | Grid | Signature


@dataclass(frozen=True, slots=True)
class Paper:
    """A whole paper. ``language`` is a BCP 47 tag with a region (``es-US``); ``author`` the practice."""

    title: str
    language: str
    author: str
    blocks: list[Block] = field(default_factory=list)
