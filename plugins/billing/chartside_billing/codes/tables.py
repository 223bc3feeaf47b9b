"""The small code sets behind the rules' protocols: MUE, add-on codes, HCPCS, payers, fees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Versions(Generic[T]):
    """Versions of one set by first day. A day before the first version uses the first."""

    def __init__(self, versions: Sequence[tuple[date, T]]) -> None:
        self._versions = sorted(versions, key=lambda version: version[0])

    def at(self, on: date) -> T:
        """The version in force that day."""
        found = self._versions[0][1]
        for effective, version in self._versions[1:]:
            if effective <= on:
                found = version
        return found


class Mue(Versions[Mapping[str, list[int]]]):
    """``rules.loaded.UnitTable``."""

    def limit(self, code: str, on: date) -> tuple[int, int] | None:
        """(value, MAI); None: no entry."""
        found = self.at(on).get(code)
        return (found[0], found[1]) if found else None


class AddOns(Versions[Mapping[str, dict[str, Any]]]):
    """``rules.loaded.AddOnTable``."""

    def primaries(self, code: str, on: date) -> tuple[int, frozenset[str]] | None:
        """(type 1-3, listed primary codes that hold that day); None: the code is no add-on code."""
        entry = self.at(on).get(code)
        if entry is None:
            return None
        day = on.isoformat()
        return int(entry["type"]), frozenset(p for p, start, end in entry["primaries"] if start <= day <= end)


class Procedures(Versions[Mapping[str, list[str]]]):
    """``rules.loaded.ProcedureTable``: HCPCS Level II, and CPT if the loaded list has it."""

    def active(self, code: str, on: date) -> bool | None:
        """Whether the code is active that day; None if the list has no codes of its kind (all digits, or a
        letter first)."""
        table = self.at(on)
        entry = table.get(code)
        if entry is None:
            kind = code[:1].isdigit()
            return False if any(known[:1].isdigit() == kind for known in table) else None
        start, end = entry
        return start <= on.isoformat() <= end


class Payers(Versions[Mapping[str, str]]):
    """``rules.loaded.PayerTable``: the newest list counts."""

    def accepts(self, payer_id: str) -> bool:
        """Whether professional claims can be routed to this id."""
        return payer_id.strip().upper() in self._versions[-1][1]

    def name(self, payer_id: str) -> str:
        """The payer's name in the list; empty if it is not there."""
        return self._versions[-1][1].get(payer_id.strip().upper(), "")


class Fees(Versions[Sequence[list[str]]]):
    """``rules.loaded.FeeTable``: rows of code, modifiers, place of service, fee, first day, last day."""

    def __init__(self, versions: Sequence[tuple[date, Sequence[list[str]]]]) -> None:
        super().__init__(versions)
        self._by_code: dict[int, dict[str, list[list[str]]]] = {}

    def fee(self, code: str, modifiers: tuple[str, ...], pos: str, on: date) -> Decimal | None:
        """The charge for one unit: the row with most modifiers in common, then with the place; None: no row fits."""
        rows = self._rows(on).get(code, ())
        day, best, score = on.isoformat(), None, (-1, -1)
        for _, wanted, place, amount, start, end in rows:
            needed = set(wanted.split())
            if start <= day <= end and needed <= set(modifiers) and place in {"", pos}:
                rank = (len(needed), int(bool(place)))
                if rank > score:
                    best, score = Decimal(amount), rank
        return best

    def _rows(self, on: date) -> dict[str, list[list[str]]]:
        version = self.at(on)
        if id(version) not in self._by_code:
            table: dict[str, list[list[str]]] = {}
            for row in version:
                table.setdefault(row[0], []).append(row)
            self._by_code[id(version)] = table
        return self._by_code[id(version)]
