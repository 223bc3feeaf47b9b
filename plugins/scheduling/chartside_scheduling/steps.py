"""Which step of its schedule a visit has come to (R-1). Pure: instants in, steps out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """Starts of visits from ``start`` (inclusive) to ``end`` (exclusive)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Rules:
    """``hours``: steps before a visit; ``by_type``: other steps by a code of its type; all figures in hours.

    ``notice``: nothing goes out later than so long before the visit. ``catch_up``: how late a step may be. A step
    that was missed by more (the host was down) is left out; the next one will come.
    """

    hours: Sequence[int]
    by_type: Mapping[str, Sequence[int]]
    notice: int
    catch_up: int

    def steps(self, types: Collection[str]) -> list[int]:
        """The steps of a visit with these type codes, the shortest first."""
        own = [hours for code, hours in self.by_type.items() if code in types]
        return sorted({hour for hours in own for hour in hours} if own else set(self.hours))

    def due(self, start: datetime, types: Collection[str], now: datetime) -> int | None:
        """The one step that is due now: the nearest one passed, so never two at once after a pause.

        >>> from datetime import UTC
        >>> at = datetime(2026, 11, 24, 15, tzinfo=UTC)
        >>> Rules((72, 24), {}, 2, 24).due(at + timedelta(hours=20), (), at)
        24
        """
        left = start - now
        if left < timedelta(hours=self.notice):
            return None
        passed = [hour for hour in self.steps(types) if left <= timedelta(hours=hour)]
        nearest = passed[0] if passed else None
        late = nearest is not None and timedelta(hours=nearest) - left >= timedelta(hours=self.catch_up)
        return None if late else nearest

    def until(self, start: datetime, step: int) -> datetime:
        """From when on a step is of no use."""
        late = start - timedelta(hours=step) + timedelta(hours=self.catch_up)
        return min(late, start - timedelta(hours=self.notice))

    def windows(self, now: datetime) -> list[Window]:
        """Where the starts of visits lie that have a step due now; together they are all that is searched for."""
        every = {*self.hours, *(hour for hours in self.by_type.values() for hour in hours)}
        windows: list[Window] = []
        for step in sorted(every):
            earliest = max(step - self.catch_up, self.notice)
            start, end = now + timedelta(hours=earliest), now + timedelta(hours=step, seconds=1)
            if windows and start <= windows[-1].end:
                windows[-1] = Window(windows[-1].start, max(end, windows[-1].end))
            elif start < end:
                windows.append(Window(start, end))
        return windows

    def gaps(self, now: datetime) -> list[Window]:
        """Where the starts of visits lie that were reminded of and have no step due now: a cancelled one is told
        at once, too. Empty where the windows are all there is.

        >>> from datetime import UTC
        >>> at = datetime(2026, 11, 24, tzinfo=UTC)
        >>> [(w.start - at, w.end - at) for w in Rules((24,), {}, 2, 24).gaps(at)]
        [(datetime.timedelta(0), datetime.timedelta(seconds=7200))]
        """
        windows = self.windows(now)
        starts = [now, *(window.end for window in windows)]
        return [Window(start, w.start) for start, w in zip(starts, windows, strict=False) if start < w.start]
