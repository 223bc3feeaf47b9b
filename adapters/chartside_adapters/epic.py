"""Epic R4.

Sources: Epic's CapabilityStatement as of 2026-08-14 (facts only) and its public documentation: Communication create;
DocumentReference create and update; QuestionnaireResponse create; Task update only; Flag read; Claim and
Coverage read; no ChargeItem, no Invoice.
"""

from __future__ import annotations

from chartside.adapter import Adapter, says
from chartside.types import Resource


class Epic(Adapter):
    """Task can be changed but not created, so staff tasks become Communications."""

    name = "epic"
    title = "Epic"
    refuses = frozenset({("Task", "create"), ("Flag", "create"), ("Consent", "create")})

    @classmethod
    def recognises(cls, statement: Resource) -> bool:
        """By software name or publisher."""
        return says(statement, "epic")
