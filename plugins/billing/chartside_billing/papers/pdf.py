"""Papers as PDF: the same paper gives the same bytes.

What reportlab permits for accessibility is done: the document has a title (shown as the window's title), a
language, an
outline of its headings, embedded fonts, text in reading order, table heads repeated on each page. What it does
not permit:
a structure tree, so the PDF is *not* tagged (no PDF/UA). Who needs that gets the HTML form of the same paper.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from chartside.errors import ConfigError
from chartside_billing.papers.blocks import Block, Facts, Grid, Heading, Paper, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALL = "pip install 'chartside[billing]'"
_BODY, _BOLD = "Vera", "VeraBd"


@lru_cache(maxsize=1)
def _fonts() -> None:
    """Vera comes with reportlab and may be embedded; it holds the letters of English and Spanish."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont(_BODY, "Vera.ttf"))
    pdfmetrics.registerFont(TTFont(_BOLD, "VeraBd.ttf"))
    pdfmetrics.registerFontFamily(_BODY, normal=_BODY, bold=_BOLD, italic=_BODY, boldItalic=_BOLD)


def render_pdf(paper: Paper) -> bytes:
    """The paper on US Letter. Raises ConfigError if reportlab is not installed."""
    try:
        from reportlab.lib.pagesizes import LETTER
        from reportlab.platypus import SimpleDocTemplate
    except ImportError:
        raise ConfigError("billing", "reportlab is not installed", mend=INSTALL) from None
    _fonts()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=LETTER,
        title=paper.title,
        author=paper.author,
        subject=paper.title,
        creator="Chartside",
        lang=paper.language,
        invariant=1,
        leftMargin=54,
        rightMargin=54,
        topMargin=54,
        bottomMargin=54,
    )
    document.build(list(_story(paper)), onFirstPage=_first, onLaterPages=_page)
    return out.getvalue()


def _first(canvas: Any, document: Any) -> None:
    canvas.setViewerPreference("DisplayDocTitle", "true")
    canvas.showOutline()
    _page(canvas, document)


def _page(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont(_BODY, 8)
    canvas.drawRightString(document.pagesize[0] - 54, 36, str(canvas.getPageNumber()))
    canvas.restoreState()


def _story(paper: Paper) -> Iterator[Any]:
    for number, block in enumerate(paper.blocks):
        yield from _flow(block, number)


def _style(name: str, size: float, *, bold: bool = False, before: float = 0, right: bool = False) -> Any:
    from reportlab.lib.styles import ParagraphStyle

    font = _BOLD if bold else _BODY
    return ParagraphStyle(
        name,
        fontName=font,
        fontSize=size,
        leading=size * 1.35,
        spaceBefore=before,
        spaceAfter=4,
        alignment=2 if right else 0,
    )


def _flow(block: Block, number: int) -> Iterator[Any]:
    from reportlab.platypus import Paragraph

    if isinstance(block, Heading):
        yield _heading(block, number)
    elif isinstance(block, Text):
        yield Paragraph(escape(block.text), _style("text", 9.5))
    elif isinstance(block, Facts):
        for name, value in block.pairs:
            yield Paragraph(f"<b>{escape(name)}:</b> {escape(value)}", _style("fact", 9.5))
    else:
        yield from _table(block)


def _heading(block: Heading, number: int) -> Any:
    from reportlab.platypus import Paragraph

    class Outlined(Paragraph):  # type: ignore[misc]
        """A heading that also stands in the outline."""

        def draw(self) -> None:
            key = f"h{number}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(block.text, key, level=min(block.level - 1, 1), closed=False)
            super().draw()

    size = 16 if block.level == 1 else 11.5
    return Outlined(escape(block.text), _style("heading", size, bold=True, before=8))


def _table(grid: Grid) -> Iterator[Any]:
    from reportlab.lib import colors
    from reportlab.platypus import Paragraph, Spacer, Table

    if grid.caption:
        yield Paragraph(escape(grid.caption), _style("caption", 9.5, bold=True, before=4))
    lines = [[Paragraph(escape(text), _style("head", 8.5, bold=True)) for text in grid.head]]
    for row, bold in [*((row, False) for row in grid.rows), *([(grid.total, True)] if grid.total else [])]:
        styles = [_style("cell", 8.5, bold=bold, right=place in grid.numeric) for place in range(len(row))]
        lines.append([Paragraph(escape(text), style) for text, style in zip(row, styles, strict=True)])
    widths = [1.0 if n in grid.numeric or len(name) < 8 else 2.0 for n, name in enumerate(grid.head)]
    share = 504 / sum(widths)
    table = Table(lines, colWidths=[share * w for w in widths], repeatRows=1)
    table.setStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.5, colors.HexColor("#555555")),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#e8e8e8")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    yield table
    yield Spacer(1, 8)
