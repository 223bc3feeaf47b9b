"""The sandbox EHR as tests use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from chartside.clock import Clock
    from chartside.sandbox import Faults, Sandbox
    from chartside.sandbox.practice import Practice
    from chartside.testing.keys import SmartClient


@dataclass(frozen=True, slots=True)
class Ehr:
    """A running sandbox EHR. ``client`` is the registered client where it asks for tokens, else None."""

    base_url: str
    sandbox: Sandbox
    practice: Practice
    client: SmartClient | None = None
    client_scopes: str = ""

    @property
    def faults(self) -> Faults:
        """What goes wrong there: ``ehr.faults.add("429", path="/Task", times=2)``."""
        return self.sandbox.faults

    def read(self, resource_type: str, resource_id: str) -> dict[str, Any]:
        """Return a resource as it is stored, past HTTP and faults; KeyError if there is none."""
        row = self.sandbox.store.read(resource_type, resource_id)
        if row is None or row.deleted:
            raise KeyError(f"{resource_type}/{resource_id}")
        return row.resource()

    def all(self, resource_type: str) -> list[dict[str, Any]]:
        """Return all stored resources of a type, past HTTP and faults."""
        pks = self.sandbox.store.query("SELECT pk FROM resource WHERE type=? AND deleted=0", (resource_type,))
        return [row.resource() for row in self.sandbox.store.rows([pk for (pk,) in pks])]

    def put(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Store a resource (with its id) as its next version, unchecked: also what no EHR should hold."""
        return self.sandbox.store.put(dict(resource), "PUT").resource()


@contextmanager
def running_ehr(clock: Clock, settings: Mapping[str, Any]) -> Iterator[Ehr]:
    """Run a sandbox EHR. ``settings``: clients, seed, secured, scopes, latency, and the fields of ``Options``."""
    from chartside.sandbox import Client, Options, Sandbox
    from chartside.testing.keys import make_client

    left = dict(settings)
    clients, seed = left.pop("clients", 40), left.pop("seed", 1)
    secured, scopes = left.pop("secured", False), left.pop("scopes", "system/*.cruds")
    latency = left.pop("latency", 0.0)
    unknown = set(left) - {field.name for field in fields(Options)}
    if unknown:
        raise TypeError(f"@pytest.mark.ehr has no option {', '.join(sorted(unknown))}")
    client = make_client("chartside", "ES384") if secured else None
    registered = [Client(client.client_id, client.jwks, scopes)] if client else []
    practice, content = _practice(clients, seed, clock.now())
    sandbox = Sandbox(Options(**left), clock=clock, clients=registered, latency=latency, content=content)
    with sandbox.running() as url:
        yield Ehr(url, sandbox, deepcopy(practice), client, scopes)
    sandbox.close()


@lru_cache(maxsize=8)
def _practice(clients: int, seed: int, now: datetime) -> tuple[Practice, bytes]:
    """A practice, and the database that holds it: made once, for most tests ask for the same."""
    from chartside.clock import FrozenClock
    from chartside.sandbox import Sandbox

    sandbox = Sandbox(clock=FrozenClock(now))
    practice, content = sandbox.load_practice(clients=clients, seed=seed), sandbox.store.content()
    sandbox.close()
    return practice, content
