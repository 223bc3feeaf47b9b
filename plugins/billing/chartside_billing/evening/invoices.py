"""Draft invoices of the client's part, when the last payer has decided: a person looks at them and sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from chartside.jobs.model import JobReport
from chartside.types import Resource
from chartside_billing.clearinghouse.desk import Decided
from chartside_billing.evening.charges import references
from chartside_billing.fhir_claim.pick import own, reference
from chartside_billing.money import ZERO
from chartside_billing.papers.fhir import invoice_resource
from chartside_billing.papers.source import from_claim
from chartside_billing.x12.bundle import claims_of
from chartside_billing.x12.graph import Graph
from chartside_billing.x12.remit import FORWARDED, REVERSAL, PaidClaim
from chartside_billing.x12.remit_fhir import denied

if TYPE_CHECKING:
    from chartside.context import Context

DAYS = timedelta(days=30)


def draft_invoices(
    context: Context, decided: Sequence[Decided], left: Callable[[Decided], bool], report: JobReport
) -> Iterator[Resource]:
    """An Invoice (status draft) for each decided claim on which the client owes something and no payer is left.

    ``left``: whether another payer comes after the one that decided. Its lines
    name the ChargeItems of the services, where the EHR holds them.
    """
    owing = [
        (d.paid, d.ours) for d in decided if owed(d.paid) > ZERO and not undecided(d.paid) and not left(d)
    ]
    ids = [ours.reference.removeprefix("Claim/") for _, ours in owing if ours.reference.startswith("Claim/")]
    stored = context.fhir.read_many("Claim", ids) if ids else {}
    claims = {own(r): (c, r) for c, r in claims_of(Graph(("", r) for r in stored.values()))}
    final = [
        (paid, ours, *claims[ours.reference])
        for paid, ours in owing
        if ours.reference in claims and ours.patient
    ]
    charges = references(context, [(claim, resource) for _, _, claim, resource in final], report)
    today = context.clock.now().date()
    for paid, ours, claim, resource in final:
        bill = from_claim(claim, issued=today, due=today + DAYS, paid=paid)
        named = [charges.get(f"{claim.id}-{line.number}", "") for line in claim.lines]
        issuer = reference(resource.get("provider"))
        invoice = invoice_resource(bill, ours.patient, issuer=issuer, charges=named)
        yield {**invoice, "status": "draft"}


def owed(paid: PaidClaim) -> Decimal:
    """The client's part: what the payer calls patient responsibility (PR), nothing else (INV-001)."""
    return sum((a.amount for a in paid.all_adjustments if a.group == "PR"), ZERO)


def undecided(paid: PaidClaim) -> bool:
    """A denial may be appealed, a reversal is followed by another decision, a crossover by another payer's."""
    passed_on = bool(paid.crossover) or paid.status in FORWARDED
    return denied(paid) or paid.status == REVERSAL or passed_on
