"""CRS: crisis. SAF: safety planning and follow-up."""

from __future__ import annotations

from chartside_billing.rules.base import NEEDS, Hit, Outcome, check, hit
from chartside_billing.rules.codesets import CRISIS, FACILITY_RATE_POS, PSYCHIATRY_VALID
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_OTHER_PSYCHIATRY = PSYCHIATRY_VALID - CRISIS


@check("CRS-001", codes={"90839"})
def base(v: View, k: Loaded) -> Outcome:
    """30 to 74 minutes, once a day."""
    hits: list[Hit] = []
    unknown = False
    for day in v.days:
        lines = day.of({"90839"})
        if not any(line.own for line in lines):
            continue
        if len(lines) > 1 or any((line.line.quantity or 1) > 1 for line in lines):
            mend = "Send it once, with one unit; add 90840 above 74 minutes."
            hits.append(hit("90839 is reported once a day", *lines, mend=mend))
        for line in lines:
            if not line.own:
                continue
            if line.minutes is None:
                unknown = True
            elif line.minutes < 30:
                hits.append(hit(f"90839 needs 30 minutes; the crisis session lasted {line.minutes}", line))
            elif line.minutes > 74 and "90840" not in day.codes:
                text = f"The crisis session lasted {line.minutes} minutes: 90840 was not billed for the time beyond 74"
                hits.append(
                    hit(
                        text, line, severity="warning", mend="Add 90840 for each further block of 30 minutes."
                    )
                )
    return hits if hits or not unknown else NEEDS["minutes" if v.claim.visits else "visit"]


@check("CRS-002", codes={"90840"}, needs=("visit",))
def further(v: View, k: Loaded) -> Outcome:
    """One unit from minute 75, a second from 105."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code != "90840":
            continue
        if line.minutes is None or line.line.quantity is None:
            unknown = True
            continue
        right = max(0, (line.minutes - 45) // 30)
        if line.line.quantity != right:
            fewer = "warning" if line.line.quantity < right else ""  # nothing is denied, but less is paid
            units = f"{right} unit{'s' * (right != 1)}"
            hits.append(hit(f"{line.minutes} minutes make {units} of 90840", line, severity=fewer))
    return hits if hits or not unknown else NEEDS["minutes"]


@check("CRS-003", codes=CRISIS)
def exclusions(v: View, k: Loaded) -> Outcome:
    """No other psychiatric service that day by that provider."""
    hits: list[Hit] = []
    for day in v.days:
        crisis, others = day.of(CRISIS), day.of(_OTHER_PSYCHIATRY)
        if crisis and others and any(line.own for line in [*crisis, *others]):
            codes = ", ".join(sorted({line.code for line in others}))
            hits.append(
                hit(f"Crisis psychotherapy is not reported with {codes} on the same day", *others, *crisis)
            )
    return hits


@check("CRS-004", codes={"G0017", "G0018"})
def mobile(v: View, k: Loaded) -> Outcome:
    """Outside the office, and not beside 90839, 90840."""
    hits: list[Hit] = []
    for day in v.days:
        for line in day.of({"G0017", "G0018"}):
            if not line.own:
                continue
            if line.pos == "11" or line.pos in FACILITY_RATE_POS:
                hits.append(hit(f"{line.code} is not paid at place of service {line.pos}", line))
            if day.codes & CRISIS:
                hits.append(hit(f"{line.code} is not reported with 90839 or 90840 on the same day", line))
    return hits


@check("SAF-001", codes={"G0560"}, needs=("visit",))
def safety_planning(v: View, k: Loaded) -> Outcome:
    """20 minutes a unit."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code != "G0560":
            continue
        if line.minutes is None or line.line.quantity is None:
            unknown = True
        elif line.minutes < 20 * line.line.quantity:
            units = f"{line.line.quantity.normalize():f}"
            hits.append(
                hit(
                    f"{units} units of G0560 need {20 * int(line.line.quantity)} minutes;"
                    f" {line.minutes} are documented",
                    line,
                )
            )
    return hits if hits or not unknown else NEEDS["minutes"]


@check("SAF-002", codes={"G0544"})
def follow_up(v: View, k: Loaded) -> Outcome:
    """Once a calendar month."""
    others = [line for line in v.other_lines(same_payer=True) if line.code == "G0544"]
    own = [line for line in v.lines if line.code == "G0544"]
    months = {(o.day.year, o.day.month) for o in others if o.day}
    hits: list[Hit] = []
    for line in own:
        month = (line.day.year, line.day.month) if line.day else None
        if month in months or (line.line.quantity or 1) > 1:
            hits.append(hit("G0544 is billed once a calendar month", line))
        if month is not None:
            months.add(month)
    return hits if hits or v.history_known else NEEDS["history"]
