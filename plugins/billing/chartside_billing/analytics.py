"""How billing goes: first-pass rate, denials by reason and payer, days to pay, unbilled visits; as tables and as SVG.

Counted from what the files and the EHR say, never guessed: a figure without data is None and shows as "no data". No
client is named; the unbilled visits are listed by reference for the practice's own eyes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from html import escape
from statistics import median
from typing import Any

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date
from chartside_billing.model import Claim
from chartside_billing.money import ZERO, dollars
from chartside_billing.x12.acks import StatusReport
from chartside_billing.x12.remit import REVERSAL, PaidClaim, Remittance
from chartside_billing.x12.remit_fhir import denial_reasons, denied


@dataclass(slots=True)
class Denials:
    """One payer and reason: how many claims, how much money."""

    payer: str
    reason: str
    claims: int = 0
    amount: Decimal = ZERO


@dataclass(slots=True)
class Unbilled:
    """A finished visit without a claim or invoice."""

    reference: str
    day: date
    age: int
    """Days since the visit."""


@dataclass(slots=True)
class Report:
    """Everything for one period. Rates are 0 to 1; None where nothing was decided yet."""

    sent: int = 0
    rejected: int = 0
    """By the clearinghouse or payer before adjudication (277CA)."""
    decided: int = 0
    first_pass: float | None = None
    """Share of decided original claims that were paid without rejection, denial or correction."""
    denials: list[Denials] = field(default_factory=list)
    days_to_pay: dict[str, tuple[int, float, int]] = field(default_factory=dict)
    """By payer: claims, median and longest days from service to payment."""
    unbilled: list[Unbilled] = field(default_factory=list)


def report(
    claims: Sequence[Claim],
    remittances: Sequence[Remittance],
    acknowledgements: Sequence[StatusReport] = (),
    unbilled: Sequence[Unbilled] = (),
) -> Report:
    """The report over sent claims and what came back. Claims are joined by CLM01 = CLP01, capitals apart."""
    by_number = {claim.id.upper(): claim for claim in claims}
    rejected = {
        i.reference.upper() for r in acknowledgements for i in r.claims if i.rejected
    } & by_number.keys()
    decided = [
        (r, p) for r in remittances for p in r.claims if p.status != REVERSAL and p.id.upper() in by_number
    ]
    return Report(
        sent=len(claims),
        rejected=len(rejected),
        decided=len({paid.id.upper() for _, paid in decided}),
        first_pass=_first_pass(by_number, rejected, decided),
        denials=_denials(remittances),
        days_to_pay=_days_to_pay(by_number, decided),
        unbilled=sorted(unbilled, key=lambda visit: visit.day),
    )


Decided = list[tuple[Remittance, PaidClaim]]


def _first_pass(claims: dict[str, Claim], rejected: set[str], decided: Decided) -> float | None:
    """Originals that were decided or rejected count; the first decision of each tells."""
    first: dict[str, PaidClaim] = {}
    for _, paid in sorted(decided, key=lambda pair: pair[0].paid_on or date.max):
        first.setdefault(paid.id.upper(), paid)
    counted = {n for n in first.keys() | rejected if claims[n].frequency in {"", "1"}}
    if not counted:
        return None
    good = sum(1 for n in counted if n in first and n not in rejected and not denied(first[n]))
    return good / len(counted)


def _denials(remittances: Iterable[Remittance]) -> list[Denials]:
    """By payer and reason (group and CARC, raw), most money first."""
    found: dict[tuple[str, str], Denials] = {}
    for remittance in remittances:
        payer = remittance.payer_name or remittance.payer_id or "not named"
        for paid in remittance.claims:
            if denied(paid):
                for reason, amount in denial_reasons(paid).items():
                    entry = found.setdefault((payer, reason), Denials(payer, reason))
                    entry.claims += 1
                    entry.amount += amount
    return sorted(found.values(), key=lambda d: (-d.amount, d.payer, d.reason))


def _days_to_pay(claims: dict[str, Claim], decided: Decided) -> dict[str, tuple[int, float, int]]:
    days: dict[str, list[int]] = defaultdict(list)
    for remittance, paid in decided:
        starts = [line.dates.start for line in claims[paid.id.upper()].lines if line.dates.start]
        if paid.paid > ZERO and remittance.paid_on and starts:
            payer = remittance.payer_name or remittance.payer_id or "not named"
            days[payer].append((remittance.paid_on - min(starts)).days)
    return {payer: (len(n), float(median(n)), max(n)) for payer, n in sorted(days.items())}


def unbilled_visits(
    encounters: Iterable[Resource], billed: Iterable[Resource], *, today: date, after_days: int = 0
) -> list[Unbilled]:
    """Finished Encounters that no Claim, ChargeItem or Invoice of ``billed`` names, older than ``after_days``
    (DOC-007). One that was cancelled or entered in error bills nothing."""
    alive = (r for r in billed if r.get("status") not in {"cancelled", "entered-in-error"})
    named = {reference for resource in alive for reference in _encounters(resource)}
    found = []
    for encounter in encounters:
        period = encounter.get("period") or {}
        day = parse_fhir_date(str(period.get("start", ""))) if isinstance(period, dict) else None
        reference = f"Encounter/{encounter.get('id', '')}"
        if encounter.get("status") == "finished" and day and reference not in named:
            age = (today - day).days
            if age > after_days:
                found.append(Unbilled(reference, day, age))
    return found


def _encounters(resource: Resource) -> Iterable[str]:
    """Every reference to an Encounter in a resource, however deep."""
    stack: list[Any] = [resource]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            reference = value.get("reference")
            if isinstance(reference, str) and "Encounter/" in reference:
                yield reference[reference.index("Encounter/") :].split("/_history")[0]
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def lines(found: Report) -> Iterable[str]:
    """The report in words."""
    rate = "no data" if found.first_pass is None else f"{found.first_pass:.0%}"
    yield f"Claims sent {found.sent}, rejected before adjudication {found.rejected}, decided {found.decided}"
    yield f"Paid at the first pass: {rate}"
    yield "Denials by payer and reason:" if found.denials else "No denials."
    for denial in found.denials:
        yield f"  {denial.payer}: {denial.reason}, {denial.claims} claim(s), {dollars(denial.amount)}"
    for payer, (count, middle, longest) in found.days_to_pay.items():
        yield f"Days to pay, {payer}: median {middle:g}, longest {longest} ({count} claims)"
    ages = Counter(
        "over 30 days" if v.age > 30 else "over 14 days" if v.age > 14 else "newer" for v in found.unbilled
    )
    yield f"Unbilled visits: {len(found.unbilled)}" + "".join(
        f", {n} {name}" for name, n in sorted(ages.items())
    )
    for visit in found.unbilled:
        yield f"  {visit.reference}, {visit.day.isoformat()}, {visit.age} days ago"


def svg(found: Report, *, width: int = 640) -> str:
    """Denied money by payer and reason as bars, with a title, a description and the figures as text."""
    bars = [(f"{d.payer} {d.reason}", d.amount) for d in found.denials[:12]]
    largest = max((amount for _, amount in bars), default=Decimal(1)) or Decimal(1)
    height = 48 + 26 * max(len(bars), 1)
    rate = "no data" if found.first_pass is None else f"{found.first_pass:.0%}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d">',
        '<title id="t">Denied money by payer and reason</title>',
        f'<desc id="d">First-pass rate {rate}; {len(found.denials)} payers and reasons.</desc>',
        f'<text x="8" y="22" font-family="sans-serif" font-size="14">Denied money (first-pass rate {rate})</text>',
    ]
    for place, (name, amount) in enumerate(bars):
        y, length = 40 + 26 * place, int((width - 360) * float(amount / largest))
        parts.append(
            f'<text x="8" y="{y + 14}" font-family="sans-serif" font-size="12">{escape(name[:36])}</text>'
            f'<rect x="270" y="{y}" width="{max(length, 1)}" height="18" fill="#1f5f99"/>'
            f'<text x="{276 + max(length, 1)}" y="{y + 14}" font-family="sans-serif" font-size="12">'
            f"{dollars(amount)}</text>"
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
