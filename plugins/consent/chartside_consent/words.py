"""Decisions in plain words, for a compliance officer. Ids and codes only; never a name, number or content."""

from __future__ import annotations

from typing import Final

from chartside.codes import ConsentType
from chartside.gate.model import Outcome

from .rules import Instrument

OTHER_CLIENT: Final = "it is another client's"
NOT_ACTIVE: Final = "its status is not active"
OTHER_SUBJECT: Final = "it is not about this"
SUPERSEDED: Final = "a later consent replaced it"
EXPIRED: Final = "its period is over"
NOT_YET: Final = "its period has not begun"
SILENT: Final = "none of its provisions fits the request"
FITS: Final = "this provision fits the request"
REFUSED: Final = "it refuses any use or sharing"
UNKNOWN: Final = (
    "whether its provision fits cannot be computed: "
    "who asks, or a label, date or author of the data, is not known"
)
BUNDLED: Final = "it bundles several consents, and this needs an act of its own"
PROTECTED: Final = "these records are opened by an instrument of their own only"
PROXY_OVER: Final = "a proxy gave it for a minor who is of age now"
AGE_UNKNOWN: Final = "a proxy gave it, and the chart does not say when the client was born"
TOO_YOUNG: Final = "the client was too young to give it alone"
CRISIS: Final = "A crisis card and the number 988 are always allowed."

TITLES: Final[dict[ConsentType, str]] = {
    ConsentType.TREATMENT: "consent to treatment",
    ConsentType.TELEHEALTH: "telehealth consent",
    ConsentType.TEXT_MESSAGES: "text message consent",
    ConsentType.UNENCRYPTED_EMAIL: "unencrypted e-mail consent",
    ConsentType.PHONE_CALLS: "phone call consent",
    ConsentType.RECORDING: "recording consent",
    ConsentType.AI_USE: "AI use consent",
    ConsentType.RELEASE: "release of information",
    ConsentType.PRIVACY: "privacy consent",
    ConsentType.PSYCHOTHERAPY_NOTES: "psychotherapy notes authorisation",
    ConsentType.PART2_TPO: "Part 2 consent (treatment, payment, operations)",
    ConsentType.SUD_COUNSELING_NOTES: "SUD counselling notes consent",
    ConsentType.PROXY: "proxy consent",
    ConsentType.RESEARCH: "research consent",
}

_VERBS: Final = {Outcome.PERMIT: "permits it", Outcome.DENY: "denies it", Outcome.NONE: "does not decide it"}


def title(instrument: Instrument) -> str:
    """What kind of consent it is."""
    return " and ".join(TITLES[kind] for kind in sorted(instrument.types))


def reason(instrument: Instrument, outcome: Outcome, why: str) -> str:
    """One sentence on what a consent said."""
    base = f" Base rule: {instrument.base_text}." if instrument.base_text else ""
    if instrument.problem:
        why = f"it cannot be computed ({instrument.problem})"
    return f"The {title(instrument)} (Consent/{instrument.id}) {_VERBS[outcome]}: {why}.{base}"


def protected_default(kind: ConsentType) -> str:
    """Why protected notes are closed where nobody opened them."""
    return f"These notes are closed to everybody but their author unless a {TITLES[kind]} opens them."
