"""Days as X12 and FHIR write them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache


@lru_cache(maxsize=8192)
def parse_ccyymmdd(text: str) -> date | None:
    """A D8 date; None if the eight digits are no day of the calendar."""
    if len(text) != 8 or not (text.isascii() and text.isdigit()):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None


def ccyymmdd(day: date) -> str:
    """The D8 form."""
    return f"{day.year:04}{day.month:02}{day.day:02}"


@lru_cache(maxsize=8192)
def parse_fhir_date(text: str) -> date | None:
    """The day of a FHIR date, dateTime or instant; None for a partial date (``2026-03``) or no date."""
    try:
        return date.fromisoformat(text[:10]) if len(text) >= 10 else None
    except ValueError:
        return None


def parse_fhir_instant(text: str) -> datetime | None:
    """An aware datetime; None for a day without a time, a time without a zone, or no date."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def shift(day: date, days: int) -> date:
    """So many days later (earlier if negative); the calendar's end where there is no such day."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def add_years(day: date, years: int) -> date:
    """The same day ``years`` later; 29 February becomes 28 February where there is none."""
    if day.year + years > date.max.year:
        return date.max
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later, or the last day of that month."""
    month = day.month - 1 + months
    if day.year + month // 12 >= date.max.year:
        return date.max
    first = date(day.year + month // 12, month % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def age(born: date, on: date) -> int:
    """Whole years on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
