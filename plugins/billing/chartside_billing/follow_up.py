"""The Task by which billing asks its staff to look at something."""

from __future__ import annotations

from datetime import datetime

from chartside.codes import EFFECT_SYSTEM, TASK_CODE_SYSTEM, TaskCode, concept
from chartside.types import Resource


def task(identifier: str, text: str, now: datetime) -> Resource:
    """A Task for the billing staff, as small as it can be."""
    return {
        "resourceType": "Task",
        "identifier": [{"system": EFFECT_SYSTEM, "value": identifier}],
        "status": "requested",
        "intent": "order",
        "priority": "routine",
        "code": concept(TASK_CODE_SYSTEM, TaskCode.FOLLOW_UP),
        "description": text,
        "authoredOn": now.isoformat(timespec="seconds"),
    }
