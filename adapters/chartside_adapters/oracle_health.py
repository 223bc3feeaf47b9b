"""Oracle Health (Cerner Millennium) R4.

Sources: its CapabilityStatement (secure sandbox) as of 2026-08-14: Appointment create and patch, Communication
create and patch, Coverage create, patch and delete, DocumentReference create and update, Provenance create; no
Claim, no Task. Documentation: a DocumentReference is taken as ``final`` or ``amended`` only and needs
``context.period.end``.
"""

from __future__ import annotations

from chartside.adapter import Adapter, says
from chartside.types import Resource


class OracleHealth(Adapter):
    """A draft waits elsewhere and is written when it is signed."""

    name = "oracle-health"
    title = "Oracle Health"
    takes_preliminary = False

    @classmethod
    def recognises(cls, statement: Resource) -> bool:
        """By publisher or description; the older name was Cerner."""
        return says(statement, "oracle health", "cerner")
