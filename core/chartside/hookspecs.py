"""Every extension point of the host. Plugins implement these with ``hookimpl``; all are optional.

A plugin's package has a ``plugin`` object (an instance or a module) that carries the implementations::

    from chartside import hookimpl

    class Plugin:
        @hookimpl
        def chartside_jobs(self):
            from . import reminders          # imported only when the host asks
            return [reminders.JOB]

    plugin = Plugin()
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from chartside.adapter import Adapter
    from chartside.context import Context
    from chartside.demo import Stage
    from chartside.gate.model import Decision, DecisionRequest
    from chartside.jobs.model import Job
    from chartside.messaging.channel import Channel

hookspec = pluggy.HookspecMarker("chartside")
hookimpl = pluggy.HookimplMarker("chartside")


@hookspec
def chartside_jobs() -> Iterable[Job]:  # type: ignore[empty-body]
    """Return the jobs that this plugin runs."""


@hookspec
def chartside_decide(context: Context, requests: Sequence[DecisionRequest]) -> Sequence[Decision]:  # type: ignore[empty-body]
    """Answer each request, in order: permit, deny, or none.

    Asked for many clients at once, so fetch what is needed for all of them together. ``context`` is that
    of the plugin which decides, not of the one which asks. Deny wins over permit; where nobody permits, the
    default of the action holds; an implementation that raises counts as a deny.
    """


@hookspec
def chartside_adapters() -> Iterable[type[Adapter]]:  # type: ignore[empty-body]
    """Return adapter classes, one for each kind of EHR. A second one of the same ``name`` is refused."""


@hookspec
def chartside_channels() -> Iterable[type[Channel]]:  # type: ignore[empty-body]
    """Return channel classes that carry messages to people. A second one of the same ``name`` is refused."""


@hookspec
def chartside_routes(context: Context) -> Iterable[BaseRoute]:  # type: ignore[empty-body]
    """Return ASGI routes; the host mounts them under ``/<plugin name>``."""


@hookspec
def chartside_check(context: Context) -> Iterable[str]:  # type: ignore[empty-body]
    """Return what is wrong with this plugin's set-up, one sentence with its mend each, for ``chartside check``."""


@hookspec
def chartside_demo(context: Context, stage: Stage) -> None:
    """Show this plugin at work in ``chartside demo``, on an invented practice, in a few lines and tables."""
