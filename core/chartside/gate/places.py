"""The practice's servers, and which of them each resource type lives on: it has one home, EHR or companion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from chartside.adapter import Adapter
from chartside.errors import FhirError
from chartside.fhir import Capabilities, FhirClient, TokenSource
from chartside.ladder import Rung, choose
from chartside.once import Parts, once

Where = Literal["ehr", "companion"]


class Place:
    """A server, and where its tokens come from. Nothing is asked of it before ``adapter`` is needed.

    ``pick`` gives the adapter, an Adapter's class for one. ``mend``: what to do where the server does not answer.
    """

    def __init__(
        self,
        client: FhirClient,
        pick: Callable[[Capabilities], Adapter],
        tokens: TokenSource | None = None,
        *,
        mend: str = "",
    ) -> None:
        self.client, self.tokens, self.making = client, tokens, Parts()
        self._pick, self._mend = pick, mend

    @once
    def adapter(self) -> Adapter:
        """What it can do, and how to ask it. Asks for ``/metadata``; raises FhirError, SmartError, ConfigError."""
        try:
            able = self.client.capabilities()
        except FhirError as error:
            error.mend = error.mend or self._mend
            raise
        return self._pick(able)


@dataclass(slots=True)
class Route:
    """EHR and companion. A type whose declared letters the EHR does not offer lives in the companion, if that does."""

    ehr: Place
    companion: Place | None = None
    _homes: dict[tuple[str, str], Where] = field(default_factory=dict)

    def home(self, resource_type: str, letters: str) -> Where:
        """Where resources of the type live for a plugin with these letters."""
        key = (resource_type, letters)
        if key not in self._homes:
            self._homes[key] = self._find(resource_type, letters)
        return self._homes[key]

    def _find(self, resource_type: str, letters: str) -> Where:
        if self.companion is None or self.ehr.adapter.supports_all(resource_type, letters):
            return "ehr"
        return "companion" if self.companion.adapter.supports_all(resource_type, letters) else "ehr"

    def place(self, where: Where) -> Place:
        """The server; the EHR where there is no companion."""
        return self.companion if where == "companion" and self.companion else self.ehr

    def rung(
        self,
        wanted: str,
        letters: str,
        *,
        shapes: bool = True,
        may: Callable[[str, str], bool] = lambda kind, letters: True,
    ) -> Rung:
        """The write ladder's choice here; see ``ladder.choose``."""
        first = choose(wanted, letters, self.ehr.adapter, None, shapes=shapes, may=may)
        if first.where != "nowhere" or self.companion is None:
            return first  # the companion is not even asked
        return choose(wanted, letters, self.ehr.adapter, self.companion.adapter, shapes=shapes, may=may)


@dataclass(frozen=True, slots=True)
class Seen:
    """A server as plugin code sees it: what it can do, not the client that reaches it."""

    adapter: Adapter
    capabilities: Callable[[], Capabilities]


def _seen(place: Place) -> Seen:
    return Seen(place.adapter, place.client.capabilities)


class Homes:
    """A route without its clients, so that it is no way around the gate."""

    __slots__ = ("home", "place", "rung")

    def __init__(self, route: Route) -> None:
        self.home = route.home
        self.rung = route.rung
        self.place: Callable[[Where], Seen] = lambda where: _seen(route.place(where))
