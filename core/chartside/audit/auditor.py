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
    ) -> None:
        """``sink`` is None where neither the EHR nor a companion takes AuditEvents."""
        self.trail, self.observer = trail, observer
        self._sink, self._deliver = sink, deliver

    def record(self, records: Sequence[AuditRecord]) -> None:
        """Write all records: one write to the trail, one call of the sink. Raises AuditUnavailable."""
        self.trail.append_many(records)
        if self._sink is None:
            return
        wanted = [record for record in records if record.event in self._deliver]
        if not wanted:
            return
        try:
            self._sink([event(record, self.observer) for record in wanted])
        except ChartsideError as error:
            if any(record.event in BEFOREHAND for record in wanted):
                mend = "the practice's server must take AuditEvent; see `chartside check`"
                raise AuditUnavailable("the AuditEvent of a disclosure was not taken", mend=mend) from error
            _log.warning("%d AuditEvents were not taken (%s)", len(wanted), type(error).__name__)

    def prepare(self, records: Sequence[AuditRecord]) -> tuple[Resource, ...]:
        """Write the trail only, and return the AuditEvents for the caller's own transaction (the ledger's begin).

        Raises AuditUnavailable. Without a sink there is nowhere to send them: then the tuple is empty.
        """
        self.trail.append_many(records)
        if self._sink is None:
            return ()
        return tuple(event(record, self.observer) for record in records if record.event in self._deliver)
