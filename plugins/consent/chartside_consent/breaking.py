"""Breaking the glass: access in an emergency, with a reason, its own audit and a review (C-15).

Not a way around anything: the gate is asked with the purpose BTG, and what it says is recorded either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from chartside import effect_key
from chartside.audit import AuditRecord, Event
from chartside.audit.decisions import because
from chartside.audit.record import Result
from chartside.codes import TaskCode
from chartside.errors import InputError
from chartside.gate.model import Action, Decision, DecisionRequest
from chartside.jobs.tasks import StaffTask

from .signing import person

if TYPE_CHECKING:
    from chartside.audit import Auditor
    from chartside.context import Context

PURPOSE: Final = "BTG"
SHORTEST, LONGEST = 10, 500
"""Letters of a reason."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """Who breaks the glass of whose chart, and why. ``resource``: the data in question, where there is one."""

    patient: str
    user: str
    reason: str = field(repr=False)
    location: str = ""
    resource: Mapping[str, Any] | None = field(default=None, repr=False)

    def check(self) -> None:
        """Raise InputError without a reason, or without a person who answers for it."""
        person("patient", self.patient, "Patient")
        person("user", self.user, "Practitioner", "PractitionerRole")
        if not SHORTEST <= len(self.reason.strip()) <= LONGEST:
            raise InputError(
                f"a reason of {SHORTEST} to {LONGEST} letters is needed",
                mend="say in words what the emergency is",
            )


@dataclass(frozen=True, slots=True)
class Broken:
    """What the gate said, and whether the review is asked for (False where no task list takes it)."""

    decision: Decision
    review: bool


def break_glass(context: Context, auditor: Auditor, asked: Emergency, *, dry_run: bool = False) -> Broken:
    """Ask the gate; audit before anything is shown; ask for a review. Raises AuditUnavailable: nothing is allowed."""
    asked.check()
    now = context.clock.now()
    request = DecisionRequest(
        asked.patient,
        Action.READ,
        now,
        purpose=PURPOSE,
        actor=asked.user,
        resource=asked.resource,
        location=asked.location,
    )
    [decision] = context.decide([request])
    if dry_run:
        return Broken(decision, review=False)
    record = AuditRecord(
        Event.BREAK_GLASS,
        context.plugin.name,
        now,
        Result.PERMIT if decision.permitted else Result.DENY,
        patient=asked.patient,
        target=asked.patient,
        purpose=PURPOSE,
        action=Action.READ,
        user=asked.user,
        **because(decision),
    )
    auditor.record([record])
    answers = context.tasks.ask([_review(context, asked, now.isoformat(timespec="minutes"), decision)])
    return Broken(decision, review=bool(answers) and answers[0].error is None)


def _review(context: Context, asked: Emergency, minute: str, decision: Decision) -> StaffTask:
    """The reason stands here, in the EHR, and nowhere else: it may tell about the client."""
    key = effect_key(context.practice.id, "break-glass", asked.patient, asked.user, minute)
    said = "It was permitted." if decision.permitted else "It was refused all the same."
    text = f"{asked.user} broke the glass at {minute}. Reason: {asked.reason.strip()} {said} Please review."
    return StaffTask(key, TaskCode.BREAK_GLASS, text, asked.patient, priority="urgent")
