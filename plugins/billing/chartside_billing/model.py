"""The claim as this plugin thinks of it: what an 837P (005010X222A1) says, and what the chart knows beside it.

Two readers fill it (``chartside_billing.x12`` from a file, ``chartside_billing.fhir_claim`` from the EHR), one
writer and the rules read it. Money is ``Decimal`` in dollars, days are ``date``, instants are aware ``datetime``.
In what the 837P carries, an empty string or an empty list means "not sent". In what only the chart knows (``Visit``,
``Note``, ``CoverageFacts``, ``ProviderFacts``, ``History``), ``None`` means "not known", which is no answer: a rule
that needs it says "not checked". ``where`` is the place of a part in its source, for messages:
``"segment 23 CLM"``, ``"Claim.item[0]"``.

``extra`` keeps, in their order, the segments of a loop that no field holds, so that a file can be written back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

Segment = tuple[str, ...]
"""A segment's elements, its id first. Components and repetitions stay joined as they came (``:`` and ``^``)."""


# --- small parts ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Address:
    """N3 and N4. ``country`` is N404, empty for the United States."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    subdivision: str = ""
    where: str = ""


@dataclass(slots=True)
class Contact:
    """One PER segment: a name and its numbers, digits as they came."""

    name: str = ""
    phone: str = ""
    extension: str = ""
    fax: str = ""
    email: str = ""


@dataclass(slots=True)
class Reference:
    """One REF segment that has no field of its own: qualifier, value, and REF04 where a loop has one."""

    qualifier: str
    value: str
    detail: str = ""


@dataclass(slots=True)
class DateSpan:
    """A DTP: a day (``end`` is None) or a range. ``raw`` is the value as sent; ``start`` is None if it is no date.

    ``kind`` is DTP02: D8, RD8, DT or TM; empty where the source is not X12.
    """

    start: date | None = None
    end: date | None = None
    raw: str = ""
    kind: str = ""

    @property
    def last(self) -> date | None:
        """The last day: the end of the range, or the day itself."""
        return self.end or self.start


@dataclass(slots=True)
class Adjustment:
    """One reason of a CAS: group (CO, OA, PI, PR), CARC, amount, quantity."""

    group: str
    reason: str
    amount: Decimal
    quantity: Decimal | None = None


@dataclass(slots=True)
class Amount:
    """One AMT: qualifier and dollars."""

    qualifier: str
    amount: Decimal


# --- people and organisations -----------------------------------------------------------------------


@dataclass(slots=True)
class Qualification:
    """A licence or certificate: the state that issued it, its period, the taxonomy code or title it stands for."""

    state: str = ""
    code: str = ""
    number: str = ""
    start: date | None = None
    end: date | None = None


@dataclass(slots=True)
class ProviderFacts:
    """What the practice knows of a provider and no 837P says. ``None``: not known."""

    qualifications: list[Qualification] | None = None
    compact_states: frozenset[str] | None = None
    """States where a compact privilege (PSYPACT, Counseling Compact, ...) stands in for a licence."""
    pre_licensed: bool | None = None
    active: bool | None = None
    credential: str = ""
    """LCSW, PhD, PMHNP ... as the practice writes it."""


@dataclass(slots=True)
class Party:
    """An NM1 with what follows it: a provider, payer, submitter, receiver, facility or person.

    ``entity`` is NM102: ``"1"`` a person, ``"2"`` anything else. ``last`` is the family name or the
    organisation's name.
    ``id``/``id_qualifier`` are NM109/NM108 (XX: an NPI, PI: a payer id, MI: a member id, 46: an ETIN).
    """

    entity: str = ""
    last: str = ""
    first: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""
    id_qualifier: str = ""
    id: str = ""
    tax_id: str = ""
    tax_id_qualifier: str = ""
    """REF01: EI (employer's number) or SY (social security number)."""
    taxonomy: str = ""
    """PRV03."""
    address: Address | None = None
    contacts: list[Contact] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    facts: ProviderFacts | None = None
    ref: str = ""
    """The FHIR reference it was made from, ``Practitioner/7``; empty from a file."""
    where: str = ""
    extra: list[Segment] = field(default_factory=list)

    @property
    def npi(self) -> str:
        """NM109 where NM108 is XX, else empty."""
        return self.id if self.id_qualifier == "XX" else ""


@dataclass(slots=True)
class Person(Party):
    """A subscriber or patient: a party with DMG and, for a patient, PAT."""

    birth_date: date | None = None
    birth_date_raw: str = ""
    sex: str = ""
    """DMG03: F, M or U."""
    death_date: date | None = None
    """PAT06, or Patient.deceasedDateTime."""
    has_demographics: bool = True
    """Whether a DMG was sent at all."""


# --- coverage ---------------------------------------------------------------------------------------


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


# --- the visit behind a line (from the EHR only) -----------------------------------------------------


@dataclass(slots=True)
class Note:
    """The clinical note of a visit; ``None``: not known. ``text`` stays in memory and never reaches a message."""

    ref: str = ""
    status: str | None = None
    """final, amended, preliminary, entered-in-error ..."""
    signed: bool | None = None
    signed_at: datetime | None = None
    amended_at: datetime | None = None
    author_npis: frozenset[str] = frozenset()
    authors: frozenset[str] = frozenset()
    """FHIR references of those who wrote or attested it."""
    cosigned: bool | None = None
    minutes: int | None = None
    has_times: bool | None = None
    """Whether start and stop times, or total minutes, stand in the note."""
    is_psychotherapy_note: bool | None = None
    """A process note under 45 CFR 164.501, kept apart."""
    diagnoses: frozenset[str] | None = None
    text: str | None = None


@dataclass(slots=True)
class Visit:
    """The Encounter (with its Appointment and note) in which a line's service was given. ``None``: not known."""

    ref: str = ""
    status: str | None = None
    kind: str | None = None
    """Encounter.class: AMB, VR, HH, IMP ..."""
    start: datetime | None = None
    end: datetime | None = None
    minutes: int | None = None
    """Face-to-face minutes: documented in the note, else Encounter.length, else the period."""
    minutes_source: str = ""
    psychotherapy_minutes: int | None = None
    """Psychotherapy alone, the E/M's time excluded, where the note says so."""
    appointment_minutes: int | None = None
    appointment_status: str | None = None
    mode: str | None = None
    """``"video"``, ``"audio"`` or ``"in-person"``."""
    patient_state: str | None = None
    """Where the patient was during the session."""
    patient_at_home: bool | None = None
    pos: str | None = None
    """The place of service that the Encounter's location stands for."""
    practitioners: frozenset[str] | None = None
    """FHIR references of those who gave the service."""
    attendees: int | None = None
    """Patients who took part, in a group."""
    patient_present: bool | None = None
    new_problem: bool | None = None
    admitted: date | None = None
    diagnoses: frozenset[str] | None = None
    """ICD-10-CM codes (no dot) of the visit."""
    instruments: int | None = None
    """Scored standard instruments or tests recorded in the visit."""
    codes: frozenset[str] = frozenset()
    """Procedure codes that the Encounter's type names."""
    note: Note | None = None
    where: str = ""


# --- lines ------------------------------------------------------------------------------------------


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


# --- envelope ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class Envelope:
    """ISA, GS, ST, BHT and their trailers, with what the reader counted. Claims of one transaction set share it."""

    sender_qualifier: str = ""
    sender_id: str = ""
    receiver_qualifier: str = ""
    receiver_id: str = ""
    usage: str = ""
    """ISA15: T or P."""
    isa_control: str = ""
    iea_control: str = ""
    group_sender: str = ""
    group_receiver: str = ""
    gs_control: str = ""
    ge_control: str = ""
    version: str = ""
    """GS08."""
    st_control: str = ""
    se_control: str = ""
    st_version: str = ""
    segments_said: int | None = None
    """SE01."""
    segments_counted: int | None = None
    sets_said: int | None = None
    """GE01."""
    sets_counted: int | None = None
    groups_said: int | None = None
    """IEA01."""
    groups_counted: int | None = None
    claims_counted: int | None = None
    """CLM segments in the transaction set."""
    structure: str = ""
    """BHT01."""
    purpose: str = ""
    """BHT02: 00 original, 18 reissue."""
    reference: str = ""
    """BHT03."""
    created: date | None = None
    """BHT04."""
    created_time: str = ""
    transaction_type: str = ""
    """BHT06: CH chargeable, RP reporting, 31 subrogation."""
    element_separator: str = "*"
    component_separator: str = ":"
    repetition_separator: str = "^"
    segment_terminator: str = "~"


@dataclass(slots=True)
class SyntaxIssue:
    """What a reader saw wrong in the form: a machine word, a plain sentence without content, the place.

    ``fatal``: the receiver will refuse the file for it. Becomes a finding of EDI-001 (of EDI-003 if ``code`` begins
    with ``charset``).
    """

    code: str
    message: str
    where: str = ""
    fatal: bool = True


# --- the claim --------------------------------------------------------------------------------------


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
