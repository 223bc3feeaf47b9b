"""Dollars as ``Decimal``: read from text without surprises, written as X12 and people want them."""

from __future__ import annotations

import re
from decimal import Decimal

ZERO = Decimal(0)
CENT = Decimal("0.01")
_AMOUNT = re.compile(r"-?(\d{1,12}(\.\d{0,6})?|\.\d{1,6})\Z")


def parse_amount(text: str) -> Decimal | None:
    """A plain decimal number ("120", "120.5", "-3"); None for anything else (``1e3``, ``NaN``, ``1,200``, ``$5``)."""
    return Decimal(text) if _AMOUNT.match(text) else None


def x12_amount(amount: Decimal) -> str:
    """As X12 wants it: no exponent, no trailing zeros after the point, no point without cents."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def dollars(amount: Decimal) -> str:
    """For people: ``$1,234.50``."""
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(amount).quantize(CENT):,}"


def has_fractions_of_cents(amount: Decimal) -> bool:
    """Whether more than two decimals are significant."""
    return amount != amount.quantize(CENT)
