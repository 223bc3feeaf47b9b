"""Quiet hours: when a message may reach a person (R-8, R-9).

The law (47 CFR 64.1200(c)(1)) allows 08:00 to 21:00 at the called party's place; ours is narrower by an hour at each
end. Only instants are compared, each seen on every zone's own wall clock, so clock changes need no special case:
an hour that does not exist is never seen, one that comes twice is judged twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

OPEN, CLOSE = time(9), time(20)
_FURTHEST = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Hours:
    """From ``open`` (inclusive) to ``close`` (exclusive), on the wall clock of the recipient's place."""

    open: time = OPEN
    close: time = CLOSE

    def allowed(self, at: datetime, zones: Sequence[str]) -> bool:
        """Whether the instant lies in the window in every one of the zones. No zone at all: never.

        >>> Hours().allowed(datetime(2026, 11, 24, 15, tzinfo=UTC), ["America/New_York", "America/Los_Angeles"])
        False
        """
        return bool(zones) and all(self._open_in(at, zone) for zone in zones)

    def next_allowed(self, at: datetime, zones: Sequence[str]) -> datetime | None:
        """The first instant from ``at`` on that is allowed, in UTC; None where there is none within three days.

        None also when no hour of the day is allowed in all zones, as for New York and Dhaka in winter.
        """
        now = at.astimezone(UTC)
        while zones and now - at < _FURTHEST:
            shut = [self._opens(now, zone) for zone in zones if not self._open_in(now, zone)]
            if not shut:
                return now
            now = max(shut)
        return None

    def _open_in(self, at: datetime, zone: str) -> bool:
        return self.open <= at.astimezone(ZoneInfo(zone)).time() < self.close

    def _opens(self, at: datetime, zone: str) -> datetime:
        """The next opening in a zone where it is shut at ``at``."""
        local = at.astimezone(ZoneInfo(zone))
        day = local.date() if local.time() < self.open else local.date() + timedelta(days=1)
        opening = datetime.combine(day, self.open, ZoneInfo(zone)).astimezone(UTC)
        # Where clocks go back over the opening, its first occurrence may lie behind us already.
        if opening <= at:
            opening = datetime.combine(day, self.open.replace(fold=1), ZoneInfo(zone)).astimezone(UTC)
        return opening if opening > at else at + timedelta(minutes=1)
