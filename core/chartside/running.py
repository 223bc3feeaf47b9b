"""One run of one job: its limit of time, and what becomes of a plugin whose job goes wrong (H-1)."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from chartside.errors import ChartsideError, PluginError
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.overdue import until
from chartside.plugins import bounded

if TYPE_CHECKING:
    from chartside.host import Host

_log = logging.getLogger("chartside.host")


def run_job(host: Host, plugin: str, job: Job, options: JobOptions) -> JobReport:
    """The job's report, or one that says what went wrong. See ``Host.run``.

    Past its limit the run is given up: its plugin is set aside, so that no second run begins over it, and what its
    thread still asks for is refused (``chartside.overdue``), so that it comes to its end.
    """
    over = threading.Event()
    try:
        return bounded(lambda: _run(host, plugin, job, options, over), plugin, job.limit.total_seconds())
    except PluginError as error:
        host.plugins.set_aside(plugin, error)
        return JobReport(failed=True, notes=[f"the plugin is set aside: {error}"])
    except ChartsideError as error:
        return JobReport(failed=True, notes=[str(error)])
    except Exception as error:
        host.plugins.set_aside(plugin, error)
        return JobReport(failed=True, notes=[f"the plugin {host.plugins.found[plugin].problem}"])
    finally:
        over.set()


def _run(host: Host, plugin: str, job: Job, options: JobOptions, over: threading.Event) -> JobReport:
    """In a thread of its own."""
    started = time.monotonic()
    try:
        with until(over):
            context = host.context(plugin)
            _ = host.route.ehr.adapter  # a server that is away is told once, not for each record
            report = job.run(context, options)
        if not isinstance(report, JobReport):
            raise PluginError("its job gave something else than a JobReport")
        return report
    finally:
        if over.is_set():
            took = time.monotonic() - started
            _log.warning("%s.%s, given up at its limit, has ended after %.0f s", plugin, job.name, took)
