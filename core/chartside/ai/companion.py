"""Where AI drafts wait for an EHR that takes none: the companion server, by the write ladder (T-10)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chartside.ai.guard import HOLDS_DRAFTS, TRACES
from chartside.ai.writer import AiWriter
from chartside.gate.client import GatedFhir
from chartside.gate.places import Route, Where

if TYPE_CHECKING:
    from chartside.context import Context


def in_companion(context: Context) -> Context | None:
    """The context with its AI drafts, and the traces of their models, in the companion; None where it takes none.

    People stay where they are: who signs is asked of the EHR. References across the two are written whole.
    """
    fhir = context.fhir
    access = context.plugin.access
    letters = {kind: access.get(kind, "") for kind in (HOLDS_DRAFTS, *TRACES)}
    second = fhir._route.companion
    if second is None or not second.adapter.takes_preliminary:
        return None
    if not all(second.adapter.supports_all(kind, wanted) for kind, wanted in letters.items()):
        return None
    homes: dict[tuple[str, str], Where] = dict.fromkeys(letters.items(), "companion")
    route = Route(fhir._route.ehr, second, homes)
    moved = GatedFhir(context.plugin, route, fhir._auditor, context.clock, fhir._guard)
    return replace(context, fhir=moved, ai=AiWriter(moved, context.plugin, fhir._auditor, context.clock))
