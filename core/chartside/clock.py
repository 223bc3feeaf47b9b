"""Time comes in through a clock, so that tests can stop it.

Every instant is a timezone-aware ``datetime`` in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import available_timezones


@cache  # the standard library walks through the whole zone folder at each call
def zones() -> frozenset[str]:
    """Return the names of all IANA time zones that are known here."""
    return frozenset(available_timezones())


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present instant: timezone-aware, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant: timezone-aware, UTC."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until it is told to move.

    >>> clock = FrozenClock(datetime(2026, 11, 24, 15, 0, tzinfo=UTC))
    >>> clock.advance(90)
    >>> clock.now().isoformat()
    '2026-11-24T15:01:30+00:00'
    """

    def __init__(self, at: datetime) -> None:
        """Stop at ``at``, which must carry a time zone (ValueError otherwise)."""
        self._at = _aware(at)

    def now(self) -> datetime:
        """Return the instant at which the clock stands."""
        return self._at

    def advance(self, seconds: float | timedelta) -> None:
        """Move by so many seconds (negative: back)."""
        self._at += seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)

    def set(self, at: datetime) -> None:
        """Move to ``at``."""
        self._at = _aware(at)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a clock needs an instant with a time zone")
    return at.astimezone(UTC)
