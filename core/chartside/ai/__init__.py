"""Text that a model wrote: labelled, preliminary, traceable, and final by a named clinician only (P-3, P-4, P-5)."""

from __future__ import annotations

from chartside.ai.companion import in_companion
from chartside.ai.guard import binds, guard_effect, guard_entries, guard_operation, refuse_unlabelled_ai
from chartside.ai.model import Draft, Model
from chartside.ai.writer import AiWriter, Written

__all__ = [
    "AiWriter",
    "Draft",
    "Model",
    "Written",
    "binds",
    "guard_effect",
    "guard_entries",
    "guard_operation",
    "in_companion",
    "refuse_unlabelled_ai",
]
