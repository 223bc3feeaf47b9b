"""FHIR dates as spans of time: a date without a time includes that whole local day.

A FHIR date may be a year, a month, a day or an instant. What has no time of day has no zone either, so it is
compared with the wall clock of the place that matters (the client's, else the practice's).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z")
_FRACTION = re.compile(r"\.(\d{1,6})\d*")


@dataclass(frozen=True, slots=True)
class Moment:
    """A FHIR date, as the half-open interval ``first`` <= t < ``after`` that it names.

    ``wall``: both are naive wall-clock times (no zone was given); otherwise both are aware.
    """

    first: datetime
    after: datetime
    wall: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A FHIR Period. Each end is a wall-clock time or an instant, or open (None); ends are exclusive."""

    start_wall: datetime | None = None
    end_wall: datetime | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None

    def holds(self, wall: datetime, at: datetime) -> bool:
        """Whether the instant ``at``, which is ``wall`` on the local clock, lies inside."""
        if self.start_wall is not None and wall < self.start_wall:
            return False
        if self.end_wall is not None and wall >= self.end_wall:
            return False
        if self.start_at is not None and at < self.start_at:
            return False
        return self.end_at is None or at < self.end_at

    def bounds(self, zone: tzinfo | None) -> tuple[datetime | None, datetime | None]:
        """Start and end on the local clock, to compare data with that carries wall-clock times."""
        start = self.start_wall if self.start_at is None else local(self.start_at, zone)
        end = self.end_wall if self.end_at is None else local(self.end_at, zone)
        return start, end

    def over(self, wall: datetime, at: datetime) -> bool:
        """Whether the span had ended by then."""
        return (self.end_wall is not None and wall >= self.end_wall) or (
            self.end_at is not None and at >= self.end_at
        )


def moment(text: Any) -> Moment:
    """Read a FHIR date, dateTime or instant. Raises ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError("a date is no string")
    return _moment(text)


@lru_cache(maxsize=16384)
def _moment(text: str) -> Moment:
    if partial := _PARTIAL.match(text):
        return _whole(*(int(part) if part else None for part in partial.groups()))
    first = datetime.fromisoformat(_FRACTION.sub(lambda m: f".{m[1]:0<6}", text.replace("Z", "+00:00")))
    after = first + (timedelta(microseconds=1) if "." in text else timedelta(seconds=1))
    return Moment(first, after, wall=first.tzinfo is None)


def _whole(year: int | None, month: int | None, day: int | None) -> Moment:
    """A year, month or day, to its end."""
    if year is None:
        raise ValueError("a date without a year")
    first = datetime(year, month or 1, day or 1)
    if day:
        after = first + timedelta(days=1)
    elif month:
        after = datetime(year + month // 12, month % 12 + 1, 1)
    else:
        after = datetime(year + 1, 1, 1)
    return Moment(first, after, wall=True)


def span(period: Any) -> Span | None:
    """Read a FHIR Period; None where there is none. Raises ValueError for what is no Period."""
    if period is None:
        return None
    if not isinstance(period, Mapping):
        raise ValueError("a period is no object")
    start = moment(period["start"]) if period.get("start") is not None else None
    end = moment(period["end"]) if period.get("end") is not None else None
    if start is None and end is None and any(key.lstrip("_") in {"start", "end"} for key in period):
        return None  # "_end" with a data-absent-reason: the period has no expiry, and says so
    if start and end and start.wall == end.wall and start.first >= end.after:
        raise ValueError("a period ends before it begins")
    return Span(
        start_wall=start.first if start and start.wall else None,
        end_wall=end.after if end and end.wall else None,
        start_at=start.first if start and not start.wall else None,
        end_at=end.after if end and not end.wall else None,
    )


def wall(at: datetime, zone: tzinfo | None) -> datetime:
    """What the local clock shows at the instant ``at``, without its zone."""
    there = at.astimezone(zone) if zone is not None else at
    return datetime.combine(there.date(), there.time())  # ``replace(tzinfo=None)``, for a third of its time


def local(value: datetime, zone: tzinfo | None) -> datetime:
    """The wall clock of a resource's own time stamp.

    A stamp with an offset other than UTC was written by the clock of the place; UTC is what servers
    normalise to, so that is turned into the zone of the place.
    """
    if value.tzinfo is None or value.utcoffset() != timedelta(0):
        return value.replace(tzinfo=None)
    return wall(value, zone)


def birthday(born: date, years: int) -> date:
    """The day on which somebody born then has lived so many years (29 February: 1 March)."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
