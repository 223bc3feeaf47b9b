"""What the rules beside the claim judge: estimates, superbills, invoices, remittances, acknowledgements.

Plain facts, filled from FHIR resources or from X12 answers. ``None``: not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from chartside_billing.model import Adjustment


@dataclass(slots=True)
class EstimateLine:
    """One expected or billed service."""

    code: str = ""
    day: date | None = None
    charge: Decimal | None = None


@dataclass(slots=True)
class Estimate:
    """A Good Faith Estimate, or the lack of one, for an appointment of a client without insurance."""

    id: str = ""
    self_pay: bool | None = None
    scheduled_on: date | None = None
    """The day on which the appointment was made (or the estimate asked for)."""
    appointment: date | None = None
    requested: bool = False
    given_on: date | None = None
    """None: no estimate was given."""
    readable: bool = True
    """Whether its text could be read; if not, its content is not judged."""
    has_name: bool = False
    has_birth_date: bool = False
    lines: list[EstimateLine] = field(default_factory=list)
    has_provider_name: bool = False
    has_npi: bool = False
    has_tin: bool = False
    has_location: bool = False
    lists_separate_items: bool = False
    has_disclaimers: bool = False
    total: Decimal | None = None
    billed: Decimal | None = None
    """What this provider billed for the estimate's services."""
    scope_changed: bool = False
    recurring_until: date | None = None
    where: str = ""


@dataclass(slots=True)
class SuperbillLine:
    """One service of a superbill."""

    day: date | None = None
    pos: str = ""
    code: str = ""
    units: Decimal | None = None
    charge: Decimal | None = None
    diagnoses: tuple[str, ...] = ()


@dataclass(slots=True)
class Superbill:
    """What a client hands in to an insurer."""

    id: str = ""
    provider_name: str = ""
    credential: str = ""
    npi: str = ""
    tin: str = ""
    has_address: bool = False
    has_patient_name: bool = False
    has_birth_date: bool = False
    has_signature: bool = False
    paid: Decimal | None = None
    lines: list[SuperbillLine] = field(default_factory=list)
    where: str = ""


@dataclass(slots=True)
class InvoiceFacts:
    """A client's invoice against the remittance (PR) or the self-pay fees."""

    id: str = ""
    lines: list[Decimal] = field(default_factory=list)
    total: Decimal | None = None
    patient_responsibility: Decimal | None = None
    contractual: Decimal | None = None
    self_pay_fees: Decimal | None = None
    where: str = ""


@dataclass(slots=True)
class RemittanceLine:
    """SVC of an 835."""

    code: str = ""
    charge: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    adjustments: list[Adjustment] = field(default_factory=list)
    where: str = ""


@dataclass(slots=True)
class RemittanceClaim:
    """CLP of an 835. ``matches``: how many of our claims it resolves to; None: not looked up."""

    id: str = ""
    status: str = ""
    charge: Decimal = Decimal(0)
    paid: Decimal = Decimal(0)
    payer_claim_number: str = ""
    adjustments: list[Adjustment] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    lines: list[RemittanceLine] = field(default_factory=list)
    matches: int | None = None
    prior_payment: bool | None = None
    """For a reversal: whether the payment that it takes back is known."""
    where: str = ""


@dataclass(slots=True)
class ProviderAdjustment:
    """PLB: reason, amount, and whether it was assigned to a claim or reason by the practice."""

    reason: str
    amount: Decimal
    assigned: bool | None = None


@dataclass(slots=True)
class Remittance:
    """One 835 transaction set."""

    id: str = ""
    paid: Decimal = Decimal(0)
    """BPR02."""
    claims: list[RemittanceClaim] = field(default_factory=list)
    provider_adjustments: list[ProviderAdjustment] = field(default_factory=list)
    where: str = ""


@dataclass(slots=True)
class Acknowledgement:
    """What came back (or did not) for a sent interchange and its claims."""

    id: str = ""
    hours_waiting: int | None = None
    received: bool = False
    accepted: bool | None = None
    """AK9/IK5: A, E are accepted; R is not."""
    places: list[str] = field(default_factory=list)
    """What a 999 refused of our file: segment, loop, elements."""
    claim_statuses: list[tuple[str, str, str]] = field(default_factory=list)
    """(claim id, STC01-1 category, its place) of a 277CA."""
    where: str = ""


Document = Estimate | Superbill | InvoiceFacts | Remittance | Acknowledgement
