"""Work for the staff, where they already look: in the EHR's own task list, or the next best place (the ladder)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chartside.codes import EFFECT_SYSTEM, TASK_CODE_SYSTEM, TaskCode, concept
from chartside.fhir import Create, EntryResult
from chartside.jobs.shapes import shape
from chartside.ladder import Rung
from chartside.types import Resource

if TYPE_CHECKING:
    from chartside.clock import Clock
    from chartside.gate.client import GatedFhir


@dataclass(frozen=True, slots=True)
class StaffTask:
    """``key``: deterministic, see ``effect_key``; the same key is asked for once. ``text``: plain words, which go into
    the EHR only. ``patient`` and ``focus`` are references; ``due`` is an instant; ``priority`` a FHIR code.
    """

    key: str
    code: TaskCode
    text: str
    patient: str = ""
    focus: str = ""
    due: datetime | None = None
    priority: str = "routine"


class Tasks:
    """``rung``: where Tasks live for this plugin, among what it may write; ``fhir``: its own client, so its manifest
    holds."""

    def __init__(self, fhir: GatedFhir, rung: Callable[[], Rung], clock: Clock) -> None:
        self._fhir, self._rung, self._clock = fhir, rung, clock

    @property
    def home(self) -> Rung:
        """Where tasks go here."""
        return self._rung()

    def ask(self, tasks: Sequence[StaffTask]) -> list[EntryResult]:
        """Write each task once; asking again for an open or closed one changes nothing. Raises FhirError.

        Where nothing can be written (``home.where == "nowhere"``) the list is empty: show them instead.
        """
        return self.put([self._resource(task) for task in tasks])

    def put(self, tasks: Sequence[Resource]) -> list[EntryResult]:
        """Write ready-made FHIR Tasks, each with an identifier of ``EFFECT_SYSTEM``, in the shape of the rung."""
        rung = self._rung()
        if rung.where == "nowhere" or not tasks:
            return []
        entries = [
            Create(shape(task, rung.type), f"identifier={EFFECT_SYSTEM}|{_key(task)}") for task in tasks
        ]
        return self._fhir.execute(entries, where=rung.where)

    def _resource(self, task: StaffTask) -> Resource:
        return {
            "resourceType": "Task",
            "identifier": [{"system": EFFECT_SYSTEM, "value": task.key}],
            "status": "requested",
            "intent": "order",
            "priority": task.priority,
            "code": concept(TASK_CODE_SYSTEM, task.code),
            "description": task.text,
            "authoredOn": self._clock.now().isoformat(timespec="seconds"),
            **({"for": {"reference": task.patient}} if task.patient else {}),
            **({"focus": {"reference": task.focus}} if task.focus else {}),
            **(
                {"restriction": {"period": {"end": task.due.isoformat(timespec="seconds")}}}
                if task.due
                else {}
            ),
        }


def _key(task: Resource) -> str:
    return next(str(i["value"]) for i in task["identifier"] if i.get("system") == EFFECT_SYSTEM)
