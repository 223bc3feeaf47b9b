"""The NPI's check digit (45 CFR 162.406): Luhn over the number with 80840 before it."""

from __future__ import annotations

from functools import lru_cache

_PREFIX_SUM = 24
"""What the prefix 80840 adds to the Luhn sum."""


@lru_cache(maxsize=16384)
def valid_npi(npi: str) -> bool:
    """Ten digits, the first 1 or 2, and the check digit right."""
    if len(npi) != 10 or not (npi.isascii() and npi.isdigit()) or npi[0] not in "12":
        return False
    total = _PREFIX_SUM
    for position, char in enumerate(npi):
        digit = int(char)
        if position % 2 == 0:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0
