"""FHIR dates as ranges: every value of limited precision is an interval (R4 search, 3.1.1.4.7).

Instants are integers, milliseconds since 1970 in UTC; both ends are inclusive. A value without a time zone
is taken as UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Range = tuple[int, int]

FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
"""Years 1 and 9999: the open ends of a Period."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DATE = re.compile(r"^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$")


def to_ms(at: datetime) -> int:
    """Return an aware instant as milliseconds since 1970."""
    return (at - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return milliseconds since 1970 as an instant in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


@lru_cache(maxsize=1_024)
def iso(ms: int) -> str:
    """Return a FHIR instant with milliseconds."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=32_768)
def span(text: str) -> Range:
    """Return the first and last millisecond of a FHIR date, dateTime or instant; ValueError if it is none."""
    date = _DATE.match(text)
    if date:
        return _day_span(*date.groups())
    time = _TIME.match(text)
    if time is None:
        raise ValueError("not a FHIR date")
    at = datetime.fromisoformat(text)
    low = to_ms(at if at.tzinfo else at.replace(tzinfo=UTC))
    if time.group(2):
        return low, low
    return low, low + (999 if time.group(1) else 59_999)


def _day_span(year: str, month: str | None, day: str | None) -> Range:
    start = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
    if day:
        end = to_ms(start) + 86_400_000
    elif month:
        carry, index = divmod(int(month), 12)
        end = (
            to_ms(start.replace(year=start.year + carry, month=index + 1))
            if start.year + carry < 10_000
            else LAST + 1
        )
    else:
        end = to_ms(start.replace(year=start.year + 1)) if start.year < 9_999 else LAST + 1
    return to_ms(start), end - 1
