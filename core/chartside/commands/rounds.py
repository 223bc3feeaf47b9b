"""What ``chartside serve`` prints: a line for each round of a job, and only what is new of its table."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from chartside.clock import Clock
from chartside.jobs.model import JobReport
from chartside.messaging.model import Status


class Rounds:
    """``verbose``: the whole table in every round. A row is news where the round before had none like it, unless it
    tells of something that was sent before."""

    def __init__(self, clock: Clock, zone: str, *, verbose: bool) -> None:
        self._clock, self._zone, self._verbose = clock, ZoneInfo(zone), verbose
        self._before: dict[str, JobReport] = {}

    def __call__(self, name: str, report: JobReport) -> None:
        """Print one round."""
        from chartside.commands.show import line, table

        before = self._before.get(name, JobReport())
        self._before[name] = report
        at = self._clock.now().astimezone(self._zone)
        line(f"{at:%Y-%m-%d %H:%M:%S} {name}: {_summed(report)}")
        rows = report.rows if self._verbose else [r for r in report.rows if _news(r, before)]
        if rows:
            table(report.columns, [[row.get(c, "") for c in report.columns] for row in rows])
        for text in [f"set aside: {record}" for record in _since(report.set_aside, before.set_aside)][:20]:
            line(f"  {text}")
        for note in _since(report.notes, before.notes):
            line(f"  {note}")


def _news(row: Mapping[str, str], before: JobReport) -> bool:
    return row not in before.rows and Status.ALREADY.value not in row.values()


def _since(lines: list[str], before: list[str]) -> list[str]:
    return [each for each in lines if each not in before]


def _summed(report: JobReport) -> str:
    counts = [f"{count} {what}" for what, count in sorted(report.counts.items())]
    aside = [f"{len(report.set_aside)} set aside"] if report.set_aside else []
    failed = ["FAILED"] if report.failed else []
    return ", ".join([*failed, *counts, *aside]) or "nothing to do"
