"""What a claim bills: its lines, diagnoses, attachments."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from chartside_billing.model.parts import Adjustment, DateSpan, Segment
from chartside_billing.model.people import Party
from chartside_billing.model.visit import Visit


@dataclass(slots=True)
class LineAdjudication:
    """2430: what another payer decided on this line."""

    payer_id: str = ""
    paid: Decimal | None = None
    paid_raw: str = ""
    code: str = ""
    modifiers: tuple[str, ...] = ()
    quantity: Decimal | None = None
    bundled_into: str = ""
    adjustments: list[Adjustment] = field(default_factory=list)
    adjudicated: DateSpan | None = None
    remaining: Decimal | None = None
    """AMT*EAF."""
    where: str = ""
    extra: list[Segment] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """2400: one service. ``pointers`` are SV107's numbers as sent, ``charge`` SV102, ``quantity`` SV104."""

    number: int = 1
    code: str = ""
    code_qualifier: str = "HC"
    modifiers: tuple[str, ...] = ()
    description: str = ""
    charge: Decimal | None = None
    charge_raw: str = ""
    unit: str = "UN"
    quantity: Decimal | None = None
    quantity_raw: str = ""
    pos: str = ""
    """SV105; empty: the claim's."""
    pointers: tuple[int, ...] = ()
    pointers_raw: str = ""
    emergency: str = ""
    """SV109."""
    dates: DateSpan = field(default_factory=DateSpan)
    """DTP*472."""
    control_number: str = ""
    """REF*6R."""
    prior_authorization: str = ""
    referral: str = ""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """NTE01 and NTE02."""
    rendering: Party | None = None
    supervising: Party | None = None
    ordering: Party | None = None
    referring: Party | None = None
    facility: Party | None = None
    adjudications: list[LineAdjudication] = field(default_factory=list)
    visit: Visit | None = None
    where: str = ""
    extra: list[Segment] = field(default_factory=list)


@dataclass(slots=True)
class Diagnosis:
    """One composite of HI: qualifier (ABK, ABF; BK, BF for ICD-9) and the code as sent."""

    code: str
    qualifier: str = ""
    verification: str | None = None
    """Condition.verificationStatus: confirmed, provisional, differential, refuted ...; None: not known."""
    where: str = ""


@dataclass(slots=True)
class Attachment:
    """PWK: report type, how it goes, its control number. ``is_psychotherapy_note`` is known from the EHR only."""

    report_type: str = ""
    transmission: str = ""
    control_number: str = ""
    is_psychotherapy_note: bool | None = None
    where: str = ""
