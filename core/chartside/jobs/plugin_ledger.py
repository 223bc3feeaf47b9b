"""The ledger as a plugin gets it: what its effects would write is held against the guard first.

The ledger writes with the host's own client, so that an effect could else carry what the plugin itself may not write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from chartside.jobs.ledger import Claim, Effect, Ledger, Result, State
from chartside.overdue import require_wanted
from chartside.types import Resource

Check = Callable[[Resource], None]
"""Raises a GateError for the resource of an effect that may not be written."""


class PluginLedger(Ledger):
    """``ledger``: gives the practice's, opened at its first use; ``check``: this plugin's guard."""

    __slots__ = ("__check", "__open")

    def __init__(self, ledger: Callable[[], Ledger], check: Check) -> None:
        self.__open, self.__check = ledger, check

    @property
    def home(self) -> str:  # type: ignore[override]  # read only, and asked of the server
        """See Ledger. Raises FhirError."""
        return self.__open().home

    @property
    def audits(self) -> bool:  # type: ignore[override]
        """See Ledger. Raises FhirError."""
        return self.__open().audits

    def _looked(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self.__check(effect.resource)

    def claim(self, effects: Sequence[Effect]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused, JobOverdue. Of equal effects in one call, the first alone can be had."""
        require_wanted()
        self._looked(effects)
        claims = {c.effect.key: c for c in self.__open().claim(list({e.key: e for e in effects}.values()))}
        given: list[Claim] = []
        for effect in effects:
            given.append(claims[effect.key])
            claims[effect.key] = replace(claims[effect.key], state=State.HELD)
        return given

    def begin(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused, JobOverdue."""
        require_wanted()
        self._looked([claim.effect for claim in claims])
        return self.__open().begin(claims)

    def finish(self, results: Sequence[Result]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused."""
        self._looked([result.claim.effect for result in results])
        return self.__open().finish(results)

    def reopen(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused, JobOverdue."""
        require_wanted()
        self._looked([claim.effect for claim in claims])
        return self.__open().reopen(claims)

    def release(self, claims: Sequence[Claim]) -> None:
        """See Ledger. Raises PolicyRefused."""
        self._looked([claim.effect for claim in claims])
        self.__open().release(claims)

    def recent(self, recipients: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
        """See Ledger."""
        return self.__open().recent(recipients, since)

    def undecided(self) -> Iterator[Claim]:
        """See Ledger."""
        return self.__open().undecided()
