"""Cover: a payer of a claim, what the EHR knows of the Coverage, what the payer answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from chartside_billing.model.parts import Adjustment, Amount, DateSpan, Segment
from chartside_billing.model.people import Party, Person


@dataclass(slots=True)
class CoverageFacts:
    """What the EHR's Coverage says beyond SBR. ``None``: not known."""

    status: str | None = None
    start: date | None = None
    end: date | None = None
    kind: str | None = None
    """The plan's type as a claim filing indicator where Coverage.type tells one: MB, MC, CH, CI ..."""
    is_eap: bool = False
    ref: str = ""


@dataclass(slots=True)
class Eligibility:
    """The last eligibility answer (271) of a coverage."""

    checked: date | None = None
    active: bool | None = None
    mental_health: bool | None = None
    last: str = ""
    first: str = ""
    birth_date: date | None = None
    member_id: str = ""
    behavioral_payer_id: str = ""
    """The payer of the behavioural benefits where the answer names another one."""
    authorization_required: frozenset[str] = frozenset()
    """Procedure codes that the answer says need an authorisation."""


@dataclass(slots=True)
class Authorization:
    """A payer's approval: number, period, codes, units approved and units used by earlier claims."""

    number: str = ""
    start: date | None = None
    end: date | None = None
    codes: frozenset[str] = frozenset()
    provider_npi: str = ""
    units: Decimal | None = None
    used: Decimal | None = None


@dataclass(slots=True)
class Insurance:
    """One payer of the claim: the one that it goes to (2000B), or another one (2320).

    ``sequence`` is SBR01 (P, S, T, A-H, U), ``relationship`` SBR02 (18: self; empty in 2000B if a 2000C follows),
    ``group`` SBR03, ``plan`` SBR04, ``msp_type`` SBR05, ``filing`` SBR09.
    """

    sequence: str = ""
    relationship: str = ""
    group: str = ""
    plan: str = ""
    msp_type: str = ""
    filing: str = ""
    subscriber: Person | None = None
    payer: Party | None = None
    coverage: CoverageFacts | None = None
    eligibility: Eligibility | None = None
    authorizations: list[Authorization] | None = None
    where: str = ""
    # Only in another payer's loops (2320, 2330):
    amounts: list[Amount] = field(default_factory=list)
    """AMT: D payer paid, A8 non-covered, EAF remaining patient liability."""
    adjustments: list[Adjustment] = field(default_factory=list)
    adjudicated: DateSpan | None = None
    """2330B DTP*573."""
    assignment: str = ""
    """OI03."""
    release: str = ""
    """OI06."""
    signature_source: str = ""
    """OI04."""
    claim_number: str = ""
    """2330B REF*F8."""
    prior_authorization: str = ""
    """2330B REF*G1."""
    referral: str = ""
    """2330B REF*9F."""
    remittance_date: date | None = None
    """The day of the remittance, from an ExplanationOfBenefit or ClaimResponse."""
    extra: list[Segment] = field(default_factory=list)

    def paid(self) -> Decimal | None:
        """AMT*D, what this payer paid for the whole claim; None if it was not sent."""
        for amount in self.amounts:
            if amount.qualifier == "D":
                return amount.amount
        return None
