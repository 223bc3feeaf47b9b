"""How often one number is written to: at most once a day and three times a week (R-3).

The figures are those of the exemption for calls by health-care providers, 47 CFR 64.1200(a)(9)(iv)(G).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Caps:
    """``per_day``: on one calendar day at the recipient's place; ``per_week``: in any seven days."""

    per_day: int = 1
    per_week: int = 3

    def reached(self, sent: Iterable[datetime], at: datetime, zone: str) -> str:
        """Why another message at ``at`` would be too many: ``cap-day``, ``cap-week``, or nothing."""
        recent = [each for each in sent if at - WEEK < each <= at]
        today = at.astimezone(ZoneInfo(zone)).date()
        if sum(each.astimezone(ZoneInfo(zone)).date() == today for each in recent) >= self.per_day:
            return "cap-day"
        return "cap-week" if len(recent) >= self.per_week else ""
