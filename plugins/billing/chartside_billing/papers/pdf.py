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
from chartside_billing.papers.blocks import Beside, Block, Facts, Grid, Heading, Paper, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALL = "pip install 'chartside[billing]'"
_BODY, _BOLD = "Vera", "VeraBd"
_WIDTH = 612.0 - 2 * 60
"""Points between the margins of US Letter."""


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
    """Whose paper it is, and the number of the page."""
    canvas.saveState()
    canvas.setFont(_BODY, 8)
    canvas.drawString(
        60, 36, " \u00b7 ".join(part for part in (document.author, document.title) if part)[:100]
    )
    canvas.drawRightString(document.pagesize[0] - 60, 36, str(canvas.getPageNumber()))
    canvas.restoreState()


def _story(paper: Paper) -> Iterator[Any]:
    for number, block in enumerate(paper.blocks):
        yield from _flow(block, number)


def _style(
    name: str, size: float, *, bold: bool = False, before: float = 0, right: bool = False, keep: bool = False
) -> Any:
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
        keepWithNext=keep,
    )


def _flow(block: Block, number: int) -> Iterator[Any]:
    from reportlab.platypus import Paragraph

    if isinstance(block, Heading):
        yield _heading(block, number)
    elif isinstance(block, Text):
        yield Paragraph(escape(block.text), _style("text", 9.5))
    elif isinstance(block, Facts):
        style = _style("strong", 13, before=4) if block.strong else _style("fact", 9.5)
        for name, value in block.pairs:
            yield Paragraph(f"<b>{escape(name)}:</b> {escape(value)}", style)
    elif isinstance(block, Beside):
        yield _beside(block, number)
    else:
        yield from _table(block)


def _beside(block: Beside, number: int) -> Any:
    from reportlab.platypus import Table

    sides = [
        [*_flow(heading, 100 * number + place), *_flow(facts, number)]
        for place, (heading, facts) in enumerate((block.left, block.right))
    ]
    table = Table([sides], colWidths=[_WIDTH / 2] * 2, hAlign="LEFT")
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (0, 0), 0)])
    return table


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
    return Outlined(escape(block.text), _style("heading", size, bold=True, before=8, keep=True))


def _table(grid: Grid) -> Iterator[Any]:
    from reportlab.lib import colors
    from reportlab.platypus import Paragraph, Spacer, Table

    if grid.caption:
        yield Paragraph(escape(grid.caption), _style("caption", 9.5, bold=True, before=6, keep=True))
    rows = [
        (grid.head, True),
        *((row, False) for row in grid.rows),
        *([(grid.total, True)] if grid.total else []),
    ]
    lines = [
        [
            Paragraph(escape(_whole(text)), _style("cell", 8.5, bold=bold, right=place in grid.numeric))
            for place, text in enumerate(row)
        ]
        for row, bold in rows
    ]
    table = Table(lines, colWidths=_widths(grid), repeatRows=1, hAlign="LEFT")
    table.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 1, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.5, colors.HexColor("#999999")),
            ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#eeeeee")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    yield table
    yield Spacer(1, 8)


def _whole(text: str) -> str:
    """A date, a sum or a code stays on one line."""
    return text.replace(" ", "\u00a0") if len(text) <= 14 else text


def _widths(grid: Grid) -> list[float]:
    """What each column's longest text wants, at least its longest word; what is left goes to the widest."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    columns = list(zip(*(row for row in (grid.head, *grid.rows, grid.total) if row), strict=True))

    def width(text: str) -> float:
        return float(stringWidth(text, _BOLD, 8.5)) + 14  # the cell's own padding

    least = [
        max(width(word) for text in column for word in (_whole(text).split(" ") or [""]))
        for column in columns
    ]
    wanted = [max(width(text) for text in column) for column in columns]
    left = _WIDTH - sum(least)
    more = [want - low for want, low in zip(wanted, least, strict=True)]
    if left <= 0 or not sum(more):
        return [_WIDTH * low / sum(least) for low in least]
    share = min(1.0, left / sum(more))
    widths = [low + add * share for low, add in zip(least, more, strict=True)]
    widths[widths.index(max(widths))] += _WIDTH - sum(widths)
    return widths
