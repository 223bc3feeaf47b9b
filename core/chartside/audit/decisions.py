"""What the gate decided, as entries of the audit (C-8): by which consents, which provision of each, which rules.

So "why was this sent?" has the answer of that moment, whatever became of the consent since.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from chartside.audit.record import PROVISION, REFERENCE, AuditRecord, Event, Result
from chartside.gate.model import Decision, DecisionRequest

UNNAMED = "unnamed-consent"


class Because(TypedDict):
    """Fields of an ``AuditRecord``; ``provisions`` in the order of ``consents``, empty where none is known."""

    consents: tuple[str, ...]
    provisions: tuple[str, ...]
    rules: tuple[str, ...]


def because(decision: Decision) -> Because:
    """The consents, provisions and rules that decided. A consent whose id is none is told by ``unnamed-consent``, so
    that one garbled record does not keep everybody's decisions out of the trail."""
    named = [reason for reason in decision.reasons if REFERENCE.match(reason.source)]
    rest = [reason.source for reason in decision.reasons if reason not in named]
    return Because(
        consents=tuple(reason.source for reason in named),
        provisions=tuple(r.path if re.match(PROVISION, r.path) else "" for r in named),
        rules=tuple(UNNAMED if source.startswith("Consent/") else source for source in rest),
    )


def decided(
    plugin: str, requests: Sequence[DecisionRequest], decisions: Sequence[Decision]
) -> list[AuditRecord]:
    """One entry for each decision. Raises ValueError for a request that holds something other than ids and codes."""
    return [
        AuditRecord(
            Event.DECISION,
            plugin,
            request.at,
            Result.PERMIT if decision.permitted else Result.DENY,
            patient=request.patient,
            target=_about(request.resource),
            purpose=request.purpose,
            action=request.action.value,
            **because(decision),
        )
        for request, decision in zip(requests, decisions, strict=True)
    ]


def _about(resource: Mapping[str, Any] | None) -> str:
    """``Claim/7``: the data that was asked about; nothing where it has no id."""
    name = f"{resource.get('resourceType')}/{resource.get('id')}" if resource else ""
    return name if REFERENCE.match(name) and not name.endswith("/None") else ""
