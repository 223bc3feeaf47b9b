"""The deck's other documents: estimates, superbills, invoices, remittances, acknowledgements."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from chartside_billing.documents import (
    Acknowledgement,
    Document,
    Estimate,
    EstimateLine,
    InvoiceFacts,
    ProviderAdjustment,
    Remittance,
    RemittanceClaim,
    RemittanceLine,
    Superbill,
    SuperbillLine,
)
from chartside_billing.model import Adjustment

D = Decimal
TODAY = date(2026, 3, 20)
GIVEN = Estimate(
    self_pay=True,
    scheduled_on=date(2026, 3, 2),
    appointment=date(2026, 3, 16),
    given_on=date(2026, 3, 5),
    has_name=True,
    has_birth_date=True,
    lines=[EstimateLine("90791", date(2026, 3, 16), D(200))],
    has_provider_name=True,
    has_npi=True,
    has_tin=True,
    has_location=True,
    lists_separate_items=True,
    has_disclaimers=True,
    total=D(200),
    billed=D(200),
)
BILL = Superbill(
    provider_name="JO STONE",
    credential="LCSW",
    npi="1245319599",
    tin="123456789",
    has_address=True,
    has_patient_name=True,
    has_birth_date=True,
    has_signature=True,
    paid=D(150),
    lines=[SuperbillLine(date(2026, 3, 10), "11", "90837", D(1), D(150), ("F411",))],
)
INVOICE = InvoiceFacts(lines=[D(30)], total=D(30), patient_responsibility=D(30), contractual=D(50))
PAID = RemittanceClaim(
    "A1",
    "1",
    D(150),
    D(90),
    adjustments=[],
    lines=[
        RemittanceLine("90837", D(150), D(90), [Adjustment("CO", "45", D(40)), Adjustment("PR", "3", D(20))])
    ],
    matches=1,
)
ERA = Remittance(paid=D(90), claims=[PAID])
DENIED = replace(
    PAID, paid=D(0), lines=[RemittanceLine("90837", D(150), D(0), [Adjustment("CO", "197", D(150))])]
)
OWED = replace(
    PAID, paid=D(0), lines=[RemittanceLine("90837", D(150), D(0), [Adjustment("PR", "1", D(150))])]
)
UNCOVERED = replace(
    PAID, paid=D(0), lines=[RemittanceLine("90837", D(150), D(0), [Adjustment("PR", "27", D(150))])]
)
"""The cover had ended: the whole charge is the client's, and the claim is denied all the same."""
TAKEN = RemittanceClaim(
    "A1",
    "22",
    D(-150),
    D(-90),
    lines=[RemittanceLine("90837", D(-150), D(-90), [Adjustment("CO", "45", D(-60))])],
    matches=1,
)
ANSWER = Acknowledgement(received=True, accepted=True, claim_statuses=[("A1", "A2", "")])

PAPERS: list[tuple[str, Document, Document, Document]] = [
    ("GFE-001", replace(GIVEN, given_on=None), replace(GIVEN, self_pay=False, given_on=None), GIVEN),
    ("GFE-001", replace(GIVEN, given_on=date(2026, 3, 6)), replace(GIVEN, given_on=date(2026, 3, 5)), GIVEN),
    (
        "GFE-001",
        replace(GIVEN, appointment=date(2026, 3, 9), given_on=date(2026, 3, 4)),
        replace(GIVEN, appointment=date(2026, 3, 9), given_on=date(2026, 3, 3)),
        replace(GIVEN, appointment=date(2026, 3, 4), given_on=None),
    ),
    (
        "GFE-002",
        replace(GIVEN, has_disclaimers=False),
        replace(GIVEN, given_on=None, has_disclaimers=False),
        GIVEN,
    ),
    ("GFE-002", replace(GIVEN, lines=[]), replace(GIVEN, readable=False, lines=[]), GIVEN),
    ("GFE-003", replace(GIVEN, billed=D(600)), replace(GIVEN, billed=D("599.99")), GIVEN),
    (
        "GFE-004",
        replace(GIVEN, given_on=date(2025, 3, 1), appointment=date(2026, 3, 16)),
        replace(GIVEN, given_on=date(2025, 3, 16), appointment=date(2026, 3, 16)),
        GIVEN,
    ),
    ("GFE-004", replace(GIVEN, scope_changed=True), replace(GIVEN, recurring_until=date(2027, 3, 5)), GIVEN),
    ("SB-001", replace(BILL, npi="1245319590"), replace(BILL, npi="1679576722"), BILL),
    ("SB-001", replace(BILL, lines=[replace(BILL.lines[0], diagnoses=())]), replace(BILL, paid=D(0)), BILL),
    (
        "INV-001",
        replace(INVOICE, lines=[D(80)], total=D(80)),
        replace(INVOICE, lines=[D(10), D(20)]),
        INVOICE,
    ),
    (
        "INV-001",
        replace(INVOICE, total=D(31)),
        replace(INVOICE, patient_responsibility=None, self_pay_fees=D(30)),
        INVOICE,
    ),
    (
        "ERA-001",
        replace(ERA, paid=D(91)),
        replace(ERA, paid=D(80), provider_adjustments=[ProviderAdjustment("WO", D(10), True)]),
        ERA,
    ),
    ("ERA-001", replace(ERA, claims=[replace(PAID, charge=D(160))]), ERA, ERA),
    (
        "ERA-002",
        replace(ERA, claims=[replace(PAID, matches=0)]),
        replace(ERA, claims=[replace(PAID, matches=None)]),
        ERA,
    ),
    ("ERA-002", replace(ERA, claims=[replace(PAID, matches=2)]), ERA, ERA),
    (
        "ERA-003",
        Remittance(paid=D(-90), claims=[replace(TAKEN, prior_payment=False)]),
        Remittance(paid=D(-90), claims=[replace(TAKEN, prior_payment=True)]),
        ERA,
    ),
    (
        "ERA-003",
        replace(ERA, paid=D(80), provider_adjustments=[ProviderAdjustment("FB", D(10), False)]),
        replace(ERA, paid=D(80), provider_adjustments=[ProviderAdjustment("L6", D(10), False)]),
        ERA,
    ),
    ("ERA-004", Remittance(claims=[DENIED]), Remittance(claims=[OWED]), ERA),
    ("ERA-004", Remittance(claims=[UNCOVERED]), Remittance(claims=[OWED]), ERA),
    (
        "ACK-001",
        replace(ANSWER, claim_statuses=[("A1", "A7", "segment 9 STC")]),
        replace(ANSWER, claim_statuses=[("A1", "A1", "")]),
        ANSWER,
    ),
    ("ACK-001", replace(ANSWER, accepted=False), replace(ANSWER, accepted=None), ANSWER),
    ("ACK-001", Acknowledgement(hours_waiting=49), Acknowledgement(hours_waiting=48), ANSWER),
]
"""Rule, trigger, near miss, clean."""
