"""ICD-10-CM as a compact index: which codes exist, which are billable, and the notes that rules ask for.

The data is that of the CDC/NCHS release (a work of the United States government, in the public domain). It is
compiled
once (``python -m chartside_billing.codes.icd_build``) into one small compressed file that ships with the package.
Codes are written without the dot, in capitals.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from chartside.errors import InputError

MAGIC = b"CHARTSIDE-ICD10CM-1\n"
SHIPPED = "icd10cm-2026-04-01.idx"
Notes = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Release:
    """One release: in force from ``effective`` until the next one. Notes: code prefixes by the code that has
    the note."""

    effective: date
    leaves: frozenset[str]
    headings: frozenset[str]
    excludes1: Notes
    code_first: Notes
    use_additional: Notes


def pack(release: Release) -> bytes:
    """The file's bytes; the same release gives the same bytes."""
    head = {
        "effective": release.effective.isoformat(),
        "excludes1": release.excludes1,
        "code_first": release.code_first,
        "use_additional": release.use_additional,
        "leaves": " ".join(sorted(release.leaves)),
        "headings": " ".join(sorted(release.headings)),
    }
    return MAGIC + zlib.compress(json.dumps(head, sort_keys=True, separators=(",", ":")).encode("ascii"), 9)


def unpack(data: bytes) -> Release:
    """The inverse of ``pack``. Raises InputError for anything else."""
    if not data.startswith(MAGIC):
        raise InputError("the ICD-10-CM index is not one of ours, or is damaged", mend="import it again")
    try:
        head: dict[str, Any] = json.loads(zlib.decompress(data[len(MAGIC) :]))
    except (zlib.error, ValueError):
        raise InputError("the ICD-10-CM index is damaged", mend="import it again") from None
    return Release(
        date.fromisoformat(head["effective"]),
        frozenset(head["leaves"].split()),
        frozenset(head["headings"].split()),
        head["excludes1"],
        head["code_first"],
        head["use_additional"],
    )


@lru_cache(maxsize=1)
def shipped() -> Release:
    """The release that comes with the package."""
    return unpack(files("chartside_billing.codes").joinpath("data", SHIPPED).read_bytes())


def _above(code: str) -> Iterator[str]:
    """The code and what it stands under, nearest first."""
    for length in range(len(code), 2, -1):
        yield code[:length]


class Icd:
    """Look-ups over one or more releases (``rules.loaded.IcdTable``). A day before the first release uses the
    first."""

    def __init__(self, releases: Sequence[Release]) -> None:
        self._releases = sorted(releases, key=lambda release: release.effective)

    @classmethod
    def open(cls, paths: Sequence[Path]) -> Icd:
        """The shipped release and the imported ones."""
        return cls([shipped(), *(unpack(path.read_bytes()) for path in paths)])

    def release(self, on: date) -> Release:
        """The release in force that day, as far as one is loaded."""
        found = self._releases[0]
        for release in self._releases[1:]:
            if release.effective <= on:
                found = release
        return found

    @property
    def versions(self) -> list[date]:
        """First days of the loaded releases."""
        return [release.effective for release in self._releases]

    def covers(self, on: date) -> bool:
        """Whether the release of that day's fiscal year (from 1 October) is loaded."""
        year = on.year + (on.month >= 10)
        return any(r.effective.year + (r.effective.month >= 10) == year for r in self._releases)

    def exists(self, code: str, on: date) -> bool:
        """Whether the code (leaf or heading) stands in the release in force that day."""
        release = self.release(on)
        return code in release.leaves or code in release.headings

    def billable(self, code: str, on: date) -> bool:
        """Whether it is a leaf."""
        return code in self.release(on).leaves

    def excludes1(self, code: str, other: str) -> bool:
        """Whether ``other`` is named by an Excludes1 note of ``code`` or of what it stands under."""
        notes = self._releases[-1].excludes1
        return any(other.startswith(prefix) for above in _above(code) for prefix in notes.get(above, ()))

    def code_first(self, code: str) -> tuple[str, ...] | None:
        """None: no code-first note. Else the code prefixes that the note names (empty: a condition only)."""
        notes = self._releases[-1].code_first
        found = [notes[above] for above in _above(code) if above in notes]
        return tuple(prefix for prefixes in found for prefix in prefixes) if found else None

    def use_additional(self, code: str) -> tuple[str, ...]:
        """Code prefixes that a "use additional code" note names; empty if there is none."""
        notes = self._releases[-1].use_additional
        return tuple(prefix for above in _above(code) for prefix in notes.get(above, ()))
