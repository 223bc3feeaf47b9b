"""Small parts of a claim: addresses, numbers, dates, amounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

Segment = tuple[str, ...]
"""A segment's elements, its id first. Components and repetitions stay joined as they came (``:`` and ``^``)."""


@dataclass(slots=True)
class Address:
    """N3 and N4. ``country`` is N404, empty for the United States."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    subdivision: str = ""
    where: str = ""


@dataclass(slots=True)
class Contact:
    """One PER segment: a name and its numbers, digits as they came."""

    name: str = ""
    phone: str = ""
    extension: str = ""
    fax: str = ""
    email: str = ""


@dataclass(slots=True)
class Reference:
    """One REF segment that has no field of its own: qualifier, value, and REF04 where a loop has one."""

    qualifier: str
    value: str
    detail: str = ""


@dataclass(slots=True)
class DateSpan:
    """A DTP: a day (``end`` is None) or a range. ``raw`` is the value as sent; ``start`` is None if it is no date.

    ``kind`` is DTP02: D8, RD8, DT or TM; empty where the source is not X12.
    """

    start: date | None = None
    end: date | None = None
    raw: str = ""
    kind: str = ""

    @property
    def last(self) -> date | None:
        """The last day: the end of the range, or the day itself."""
        return self.end or self.start

    @property
    def days(self) -> int:
        """Days in it, both ends counted; 1 for a day, or where the range is no range."""
        if self.start is None or self.end is None or self.end < self.start:
            return 1
        return (self.end - self.start).days + 1


@dataclass(slots=True)
class Adjustment:
    """One reason of a CAS: group (CO, OA, PI, PR), CARC, amount, quantity."""

    group: str
    reason: str
    amount: Decimal
    quantity: Decimal | None = None


@dataclass(slots=True)
class Amount:
    """One AMT: qualifier and dollars."""

    qualifier: str
    amount: Decimal
