"""The *data* of a CMS-1500 (02/12), laid out to be printed onto the practice's own red forms. The form is not
ours to ship.

Positions are in tenths of an inch from the left and in lines of a sixth of an inch from the top, as the NUCC's
printing
rules count (10 characters and 6 lines an inch); the places are unconfirmed: print one on plain paper and hold
it against
a form first; ``shift`` moves all of it for a printer's own margins (points).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date

from chartside.errors import ConfigError, InputError
from chartside_billing.model import Claim, Insurance, Line, Party, Person
from chartside_billing.money import ZERO, x12_amount
from chartside_billing.papers.pdf import INSTALL
from chartside_billing.x12.mend import transliterate

MAX_LINES, MAX_DIAGNOSES = 6, 12
_FILING_BOX = {"MB": 3, "MA": 3, "MC": 10, "CH": 17, "VA": 24, "FI": 45}
Field = tuple[int, int, str]
"""Line, column, text."""


def fields(claim: Claim, page: int = 0) -> Iterator[Field]:
    """Every field of one form (six service lines a page)."""
    yield from _head(claim)
    yield from _conditions(claim)
    for row, line in enumerate(claim.lines[page * MAX_LINES : (page + 1) * MAX_LINES]):
        yield from _service(42 + 2 * row, line, claim)
    yield from _foot(claim)


def _name(party: Party) -> str:
    return ", ".join(part for part in (party.last, party.first, party.middle[:1]) if part)


def _split_day(day: date | None) -> tuple[str, str, str]:
    return (f"{day:%m}", f"{day:%d}", f"{day:%Y}") if day else ("", "", "")


def _place(line: int, column: int, party: Party | None) -> Iterator[Field]:
    if party is None or party.address is None:
        return
    a = party.address
    yield line, column, f"{a.line1} {a.line2}".strip()
    yield line + 2, column, a.city
    yield line + 2, column + 25, a.state
    yield line + 4, column, a.zip


def _head(claim: Claim) -> Iterator[Field]:
    """Items 1 to 9."""
    insurance, member = claim.insurance, claim.member or Person()
    subscriber = insurance.subscriber or Person()
    if insurance.payer is not None:
        yield 1, 40, insurance.payer.last
        yield from _place(2, 40, insurance.payer)
    yield 8, _FILING_BOX.get(insurance.filing, 45), "X"
    yield 8, 50, subscriber.id
    yield 10, 1, _name(member)
    month, day, year = _split_day(member.birth_date)
    yield from ((10, 31, month), (10, 34, day), (10, 37, year))
    yield 10, 47 if member.sex == "F" else 42, "X" if member.sex in {"F", "M"} else ""
    yield 10, 50, _name(subscriber)
    yield from _place(12, 1, member if member.address else subscriber)
    relationship = claim.patient_relationship or insurance.relationship
    yield 12, {"18": 33, "01": 38, "19": 42}.get(relationship, 47), "X"
    yield from _place(12, 50, subscriber)
    yield from _other(claim.others[0] if claim.others else None)
    yield 18, 50, insurance.group


def _other(other: Insurance | None) -> Iterator[Field]:
    if other is None:
        yield 24, 57, "X"  # 11d NO
        return
    yield 24, 52, "X"
    yield 18, 1, _name(other.subscriber) if other.subscriber else ""
    yield 20, 1, other.group
    yield 24, 1, other.plan or (other.payer.last if other.payer else "")


def _conditions(claim: Claim) -> Iterator[Field]:
    """Items 10 to 23."""
    for line, cause in ((20, "EM"), (22, "AA"), (24, "OA")):
        yield line, 35 if cause in claim.causes else 41, "X"
    yield 22, 45, claim.accident_state
    yield 28, 7, "SIGNATURE ON FILE" if claim.release == "Y" else ""
    yield 28, 57, "SIGNATURE ON FILE" if claim.benefits_assigned == "Y" else ""
    if claim.referring is not None:
        yield 32, 1, f"DN {_name(claim.referring)}"
        yield 33, 33, claim.referring.npi
    yield 36, 42, "0"  # ICD indicator: ICD-10-CM
    for number, diagnosis in enumerate(claim.diagnoses[:MAX_DIAGNOSES]):
        yield 37 + number // 4, 3 + 13 * (number % 4), diagnosis.code.replace(".", "")
    if claim.frequency in {"7", "8"}:
        yield 37, 50, claim.frequency
        yield 37, 62, claim.original_claim_number
    yield 39, 50, claim.prior_authorization


def _service(row: int, line: Line, claim: Claim) -> Iterator[Field]:
    """Item 24 A to J."""
    for column, day in ((1, line.dates.start), (10, line.dates.last)):
        if day:
            yield row, column, f"{day:%m %d %y}"
    yield row, 19, line.pos or claim.pos
    yield row, 25, line.code
    yield from ((row, 33 + 3 * n, modifier) for n, modifier in enumerate(line.modifiers[:4]))
    yield row, 45, "".join("ABCDEFGHIJKL"[p - 1] for p in line.pointers[:4] if 0 < p <= MAX_DIAGNOSES)
    yield row, 50, _cents(line.charge or ZERO)
    yield row, 59, x12_amount(line.quantity) if line.quantity is not None else ""
    rendering = line.rendering or claim.rendering
    yield row, 68, rendering.npi if rendering else ""


def _cents(amount: object) -> str:
    whole, _, cents = f"{amount:.2f}".partition(".")
    return f"{whole:>6} {cents}"


def _foot(claim: Claim) -> Iterator[Field]:
    """Items 25 to 33."""
    billing = claim.billing or Party()
    yield 56, 1, billing.tax_id
    yield 56, 17 if billing.tax_id_qualifier == "SY" else 19, "X"
    yield 56, 23, claim.id
    yield 56, 38 if claim.assignment == "A" else 43, "X"
    yield 56, 51, _cents(claim.total or ZERO)
    yield 56, 62, _cents(claim.patient_paid or ZERO)
    yield 60, 1, "SIGNATURE ON FILE" if claim.provider_signature == "Y" else ""
    if claim.facility is not None:
        yield 58, 23, claim.facility.last
        yield from _short_place(59, 23, claim.facility)
        yield 62, 24, claim.facility.npi
    yield 57, 66, billing.contacts[0].phone if billing.contacts else ""
    yield 58, 50, _name(billing)
    yield from _short_place(59, 50, billing)
    yield 62, 51, billing.npi


def _short_place(line: int, column: int, party: Party) -> Iterator[Field]:
    if party.address is not None:
        a = party.address
        yield line, column, f"{a.line1} {a.line2}".strip()
        yield line + 1, column, f"{a.city} {a.state} {a.zip}"


def render_cms1500(claims: list[Claim], *, shift: tuple[float, float] = (0.0, 0.0)) -> bytes:
    """One page for each six lines of each claim; the same claims give the same bytes. Raises InputError,
    ConfigError."""
    try:
        from reportlab.lib.pagesizes import LETTER
        from reportlab.pdfgen.canvas import Canvas
    except ImportError:
        raise ConfigError("billing", "reportlab is not installed", mend=INSTALL) from None
    if not claims:
        raise InputError("there is no claim to print")
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=LETTER, invariant=1, lang="en-US")
    canvas.setTitle("CMS-1500 data")
    canvas.setCreator("Chartside")
    for claim in claims:
        if len(claim.diagnoses) > MAX_DIAGNOSES:
            raise InputError(
                f"{claim.where or 'a claim'}: more than {MAX_DIAGNOSES} diagnoses do not fit the form"
            )
        for page in range(-(-max(len(claim.lines), 1) // MAX_LINES)):
            canvas.setFont("Courier", 10)
            for line, column, text in fields(claim, page):
                if text:
                    x, y = 14 + column * 7.2 + shift[0], LETTER[1] - 24 - line * 12 - shift[1]
                    canvas.drawString(x, y, transliterate(text).upper())
            canvas.showPage()
    canvas.save()
    return out.getvalue()
