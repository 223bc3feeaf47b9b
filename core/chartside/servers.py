"""From a ``[ehr]`` or ``[companion]`` table to a client with its token and its adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from chartside.adapter import Adapter
from chartside.clock import Clock
from chartside.config import Config, Server
from chartside.errors import ConfigError
from chartside.fhir import Budget, Capabilities, FhirClient, TokenSource
from chartside.gate.client import Place

Adapters = dict[str, type[Adapter]]

NAMES = {"ehr": "the EHR", "companion": "the companion server"}
"""The tables' servers in words."""

_MEND = "see that {}.base_url is the server's FHIR base URL (it ends before /Patient) and that this machine reaches it"


def by_name(classes: Iterable[type[Adapter]]) -> Adapters:
    """Adapter classes by their names. Raises ConfigError where two share one."""
    found: Adapters = {}
    for kind in classes:
        if found.setdefault(kind.name, kind) is not kind:
            raise ConfigError(
                "ehr.adapter", f"two installed adapters are called {kind.name!r}", mend="uninstall one"
            )
    return found


def pick(adapters: Adapters, name: str, able: Capabilities, path: str) -> Adapter:
    """The adapter that the config names; with ``auto``, the one that recognises the server, else the generic one."""
    require_known(adapters, name, path)
    if name != "auto":
        return adapters[name](able)
    recognised = [kind for kind in adapters.values() if kind.recognises(able.raw)]
    return (recognised[0] if recognised else adapters["generic"])(able)


def require_known(adapters: Adapters, name: str, path: str) -> None:
    """Raise ConfigError for the name of an adapter that nobody brings."""
    if name != "auto" and name not in adapters:
        mend = f"use auto, or one of: {', '.join(sorted(adapters))}"
        raise ConfigError(path, f"no adapter {name!r}", mend=mend)


def connect(
    config: Config,
    server: Server,
    adapters: Callable[[], Adapters],
    access: Mapping[str, str],
    clock: Clock,
    path: str,
) -> Place:
    """The server as a place, which is asked nothing before it is needed."""
    rate = server.requests_per_second
    source = tokens(config, server, access, clock)
    client = FhirClient(
        server.base_url,
        auth=source,
        budget=Budget(rate, burst=max(1, int(rate))),
        clock=clock,
        name=NAMES[path],
    )

    def choose(able: Capabilities) -> Adapter:
        return pick(adapters(), server.adapter, able, f"{path}.adapter")

    return Place(client, choose, source, mend=_MEND.format(path))


def tokens(config: Config, server: Server, access: Mapping[str, str], clock: Clock) -> TokenSource | None:
    """Where the server's tokens come from; None where it asks for none."""
    if server.auth is None:
        return None
    from chartside.smart import backend_services

    return backend_services(
        server.base_url,
        client_id=server.auth.client_id,
        keys=config.path(server.auth.keys),
        algorithm=server.auth.algorithm,
        access=access,
        clock=clock,
    )
