"""Consent tracker and decision engine. Importing this package is cheap: the work is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chartside.hookspecs import hookimpl

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.gate.model import Decision, DecisionRequest


class ConsentPlugin:
    """What the host calls."""

    @hookimpl
    def chartside_decide(self, context: Context, requests: Sequence[DecisionRequest]) -> Sequence[Decision]:
        """Decide by the clients' Consents, read now and kept no longer than this call (C-5)."""
        from .deciding import decide_all

        return decide_all(context, requests)


plugin = ConsentPlugin()

__all__ = ["ConsentPlugin", "plugin"]
