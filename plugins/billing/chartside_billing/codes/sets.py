"""Every code set of a practice in one object, each loaded when it is first asked for."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from chartside_billing.codes.facts import BEHAVIORAL_TAXONOMIES, PLACES
from chartside_billing.codes.icd import Icd
from chartside_billing.codes.ptp import Ptp
from chartside_billing.codes.store import SETS, read_json, versions
from chartside_billing.codes.tables import AddOns, Fees, Mue, Payers, Procedures, Versions

V = TypeVar("V", bound="Versions[Any]")


class CodeSets:
    """What is loaded. Sets that nobody imported are None, and the rules say "not checked".

    The attributes fit the protocols of ``rules.loaded``: ``icd`` (always there), ``procedures``, ``pairs``,
    ``units``,
    ``add_ons``, ``taxonomies``, ``payers``, ``fees``. Opening reads names of files only.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._files = {name: versions(folder, name) if folder and folder.is_dir() else [] for name in SETS}

    @classmethod
    def open(cls, folder: Path | None = None) -> CodeSets:
        """The sets that lie in this folder; None: only what ships."""
        return cls(folder)

    def loaded(self, name: str) -> bool:
        """Whether a set (``"ncci-ptp"``, ``"mue"`` ...) can be asked."""
        return name == "icd10" or bool(self._files[name])

    @property
    def versions(self) -> dict[str, list[date]]:
        """First days of what is loaded, by set."""
        found = {name: [day for day, _ in files] for name, files in self._files.items()}
        return {**found, "icd10": self.icd.versions}

    @cached_property
    def icd(self) -> Icd:
        """ICD-10-CM."""
        return Icd.open([path for _, path in self._files["icd10"]])

    @cached_property
    def pairs(self) -> Ptp | None:
        """NCCI pairs: the newest file, which holds the history."""
        files = self._files["ncci-ptp"]
        return Ptp(files[-1][1]) if files else None

    def _table(self, name: str, kind: type[V]) -> V | None:
        files = self._files[name]
        return kind([(day, read_json(path)) for day, path in files]) if files else None

    @cached_property
    def units(self) -> Mue | None:
        """MUE."""
        return self._table("mue", Mue)

    @cached_property
    def add_ons(self) -> AddOns | None:
        """NCCI add-on codes."""
        return self._table("aoc", AddOns)

    @cached_property
    def procedures(self) -> Procedures | None:
        """HCPCS."""
        return self._table("hcpcs", Procedures)

    @cached_property
    def payers(self) -> Payers | None:
        """The clearinghouse's payer list."""
        return self._table("payers", Payers)

    @cached_property
    def fees(self) -> Fees | None:
        """The practice's fees."""
        return self._table("fees", Fees)

    @cached_property
    def taxonomies(self) -> frozenset[str] | None:
        """NUCC taxonomy codes, if the NUCC file is imported."""
        files = self._files["taxonomy"]
        return frozenset(read_json(files[-1][1])) if files else None

    @property
    def behavioral_taxonomies(self) -> frozenset[str]:
        """The behavioural codes that ship."""
        return frozenset(BEHAVIORAL_TAXONOMIES)

    @property
    def places(self) -> frozenset[str]:
        """CMS places of service."""
        return frozenset(PLACES)
