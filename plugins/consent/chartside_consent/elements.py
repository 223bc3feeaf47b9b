"""What each kind of consent form must hold, and the source of each demand (C-11, C-13).

An element is a code of ``CONSENT_ELEMENT_SYSTEM`` in the extension ``CONSENT_ELEMENT`` of an item. (M) marks
a source that still has to be checked before it is relied on; where no law is named, the demand is this project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chartside.codes import ConsentType

WORDS: Final[Mapping[str, str]] = {
    "agreement": "the person's own yes or no (45 CFR 164.508(c)(1)(vi), 42 CFR 2.31)",
    "ai": "that AI is used, in so many words (C-13)",
    "alternatives": "what else can be chosen",
    "authority": "why the proxy may sign (45 CFR 164.508(c)(1)(vi))",
    "conditions": "whether care depends on signing (45 CFR 164.508(c)(2)(ii))",
    "consequences": "what follows from not signing (42 CFR 2.31(a)) (M)",
    "copy": "that the person gets a copy (45 CFR 164.508(c)(4))",
    "cost": "that texts may cost something",
    "discloser": "who may share it (45 CFR 164.508(c)(1)(ii), 42 CFR 2.31(a))",
    "emergency": "what happens in an emergency at a distance",
    "expiry": "a date or event on which it ends (45 CFR 164.508(c)(1)(v), 42 CFR 2.31(a))",
    "information": "what information it is about (45 CFR 164.508(c)(1)(i), 42 CFR 2.31(a))",
    "limits": "where it ends",
    "participants": "that everybody who takes part must agree (C-12)",
    "purpose": "what for (45 CFR 164.508(c)(1)(iv), 42 CFR 2.31(a))",
    "recipient": "who may receive it (45 CFR 164.508(c)(1)(iii), 42 CFR 2.31(a))",
    "redisclosure": "that it may be shared again (45 CFR 164.508(c)(2)(iii), 42 CFR 2.31(a))",
    "retention": "how long the sound is kept",
    "review": "that a clinician checks what AI wrote",
    "revoke": "how to take it back (45 CFR 164.508(c)(2)(i), 42 CFR 2.31(a), 47 CFR 64.1200(a)(10))",
    "rights": "the rights to see and to amend",
    "risks": "what may go wrong",
    "tool": "which AI tool (C-13)",
    "voluntary": "that care does not depend on it",
    "what": "what is agreed to",
}
"""Every element with its meaning, as it stands in error messages."""

_AUTHORISATION: Final = (
    "discloser",
    "recipient",
    "information",
    "purpose",
    "expiry",
    "revoke",
    "conditions",
    "redisclosure",
    "copy",
)
"""45 CFR 164.508(c)."""
_PART_2: Final = (
    "discloser",
    "recipient",
    "information",
    "purpose",
    "expiry",
    "revoke",
    "redisclosure",
    "consequences",
)
"""42 CFR 2.31(a), in force in this form since 16 February 2026."""

REQUIRED: Final[Mapping[ConsentType, tuple[str, ...]]] = {
    ConsentType.TREATMENT: ("what", "risks", "alternatives", "limits", "revoke", "agreement"),
    ConsentType.TELEHEALTH: ("what", "risks", "emergency", "alternatives", "revoke", "agreement"),
    ConsentType.TEXT_MESSAGES: ("what", "risks", "cost", "revoke", "voluntary", "agreement"),
    ConsentType.UNENCRYPTED_EMAIL: ("what", "risks", "alternatives", "revoke", "voluntary", "agreement"),
    ConsentType.PHONE_CALLS: ("what", "risks", "revoke", "voluntary", "agreement"),
    ConsentType.RECORDING: (
        "what",
        "purpose",
        "participants",
        "retention",
        "revoke",
        "voluntary",
        "agreement",
    ),
    ConsentType.AI_USE: ("ai", "tool", "purpose", "review", "retention", "revoke", "voluntary", "agreement"),
    ConsentType.RELEASE: (*_AUTHORISATION, "agreement"),
    ConsentType.PRIVACY: ("information", "purpose", "limits", "rights", "revoke", "agreement"),
    ConsentType.PSYCHOTHERAPY_NOTES: ("what", *_AUTHORISATION, "agreement"),
    ConsentType.PART2_TPO: (*_PART_2, "agreement"),
    ConsentType.SUD_COUNSELING_NOTES: ("what", *_PART_2, "agreement"),
    ConsentType.PROXY: ("what", "authority", "limits", "expiry", "revoke", "agreement"),
    ConsentType.RESEARCH: ("what", *_AUTHORISATION, "agreement"),
}
"""The elements of each kind of form."""

ANSWERED: Final = frozenset({"agreement", "tool"})
"""Elements that must be an answer of the person, never a sentence of the form."""
