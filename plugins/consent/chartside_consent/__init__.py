"""Consent tracker and decision engine. Importing this package is cheap: the work is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chartside.codes import MessageCategory
from chartside.hookspecs import hookimpl

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.demo import Stage
    from chartside.gate.model import Decision, DecisionRequest
    from chartside.jobs.model import Job


class ConsentPlugin:
    """What the host calls."""

    @hookimpl
    def chartside_decide(self, context: Context, requests: Sequence[DecisionRequest]) -> Sequence[Decision]:
        """Decide by the clients' Consents, read now and kept no longer than this call (C-5)."""
        from .deciding import decide_all

        decided = decide_all(context, requests)
        if any(request.category == MessageCategory.OPT_OUT for request in requests):
            from .texting import confirming

            confirmed = confirming(context, requests)
            decided = [confirmed.get(n, decision) for n, decision in enumerate(decided)]
        return decided

    @hookimpl
    def chartside_jobs(self) -> Iterable[Job]:
        """The daily watch over consents that end, and those that cannot be computed."""
        from .watching import JOB

        return [JOB]

    @hookimpl
    def chartside_check(self, context: Context) -> Iterable[str]:
        """What is wrong with the practice's own forms."""
        from .forms import own_problems

        return own_problems(context.settings.forms)

    @hookimpl
    def chartside_demo(self, context: Context, stage: Stage) -> None:
        """Who lacks what for the next visit, and one decision explained."""
        from .demo import show

        show(context, stage)


plugin = ConsentPlugin()

__all__ = ["ConsentPlugin", "plugin"]
