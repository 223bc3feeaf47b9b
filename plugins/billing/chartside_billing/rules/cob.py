"""COB: more than one payer."""

from __future__ import annotations

from decimal import Decimal

from chartside_billing.dates import age
from chartside_billing.model import Adjustment, Insurance
from chartside_billing.money import ZERO, dollars
from chartside_billing.rules.base import OK, Hit, Outcome, check, hit
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_ORDER = {letter: place for place, letter in enumerate("PSTABCDEFGH")}


def prior_payers(v: View) -> list[Insurance]:
    """The other payers that decide before the one that the claim goes to."""
    here = _ORDER.get(v.insurance.sequence, 0)
    return [other for other in v.claim.others if _ORDER.get(other.sequence, 99) < here]


def _total(adjustments: list[Adjustment]) -> Decimal:
    return sum((adjustment.amount for adjustment in adjustments), ZERO)


@check("COB-001")
def complete(v: View, k: Loaded) -> Outcome:
    """What each earlier payer paid, and its adjustments."""
    if _ORDER.get(v.insurance.sequence, 0) == 0:
        return OK
    where = v.insurance.where or "2320"
    earlier = prior_payers(v)
    if not earlier:
        return [hit("The claim goes to a later payer, but no earlier payer's decision is sent", where=where)]
    hits: list[Hit] = []
    for payer in earlier:
        place = payer.where or "2320 AMT*D"
        if payer.paid() is None:
            hits.append(hit("What the earlier payer paid (AMT*D) is missing", where=place))
        ident = payer.payer.id if payer.payer else ""
        decided = [line for line in v.lines if any(_same(a.payer_id, ident) for a in line.line.adjudications)]
        if not payer.adjustments and len(decided) < len(v.lines) and payer.paid() != v.claim.total:
            missing = [line for line in v.lines if line not in decided]
            hits.append(
                hit("The earlier payer's decision on the line (SVD, CAS) is missing", *missing, where=place)
            )
    return hits


def _same(given: str, known: str) -> bool:
    return not given or not known or given == known


@check("COB-002")
def balances(v: View, k: Loaded) -> Outcome:
    """Charge = paid + adjustments, for each earlier payer."""
    hits: list[Hit] = []
    for payer in v.claim.others:
        ident = payer.payer.id if payer.payer else ""
        lines_paid, lines_adjusted, decided = ZERO, ZERO, 0
        for line in v.lines:
            for decision in line.line.adjudications:
                if not _same(decision.payer_id, ident) or decision.paid is None or line.line.charge is None:
                    continue
                adjusted = _total(decision.adjustments)
                lines_paid, lines_adjusted, decided = (
                    lines_paid + decision.paid,
                    lines_adjusted + adjusted,
                    decided + 1,
                )
                if not decision.bundled_into and decision.paid + adjusted != line.line.charge:
                    told = f"{dollars(decision.paid)} paid and {dollars(adjusted)} adjusted"
                    hits.append(
                        hit(f"The line charges {dollars(line.line.charge)}; the earlier payer: {told}", line)
                    )
        hits.extend(_claim_balance(v, payer, lines_paid, lines_adjusted, decided))
    return hits


def _claim_balance(v: View, payer: Insurance, paid: Decimal, adjusted: Decimal, decided: int) -> list[Hit]:
    told, total = payer.paid(), v.claim.total
    if told is None or total is None:
        return []
    place = payer.where or "2320 CAS, AMT*D"
    at_claim = _total(payer.adjustments)
    if decided and told != paid - at_claim and told != paid:
        return [
            hit(
                "What the earlier payer paid (AMT*D) is not the sum of what it paid for the lines",
                where=place,
            )
        ]
    if (payer.adjustments or decided == len(v.lines)) and told + at_claim + adjusted != total:
        amounts = f"{dollars(told)} paid and {dollars(at_claim + adjusted)} adjusted"
        return [hit(f"The claim charges {dollars(total)}; the earlier payer: {amounts}", where=place)]
    return []


@check("COB-003")
def amounts(v: View, k: Loaded) -> Outcome:
    """SVD02 a number not below zero; the adjudication date once."""
    hits: list[Hit] = []
    for line in v.lines:
        for decision in line.line.adjudications:
            if decision.paid is None:
                hits.append(hit("What the earlier payer paid for the line is no amount", line))
            elif decision.paid < 0:
                hits.append(hit("What the earlier payer paid for the line is below zero", line))
    for payer in v.claim.others:
        ident = payer.payer.id if payer.payer else ""
        decisions = [
            (line, d) for line in v.lines for d in line.line.adjudications if _same(d.payer_id, ident)
        ]
        dated = [line for line, d in decisions if d.adjudicated is not None]
        place = payer.where or "2330B DTP*573"
        days = [payer.adjudicated, *(d.adjudicated for _, d in decisions)]
        told = [span.start for span in days if span is not None and span.start is not None]
        if any(day > v.today for day in told):
            hits.append(hit("The earlier payer's decision is dated in the future", where=place))
        elif v.first_day and any(day < v.first_day for day in told):
            hits.append(hit("The earlier payer's decision is dated before the service", where=place))
        if payer.adjudicated is not None and dated:
            hits.append(
                hit("The adjudication date is sent for the claim and for its lines", *dated, where=place)
            )
        elif payer.adjudicated is None and decisions and len(dated) < len(decisions):
            lines = [line for line, d in decisions if d.adjudicated is None]
            hits.append(hit("The adjudication date is missing", *lines, where=place))
    return hits


@check("COB-004")
def two_parents(v: View, k: Loaded) -> Outcome:
    """A child under two plans: whose comes first?"""
    member, day = v.member, v.first_day
    if not v.claim.others or member is None or member.birth_date is None or day is None:
        return OK
    others = [o.subscriber.id for o in v.claim.others if o.subscriber and o.relationship not in {"", "18"}]
    if age(member.birth_date, day) < 26 and v.claim.patient is not None and others:
        return [
            hit(
                "A child under two plans: the parent whose birthday comes first in the year, or a court order,"
                " decides",
                where="SBR01",
            )
        ]
    return OK
