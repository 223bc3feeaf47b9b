"""The NPI's check digit (45 CFR 162.406)."""

from __future__ import annotations

from functools import lru_cache

_PREFIX = 24
"""What the prefix 80840 adds to the Luhn sum."""
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


@lru_cache(maxsize=16384)
def npi_valid(npi: str) -> bool:
    """Ten digits, the first 1 or 2, whose Luhn sum with the prefix 80840 ends in 0."""
    if len(npi) != 10 or not (npi.isascii() and npi.isdigit()) or npi[0] not in "12":
        return False
    digits = [int(mark) for mark in npi]
    return (_PREFIX + sum(_DOUBLED[d] for d in digits[::2]) + sum(digits[1::2])) % 10 == 0
