"""The little terminology that decisions need: which concept includes which, and what each instrument speaks about.

Sources: HL7 v3-ActReason (PurposeOfUse), v3-ActCode (InformationSensitivityPolicy), v3-Confidentiality
(an ordered scale: R4 Consent.provision.securityLabel calls it a high-water mark), IHE PCF 1.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from chartside.codes import (
    ACT_CODE_SYSTEM,
    ACT_REASON_SYSTEM,
    CONFIDENTIALITY_SYSTEM,
    CONSENT_CATEGORY_SYSTEM,
    CONSENT_SCOPE_SYSTEM,
    CONSENT_TYPE_SYSTEM,
    LOINC_PRIVACY_CONSENT,
    LOINC_RELEASE,
    LOINC_SYSTEM,
    PURPOSE_SYSTEM,
    ConsentType,
    Purpose,
)
from chartside.gate.model import Action

LOINC_PROCEDURE_CONSENT: Final = "64293-4"

Key = tuple[str, str]
"""A concept: system and code."""


def _tree(system: str, **children: str) -> dict[Key, Key]:
    return {(system, c): (system, parent) for parent, codes in children.items() for c in codes.split()}


# BTG stands apart on purpose, though v3-ActReason puts it under ETREAT and that under TREAT: a client who forbids or
# permits treatment has not thereby spoken about breaking the glass (PCF gives it a provision of its own).
_BROADER: Final[Mapping[Key, Key]] = {
    **_tree(
        ACT_REASON_SYSTEM,
        TREAT="CAREMGT CLINTRL COC ETREAT HPRGRP POPHLTH TREATDS",
        ETREAT="ERTREAT",
        HRESCH="BIORCH CLINTRCH DSRCH POARCH TRANSRCH",
        CLINTRCH="CLINTRCHNPC CLINTRCHPC PRECLINTRCH",
        HPAYMT="CLMATTCH COVAUTH COVERAGE REMITADV",
        COVERAGE="ELIGDTRM ELIGVER ENROLLM MILDCRG",
        HOPERAT="DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HQUALIMP HSYSADMIN LABELING "
        "METAMGT MEMADMIN MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN",
        SYSDEV="HTEST",
        PATRQT="FAMRQT PWATRNY SUPNWK",
        PUBHLTH="DISASTER THREAT",
    ),
    # A reminder of a visit is part of its treatment, a scrubbed claim part of payment, insights are operations.
    (PURPOSE_SYSTEM, Purpose.REMIND): (ACT_REASON_SYSTEM, "TREAT"),
    (PURPOSE_SYSTEM, Purpose.SCHEDULE): (ACT_REASON_SYSTEM, "TREAT"),
    (PURPOSE_SYSTEM, Purpose.TRANSCRIBE): (ACT_REASON_SYSTEM, "TREAT"),
    (PURPOSE_SYSTEM, Purpose.DRAFT): (ACT_REASON_SYSTEM, "TREAT"),
    (PURPOSE_SYSTEM, Purpose.SCRUB): (ACT_REASON_SYSTEM, "HPAYMT"),
    (PURPOSE_SYSTEM, Purpose.INSIGHT): (ACT_REASON_SYSTEM, "HOPERAT"),
    **_tree(
        ACT_CODE_SYSTEM,
        BH="COGN DVD EMOTDIS MH PSY SUD",
        PSY="PSYTHPN",
        SUD="ETHUD OPIOIDUD",
        STD="HIV",
    ),
}

_ALSO_UNDER: Final[Mapping[Key, Key]] = {
    # PCF's AdvancedSecurityTagVS puts both under ETH, HL7 Terminology under SUD.
    (ACT_CODE_SYSTEM, "ETHUD"): (ACT_CODE_SYSTEM, "ETH"),
    (ACT_CODE_SYSTEM, "OPIOIDUD"): (ACT_CODE_SYSTEM, "ETH"),
}

CONFIDENTIALITY: Final[Mapping[str, int]] = {"U": 0, "L": 1, "M": 2, "N": 3, "R": 4, "V": 5}
"""v3-Confidentiality, from unrestricted to very restricted."""

TREATMENT: Final[Key] = (ACT_REASON_SYSTEM, "TREAT")
TPO: Final = frozenset((ACT_REASON_SYSTEM, code) for code in ("TREAT", "HPAYMT", "HOPERAT"))

PSYCHOTHERAPY_NOTE: Final[Key] = (ACT_CODE_SYSTEM, "PSYTHPN")
PART_2: Final = frozenset((ACT_CODE_SYSTEM, code) for code in ("42CFRPart2", "42CFRPart2CD"))
SUD_COUNSELING_NOTE: Final[Key] = (CONSENT_TYPE_SYSTEM, ConsentType.SUD_COUNSELING_NOTES)
"""No standard label exists for SUD counselling notes (42 CFR 2.11); Chartside's own code marks them."""


def labelled(key: Key) -> Key:
    """A security label; one without a system is of v3-Confidentiality if its code is one there, else of v3-ActCode."""
    system, code = key
    return key if system else (CONFIDENTIALITY_SYSTEM if code in CONFIDENTIALITY else ACT_CODE_SYSTEM, code)


def broader(key: Key) -> Iterable[Key]:
    """The concept itself, and all that include it."""
    found = [key]
    for step in found:
        found += [table[step] for table in (_BROADER, _ALSO_UNDER) if step in table]
    return found


_DATA = frozenset({Action.READ, Action.DISCLOSE})
_GENERAL = _DATA | {Action.INSIGHTS}
EVERYTHING: Final = frozenset(Action) - {Action.CRISIS}

OPENS: Final[Mapping[ConsentType, frozenset[Action]]] = {
    ConsentType.TREATMENT: frozenset({Action.READ}),
    ConsentType.TELEHEALTH: frozenset(),
    ConsentType.TEXT_MESSAGES: frozenset({Action.SMS}),
    ConsentType.UNENCRYPTED_EMAIL: frozenset({Action.EMAIL}),
    ConsentType.PHONE_CALLS: frozenset({Action.CALL}),
    ConsentType.RECORDING: frozenset({Action.RECORD}),
    ConsentType.AI_USE: frozenset({Action.AI, Action.TRANSCRIBE}),
    ConsentType.RELEASE: _DATA,
    ConsentType.PRIVACY: _GENERAL,
    ConsentType.PSYCHOTHERAPY_NOTES: _DATA,
    ConsentType.PART2_TPO: _DATA,
    ConsentType.SUD_COUNSELING_NOTES: _DATA,
    ConsentType.PROXY: _DATA,
    ConsentType.RESEARCH: _GENERAL,
}
"""What a permit of each instrument may open. A general consent opens no message, recording or AI (C-13)."""

NOTES: Final = frozenset({ConsentType.PSYCHOTHERAPY_NOTES, ConsentType.SUD_COUNSELING_NOTES})
"""Authorisations for protected notes."""

ALONE: Final = NOTES | {ConsentType.RECORDING, ConsentType.AI_USE}
"""Instruments that count only when they stand alone: bundled consent is none (C-13; 45 CFR 164.508(b)(3)(ii))."""

_CATEGORIES: Final[Mapping[Key, ConsentType]] = {
    (LOINC_SYSTEM, LOINC_PRIVACY_CONSENT): ConsentType.PRIVACY,
    (LOINC_SYSTEM, LOINC_RELEASE): ConsentType.RELEASE,
    (CONSENT_CATEGORY_SYSTEM, "npp"): ConsentType.PRIVACY,
    **{(CONSENT_CATEGORY_SYSTEM, code): ConsentType.RESEARCH for code in ("research", "rsdid", "rsreid")},
    **{(ACT_CODE_SYSTEM, code): ConsentType.RESEARCH for code in ("RESEARCH", "RSDID", "RSREID")},
    (LOINC_SYSTEM, LOINC_PROCEDURE_CONSENT): ConsentType.TREATMENT,
    (CONSENT_SCOPE_SYSTEM, "patient-privacy"): ConsentType.PRIVACY,
    (CONSENT_SCOPE_SYSTEM, "research"): ConsentType.RESEARCH,
    (CONSENT_SCOPE_SYSTEM, "treatment"): ConsentType.TREATMENT,
    **{(CONSENT_TYPE_SYSTEM, kind.value): kind for kind in ConsentType},
}

ADVANCE_DIRECTIVES: Final = frozenset(
    {(CONSENT_SCOPE_SYSTEM, "adr")}
    | {(CONSENT_CATEGORY_SYSTEM, code) for code in ("acd", "dnr", "hcd", "polst")}
)
"""Wishes about care in an emergency. They say nothing about data or messages (``emrgonly`` does: it limits them)."""


def types(categories: Iterable[Key], scope: Iterable[Key]) -> frozenset[ConsentType]:
    """The instruments that a consent is: by its categories, else by its scope, else a privacy consent."""
    for codes in (categories, scope):
        found = {_CATEGORIES[code] for code in codes if code in _CATEGORIES}
        if found - {ConsentType.PRIVACY}:
            return frozenset(found - {ConsentType.PRIVACY})
    return frozenset({ConsentType.PRIVACY})
