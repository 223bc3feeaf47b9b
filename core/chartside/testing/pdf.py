"""A PDF as an independent reader (pdfium, which Chrome shows PDFs with) sees it: tags, their text, what has no tag.

::

    paper = read_pdf(render_pdf(...))
    assert [(tag.type, tag.text) for tag in paper.tags()][0] == ("H1", "Invoice 7")
    assert not paper.untagged
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Tag:
    """An element of the structure tree on one page, with the text of its own marked content."""

    type: str
    page: int
    text: str = ""
    alt: str = ""
    scope: str = ""
    children: list[Tag] = field(default_factory=list)

    def all(self) -> Iterator[Tag]:
        """It and what it holds, in reading order."""
        yield self
        for child in self.children:
            yield from child.all()

    @property
    def whole(self) -> str:
        """Its text and that of all it holds."""
        return " ".join(tag.text for tag in self.all() if tag.text)


@dataclass(slots=True)
class TaggedPdf:
    """What a reader gets of a PDF."""

    title: str
    language: str
    pages: int
    right: float = 0.0
    """How far to the right anything stands, in points."""
    roots: list[Tag] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)
    """Texts that a screen reader leaves out: page numbers, repeated table heads."""
    untagged: list[str] = field(default_factory=list)
    """Text and drawings that are neither content nor artifact: a fault."""
    unmatched: list[str] = field(default_factory=list)
    """Marked content that the tree does not name, or names in vain: a fault."""

    def tags(self, *types: str) -> list[Tag]:
        """All tags in reading order, or those of these types."""
        return [tag for root in self.roots for tag in root.all() if not types or tag.type in types]

    @property
    def text(self) -> str:
        """All text in reading order."""
        return " ".join(root.whole for root in self.roots)


def read_pdf(data: bytes) -> TaggedPdf:
    """Needs the extra ``test`` (pypdfium2)."""
    import pypdfium2
    from pypdfium2 import raw

    document = pypdfium2.PdfDocument(data)
    try:
        language = _wide(lambda buffer, size: raw.FPDFCatalog_GetLanguage(document, buffer, size))
        title = str(document.get_metadata_value("Title"))
        found = TaggedPdf(title, language, len(document))
        for number in range(len(document)):
            _read_page(document[number], number, found)
        return found
    finally:
        document.close()


def _read_page(page: Any, number: int, found: TaggedPdf) -> None:
    from pypdfium2 import raw

    marked = _marked(page, found)
    named: set[int] = set()
    tree = raw.FPDF_StructTree_GetForPage(page)
    if tree:
        for place in range(raw.FPDF_StructTree_CountChildren(tree)):
            element = raw.FPDF_StructTree_GetChildAtIndex(tree, place)
            if element:
                found.roots.append(_tag(element, number, marked, named))
        raw.FPDF_StructTree_Close(tree)
    for lonely in set(marked) ^ named:
        found.unmatched.append(f"page {number + 1}, content {lonely}: {marked.get(lonely, '')}")


def _marked(page: Any, found: TaggedPdf) -> dict[int, str]:
    """Text by marked-content id; artifacts and what has no mark go to ``found``."""
    from pypdfium2 import raw

    words = page.get_textpage()
    marked: dict[int, str] = {}
    for item in page.get_objects():
        text = _text(item, words)
        key = raw.FPDFPageObj_GetMarkedContentID(item)
        found.right = max(found.right, item.get_bounds()[2])
        if key >= 0:
            marked[key] = marked.get(key, "") + text
        elif "Artifact" in _marks(item):
            found.artifacts.append(text)
        else:
            found.untagged.append(text or "a drawing")
    return marked


def _text(item: Any, words: Any) -> str:
    from pypdfium2 import raw

    return _wide(lambda buffer, size: raw.FPDFTextObj_GetText(item, words, buffer, size))


def _marks(item: Any) -> list[str]:
    from pypdfium2 import raw

    names = []
    for place in range(raw.FPDFPageObj_CountMarks(item)):
        mark = raw.FPDFPageObj_GetMark(item, place)
        buffer, size = ctypes.create_string_buffer(64), ctypes.c_ulong()
        raw.FPDFPageObjMark_GetName(mark, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), 64, size)
        names.append(buffer.raw[: size.value].decode("utf-16-le").rstrip("\0"))
    return names


def _tag(element: Any, page: int, marked: dict[int, str], named: set[int]) -> Tag:
    from pypdfium2 import raw

    def said(function: Any) -> str:
        return _wide(lambda buffer, size: function(element, buffer, size))

    made = Tag(said(raw.FPDF_StructElement_GetType), page, alt=said(raw.FPDF_StructElement_GetAltText))
    made.scope = _scope(element)
    for place in range(raw.FPDF_StructElement_CountChildren(element)):
        key = raw.FPDF_StructElement_GetChildMarkedContentID(element, place)
        child = raw.FPDF_StructElement_GetChildAtIndex(element, place)
        if key >= 0:
            named.add(key)
            made.text += marked.get(key, "")
        elif child:
            made.children.append(_tag(child, page, marked, named))
    made.text = made.text.strip()  # pdfium adds blanks between words that stand apart
    return made


def _scope(element: Any) -> str:
    from pypdfium2 import raw

    for place in range(raw.FPDF_StructElement_GetAttributeCount(element)):
        attribute = raw.FPDF_StructElement_GetAttributeAtIndex(element, place)
        value = raw.FPDF_StructElement_Attr_GetValue(attribute, b"Scope")
        if value:
            return _wide(lambda buffer, size: _string(value, buffer, size))  # noqa: B023 - called at once
    return ""


def _string(value: Any, buffer: Any, size: int) -> int:
    from pypdfium2 import raw

    length = ctypes.c_ulong()
    raw.FPDF_StructElement_Attr_GetStringValue(value, buffer, size, length)
    return length.value


def _wide(call: Callable[[Any, int], int]) -> str:
    """A text that pdfium writes as UTF-16 into a buffer; the call tells its size in bytes."""
    size = call(None, 0)
    if not size:
        return ""
    buffer = ctypes.create_string_buffer(size + 2)
    call(ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[:size].decode("utf-16-le", "replace").rstrip("\0")
