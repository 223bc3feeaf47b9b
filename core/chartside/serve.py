"""The embedded runner: every job at its own pace in one thread, and the plugins' pages in another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount

from chartside.host import Host
from chartside.jobs.model import JobReport
from chartside.loopback import serving

_log = logging.getLogger("chartside.serve")


class Runner:
    """``port`` 0 serves no pages; ``report(job, report)`` is told after each run."""

    def __init__(self, host: Host, *, port: int, report: Callable[[str, JobReport], None]) -> None:
        self._host, self._port, self._report = host, port, report
        self._stop = threading.Event()
        self._due: dict[str, datetime] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run in threads until the block is left; a job under way is waited for."""
        jobs = threading.Thread(target=self._loop, name="chartside-jobs")
        with self._pages():  # first: where the port is taken, no job has begun
            jobs.start()
            try:
                yield
            finally:
                self._stop.set()
                jobs.join()

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self.run_due()
            except Exception as error:  # a thread that ends in silence would remind nobody any more
                _log.error("a job's turn failed: %s", type(error).__name__)
            self._stop.wait(1.0)

    def run_due(self) -> None:
        """Run each job whose time has come. One that fails is told, and comes again at its next time."""
        for name, (_, job) in sorted(self._host.jobs().items()):
            now = self._host.clock.now()
            if self._stop.is_set() or now < self._due.get(name, now):
                continue
            self._due[name] = now + job.every
            self._report(name, self._host.run(name))

    @contextmanager
    def _pages(self) -> Iterator[None]:
        app = pages(self._host)
        if not self._port or not app.routes:
            yield
            return
        with serving(app, port=self._port, grace=True):
            yield


def pages(host: Host) -> Starlette:
    """The plugins' routes, each plugin's under its own name. A plugin that raises is set aside."""
    found = host.plugins.each("chartside_routes", BaseRoute, lambda name: {"context": host.context(name)})
    return Starlette(routes=[Mount(f"/{name}", routes=routes) for name, routes in found])
