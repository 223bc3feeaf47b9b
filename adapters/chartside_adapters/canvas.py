"""Canvas Medical.

Source: its public FHIR documentation, *unconfirmed*: Claim create and update, Coverage, Task, PaymentNotice.
"""

from __future__ import annotations

from chartside.adapter import Adapter, says
from chartside.types import Resource


class Canvas(Adapter):
    """Takes Claim and Task natively."""

    name = "canvas"
    title = "Canvas Medical"

    @classmethod
    def recognises(cls, statement: Resource) -> bool:
        """By software name or publisher."""
        return says(statement, "canvas medical", "canvasmedical")
