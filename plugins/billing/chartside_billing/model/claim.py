"""One professional claim, and what went before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from chartside_billing.model.cover import Insurance
from chartside_billing.model.envelope import Envelope, SyntaxIssue
from chartside_billing.model.line import Attachment, Diagnosis, Line
from chartside_billing.model.parts import DateSpan, Reference, Segment
from chartside_billing.model.people import Party, Person
from chartside_billing.model.visit import Visit


@dataclass(slots=True)
class PriorClaim:
    """A claim of the same patient that went out before, for duplicates, repeats and months."""

    id: str = ""
    status: str = ""
    """accepted, rejected, paid, denied, open, or empty if not known."""
    patient_key: str = ""
    claim_number: str = ""
    created: date | None = None
    payer_id: str = ""
    lines: list[Line] = field(default_factory=list)
    rendering_npi: str = ""
    billing_npi: str = ""
    billing_tax_id: str = ""
    total: Decimal | None = None


@dataclass(slots=True)
class History:
    """What went before, from the EHR. ``claims`` complete for the patient as far as the EHR keeps Claims."""

    claims: list[PriorClaim] = field(default_factory=list)
    visits: list[Visit] | None = None
    plan_periods: list[tuple[date | None, date | None]] | None = None
    """Periods of the patient's active CarePlans."""
    consents: frozenset[str] | None = None
    """Kinds of consent in force: ``part2``, ``release``, ``assignment``, ``cocm``, ``private-contract``; ``no-`` before
    a kind that was refused or has ended."""
    payments: Decimal | None = None
    """What the patient paid towards this claim, by the EHR's PaymentNotices."""
    complete: bool = True
    """Whether ``claims`` are all that the EHR has of the patient; False: what a Bundle happened to hold."""
    monitored_days: int | None = None
    """Days with data of a monitoring device in the 30 days up to the service."""
    device_orders: bool | None = None
    """Whether a treatment device is ordered for the patient."""
    enrollment: tuple[date | None, date | None, bool] | None = None
    """The clinician's role at the payer: from, to, active."""
    fees: dict[str, Decimal] = field(default_factory=dict)
    """The practice's fee by code, from ChargeItemDefinitions beside the claim."""
    sessions: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    """Other sessions of the clinician: the visit's reference, start, end."""


@dataclass(slots=True)
class Claim:
    """One professional claim (2300 with the loops above and below it)."""

    id: str = ""
    """CLM01, the patient control number."""
    source: str = ""
    """File name, or the FHIR reference with its version: ``Claim/12/_history/3``."""
    where: str = ""
    envelope: Envelope | None = None
    submitter: Party | None = None
    receiver: Party | None = None
    billing: Party | None = None
    pay_to: Party | None = None
    """2010AB: entity and address."""
    pay_to_plan: Party | None = None
    """2010AC."""
    insurance: Insurance = field(default_factory=Insurance)
    """The payer that the claim goes to, with the subscriber."""
    patient: Person | None = None
    """2010CA; None where the patient is the subscriber."""
    patient_relationship: str = ""
    """2000C PAT01; empty where no 2000C was sent."""
    others: list[Insurance] = field(default_factory=list)
    """2320: other payers, in their order."""
    total: Decimal | None = None
    """CLM02."""
    total_raw: str = ""
    pos: str = ""
    """CLM05-1."""
    pos_qualifier: str = "B"
    frequency: str = ""
    """CLM05-3."""
    provider_signature: str = ""
    """CLM06."""
    assignment: str = ""
    """CLM07: A, B or C."""
    benefits_assigned: str = ""
    """CLM08: N, W or Y."""
    release: str = ""
    """CLM09: I or Y."""
    patient_signature: str = ""
    """CLM10."""
    causes: tuple[str, ...] = ()
    """CLM11-1..3: AA, EM, OA."""
    accident_state: str = ""
    """CLM11-4."""
    accident_country: str = ""
    special_program: str = ""
    """CLM12."""
    delay_reason: str = ""
    """CLM20."""
    dates: dict[str, DateSpan] = field(default_factory=dict)
    """Claim-level DTP by qualifier: 439 accident, 435 admission, 096 discharge, 431 onset, 454 initial treatment ..."""
    patient_paid: Decimal | None = None
    """AMT*F5."""
    original_claim_number: str = ""
    """REF*F8."""
    prior_authorization: str = ""
    """REF*G1."""
    referral: str = ""
    """REF*9F."""
    references: list[Reference] = field(default_factory=list)
    """Other REFs of 2300: D9, EA, 4N, LX ..."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """NTE01 and NTE02."""
    attachments: list[Attachment] = field(default_factory=list)
    diagnoses: list[Diagnosis] = field(default_factory=list)
    """HI with ABK, ABF, BK or BF."""
    referring: Party | None = None
    rendering: Party | None = None
    """2310B; None where it is the billing provider."""
    supervising: Party | None = None
    facility: Party | None = None
    lines: list[Line] = field(default_factory=list)
    billing_hl_child: str = ""
    """HL04 of the billing provider, with ``""`` where the source is not X12."""
    subscriber_hl_child: str = ""
    patient_hl_child: str = ""
    issues: list[SyntaxIssue] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    """Every visit behind the claim; empty for a bare 837P."""
    history: History | None = None
    created: date | None = None
    """The day the claim was made: BHT04, or Claim.created."""
    status: str = ""
    """Claim.status; empty from a file."""
    assumed: frozenset[str] = frozenset()
    """Fields of CLM06 to CLM09 that the source does not say and that were filled as usual (from FHIR only)."""
    labels: tuple[tuple[str, str], ...] = ()
    """Security labels (system, code) of the Claim, its visits and its diagnoses; from the EHR only."""
    extra: list[Segment] = field(default_factory=list)

    @property
    def member(self) -> Person | None:
        """The person treated: the patient, else the subscriber."""
        return self.patient or self.insurance.subscriber
