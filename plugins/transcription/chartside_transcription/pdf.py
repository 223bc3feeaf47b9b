"""A signed note as tagged PDF, for an EHR whose viewer shows documents (T-10)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from chartside.errors import PluginError
from chartside.papers import Block, Bullets, Heading, Paper, Text, render_pdf

_POINT = "- "
_HEADING = re.compile(r"[^\W\d_][\w /&()'-]{0,58}[\w)]")


def pdf_of(title: str, text: str, foot: str) -> bytes:
    """The note on US Letter; ``foot`` stands under it (who signed). Raises PluginError where typst is missing."""
    lines = text.strip().splitlines()
    body = lines[1:] if lines and lines[0].strip() == title.strip() else lines
    try:
        return render_pdf(Paper(title, "en-US", "", [Heading(title, 1), *_blocks(body), Text(foot)]))
    except PluginError as error:
        mend = f"{error.mend}, or set pdf = false" if error.mend else "set pdf = false"
        raise PluginError(str(error.args[0]), mend=mend) from None


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Headings, points and paragraphs as the note's own text marks them."""
    points: list[str] = []
    for before, line in pairwise(["", *lines]):
        if line.startswith(_POINT):
            points.append(line.removeprefix(_POINT))
            continue
        if points:
            yield Bullets(tuple(points))
            points = []
        if not before.strip() and _HEADING.fullmatch(line.strip()):
            yield Heading(line.strip())
        elif line.strip():
            yield Text(line)
    if points:
        yield Bullets(tuple(points))
