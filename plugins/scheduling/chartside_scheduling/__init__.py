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
        """What is wrong with the texts, and whether due visits can be found at all."""
        from chartside_scheduling.texts import Texts

        yield from Texts(context.settings, context.practice).problems()
        route = context.fhir.route
        home = route.place(route.home("Appointment", "rs"))
        known = home.adapter.capabilities.search_params("Appointment")
        if known and "date" not in known:  # seen in the field: by patient only
            yield (
                "plugins.scheduling: this EHR does not search appointments by date, so no due visit can be found"
                " -> ask the vendor for the search parameter `date`, or disable the plugin"
            )

    @hookimpl
    def chartside_demo(self, context: Context, stage: Stage) -> None:
        """The reminders of an invented practice."""
        from chartside_scheduling.demo import show

        show(stage)


plugin = Plugin()
