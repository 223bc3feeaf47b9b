"""EVL: diagnostic evaluation."""

from __future__ import annotations

from chartside_billing.dates import add_months
from chartside_billing.rules.base import NEEDS, Hit, Outcome, check, hit
from chartside_billing.rules.codesets import ADD_ON_THERAPY, CRISIS, EM, EVALUATION, FAMILY, INDIVIDUAL
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_THERAPY = INDIVIDUAL | ADD_ON_THERAPY | CRISIS | FAMILY


@check("EVL-001", codes=EVALUATION)
def once_a_day(v: View, k: Loaded) -> Outcome:
    """One unit of one of the two."""
    hits: list[Hit] = []
    for day in v.days:
        lines = day.of(EVALUATION)
        if not any(line.own for line in lines):
            continue
        if len({line.code for line in lines}) > 1:
            hits.append(hit("90791 and 90792 on the same day by the same provider", *lines))
        elif len(lines) > 1 or any((line.line.quantity or 1) > 1 for line in lines):
            hits.append(hit(f"{lines[0].code} is reported once a day", *lines))
    return hits


@check("EVL-002", codes=EVALUATION)
def not_with_em(v: View, k: Loaded) -> Outcome:
    """No E/M on the day of the evaluation."""
    return [
        hit(f"{line.code} and an E/M service on the same day by the same provider", line, *day.of(EM))
        for day in v.days
        if day.codes & EM
        for line in day.of(EVALUATION)
        if line.own or any(other.own for other in day.of(EM))
    ]


@check("EVL-003", codes=EVALUATION | _THERAPY)
def not_with_therapy(v: View, k: Loaded) -> Outcome:
    """No psychotherapy on the day of the evaluation."""
    return [
        hit(f"{line.code} and psychotherapy on the same day by the same provider", line, *day.of(_THERAPY))
        for day in v.days
        if day.codes & _THERAPY
        for line in day.of(EVALUATION)
        if line.own or any(other.own for other in day.of(_THERAPY))
    ]


@check("EVL-004", codes=EVALUATION)
def repeated(v: View, k: Loaded) -> Outcome:
    """Another evaluation within the payer's window."""
    months = v.profile.repeat_evaluation_months if v.profile else 6
    history = v.claim.history
    visits = (history.visits if history is not None else None) or []
    days = {line.day for line in v.other_lines() if line.code in EVALUATION and line.day}
    days |= {x.start.date() for x in visits if x.start and x.codes & EVALUATION and x.status != "cancelled"}
    hits = [
        hit(f"Another evaluation of this patient within {months} months", line)
        for line in v.lines
        if line.code in EVALUATION
        and line.day
        and any(day < line.day <= add_months(day, months) for day in days)
    ]
    return hits if hits or v.history_known else NEEDS["history"]
