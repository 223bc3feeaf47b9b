"""What is asked of the gate, and what it answers. Pure data, shared by the host and consent plugins.

An *action* is what would be done to or with a client's data. Its default, when no consent speaks,
is the table of ``DEFAULTS`` (deny wherever therapy needs an affirmative consent), and for payment ``default_of``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from chartside.codes import ACT_REASON_SYSTEM, ConsentType, Purpose


class Outcome(StrEnum):
    """``none``: nothing that was consulted speaks about the request; the default of the action decides."""

    PERMIT = "permit"
    DENY = "deny"
    NONE = "none"


class Action(StrEnum):
    """What would be done. The values are the words of the command line, too."""

    READ = "read"
    SMS = "sms"
    EMAIL = "email"
    CALL = "call"
    RECORD = "record"
    TRANSCRIBE = "transcribe"
    AI = "ai"
    DISCLOSE = "disclose"
    INSIGHTS = "insights"
    CRISIS = "crisis"


DEFAULTS: Mapping[Action, Outcome] = {
    Action.READ: Outcome.PERMIT,  # for treatment, within the granted scope: the EHR decides
    Action.SMS: Outcome.DENY,
    Action.EMAIL: Outcome.DENY,
    Action.CALL: Outcome.DENY,
    Action.RECORD: Outcome.DENY,
    Action.TRANSCRIBE: Outcome.DENY,
    Action.AI: Outcome.DENY,
    Action.DISCLOSE: Outcome.DENY,
    Action.INSIGHTS: Outcome.PERMIT,  # as operations, where an opt-out is honoured
    Action.CRISIS: Outcome.PERMIT,  # the crisis card and 988 are always allowed
}


PAYMENT = "HPAYMT"
CARE = frozenset(
    {"TREAT", "CAREMGT", "CLINTRL", "COC", "HPRGRP", "POPHLTH", "TREATDS", "ETREAT", "ERTREAT", "BTG"}
    | {PAYMENT, "HOPERAT", *Purpose}
)
"""For what the chart is read without a consent: treatment and its kinds, payment, operations (45 CFR 164.506)."""
_OF_A_CLAIM = ("Claim", "Coverage", "Encounter")
_PROTECTED = frozenset(
    code.casefold() for code in ("PSYTHPN", "42CFRPart2", "42CFRPart2CD", ConsentType.SUD_COUNSELING_NOTES)
)
"""Of v3-ActCode and of Chartside; known by the code alone, for a server may write the system in its own way."""


def default_of(action: Action, purpose: str, resource: Mapping[str, Any] | None) -> Outcome:
    """What holds where no consent speaks: ``DEFAULTS``; reading is for care only, not for research or marketing.

    For payment, what 45 CFR 164.506(c) permits without a consent: that is a claim and the visits and cover that it is
    about, and never what a law protects further, by its label: psychotherapy notes (45 CFR 164.508(a)(2)), records of
    a Part 2 programme (42 CFR 2.31), SUD counselling notes.
    """
    if action is Action.READ and purpose.removeprefix(f"{ACT_REASON_SYSTEM}|") not in CARE:
        return Outcome.DENY
    if action is not Action.DISCLOSE or purpose != PAYMENT or resource is None:
        return DEFAULTS[action]
    free = resource.get("resourceType") in _OF_A_CLAIM and _unprotected(resource)
    return Outcome.PERMIT if free else DEFAULTS[action]


def _unprotected(resource: Mapping[str, Any]) -> bool:
    """Whether every label can be read, and none is of the protected. What cannot be read may be one of them."""
    meta = resource.get("meta", {})
    labels = meta.get("security", []) if isinstance(meta, Mapping) else None
    return isinstance(labels, list) and all(map(_harmless, labels))


def _harmless(label: Any) -> bool:
    if not isinstance(label, Mapping):
        return False
    system, code = label.get("system"), label.get("code")
    return isinstance(system, str) and isinstance(code, str) and code.strip().casefold() not in _PROTECTED


@dataclass(frozen=True, slots=True)
class DecisionRequest:
    """One question to the gate.

    ``patient`` is a reference (``Patient/123``); ``purpose`` a v3-ActReason code (``TREAT``, ``HPAYMT``,
    ``BTG`` ...) or a Chartside purpose (``REMIND``), optionally ``system|code``; ``category`` narrows a
    message (``reminder``, ``billing``); ``actor`` is who would receive or act (a reference);
    ``resource`` is the data that would be used, where the question is about data;
    ``location`` the client's state (``IL``), empty when unknown; ``features`` what the policy packs judge.
    """

    patient: str
    action: Action
    at: datetime
    purpose: str = "TREAT"
    category: str = ""
    actor: str = ""
    resource: Mapping[str, Any] | None = None
    location: str = ""
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: the consent and the place in it, or the rule, that spoke. Ids and codes only, no PHI.

    ``source`` is ``Consent/12/_history/3``, a policy rule's id, or ``default``; ``path`` the place in the
    consent (``provision.provision[1]``); ``text`` one plain sentence for a compliance officer.
    """

    source: str
    outcome: Outcome
    path: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. ``review`` asks the staff to look (not computable); ``obligations`` go with a permit."""

    outcome: Outcome
    reasons: tuple[Reason, ...] = field(default=())
    obligations: tuple[str, ...] = field(default=())
    review: bool = False

    @property
    def permitted(self) -> bool:
        """True only for an explicit permit."""
        return self.outcome is Outcome.PERMIT
