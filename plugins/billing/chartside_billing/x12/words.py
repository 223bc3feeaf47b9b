"""X12 answers in plain words, for a biller. Codes whose texts are licensed (CARC, RARC) are shown raw."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from chartside_billing.model import Adjustment, Claim
from chartside_billing.money import ZERO, dollars
from chartside_billing.x12.acks import ClaimStatus, GroupAnswer, InterchangeAnswer, StatusReport
from chartside_billing.x12.remit import PaidClaim, Remittance, balance

GROUPS = {
    "CO": "contract: the practice writes it off",
    "PR": "the client owes it",
    "OA": "other, for example paid by another payer",
    "PI": "the payer's own reduction: the client does not owe it",
}
"""CAS01 in our words (facts of 005010X221A1)."""
CLAIM_STATUSES = {
    "1": "processed as primary",
    "2": "processed as secondary",
    "3": "processed as tertiary",
    "4": "denied",
    "19": "processed as primary, passed on to another payer",
    "20": "processed as secondary, passed on to another payer",
    "21": "processed as tertiary, passed on to another payer",
    "22": "reversal of an earlier payment",
    "23": "not our claim, passed on to another payer",
    "25": "predetermination, no payment",
}
ANSWERS = {"A": "accepted", "E": "accepted with errors", "P": "partly accepted", "R": "rejected"}
CATEGORIES = {
    "A0": "passed on",
    "A1": "received",
    "A2": "accepted for adjudication",
    "A3": "returned: it cannot be processed",
    "A4": "not found",
    "A5": "split",
    "A6": "rejected: something is missing",
    "A7": "rejected: something is not valid",
    "A8": "rejected: two statements contradict each other",
    "P0": "pending",
    "P1": "pending: in process",
    "P2": "pending: under review",
    "P3": "pending: more was asked of the provider",
    "P4": "pending: more was asked of the client",
    "F0": "finished",
    "F1": "finished: paid",
    "F2": "finished: denied",
    "F3": "finished: changed",
    "F4": "finished: no payment will come",
    "D0": "no data found",
    "E0": "the question had an error",
    "E1": "the payer's system did not answer",
}
"""Claim status categories in our words."""
_METHODS = {
    "ACH": "bank transfer",
    "CHK": "check",
    "FWT": "wire",
    "NON": "no payment",
    "BOP": "by the payer's choice",
}


def reasons(adjustments: list[Adjustment]) -> Iterator[str]:
    """One line for each group of adjustments: ``CO 45 $20.00 (contract: ...)``."""
    for group in dict.fromkeys(a.group for a in adjustments):
        members = [a for a in adjustments if a.group == group]
        listed = ", ".join(f"{a.reason} {dollars(a.amount)}" for a in members)
        yield f"{group} {listed} ({GROUPS.get(group, 'group not known')})"


def describe_remittance(remittance: Remittance) -> Iterator[str]:
    """An 835."""
    r = remittance
    when = f" on {r.paid_on.isoformat()}" if r.paid_on else ""
    how = _METHODS.get(r.method, r.method or "unknown way")
    yield f"Payment of {dollars(r.amount)} from {r.payer_name or r.payer_id} by {how}{when}, trace {r.trace}"
    yield f"{len(r.claims)} claim(s), {dollars(_charged(r))} charged"
    for claim in r.claims:
        yield from describe_paid(claim)
    for moved in r.provider_adjustments:
        yield f"Provider adjustment {moved.reason} {moved.reference}: {dollars(-moved.amount)}"
    problems = balance(r)
    for problem in problems:
        sums = f"{dollars(problem.said)} said, {dollars(problem.computed)} computed"
        yield f"DOES NOT BALANCE ({problem.where}): {problem.message}: {sums}"
    if not problems:
        yield "The sums balance (payment, claims, lines)."


def _charged(remittance: Remittance) -> Decimal:
    return sum((claim.charge for claim in remittance.claims), ZERO)


def describe_paid(claim: PaidClaim) -> Iterator[str]:
    """One CLP."""
    status = CLAIM_STATUSES.get(claim.status, f"status {claim.status}")
    yield (
        f"Claim {claim.id}: {status}; charged {dollars(claim.charge)}, paid {dollars(claim.paid)}, "
        f"client owes {dollars(claim.patient_responsibility)}, payer's number {claim.payer_claim_number or 'none'}"
    )
    yield from (f"  {line}" for line in reasons(claim.adjustments))
    for line in claim.lines:
        mods = "".join(f" {m}" for m in line.modifiers)
        yield f"  {line.code}{mods}: charged {dollars(line.charge)}, paid {dollars(line.paid)}"
        yield from (f"    {text}" for text in reasons(line.adjustments))
    if claim.all_remarks:
        yield f"  remark codes: {', '.join(claim.all_remarks)}"
    if claim.crossover:
        yield "  passed on by this payer to the next one"


def describe_group(answer: GroupAnswer) -> Iterator[str]:
    """A 999."""
    yield f"Group {answer.control} ({answer.kind} {answer.version}): {ANSWERS.get(answer.status, 'rejected')}"
    accepted = "?" if answer.accepted is None else answer.accepted
    yield f"{accepted} of {answer.received or '?'} transaction sets accepted"
    for one in answer.sets:
        yield f"  {one.kind} {one.control}: {ANSWERS.get(one.status, 'not accepted')}"
        for error in one.errors:
            claim = f", claim {error.claim_number}" if error.claim_number else ""
            yield f"    {error.place}{claim}"


def describe_interchange(answer: InterchangeAnswer) -> Iterator[str]:
    """A TA1."""
    yield f"Interchange {answer.control}: {ANSWERS.get(answer.status, 'rejected')}, code {answer.reason}"


def describe_report(report: StatusReport) -> Iterator[str]:
    """A 277CA or 277."""
    kind = "Claim acknowledgement (277CA)" if report.acknowledgement else "Claim status (277)"
    rejected = sum(item.rejected for item in report.claims)
    yield f"{kind}, reference {report.reference}: {len(report.claims)} claim(s), {rejected} rejected"
    for item in report.items:
        yield from describe_status(item)


def describe_status(item: ClaimStatus) -> Iterator[str]:
    """One level of a 277."""
    name = {
        "claim": "Claim",
        "line": "  Line of claim",
        "payer": "Payer",
        "receiver": "File",
        "provider": "Provider",
    }
    amount = f", {dollars(item.amount)}" if item.amount is not None else ""
    number = f", payer's number {item.payer_claim_number}" if item.payer_claim_number else ""
    for status in item.statuses:
        words = CATEGORIES.get(status.category, "category not known")
        entity = f", entity {status.entity}" if status.entity else ""
        head = f"{name[item.level]} {item.reference}".rstrip()
        yield f"{head}: {words} ({status.category}, code {status.code}{entity}){amount}{number}"


def describe_claim(claim: Claim) -> Iterator[str]:
    """One claim of an 837P, without names."""
    total = dollars(claim.total) if claim.total is not None else "no amount"
    frequency = {"1": "original", "7": "replacement", "8": "void"}.get(
        claim.frequency, f"frequency {claim.frequency}"
    )
    yield (
        f"Claim {claim.id} ({claim.where}): {total}, {frequency}, place {claim.pos}, "
        f"payer {claim.insurance.payer.id if claim.insurance.payer else 'none'}, "
        f"diagnoses {', '.join(d.code for d in claim.diagnoses) or 'none'}"
    )
    for line in claim.lines:
        day = line.dates.start.isoformat() if line.dates.start else "no date"
        charge = dollars(line.charge) if line.charge is not None else "no amount"
        service = " ".join((line.code, *line.modifiers))
        yield f"  {line.number}. {day} {service} x {line.quantity} {charge}"
    for issue in claim.issues:
        yield f"  form: {issue.message} ({issue.where})"
