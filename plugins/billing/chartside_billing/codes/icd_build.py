"""Build an ICD-10-CM index from what CDC/NCHS publishes: the tabular XML with a code list, or the order file alone.

As a script it makes the file that ships: ``python -m chartside_billing.codes.icd_build`` (needs
simple-icd-10-cm, whose
data are those files).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from chartside.errors import InputError
from chartside_billing.codes.icd import SHIPPED, Notes, Release, pack

CODE = re.compile(r"[A-Z][0-9][0-9A-Z]\.?[0-9A-Z]{0,4}\Z")
_ORDER = re.compile(r"(\d{5}) ([A-Z][0-9][0-9A-Z][0-9A-Z]{0,4}) +([01]) ")
_NAMED = re.compile(
    r"\b([A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?)(?:\.?-(?![A-Z0-9]))?(?:\s*-\s*([A-Z][0-9][0-9A-Z](?:\.[0-9A-Z]{1,4})?))?"
)
_PARENTHESES = re.compile(r"\(([^()]*)\)")
LEAST_CODES = 60_000
"""A release has over 70,000 billable codes; fewer means that the file is cut or another one."""


def _bare(code: str) -> str:
    return code.replace(".", "")


def named(note: str) -> list[str]:
    """The code prefixes that a note names in parentheses: ``bipolar disorder (F31.-)`` gives ``F31``."""
    found: list[str] = []
    for inside in _PARENTHESES.findall(note):
        for first, last in _NAMED.findall(inside):
            found += _range(_bare(first), _bare(last)) if last else [_bare(first)]
    return found


def _range(first: str, last: str) -> list[str]:
    """Every category or subcategory from one to the other, as prefixes of one length."""
    if len(first) != len(last) or first[0] > last[0]:
        return [first, last]
    if len(first) > 3 and first[:-1] == last[:-1]:
        return [
            first[:-1] + mark
            for mark in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            if first[-1] <= mark <= last[-1]
        ]
    if not (first[1:3].isdigit() and last[1:3].isdigit()):
        return [first, last]
    letters = [chr(point) for point in range(ord(first[0]), ord(last[0]) + 1)]
    low, high = int(first[1:3]), int(last[1:3])
    return [
        f"{letter}{number:02}"
        for letter in letters
        for number in range(low if letter == first[0] else 0, (high if letter == last[0] else 99) + 1)
    ]


def split_levels(codes: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Leaves and headings: a heading is the beginning of another code."""
    ordered = sorted(set(codes))
    following = [*ordered[1:], ""]
    headings = {code for code, after in zip(ordered, following, strict=True) if after.startswith(code)}
    return frozenset(ordered) - headings, frozenset(headings)


def read_code_list(text: str) -> set[str]:
    """A code at the head of each line (``icd10cm-codes-2027.txt`` and the like); chapters and blocks are left out."""
    heads = (line.split(None, 1)[0].upper() for line in text.splitlines() if line.strip())
    return {_bare(head) for head in heads if CODE.match(head) and "-" not in head}


def read_order_file(text: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """Leaves and headings of CDC's order file, which says so itself; None if the text is no order file."""
    found = [match for match in map(_ORDER.match, text.splitlines()) if match]
    if len(found) < LEAST_CODES:
        return None
    leaves = frozenset(m[2] for m in found if m[3] == "1")
    return leaves, frozenset(m[2] for m in found if m[3] == "0")


def read_notes(xml: bytes) -> tuple[Notes, Notes, Notes]:
    """Excludes1, code-first and use-additional notes of the tabular list, those of chapters and blocks by
    category."""
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - expat without external entities; the caller limits the size
    except ElementTree.ParseError as error:
        raise InputError(f"the tabular XML is cut or damaged at line {error.position[0]}") from None
    notes: tuple[Notes, Notes, Notes] = ({}, {}, {})
    for chapter in root.iter("chapter"):
        for section in chapter.iter("section"):
            for diagnosis in section.findall("diag"):
                category = _bare(diagnosis.findtext("name", ""))
                for level in (chapter, section):
                    _collect(level, category, notes)
                _descend(diagnosis, notes)
    return notes


def _descend(diagnosis: ElementTree.Element, notes: tuple[Notes, Notes, Notes]) -> None:
    _collect(diagnosis, _bare(diagnosis.findtext("name", "")), notes)
    for inner in diagnosis.findall("diag"):
        _descend(inner, notes)


def _collect(element: ElementTree.Element, code: str, notes: tuple[Notes, Notes, Notes]) -> None:
    tags = ("excludes1", "codeFirst", "useAdditionalCode")
    for tag, table in zip(tags, notes, strict=True):
        texts = [note.text or "" for holder in element.findall(tag) for note in holder.findall("note")]
        if texts:
            prefixes = {prefix for text in texts for prefix in named(text)}
            if prefixes or tag == "codeFirst":
                table[code] = sorted({*table.get(code, []), *prefixes})


def build(effective: date, codes: Iterable[str], xml: bytes) -> Release:
    """A release from a code list and the tabular XML. Raises InputError if there are too few codes."""
    leaves, headings = split_levels(codes)
    if len(leaves) < LEAST_CODES:
        raise InputError(f"only {len(leaves)} billable codes: the code list is cut, or another file")
    return Release(effective, leaves, headings, *read_notes(xml))


def main() -> None:
    """Compile the release that simple-icd-10-cm carries into the package's data folder."""
    from importlib.resources import files

    data = files("simple_icd_10_cm").joinpath("data")
    codes = read_code_list(data.joinpath("code-list-April-2026.txt").read_text("ascii"))
    release = build(date(2026, 4, 1), codes, data.joinpath("icd10c-tabular-April-1-2026.xml").read_bytes())
    target = Path(__file__).with_name("data") / SHIPPED
    target.write_bytes(pack(release))
    print(f"{target.name}: {len(release.leaves)} billable codes, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
