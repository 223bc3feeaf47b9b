"""A signed note as PDF, for an EHR whose viewer shows documents (T-10)."""

from __future__ import annotations

import io
from importlib.util import find_spec
from xml.sax.saxutils import escape

from chartside.errors import PluginError
from chartside_transcription.weights import INSTALL


def pdf_of(title: str, text: str, foot: str) -> bytes:
    """The note on US Letter; ``foot`` stands under it (who signed). Raises PluginError where reportlab is missing."""
    if find_spec("reportlab") is None:
        raise PluginError(
            "reportlab is not installed, so no PDF is written", mend=f"{INSTALL}, or set pdf = false"
        )
    from reportlab.lib.pagesizes import LETTER
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer

    font = _font()
    style = getSampleStyleSheet()["BodyText"].clone("note", fontName=font, fontSize=10, leading=14)
    small = style.clone("foot", fontSize=8, leading=10)
    story = [
        Paragraph(escape(line), style) if line.strip() else Spacer(1, 8)
        for line in (*text.splitlines(), "", "")
    ]
    held = io.BytesIO()
    SimpleDocTemplate(held, pagesize=LETTER, title=title, invariant=True).build(
        [*story, Paragraph(escape(foot), small)]
    )
    return held.getvalue()


def _font() -> str:
    """Vera comes with reportlab, may be embedded, and holds the letters of western languages."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    if "Vera" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    return "Vera"
