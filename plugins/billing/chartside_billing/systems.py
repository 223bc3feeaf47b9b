"""What billing writes into an EHR under names of its own; published by ``fhir_profiles``."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from chartside.codes import BASE

BILLING_SYSTEM: Final = f"{BASE}/CodeSystem/billing"
"""Codes of billing on its Tasks (``BillingCode``)."""
RULE_SYSTEM: Final = f"{BASE}/CodeSystem/claim-rule"
"""``Task.output.type``: the id of the rule that speaks."""
FINDINGS_SYSTEM: Final = f"{BASE}/scrub-findings"
"""``Task.identifier``: the version of the claim and its findings, opaque."""
SUBMISSION_SYSTEM: Final = f"{BASE}/submission"
"""``DocumentReference.identifier`` of a sent 837P: the interchange's number."""
REMITTANCE_SYSTEM: Final = f"{BASE}/remittance"
"""``PaymentReconciliation.identifier``: payer, payee, trace number, day and sum of one 835 payment."""
INVOICE_SYSTEM: Final = f"{BASE}/invoice"
"""``Invoice.identifier``: the claim's number."""
CHARGE_SYSTEM: Final = f"{BASE}/charge-item"
"""``ChargeItem.identifier``: the claim's number and the line's, ``12-1``."""


class BillingCode(StrEnum):
    """Codes of ``BILLING_SYSTEM``."""

    REJECTED = "claim-rejected"
    CLAIM = "claim"
    NEXT_PAYER = "next-payer"
    DECISION = "decision"
    AT_RISK = "money-at-risk"
    RESOLVED = "resolved"
    SENT = "sent"
    SUPERSEDED = "superseded"
