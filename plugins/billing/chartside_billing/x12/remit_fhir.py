"""A remittance in the EHR: PaymentReconciliation, and a Task for everything in it that needs a person.

Nothing here writes: the builders give resources with deterministic identifiers, so that writing them twice
writes once.
CARC and RARC stand raw; their texts are not ours to ship.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from chartside.codes import concept
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_billing.dates import shift
from chartside_billing.follow_up import task
from chartside_billing.money import dollars
from chartside_billing.systems import REMITTANCE_SYSTEM
from chartside_billing.x12.remit import DENIED, REVERSAL, Imbalance, PaidClaim, PaidLine, Remittance, balance
from chartside_billing.x12.words import reasons

CARC_SYSTEM = "https://x12.org/codes/claim-adjustment-reason-codes"
RARC_SYSTEM = "https://x12.org/codes/remittance-advice-remark-codes"
_PAYMENT_TYPE = "http://terminology.hl7.org/CodeSystem/payment-type"
_PLACES = 5
"""Places of a remittance that does not balance which its Task names."""
_NO_DENIAL = frozenset({"45", "23", "94"})
"""CARC of zero lines that are no denial: fee arrangement, another payer's decision, bundled overpayment."""


@dataclass(frozen=True, slots=True)
class Matched:
    """One of our claims as the remittance may name it."""

    reference: str
    """``Claim/12``."""
    number: str
    """CLM01."""
    patient: str = ""
    total: Decimal | None = None
    start: date | None = None
    payer_claim_number: str = ""


def match(paid: PaidClaim, claims: Iterable[Matched]) -> list[Matched]:
    """Our claims that this CLP may mean: by number (case apart), then by payer's number, then by day and
    amount (ERA-002).

    Exactly one is a match; none or several are a work item.
    """
    claims = list(claims)
    found = [c for c in claims if c.number and c.number.upper() == paid.id.upper()]
    if len(found) > 1:
        narrowed = [
            c for c in found if c.total in {None, paid.charge} and c.start in {None, _first_day(paid)}
        ]
        found = narrowed or found
    if not found and paid.payer_claim_number:
        found = [c for c in claims if c.payer_claim_number == paid.payer_claim_number]
    return list({c.reference: c for c in found}.values())


def _first_day(paid: PaidClaim) -> date | None:
    days = [line.start for line in paid.lines if line.start]
    return paid.start or (min(days) if days else None)


def remittance_key(remittance: Remittance) -> str:
    """What makes a payment this one: payer, payee, trace number, day and sum. An 835 that is delivered again in another
    envelope is the same payment; one without a trace number is known by its envelope only."""
    r = remittance
    who = (r.payer_tax_id or r.payer_id, r.payee_npi)
    what = (r.trace, r.paid_on.isoformat() if r.paid_on else "", f"{r.amount:.2f}")
    return ".".join(part or "-" for part in (*who, *what, *(() if r.trace else (r.interchange, r.control))))


def payment_reconciliation(
    remittance: Remittance, matches: Mapping[str, list[Matched]], *, created: datetime
) -> Resource:
    """The 835 as a PaymentReconciliation. ``matches`` by CLP place (``PaidClaim.where``)."""
    r = remittance
    resource: Resource = {
        "resourceType": "PaymentReconciliation",
        "identifier": [{"system": REMITTANCE_SYSTEM, "value": remittance_key(r)}],
        "status": "active",
        "created": created.isoformat(timespec="seconds"),
        "outcome": "partial" if balance(r) else "complete",
        "paymentDate": (r.paid_on or created.date()).isoformat(),
        "paymentAmount": _money(r.amount),
        "paymentIdentifier": {"value": r.trace or "none"},
        "detail": [_detail(claim, matches.get(claim.where, [])) for claim in r.claims] + _moved(r),
    }
    if r.payer_name:
        resource["paymentIssuer"] = {"display": r.payer_name}
    if not resource["detail"]:
        del resource["detail"]
    return resource


def _money(value: Decimal) -> Resource:
    return {"value": float(value), "currency": "USD"}


def _detail(claim: PaidClaim, matched: list[Matched]) -> Resource:
    kind = "adjustment" if claim.status == REVERSAL else "payment"
    detail: Resource = {
        "identifier": {"value": claim.payer_claim_number or claim.id},
        "type": concept(_PAYMENT_TYPE, kind),
        "amount": _money(claim.paid),
    }
    day = claim.received or _first_day(claim)
    if day:
        detail["date"] = day.isoformat()
    if len(matched) == 1:
        detail["request"] = {"reference": matched[0].reference}
    else:
        detail["request"] = {"type": "Claim", "identifier": {"value": claim.id}}
    return detail


def _moved(remittance: Remittance) -> list[Resource]:
    return [
        {
            "identifier": {"value": moved.reference or moved.reason},
            "type": {"coding": concept(_PAYMENT_TYPE, "adjustment")["coding"], "text": f"PLB {moved.reason}"},
            "amount": _money(-moved.amount),
        }
        for moved in remittance.provider_adjustments
    ]


def line_denied(line: PaidLine) -> bool:
    """A charged line that was paid nothing for another reason than the contract, another payer, or the
    client's share."""
    if line.paid or not line.charge:
        return False
    return any(a.group != "PR" and a.reason not in _NO_DENIAL and a.amount for a in line.adjustments)


def denied(claim: PaidClaim) -> bool:
    """Whether the claim, or a line of it, was denied."""
    whole = claim.status == DENIED or (not claim.paid and _whole_claim_reason(claim))
    return claim.status != REVERSAL and (whole or any(line_denied(line) for line in claim.lines))


def _whole_claim_reason(claim: PaidClaim) -> bool:
    return any(a.group != "PR" and a.reason not in _NO_DENIAL and a.amount for a in claim.adjustments)


def denial_reasons(claim: PaidClaim) -> dict[str, Decimal]:
    """What a denied claim was denied for: group and CARC, raw, with the money; PR only where nothing else is said."""
    told = [a for a in claim.all_adjustments if a.reason not in _NO_DENIAL and a.amount]
    told = [a for a in told if a.group != "PR"] or told
    found: dict[str, Decimal] = {}
    for a in told:
        key = f"{a.group}-{a.reason}"
        found[key] = found.get(key, Decimal(0)) + a.amount
    return found


def work_items(
    remittance: Remittance,
    matches: Mapping[str, list[Matched]],
    *,
    now: datetime,
    appeal_days: int | None = None,
) -> Iterator[Resource]:
    """Tasks for the staff: denials, takebacks, payments without a claim, sums that do not balance (ERA-001 to
    ERA-004).

    ``appeal_days``: the payer's appeal window from the remittance, if the practice knows it.
    """
    key = remittance_key(remittance)
    for claim in remittance.claims:
        found = matches.get(claim.where, [])
        focus = found[0] if len(found) == 1 else None
        if len(found) != 1:
            how = "no claim of ours" if not found else f"{len(found)} claims of ours"
            text = f"Payment of {dollars(claim.paid)} for claim {claim.id} matches {how}: assign it by hand."
            yield _task("unmatched", key, claim, text, now, focus)
        if claim.status == REVERSAL:
            text = (
                f"Takeback of {dollars(claim.paid)} for claim {claim.id}: pair it with the earlier payment."
            )
            yield _task("reversal", key, claim, text, now, focus)
        elif denied(claim):
            yield _denial(key, claim, remittance, now, focus, appeal_days)
    yield from _sums(key, balance(remittance), now)


def _denial(
    key: str,
    claim: PaidClaim,
    remittance: Remittance,
    now: datetime,
    focus: Matched | None,
    appeal_days: int | None,
) -> Resource:
    at_risk = (
        claim.charge
        if claim.status == DENIED
        else sum((x.charge for x in claim.lines if line_denied(x)), Decimal(0))
    )
    why = "; ".join(reasons([a for a in claim.all_adjustments if a.reason not in _NO_DENIAL]))
    text = f"Denied: claim {claim.id}, {dollars(at_risk or claim.charge)}. {why}."
    if claim.all_remarks:
        text += f" Remark codes {', '.join(claim.all_remarks)}."
    made = _task("denial", key, claim, text, now, focus)
    inputs = [
        {"type": concept(CARC_SYSTEM, a.reason), "valueString": f"{a.group}-{a.reason} {dollars(a.amount)}"}
        for a in claim.all_adjustments
        if a.reason not in _NO_DENIAL
    ]
    inputs += [{"type": concept(RARC_SYSTEM, code), "valueString": code} for code in claim.all_remarks]
    if inputs:
        made["input"] = inputs
    start = remittance.paid_on or remittance.produced
    if appeal_days is not None and start:
        made["restriction"] = {"period": {"end": shift(start, appeal_days).isoformat()}}
    return made


def _task(kind: str, key: str, claim: PaidClaim, text: str, now: datetime, focus: Matched | None) -> Resource:
    made = task(effect_key("billing", kind, key, claim.id, claim.where), text, now)
    if focus is not None:
        made["focus"] = {"reference": focus.reference}
        if focus.patient:
            made["for"] = {"reference": focus.patient}
    return made


def _sums(key: str, problems: list[Imbalance], now: datetime) -> Iterator[Resource]:
    """One Task for the whole remittance, with the first places: a broken one has hundreds."""
    if not problems:
        return
    places = "; ".join(
        f"{p.where}: {p.message} ({dollars(p.said)} said, {dollars(p.computed)} computed)"
        for p in problems[:_PLACES]
    )
    more = f"; and {len(problems) - _PLACES} more" if len(problems) > _PLACES else ""
    text = f"The remittance does not balance. {places}{more}. Ask the payer before posting."
    yield task(effect_key("billing", "imbalance", key), text, now)
