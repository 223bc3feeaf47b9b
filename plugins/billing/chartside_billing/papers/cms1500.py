"""The *data* of a CMS-1500 (02/12), to be printed onto the practice's own red forms. The form is not ours to ship.

Positions are in tenths of an inch from the left and in lines of a sixth of an inch from the top, as the NUCC's printing
rules count (10 characters and 6 lines an inch); the places are unconfirmed: print one on plain paper and hold it
against a form first; ``shift`` moves all of it for a printer's own margins (points).

Tagged like every paper: for who listens, each field says which item of the form it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import NamedTuple

from chartside.errors import InputError
from chartside.papers import typeset
from chartside_billing.model import Claim, Insurance, Line, Party, Person
from chartside_billing.money import ZERO, x12_amount
from chartside_billing.x12.mend import transliterate

MAX_LINES, MAX_DIAGNOSES = 6, 12
_FILING_BOX = {
    "MB": (3, "Medicare"),
    "MA": (3, "Medicare"),
    "MC": (10, "Medicaid"),
    "CH": (17, "TRICARE"),
    "VA": (24, "CHAMPVA"),
    "FI": (45, "other"),
}
_RELATIONSHIP_BOX = {"18": (33, "self"), "01": (38, "spouse"), "19": (42, "child")}
_CAUSES = (
    (20, "EM", "10a employment"),
    (22, "AA", "10b auto accident"),
    (24, "OA", "10c other accident"),
)


class Field(NamedTuple):
    """Its place, its item of the form in words, its text: cut on paper after ``width`` characters (0: never)."""

    line: int
    column: int
    name: str
    text: str
    width: int = 0


def fields(claim: Claim, page: int = 0) -> Iterator[Field]:
    """Every field of one form (six service lines a page), in the order of its items."""
    yield from _head(claim)
    yield from _conditions(claim)
    for row, line in enumerate(claim.lines[page * MAX_LINES : (page + 1) * MAX_LINES]):
        yield from _service(row, line, claim)
    yield from _foot(claim)


def _name(party: Party) -> str:
    return ", ".join(part for part in (party.last, party.first, party.middle[:1]) if part)


def _mark(line: int, column: int, name: str) -> Field:
    return Field(line, column, name, "X")


def _place(line: int, column: int, name: str, party: Party | None) -> Iterator[Field]:
    if party is None or party.address is None:
        return
    a = party.address
    yield Field(line, column, f"{name}, street", f"{a.line1} {a.line2}".strip(), 28)
    yield Field(line + 2, column, f"{name}, city", a.city, 24)
    yield Field(line + 2, column + 25, f"{name}, state", a.state, 3)
    yield Field(line + 4, column, f"{name}, ZIP code", a.zip, 12)


def _head(claim: Claim) -> Iterator[Field]:
    """Items 1 to 9."""
    insurance, member = claim.insurance, claim.member or Person()
    subscriber = insurance.subscriber or Person()
    if insurance.payer is not None:
        yield Field(1, 40, "carrier, name", insurance.payer.last, 38)
        yield from _place(2, 40, "carrier", insurance.payer)
    column, kind = _FILING_BOX.get(insurance.filing, (45, "other"))
    yield _mark(8, column, f"1 coverage, {kind}")
    yield Field(8, 50, "1a insured's ID number", subscriber.id, 29)
    yield Field(10, 1, "2 patient's name", _name(member), 28)
    if member.birth_date:
        yield from _day(10, 31, "3 patient's birth date", member.birth_date)
    if member.sex in {"F", "M"}:
        yield _mark(10, 47 if member.sex == "F" else 42, f"3 sex, {member.sex}")
    yield Field(10, 50, "4 insured's name", _name(subscriber), 29)
    yield from _place(12, 1, "5 patient's address", member if member.address else subscriber)
    column, kind = _RELATIONSHIP_BOX.get(claim.patient_relationship or insurance.relationship, (47, "other"))
    yield _mark(12, column, f"6 patient's relationship to the insured, {kind}")
    yield from _place(12, 50, "7 insured's address", subscriber)
    if claim.others:
        yield from _other(claim.others[0])


def _day(line: int, column: int, name: str, day: date) -> Iterator[Field]:
    yield Field(line, column, f"{name}, month", f"{day:%m}")
    yield Field(line, column + 3, f"{name}, day", f"{day:%d}")
    yield Field(line, column + 6, f"{name}, year", f"{day:%Y}")


def _other(other: Insurance) -> Iterator[Field]:
    yield Field(18, 1, "9 other insured's name", _name(other.subscriber) if other.subscriber else "", 28)
    yield Field(20, 1, "9a other insured's policy or group", other.group, 28)
    plan = other.plan or (other.payer.last if other.payer else "")
    yield Field(24, 1, "9d other insured's plan", plan, 28)


def _conditions(claim: Claim) -> Iterator[Field]:
    """Items 10 to 23."""
    for line, cause, name in _CAUSES:
        yield _mark(line, 35, f"{name}, yes") if cause in claim.causes else _mark(line, 41, f"{name}, no")
    yield Field(22, 45, "10b state", claim.accident_state)
    yield Field(18, 50, "11 insured's group", claim.insurance.group, 29)
    yield _mark(24, 52, "11d another plan, yes") if claim.others else _mark(24, 57, "11d another plan, no")
    on_file = "SIGNATURE ON FILE"
    yield Field(28, 7, "12 patient's signature", on_file if claim.release == "Y" else "")
    yield Field(28, 57, "13 insured's signature", on_file if claim.benefits_assigned == "Y" else "")
    if claim.referring is not None:
        yield Field(32, 1, "17 referring provider", f"DN {_name(claim.referring)}", 26)
        yield Field(33, 33, "17b referring provider's NPI", claim.referring.npi)
    yield Field(36, 42, "21 ICD indicator", "0")  # ICD-10-CM
    for number, diagnosis in enumerate(claim.diagnoses[:MAX_DIAGNOSES]):
        where = (37 + number // 4, 3 + 13 * (number % 4))
        yield Field(*where, f"21 {_letter(number + 1)} diagnosis", diagnosis.code.replace(".", ""))
    if claim.frequency in {"7", "8"}:
        yield Field(37, 50, "22 resubmission code", claim.frequency)
        yield Field(37, 62, "22 original reference number", claim.original_claim_number, 18)
    yield Field(39, 50, "23 prior authorization number", claim.prior_authorization, 29)


def _letter(pointer: int) -> str:
    return "ABCDEFGHIJKL"[pointer - 1]


def _service(number: int, line: Line, claim: Claim) -> Iterator[Field]:
    """Item 24 A to J."""
    row, item = 42 + 2 * number, f"24 line {number + 1},"
    for column, day, end in ((1, line.dates.start, "from"), (10, line.dates.last, "to")):
        if day:
            yield Field(row, column, f"{item} A {end}", f"{day:%m %d %y}")
    yield Field(row, 19, f"{item} B place of service", line.pos or claim.pos)
    yield Field(row, 25, f"{item} D code", line.code)
    for n, modifier in enumerate(line.modifiers[:4]):
        yield Field(row, 33 + 3 * n, f"{item} D modifier", modifier)
    pointers = "".join(_letter(p) for p in line.pointers[:4] if 0 < p <= MAX_DIAGNOSES)
    yield Field(row, 45, f"{item} E diagnosis pointer", pointers)
    yield _cents(row, 50, f"{item} F charge", line.charge or ZERO)
    quantity = x12_amount(line.quantity) if line.quantity is not None else ""
    yield Field(row, 60, f"{item} G units", quantity)
    rendering = line.rendering or claim.rendering
    yield Field(row, 68, f"{item} J rendering provider's NPI", rendering.npi if rendering else "")


def _cents(line: int, column: int, name: str, amount: Decimal) -> Field:
    """Dollars end in the sixth column, the cents stand after the line between them."""
    whole, _, cents = f"{amount:.2f}".partition(".")
    return Field(line, column + max(0, 6 - len(whole)), name, f"{whole} {cents}")


def _foot(claim: Claim) -> Iterator[Field]:
    """Items 25 to 33."""
    billing = claim.billing or Party()
    person = billing.tax_id_qualifier == "SY"
    yield Field(56, 1, "25 federal tax ID", billing.tax_id)
    yield _mark(56, 17 if person else 19, f"25 {'SSN' if person else 'EIN'}")
    yield Field(56, 23, "26 patient's account number", claim.id, 14)
    accepted = claim.assignment == "A"
    yield _mark(56, 38 if accepted else 43, f"27 accept assignment, {'yes' if accepted else 'no'}")
    yield _cents(56, 51, "28 total charge", claim.total or ZERO)
    yield _cents(56, 62, "29 amount paid", claim.patient_paid or ZERO)
    signed = "SIGNATURE ON FILE" if claim.provider_signature == "Y" else ""
    yield Field(60, 1, "31 signature of the provider", signed)
    if claim.facility is not None:
        yield from _named_place(58, 23, "32 service facility", claim.facility)
        yield Field(62, 24, "32a service facility's NPI", claim.facility.npi)
    phone = billing.contacts[0].phone if billing.contacts else ""
    yield Field(57, 66, "33 billing provider's telephone", phone)
    yield from _named_place(58, 50, "33 billing provider", billing)
    yield Field(62, 51, "33a billing provider's NPI", billing.npi)


def _named_place(line: int, column: int, name: str, party: Party) -> Iterator[Field]:
    yield Field(line, column, f"{name}, name", _name(party), 26)
    if party.address is not None:
        a = party.address
        yield Field(line + 1, column, f"{name}, street", f"{a.line1} {a.line2}".strip(), 26)
        yield Field(line + 2, column, f"{name}, city", f"{a.city} {a.state} {a.zip}", 26)


def render_cms1500(claims: list[Claim], *, shift: tuple[float, float] = (0.0, 0.0)) -> bytes:
    """One page for each six lines of each claim; the same claims give the same bytes.

    Raises InputError for no claim and for more diagnoses than fit, PluginError where typst is not installed.
    """
    if not claims:
        raise InputError("there is no claim to print")
    for claim in claims:
        if len(claim.diagnoses) > MAX_DIAGNOSES:
            raise InputError(
                f"{claim.where or 'a claim'}: more than {MAX_DIAGNOSES} diagnoses do not fit the form"
            )
    pages = [
        [_printed(field) for field in fields(claim, page) if field.text]
        for claim in claims
        for page in range(-(-max(len(claim.lines), 1) // MAX_LINES))
    ]
    template = resources.files("chartside_billing.papers").joinpath("cms1500.typ").read_bytes()
    return typeset(template, {"pages": pages, "right": shift[0], "down": shift[1]})


def _printed(field: Field) -> dict[str, object]:
    text = transliterate(field.text).upper()
    cut = text[: field.width] if field.width else text
    said = "marked" if text == "X" else text
    return {
        "line": field.line,
        "column": field.column,
        "text": cut.rstrip(),
        "alt": f"Item {field.name}: {said}",
    }
