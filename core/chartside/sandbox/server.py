"""The sandbox EHR, started and stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chartside.clock import Clock
from chartside.loopback import serving
from chartside.sandbox.app import PREFIX, FhirEndpoint, build_app
from chartside.sandbox.auth import Authority, Client, Guard
from chartside.sandbox.control import control_routes
from chartside.sandbox.engine import Engine
from chartside.sandbox.faults import Faults, FaultyApp
from chartside.sandbox.options import Options
from chartside.sandbox.practice import Practice, generate
from chartside.sandbox.store import Store

INDEX_AT_ONCE = 2_000


class Sandbox:
    """An embedded EHR::

        with Sandbox().running() as url:
            requests.get(f"{url}/metadata")

    ``path``: the SQLite file, or ``:memory:``. ``clients``: the registered clients of SMART backend services; none
    means that no token is asked for. ``guard``: another way to check tokens.
    ``faults``: what goes wrong (``chartside.sandbox.faults``). ``latency``: seconds added to every answer.
    ``content``: the database of another sandbox (``store.content()``), for one in memory to begin with.
    """

    def __init__(
        self,
        options: Options | None = None,
        *,
        path: str = ":memory:",
        clock: Clock | None = None,
        clients: Sequence[Client] = (),
        guard: Guard | None = None,
        faults: Faults | None = None,
        latency: float = 0.0,
        content: bytes = b"",
    ) -> None:
        self.options = options or Options()
        self.store = Store(path, clock=clock, content=content)
        self.authority = Authority(tuple(clients), clock=self.store.clock) if clients else None
        guard = guard or self.authority
        self.engine = Engine(self.store, self.options, secured=guard is not None)
        self.endpoint = FhirEndpoint(self.engine, guard=guard, latency=latency)
        self.faults = faults or Faults()
        controls = control_routes(self.faults, lambda: self.seen)
        self.app = FaultyApp(build_app(self.endpoint, controls), self.faults)

    def load_practice(self, *, clients: int = 100, seed: int = 1, index: bool | None = None) -> Practice:
        """Fill the store with an invented practice as it stands now; return it.

        ``index``: make the search index at once, or (faster to start) each type's at its first search. None: at once
        for up to ``INDEX_AT_ONCE`` clients.
        """
        at_once = clients <= INDEX_AT_ONCE if index is None else index
        practice = generate(clients=clients, seed=seed, now=self.store.clock.now())
        return practice.load(self.store, index=at_once)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    @property
    def seen(self) -> list[tuple[str, str, int]]:
        """Return method, path and status of every request so far; status 0 where the connection was cut."""
        return list(self.app.seen)

    @contextmanager
    def running(self, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
        """Serve in a thread of this process; yield the FHIR base URL. Port 0 takes a free one."""
        with serving(self.app, host=host, port=port) as origin:
            yield f"{origin}{PREFIX}"
