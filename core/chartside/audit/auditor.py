"""Where every part of the host reports to: first the local trail, then AuditEvents in the EHR (S-9, S-10)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from chartside.audit.balp import Observer, event
from chartside.audit.record import AuditRecord, Event
from chartside.audit.trail import Trail
from chartside.errors import AuditUnavailable, ChartsideError
from chartside.types import Resource

Sink: TypeAlias = Callable[[Sequence[Resource]], None]
"""Writes AuditEvents to the EHR or the companion server, all of them; raises ChartsideError when it cannot."""

DELIVERED: Final = frozenset(
    {Event.DISCLOSURE, Event.DECISION, Event.BREAK_GLASS, Event.SIGNED, Event.REFUSED, Event.DELETE}
)
"""What goes to the EHR, too. The EHR audits reads and writes of its own; ``deliver=frozenset(Event)`` sends all."""

BEFOREHAND: Final = frozenset({Event.DISCLOSURE, Event.BREAK_GLASS})
"""What must not happen unless the sink has taken it. The rest is safe in the trail and is only logged."""

_log = logging.getLogger("chartside.audit")


class Auditor:
    """Records what happens. Safe to call from many threads.

    Call ``record`` *before* a disclosure: it raises AuditUnavailable when the trail, or for a disclosure the
    sink, cannot be written, and then the disclosure must not happen (S-10).
    """

    def __init__(
        self,
        trail: Trail,
        observer: Observer,
        *,
        sink: Sink | None = None,
        deliver: frozenset[Event] = DELIVERED,
        each_message: Callable[[], bool] = lambda: True,
    ) -> None:
        """``sink`` is None where neither the EHR nor a companion takes AuditEvents. ``each_message``: whether those
        of messages go there, too; see ``chartside.audit.home``."""
        self.trail, self.observer = trail, observer
        self._sink, self._deliver, self._each_message = sink, deliver, each_message

    def record(self, records: Sequence[AuditRecord], *, of_messages: bool = False) -> None:
        """Write all records: one write to the trail, one call of the sink. Raises AuditUnavailable."""
        self.trail.append_many(records)
        wanted = [record for record in records if record.event in self._deliver]
        if self._sink is None or not wanted:
            return
        try:
            if not of_messages or self._each_message():
                self._sink([event(record, self.observer) for record in wanted])
        except ChartsideError as error:
            if any(record.event in BEFOREHAND for record in wanted):
                raise _not_taken() from error
            _log.warning("%d AuditEvents were not taken (%s)", len(wanted), type(error).__name__)

    def prepare(self, records: Sequence[AuditRecord]) -> tuple[Resource, ...]:
        """Write what is recorded of messages to the trail, and return the AuditEvents for the caller's own transaction
        (the ledger's begin). Raises AuditUnavailable. The tuple is empty where they live in the trail alone.
        """
        self.trail.append_many(records)
        if self._sink is None or not self._each_message():
            return ()
        return tuple(event(record, self.observer) for record in records if record.event in self._deliver)

    def deliver(self, events: Sequence[Resource]) -> None:
        """Give the sink prepared AuditEvents that no transaction took along. Raises AuditUnavailable."""
        try:
            if self._sink is not None and events:
                self._sink(events)
        except ChartsideError as error:
            raise _not_taken() from error


def _not_taken() -> AuditUnavailable:
    mend = "the practice's server must take AuditEvent; see `chartside check`"
    return AuditUnavailable("the AuditEvent of a disclosure was not taken", mend=mend)
