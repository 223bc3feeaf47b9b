"""The embedded runner: every job at its own pace, each plugin's in a thread, and the plugins' pages in another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from chartside.host import Host
from chartside.jobs.model import Job, JobReport
from chartside.loopback import serving

_log = logging.getLogger("chartside.serve")


class Runner:
    """``port`` 0 serves no pages; ``report(job, report)`` is told after each run, one at a time.

    A thread for each plugin: one that hangs holds up no other, and no job ever runs twice at once. All share the
    practice's rate budget and breaker, for all use the host's one client for each server.
    """

    def __init__(self, host: Host, *, port: int, report: Callable[[str, JobReport], None]) -> None:
        self._host, self._port, self._report = host, port, report
        self._stop, self._telling = threading.Event(), threading.Lock()
        self._due: dict[str, datetime] = {}

    @cached_property
    def _jobs(self) -> dict[str, tuple[str, Job]]:
        return dict(sorted(self._host.jobs().items()))

    @contextmanager
    def running(self) -> Iterator[list[str]]:
        """Run in threads until the block is left; yields where each plugin's pages are. The jobs under way are waited
        for."""
        with self._pages() as places:  # first: where the port is taken, no job has begun
            plugins = dict.fromkeys(plugin for plugin, _ in self._jobs.values())
            threads = [threading.Thread(target=self._loop, args=(name,), daemon=True) for name in plugins]
            for thread in threads:
                thread.start()
            try:
                yield places
            finally:
                self._stop.set()
                for thread in threads:
                    thread.join()

    def _loop(self, plugin: str) -> None:
        while not self._stop.is_set() and self._host.plugins.found[plugin].loaded:
            try:
                self.run_due(plugin)
            except Exception as error:  # a thread that ends in silence would remind nobody any more
                _log.error("a job's turn failed: %s", type(error).__name__)
            self._stop.wait(1.0)

    def run_due(self, plugin: str = "") -> None:
        """Run each job (of one plugin) whose time has come. One that fails is told, and comes again at its time."""
        for name, (owner, job) in self._jobs.items():
            now = self._host.clock.now()
            ours = plugin in ("", owner) and self._host.plugins.found[owner].loaded
            if self._stop.is_set() or not ours or now < self._due.get(name, now):
                continue
            self._due[name] = now + job.every
            report = self._host.run(name)
            with self._telling:
                self._report(name, report)

    @contextmanager
    def _pages(self) -> Iterator[list[str]]:
        app = pages(self._host)
        if not self._port or not app.routes:
            yield []
            return
        with serving(app, port=self._port, grace=True) as origin:
            yield [f"{origin}{mount.path}" for mount in app.routes if isinstance(mount, Mount)]


def pages(host: Host) -> Starlette:
    """The plugins' routes, each plugin's under its own name. A plugin that raises is set aside."""
    found = host.plugins.each("chartside_routes", BaseRoute, lambda name: {"context": host.context(name)})
    return Starlette(routes=[Mount(f"/{name}", routes=routes) for name, routes in found])
