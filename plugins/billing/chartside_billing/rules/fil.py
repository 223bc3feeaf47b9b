"""FIL: timely filing."""

from __future__ import annotations

from datetime import date

from chartside_billing.dates import add_years, shift
from chartside_billing.rules.base import OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.cob import prior_payers
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_ONE_YEAR = frozenset({"MB", "MC", "CH"})
"""Medicare 42 CFR 424.44; Medicaid 42 CFR 447.45(d); TRICARE 32 CFR 199.7(d): a year after the service."""


def deadline(v: View, k: Loaded) -> tuple[date, bool] | None:
    """The last day to file, and whether that is known (a law, or the loaded contract) or a default."""
    day = v.first_day
    if day is None:
        return None
    if v.filing == "MB":
        return add_years(v.last_day or day, 1), True
    if v.profile is not None and v.profile.filing_limit_days is not None:
        return shift(day, v.profile.filing_limit_days), True
    if v.filing in _ONE_YEAR:
        return shift(day, 365), True
    return shift(day, k.commercial_limit_days), False


def _is_later_payer(v: View) -> bool:
    return bool(prior_payers(v)) and not v.medicare


@check("FIL-001")
def passed(v: View, k: Loaded) -> Outcome:
    """After the last day."""
    limit = deadline(v, k)
    if limit is None or _is_later_payer(v) or v.claim.delay_reason or v.claim.frequency in {"7", "8"}:
        return OK
    last, known = limit
    if v.today > last and (known or (v.first_day and v.today > add_years(v.first_day, 1))):
        return [
            hit(
                f"The time to file ended on {last}" if known else "The service is more than a year old",
                where="DTP*472",
            )
        ]
    if not known and v.today > last:
        return NotChecked("load this payer's filing limit (filing_limit_days in its profile)")
    return OK


@check("FIL-002")
def near(v: View, k: Loaded) -> Outcome:
    """Four fifths of the time are used."""
    limit = deadline(v, k)
    if limit is None or v.first_day is None or _is_later_payer(v) or v.claim.frequency in {"7", "8"}:
        return OK
    last, known = limit
    whole, used = (last - v.first_day).days, (v.today - v.first_day).days
    if v.today > last:
        if known or v.today > add_years(v.first_day, 1):
            return OK
        text = f"The usual time to file ({k.commercial_limit_days} days) is over; this payer's own limit is not loaded"
        return [hit(text, where="DTP*472")]
    if used >= whole * 0.8:
        return [hit(f"{(last - v.today).days} days are left to file (until {last})", where="DTP*472")]
    return OK


@check("FIL-003")
def secondary(v: View, k: Loaded) -> Outcome:
    """A later payer's clock runs from the earlier payer's remittance."""
    if not _is_later_payer(v):
        return OK
    days = [
        day
        for payer in prior_payers(v)
        if (day := payer.remittance_date or (payer.adjudicated.start if payer.adjudicated else None))
    ]
    days += [
        d.adjudicated.start
        for line in v.claim.lines
        for d in line.adjudications
        if d.adjudicated is not None and d.adjudicated.start is not None
    ]
    if not days:
        return NotChecked("needs the date of the earlier payer's remittance (DTP*573, ExplanationOfBenefit)")
    profile_limit = v.profile.secondary_limit_days if v.profile else None
    limit = profile_limit or k.commercial_limit_days
    used = (v.today - max(days)).days
    hits: list[Hit] = []
    if used > limit:
        hits.append(
            hit(f"{used} days since the earlier payer's remittance; the limit is {limit}", where="DTP*573")
        )
    elif used >= limit * 0.8:
        hits.append(hit(f"{limit - used} days are left to file with the later payer", where="DTP*573"))
    return hits
