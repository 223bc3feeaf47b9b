"""Ask the staff, where the EHR takes that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chartside.errors import UndeclaredAccess
from chartside.fhir import EntryResult
from chartside.jobs.tasks import StaffTask

if TYPE_CHECKING:
    from chartside.context import Context


def ask_staff(context: Context, tasks: Sequence[StaffTask]) -> list[EntryResult]:
    """Write each Task once; an empty list where there is no place that this plugin may write. Raises FhirError.

    A revocation, or what a report shows, must not fail for want of a task list.
    """
    try:
        return context.tasks.ask(tasks)
    except UndeclaredAccess:
        context.log.warning("%d tasks for the staff have no place here (%s)", len(tasks), context.tasks.home)
        return []
