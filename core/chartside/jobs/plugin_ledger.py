"""The ledger as a plugin gets it: what its effects would write is held against the guard first.

The ledger writes with the host's own client, so that an effect could else carry what the plugin itself may not write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from chartside.jobs.ledger import Claim, Effect, Ledger, Result, State
from chartside.types import Resource

Check = Callable[[Resource], None]
"""Raises a GateError for the resource of an effect that may not be written."""


class PluginLedger(Ledger):
    """``ledger``: the practice's; ``check``: this plugin's guard."""

    __slots__ = ("__check", "__ledger", "audits", "home")

    def __init__(self, ledger: Ledger, check: Check) -> None:
        self.__ledger, self.__check = ledger, check
        self.home, self.audits = ledger.home, ledger.audits

    def _looked(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            self.__check(effect.resource)

    def claim(self, effects: Sequence[Effect]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused. Of equal effects in one call, the first alone can be had."""
        self._looked(effects)
        claims = {c.effect.key: c for c in self.__ledger.claim(list({e.key: e for e in effects}.values()))}
        given: list[Claim] = []
        for effect in effects:
            given.append(claims[effect.key])
            claims[effect.key] = replace(claims[effect.key], state=State.HELD)
        return given

    def begin(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused."""
        self._looked([claim.effect for claim in claims])
        return self.__ledger.begin(claims)

    def finish(self, results: Sequence[Result]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused."""
        self._looked([result.claim.effect for result in results])
        return self.__ledger.finish(results)

    def reopen(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger. Raises PolicyRefused."""
        self._looked([claim.effect for claim in claims])
        return self.__ledger.reopen(claims)

    def release(self, claims: Sequence[Claim]) -> None:
        """See Ledger. Raises PolicyRefused."""
        self._looked([claim.effect for claim in claims])
        self.__ledger.release(claims)

    def recent(self, recipients: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
        """See Ledger."""
        return self.__ledger.recent(recipients, since)

    def undecided(self) -> Iterator[Claim]:
        """See Ledger."""
        return self.__ledger.undecided()
