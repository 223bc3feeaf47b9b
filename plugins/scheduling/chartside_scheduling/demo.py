"""The reminders' part of ``chartside demo``: a run, where each is recorded, what clients read, a second run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chartside import JobReport

if TYPE_CHECKING:
    from chartside.demo import Stage

_ROWS = 24
_TEXTS = 3


def show(stage: Stage) -> None:
    """Run the job twice; the second run sends nothing."""
    first = stage.host.run("scheduling.reminders")
    _table(first, stage)
    texts = stage.gateway.messages
    stage.say(f"\nThe gateway got {len(texts)} messages; the first {min(_TEXTS, len(texts))} of them:")
    for message in texts[:_TEXTS]:
        stage.say(f"  to {message.to}: {message.body}")
    second = stage.host.run("scheduling.reminders")
    sent = second.counts["sent"]
    stage.say(
        f"Run again: {sent} sent, {second.counts['already sent']} already sent; the gateway still has {len(texts)}."
    )


def _table(report: JobReport, stage: Stage) -> None:
    """Some of each outcome, so that every reason for holding back is seen."""
    seen: dict[str, int] = {}
    shown: list[list[str]] = []
    for row in report.rows:
        kind = f"{row['outcome']} {row['why']}"
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= 3 and len(shown) < _ROWS:
            shown.append([row[column] for column in report.columns])
    stage.table(report.columns, shown, f"Reminders that are due ({len(shown)} of {len(report.rows)} shown)")
    for what, count in sorted(report.counts.items()):
        stage.say(f"  {count:>4}  {what}")
    for note in report.notes:
        stage.say(f"  {note}")
