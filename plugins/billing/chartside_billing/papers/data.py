"""What goes onto the papers. Filled from JSON (``from_json``), from claims and remittances (``from_claim``),
or by code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any, get_args, get_type_hints

from chartside.errors import InputError
from chartside_billing.money import ZERO, parse_amount


@dataclass(slots=True)
class Provider:
    """Who gives the service, or the practice."""

    name: str = ""
    credential: str = ""
    npi: str = ""
    tin: str = ""
    address: str = ""
    state: str = ""
    phone: str = ""


@dataclass(slots=True)
class Client:
    """Who it is for."""

    name: str = ""
    birth_date: date | None = None
    address: str = ""
    insurer: str = ""
    member_id: str = ""


@dataclass(slots=True)
class Service:
    """One line. ``label`` is the practice's own word for it; ``responsibility`` the client's part (PR), if known."""

    code: str = ""
    label: str = ""
    day: date | None = None
    pos: str = ""
    modifiers: list[str] = field(default_factory=list)
    diagnoses: list[str] = field(default_factory=list)
    units: Decimal = Decimal(1)
    charge: Decimal = ZERO
    """For the whole line."""
    responsibility: Decimal | None = None
    paid: Decimal = ZERO
    """By the client."""
    provider: Provider | None = None
    """In an estimate: if not the practice."""


@dataclass(slots=True)
class Bill:
    """An invoice or superbill."""

    number: str = ""
    issued: date | None = None
    due: date | None = None
    practice: Provider = field(default_factory=Provider)
    rendering: Provider = field(default_factory=Provider)
    client: Client = field(default_factory=Client)
    services: list[Service] = field(default_factory=list)
    payment: str = ""
    """How to pay, in the practice's own words and the client's language."""


@dataclass(slots=True)
class EstimateData:
    """A Good Faith Estimate (45 CFR 149.610(c))."""

    number: str = ""
    given: date | None = None
    practice: Provider = field(default_factory=Provider)
    client: Client = field(default_factory=Client)
    primary: str = ""
    """The main service in clear words."""
    scheduled: date | None = None
    """Day of the service; None where the client only asked."""
    asked: date | None = None
    """Day on which the client scheduled or asked: from it the days to give the estimate in are counted."""
    until: date | None = None
    """End of the period for recurring services, at most twelve months after ``given``."""
    frequency: str = ""
    """How often, for recurring services ("once a week"), in the client's language: 149.610 (b)(1)(x)."""
    services: list[Service] = field(default_factory=list)
    separate: list[str] = field(default_factory=list)


def from_json(kind: type[Any], data: object, path: str = "") -> Any:
    """A dataclass from JSON data. Raises InputError naming the key; dates are ISO, money numbers or strings."""
    if not isinstance(data, Mapping):
        raise InputError(f"{path or 'the file'}: an object was expected")
    hints = get_type_hints(kind)
    known = {f.name for f in fields(kind)}
    if unknown := sorted(str(key) for key in data if key not in known):
        raise InputError(
            f"{path + '.' if path else ''}{unknown[0][:40]}: no such key",
            mend=f"known: {', '.join(sorted(known))}",
        )
    return kind(**{key: _value(hints[key], value, f"{path}.{key}".strip(".")) for key, value in data.items()})


def _value(hint: Any, value: Any, path: str) -> Any:
    options = [option for option in get_args(hint) if option is not type(None)]
    if getattr(hint, "__origin__", None) is list:
        if not isinstance(value, list):
            raise InputError(f"{path}: a list was expected")
        return [_value(options[0], item, f"{path}[{n}]") for n, item in enumerate(value)]
    if value is None:
        return None
    kind = options[0] if options else hint
    if kind is Decimal:
        return _amount(value, path)
    if kind is date:
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise InputError(f"{path}: a date as YYYY-MM-DD was expected") from None
    if kind is str:
        return str(value)
    return from_json(kind, value, path)


def _amount(value: Any, path: str) -> Decimal:
    amount = (
        parse_amount(str(value))
        if isinstance(value, int | float | str) and not isinstance(value, bool)
        else None
    )
    if amount is None or amount < 0:
        raise InputError(f"{path}: an amount was expected")
    return amount
