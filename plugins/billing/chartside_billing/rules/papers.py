"""GFE, SB, INV, ERA, ACK: the rules that judge other documents than the claim."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from chartside_billing.codes.npi import npi_valid
from chartside_billing.dates import shift
from chartside_billing.documents import (
    Acknowledgement,
    Document,
    Estimate,
    InvoiceFacts,
    Remittance,
    Superbill,
)
from chartside_billing.money import ZERO, dollars
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome
from chartside_billing.rules.loaded import Loaded

DocumentCheck = Callable[[Any, Loaded], Outcome]
DOCUMENT_CHECKS: dict[str, tuple[type, DocumentCheck]] = {}
"""Rule id -> (kind of document, check)."""

_REFUSED = frozenset({"A3", "A6", "A7", "A8"})
_ACK_HOURS = 48
_NAMED = 20
"""Places of a refused file that become findings; a file that is wrong throughout has hundreds."""
_SHARES = frozenset({"1", "2", "3"})
"""Deductible, coinsurance, copayment: the client's part of a claim that was allowed."""


def _check(rule_id: str, kind: type) -> Callable[[DocumentCheck], DocumentCheck]:
    def bind(function: DocumentCheck) -> DocumentCheck:
        DOCUMENT_CHECKS[rule_id] = (kind, function)
        return function

    return bind


def business_days(first: date, last: date) -> int:
    """Business days (Monday to Friday; holidays are not known here) after ``first`` up to and with ``last``."""
    days = max(0, (last - first).days)
    weeks, rest = divmod(days, 7)
    return weeks * 5 + sum((first.weekday() + n) % 7 < 5 for n in range(1, rest + 1))


def days_allowed(made: date, appointment: date | None, *, asked: bool) -> int | None:
    """Business days to give an estimate in, 45 CFR 149.610(b)(1)(vi), from the day it was scheduled or asked for.

    One where the appointment is 3 to 9 business days ahead, three from 10 on or if the client asked; None: none is due.
    """
    ahead = business_days(made, appointment) if appointment else 0
    if not asked and ahead < 3:
        return None
    return 1 if not asked and ahead < 10 else 3


@_check("GFE-001", Estimate)
def estimate_given(estimate: Estimate, k: Loaded) -> Outcome:  # noqa: PLR0911 - one for each answer
    """45 CFR 149.610(b): in time."""
    if estimate.self_pay is None:
        return NotChecked("needs to know that the client has no active coverage")
    if not estimate.self_pay:
        return OK
    if estimate.scheduled_on is None:
        return NotChecked("needs the day on which the visit was arranged (Appointment.created)")
    allowed = days_allowed(estimate.scheduled_on, estimate.appointment, asked=estimate.requested)
    if allowed is None:
        return OK
    if estimate.given_on is None:
        if business_days(estimate.scheduled_on, k.today) <= allowed:
            return OK
        return [Hit("A client without insurance was given no Good Faith Estimate", estimate.where)]
    took = business_days(estimate.scheduled_on, estimate.given_on)
    if took > allowed:
        return [
            Hit(
                f"The Good Faith Estimate came after {took} business days, not within {allowed}",
                estimate.where,
            )
        ]
    return OK


@_check("GFE-002", Estimate)
def estimate_content(estimate: Estimate, k: Loaded) -> Outcome:
    """45 CFR 149.610(c)."""
    if estimate.given_on is None:
        return OK
    if not estimate.readable:
        return NotChecked("needs the estimate's text (DocumentReference.content) or its priced Claim")
    table = (
        (estimate.has_name, "the client's name"),
        (estimate.has_birth_date, "the client's birth date"),
        (bool(estimate.lines) and all(line.code for line in estimate.lines), "services with their codes"),
        (bool(estimate.lines) and all(line.day for line in estimate.lines), "the services' dates"),
        (
            bool(estimate.lines) and all(line.charge is not None for line in estimate.lines),
            "the expected charges",
        ),
        (estimate.has_provider_name, "the provider's name"),
        (estimate.has_npi, "the provider's NPI"),
        (estimate.has_tin, "the provider's TIN"),
        (estimate.has_location, "the state and location of the services"),
        (estimate.lists_separate_items, "the list of items that need separate scheduling"),
        (estimate.has_disclaimers, "the required disclaimers"),
    )
    missing = [what for there, what in table if not there]
    return [Hit(f"The Good Faith Estimate lacks {', '.join(missing)}", estimate.where)] if missing else OK


@_check("GFE-003", Estimate)
def over_estimate(estimate: Estimate, k: Loaded) -> Outcome:
    """$400 or more above: the client may dispute it for 120 days."""
    if estimate.total is None or estimate.billed is None:
        return NotChecked("needs the estimate's total, and the bill (Invoice)")
    above = estimate.billed - estimate.total
    if above >= 400:
        return [
            Hit(
                f"The bill is {dollars(above)} above the Good Faith Estimate: the client may dispute it",
                estimate.where,
            )
        ]
    return OK


@_check("GFE-004", Estimate)
def estimate_expired(estimate: Estimate, k: Loaded) -> Outcome:
    """Twelve months, or a changed scope."""
    if estimate.given_on is None:
        return OK
    if estimate.scope_changed:
        return [Hit("The services changed since the Good Faith Estimate", estimate.where)]
    until = estimate.recurring_until or estimate.appointment or k.today
    if until > shift(estimate.given_on, 365):
        return [Hit("The Good Faith Estimate for recurring services is older than 12 months", estimate.where)]
    return OK


@_check("SB-001", Superbill)
def superbill(bill: Superbill, k: Loaded) -> Outcome:
    """What insurers' reimbursement forms ask for."""
    table = (
        (bool(bill.provider_name), "the provider's name"),
        (bool(bill.credential), "the provider's credential"),
        (npi_valid(bill.npi), "a valid NPI"),
        (bool(bill.tin), "the TIN"),
        (bill.has_address, "the provider's address"),
        (bill.has_patient_name, "the client's name"),
        (bill.has_birth_date, "the client's birth date"),
        (bool(bill.lines), "a service"),
        (all(line.day for line in bill.lines), "the date of every service"),
        (all(line.pos for line in bill.lines), "the place of every service"),
        (all(line.code for line in bill.lines), "the code of every service"),
        (all(line.diagnoses for line in bill.lines), "a diagnosis for every service"),
        (all(line.units for line in bill.lines), "the units of every service"),
        (all(line.charge is not None for line in bill.lines), "the charge of every service"),
        (bill.paid is not None, "what was paid"),
        (bill.has_signature, "the signature"),
    )
    missing = [what for there, what in table if not there]
    return [Hit(f"The superbill lacks {', '.join(missing)}", bill.where)] if missing else OK


@_check("INV-001", InvoiceFacts)
def invoice(facts: InvoiceFacts, k: Loaded) -> Outcome:
    """The client's part, and nothing else."""
    hits: list[Hit] = []
    added = sum(facts.lines, ZERO)
    if facts.total is not None and added != facts.total:
        hits.append(
            Hit(f"The invoice says {dollars(facts.total)}; its lines add up to {dollars(added)}", facts.where)
        )
    due = facts.patient_responsibility if facts.patient_responsibility is not None else facts.self_pay_fees
    if due is None:
        return hits or NotChecked(
            "needs the remittance's patient responsibility (ExplanationOfBenefit) or the fees"
        )
    if added > due and facts.contractual and added == due + facts.contractual:
        hits.append(Hit("The invoice asks the client for contractual (CO) amounts", facts.where))
    elif added != due:
        hits.append(
            Hit(f"The invoice asks for {dollars(added)}; the client owes {dollars(due)}", facts.where)
        )
    return hits


@_check("ERA-001", Remittance)
def remittance_balances(era: Remittance, k: Loaded) -> Outcome:
    """BPR = claims - PLB; charge - adjustments = paid, for claims and lines."""
    hits: list[Hit] = []
    claims = sum((claim.paid for claim in era.claims), ZERO)
    provider = sum((one.amount for one in era.provider_adjustments), ZERO)
    if era.paid != claims - provider:
        hits.append(
            Hit(
                f"The payment is {dollars(era.paid)}; claims less PLB give {dollars(claims - provider)}",
                "BPR02",
            )
        )
    for claim in era.claims:
        adjusted = sum((a.amount for a in claim.adjustments), ZERO)
        adjusted += sum((a.amount for line in claim.lines for a in line.adjustments), ZERO)
        if claim.charge - adjusted != claim.paid:
            hits.append(
                Hit("A claim's charge less its adjustments is not what was paid", claim.where or "CLP")
            )
        hits.extend(
            Hit(
                f"A line's charge less its adjustments is not what was paid ({line.code})",
                line.where or claim.where or "SVC",
            )
            for line in claim.lines
            if line.charge - sum((a.amount for a in line.adjustments), ZERO) != line.paid
        )
    return hits


@_check("ERA-002", Remittance)
def payment_matched(era: Remittance, k: Loaded) -> Outcome:
    """One claim of ours for each CLP."""
    if any(claim.matches is None for claim in era.claims):
        return NotChecked("needs the practice's claims: read the remittance with the EHR")
    return [
        Hit(f"A payment fits {claim.matches or 'none'} of our claims", claim.where or "CLP01")
        for claim in era.claims
        if claim.matches != 1
    ]


@_check("ERA-003", Remittance)
def reversal(era: Remittance, k: Loaded) -> Outcome:
    """22 with the payment that it takes back; WO and FB assigned."""
    hits: list[Hit] = []
    unknown = False
    for claim in era.claims:
        if claim.status == "22":
            unknown = unknown or claim.prior_payment is None
            if claim.prior_payment is False:
                hits.append(Hit("A reversal without the payment that it takes back", claim.where or "CLP02"))
    for one in era.provider_adjustments:
        if one.reason in {"WO", "FB"}:
            unknown = unknown or one.assigned is None
            if one.assigned is False:
                hits.append(
                    Hit(
                        f"A provider adjustment ({one.reason}) of {dollars(one.amount)} is not assigned",
                        "PLB03",
                    )
                )
    return (
        hits
        if hits or not unknown
        else NotChecked("needs the practice's earlier payments: read it with the EHR")
    )


@_check("ERA-004", Remittance)
def denial(era: Remittance, k: Loaded) -> Outcome:
    """Nothing paid: a work item with the codes as they are."""
    hits: list[Hit] = []
    for claim in era.claims:
        if claim.paid == 0 and claim.charge > 0 and claim.status != "25":
            reasons = [*claim.adjustments, *(a for line in claim.lines for a in line.adjustments)]
            owed = sum((a.amount for a in reasons if a.group == "PR" and a.reason in _SHARES), Decimal(0))
            if owed >= claim.charge:
                continue
            codes = ", ".join(sorted({f"{a.group}-{a.reason}" for a in reasons}) + list(claim.remarks))
            hits.append(
                Hit(f"The claim was paid nothing ({codes or 'no reason given'})", claim.where or "CLP")
            )
    return hits


@_check("ACK-001", Acknowledgement)
def acknowledged(ack: Acknowledgement, k: Loaded) -> Outcome:
    """An answer within two days; refusals become findings."""
    if not ack.received:
        if ack.hours_waiting is None:
            return NEEDS["acks"]
        if ack.hours_waiting > _ACK_HOURS:
            return [Hit(f"The file was not acknowledged for {ack.hours_waiting} hours", ack.where)]
        return OK
    hits: list[Hit] = []
    if ack.accepted is False:
        places = [f"your file's {place}" for place in ack.places[:_NAMED]] or [ack.where or "AK9"]
        hits.extend(Hit("The receiver refused the file (999 or TA1)", place) for place in places)
    hits.extend(
        Hit(
            f"The receiver refused a claim (277CA status {category})",
            f"{place or ack.where or 'STC01'}, claim {number}",
        )
        for number, category, place in ack.claim_statuses
        if category in _REFUSED
    )
    return hits


def document_kind(rule_id: str) -> type[Document] | None:
    """Which document a rule judges; None: the claim."""
    entry = DOCUMENT_CHECKS.get(rule_id)
    return entry[0] if entry else None
