"""Papers: one list of plain blocks, shown as tagged PDF (PDF/UA-1) and as HTML. PDF needs the extra ``papers``."""

from __future__ import annotations

from chartside.papers.blocks import (
    Beside,
    Block,
    Bullets,
    Facts,
    Grid,
    Heading,
    Paper,
    Signature,
    Text,
)
from chartside.papers.html import render_html
from chartside.papers.pdf import problem, render_pdf, typeset

__all__ = [
    "Beside",
    "Block",
    "Bullets",
    "Facts",
    "Grid",
    "Heading",
    "Paper",
    "Signature",
    "Text",
    "problem",
    "render_html",
    "render_pdf",
    "typeset",
]
