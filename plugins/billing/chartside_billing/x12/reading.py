"""Any X12 file that a biller gets: told apart by ST01, read by its reader, said in plain words or as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from chartside.errors import InputError
from chartside_billing.x12 import words
from chartside_billing.x12.acks import read_277, read_999, read_ta1
from chartside_billing.x12.envelope import read_interchanges
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.remit import read_835


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds: its kind (ST01, or TA1) and the objects read from it."""

    kind: str
    items: list[Any]

    def lines(self) -> Iterator[str]:
        """In plain words."""
        describe = _DESCRIBE[self.kind]
        if not self.items:
            yield f"The {self.kind} holds nothing (no claim, no answer)."
        for item in self.items:
            yield from describe(item)

    def data(self) -> dict[str, Any]:
        """As JSON data: dates as ISO, money as strings."""
        return {"kind": self.kind, "items": [plain(item) for item in self.items]}


def _eligibility(source: Any) -> list[Any]:
    from chartside_billing.x12.eligibility import read_271

    return list(read_271(source))


def _describe_eligibility(item: Any) -> Iterable[str]:
    from chartside_billing.x12.eligibility import describe

    return describe(item)


_READ: dict[str, Callable[[Any], list[Any]]] = {
    "837": read_837,
    "835": read_835,
    "999": read_999,
    "277": read_277,
    "271": _eligibility,
    "TA1": read_ta1,
}
_DESCRIBE: dict[str, Callable[[Any], Iterable[str]]] = {
    "837": words.describe_claim,
    "835": words.describe_remittance,
    "999": words.describe_group,
    "277": words.describe_report,
    "271": _describe_eligibility,
    "TA1": words.describe_interchange,
}


def read_document(source: bytes | str | Path) -> Document:
    """Read a file of any kind that answers or makes a claim. Raises InputError, also for kinds that are not read."""
    interchanges = read_interchanges(source)
    kinds = {t.kind for i in interchanges for g in i.groups for t in g.sets}
    if not kinds and any(i.acknowledgements for i in interchanges):
        kinds = {"TA1"}
    if len(kinds) != 1:
        reason = "more than one kind of transaction set" if kinds else "no transaction set (ST)"
        raise InputError(f"the file holds {reason}", mend="split it")
    kind = kinds.pop()
    if kind not in _READ:
        raise InputError(f"transaction set {kind[:6]!r} is not read", mend=f"these are: {', '.join(_READ)}")
    return Document(kind, _READ[kind](source))


def plain(value: Any) -> Any:
    """Dataclasses, dates and decimals as what JSON knows; what is empty is left out."""
    if is_dataclass(value):
        pairs = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {name: plain(inner) for name, inner in pairs if inner not in (None, "", [], (), {})}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
