"""Appointment reminders: due visits -> one message each, with consent, at allowed hours, recorded in the EHR."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chartside import hookimpl

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.demo import Stage
    from chartside.jobs.model import Job


class Plugin:
    """What the host calls."""

    @hookimpl
    def chartside_jobs(self) -> Iterable[Job]:
        """The reminders."""
        from chartside_scheduling.reminders import JOB

        return [JOB]

    @hookimpl
    def chartside_check(self, context: Context) -> Iterable[str]:
        """What is wrong with the texts."""
        from chartside_scheduling.texts import Texts

        return Texts(context.settings, context.practice).problems()

    @hookimpl
    def chartside_demo(self, context: Context, stage: Stage) -> None:
        """The reminders of an invented practice."""
        from chartside_scheduling.demo import show

        show(stage)


plugin = Plugin()
