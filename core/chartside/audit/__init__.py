"""Who did what with whose data: a local hash-chained trail of ids, and AuditEvents after IHE BALP."""

from __future__ import annotations

from chartside.audit.accounting import Disclosure, accounting
from chartside.audit.auditor import Auditor, Sink
from chartside.audit.balp import Observer, event
from chartside.audit.record import AuditRecord, Event, Result
from chartside.audit.trail import Trail, Verification

__all__ = [
    "AuditRecord",
    "Auditor",
    "Disclosure",
    "Event",
    "Observer",
    "Result",
    "Sink",
    "Trail",
    "Verification",
    "accounting",
    "event",
]
