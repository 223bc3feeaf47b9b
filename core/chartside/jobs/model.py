"""What a plugin's job is, and what it reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chartside.context import Context


@dataclass(slots=True)
class JobReport:
    """What a run did. ``rows`` are shown as a table; they hold ids, never names or numbers.

    ``counts`` sums up (``{"sent": 12, "held: no consent": 3}``); ``set_aside`` names records that could
    not be used, one line each; ``failed`` is true when the run ended before its work was done.
    """

    columns: tuple[str, ...] = ()
    rows: list[Mapping[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    set_aside: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How to run: ``dry_run`` writes and sends nothing; ``progress(done, total, what)`` is told on the way."""

    dry_run: bool = False
    progress: Callable[[int, int, str], None] = lambda _done, _total, _what: None


@dataclass(frozen=True, slots=True)
class Job:
    """Something that a plugin does again and again. ``name`` is unique within the plugin.

    ``run(context, options)`` must be safe to run twice and to be killed at any point: every effect goes
    through ``context.ledger`` or ``context.messages``. One that is not done within ``limit`` hangs: its plugin is
    set aside, so that the other jobs get their turn, and whatever it still asks of its context raises JobOverdue.
    """

    name: str
    summary: str
    run: Callable[[Context, JobOptions], JobReport]
    every: timedelta = timedelta(minutes=15)
    limit: timedelta = timedelta(hours=1)
