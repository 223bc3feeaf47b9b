"""Claim scrubber, 837P, remittance, invoices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from chartside import hookimpl

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.demo import Stage
    from chartside.jobs.model import Job


class Plugin:
    """What the host calls. Claim rules of others come by hooks of this plugin's own (``hookspecs``)."""

    @hookimpl
    def chartside_jobs(self) -> Iterable[Job]:
        """The scrub; and, where a clearinghouse is configured, what goes out and what comes back."""
        from chartside_billing.evening import charges, eligibility, receive, scrub, submit

        return [eligibility.JOB, scrub.JOB, charges.JOB, submit.JOB, receive.JOB]

    @hookimpl
    def chartside_check(self, context: Context) -> Iterable[str]:
        """What is wrong with rules, code sets and the clearinghouse."""
        from chartside_billing.checks import problems

        return list(problems(context))

    @hookimpl
    def chartside_demo(self, context: Context, stage: Stage) -> None:
        """The invented practice's claims, scrubbed; one invoice."""
        from chartside_billing.demo import show

        show(context, stage)


plugin = Plugin()
