"""The claim filing indicator (SBR09) of a FHIR Coverage: by its type's codes, its type's words, or its payer's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chartside.types import Resource

FILING = frozenset(
    {"11", "12", "13", "14", "15", "16", "17", "AM", "BL", "CH", "CI", "DS", "FI", "HM", "LM", "MA"}
    | {"MB", "MC", "OF", "TV", "VA", "WC", "ZZ"}
)
_ACT_CODES = {
    "HMO": "HM",
    "PPO": "12",
    "POS": "13",
    "SUBSIDIZ": "MC",
    "EHCPOL": "CI",
    "HIP": "CI",
    "MCPOL": "CI",
    "AUTOPOL": "AM",
    "WCBPOL": "WC",
}
"""HL7 v3 ActCode. ``MCPOL`` is any managed care policy, not Medicare; ``PUBLICPOL`` may be any public plan: its words
or its payer's name decide."""
_PAYMENT_SOURCES = (
    ("11", "16"),
    ("511", "HM"),
    ("512", "12"),
    ("513", "13"),
    ("514", "14"),
    ("95", "WC"),
    ("96", "AM"),
    ("31", "CH"),
    ("32", "VA"),
    ("1", "MB"),
    ("2", "MC"),
    ("5", "CI"),
    ("6", "BL"),
    ("7", "HM"),
)
"""Source of Payment Typology (NAHDO, US Core): the longest beginning counts."""
_WORDS = (
    ("medicare advantage", "16"),
    ("medicaid", "MC"),
    ("medicare", "MB"),
    ("tricare", "CH"),
    ("champus", "CH"),
    ("veteran", "VA"),
    ("blue cross", "BL"),
    ("blue shield", "BL"),
    ("bcbs", "BL"),
    ("workers", "WC"),
    ("hmo", "HM"),
    ("auto", "AM"),
    ("commercial", "CI"),
    ("ppo", "12"),
)


def filing_of(coverage: Resource, payer: str = "") -> str:
    """SBR09; ZZ where nothing tells the kind of insurance. ``payer``: its name."""
    concept: Any = coverage.get("type")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    found = [c for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
    words = [str(c.get("display", "")) for c in found]
    words += [str(concept.get("text", ""))] if isinstance(concept, dict) else []
    for candidate in (*_coded(found), *map(_worded, words), _worded(payer)):
        if candidate:
            return candidate
    return "ZZ"


def _coded(codings: list[dict[str, Any]]) -> Iterator[str]:
    for coding in codings:
        code, system = str(coding.get("code", "")), str(coding.get("system", "")).lower()
        if any(name in system for name in ("sopt", "nahdo", "paymenttypology", "221.5", "3.221.5")):
            yield next((kind for start, kind in _PAYMENT_SOURCES if code.startswith(start)), "")
        elif code in FILING:
            yield code
    for coding in codings:
        yield _ACT_CODES.get(str(coding.get("code", "")), "")


def _worded(text: str) -> str:
    low = text.lower()
    return next((kind for word, kind in _WORDS if word in low), "")
