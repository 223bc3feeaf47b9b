"""athenahealth R4.

Source: its CapabilityStatement (2022, as answered 2026-08-14): everything is read-only but QuestionnaireResponse;
Appointment is found by ``_id`` or its own parameters, not by date. At most 50 token requests a minute.
"""

from __future__ import annotations

from chartside.adapter import Adapter, says
from chartside.types import Resource


class Athenahealth(Adapter):
    """Read-only for our purposes: records live in the companion server or in the local opaque ledger."""

    name = "athenahealth"
    title = "athenahealth"

    @classmethod
    def recognises(cls, statement: Resource) -> bool:
        """By software name or publisher."""
        return says(statement, "athenahealth")
