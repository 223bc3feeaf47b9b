"""A job that ran past its limit ends at its next step: it is asked nothing, reads nothing and sends nothing further.

The thread of a job cannot be ended from outside. So whatever a plugin does through its context asks ``require_wanted``
first, but for what records how an effect ended: that is still written, so that nobody need ask whether it happened.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chartside.errors import JobOverdue

_over: ContextVar[threading.Event | None] = ContextVar("chartside-job-over", default=None)


@contextmanager
def until(over: threading.Event) -> Iterator[None]:
    """What this thread does in the block is wanted until the event is set."""
    token = _over.set(over)
    try:
        yield
    finally:
        _over.reset(token)


def require_wanted() -> None:
    """Raise JobOverdue where this thread runs a job that is past its limit."""
    over = _over.get()
    if over is not None and over.is_set():
        raise JobOverdue("the job ran past its limit and was given up")
