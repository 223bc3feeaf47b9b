"""Parts of a claim as segments: what the writer writes, and how the reader knows that nothing is lost.

Every function gives one segment. An element is a string, or a tuple of components. The reader builds each segment
again from what it understood; where that differs from the file, it keeps the original beside the field (``extra``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import TypeAlias

from chartside_billing.dates import ccyymmdd
from chartside_billing.model import (
    Address,
    Adjustment,
    Attachment,
    Claim,
    Contact,
    DateSpan,
    Diagnosis,
    Insurance,
    Line,
    LineAdjudication,
    Party,
    Person,
    Reference,
)
from chartside_billing.money import parse_amount, x12_amount

Element: TypeAlias = "str | tuple[str, ...]"
Elements: TypeAlias = "tuple[Element, ...]"

CLAIM_REFERENCES = {"F8": "original_claim_number", "G1": "prior_authorization", "9F": "referral"}
LINE_REFERENCES = {"6R": "control_number", "G1": "prior_authorization", "9F": "referral"}
PAYER_REFERENCES = {"F8": "claim_number", "G1": "prior_authorization", "9F": "referral"}


def trim(elements: Iterable[Element]) -> Elements:
    """Without empty elements and components at the end, as X12 wants it."""
    kept: list[Element] = [e if isinstance(e, str) else _shortened(e) for e in elements]
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def _shortened(element: tuple[str, ...]) -> Element:
    while element and not element[-1]:
        element = element[:-1]
    return element if len(element) > 1 else "".join(element)


def amount(value: Decimal | None, raw: str = "") -> str:
    """A number as it came where it still means the same, else in X12's shortest form."""
    if value is None or parse_amount(raw) == value:
        return raw
    return x12_amount(value)


def day(value: date | None) -> str:
    """D8, or nothing."""
    return ccyymmdd(value) if value else ""


def nm1(qualifier: str, party: Party) -> Elements:
    """NM1."""
    return trim(
        (
            *(
                "NM1",
                qualifier,
                party.entity,
                party.last,
                party.first,
                party.middle,
                party.prefix,
                party.suffix,
            ),
            *(party.id_qualifier, party.id),
        )
    )


def n3(address: Address) -> Elements:
    """N3."""
    return trim(("N3", address.line1, address.line2))


def n4(address: Address) -> Elements:
    """N4."""
    return trim(
        ("N4", address.city, address.state, address.zip, address.country, "", "", address.subdivision),
    )


def per(contact: Contact) -> Elements:
    """PER; the extension follows the telephone."""
    pairs = (("TE", contact.phone), ("EX", contact.extension), ("FX", contact.fax), ("EM", contact.email))
    return trim(("PER", "IC", contact.name, *(part for pair in pairs if pair[1] for part in pair)))


def ref(reference: Reference) -> Elements:
    """REF."""
    return trim(("REF", reference.qualifier, reference.value, "", reference.detail))


def prv(role: str, taxonomy: str) -> Elements:
    """PRV."""
    return ("PRV", role, "PXC", taxonomy)


def dmg(person: Person) -> Elements:
    """DMG."""
    born = person.birth_date_raw or day(person.birth_date)
    return trim(("DMG", "D8" if born else "", born, person.sex))


def pat(person: Person | None, relationship: str) -> Elements:
    """PAT with the relationship (2000C only) and the day of death."""
    died = day(person.death_date) if person else ""
    return trim(("PAT", relationship, "", "", "", "D8" if died else "", died))


def sbr(insurance: Insurance) -> Elements:
    """SBR."""
    i = insurance
    return trim(("SBR", i.sequence, i.relationship, i.group, i.plan, i.msp_type, "", "", "", i.filing))


def dtp(qualifier: str, span: DateSpan) -> Elements:
    """DTP: as sent, else D8 or RD8."""
    if span.raw:
        return ("DTP", qualifier, span.kind or ("RD8" if "-" in span.raw else "D8"), span.raw)
    if span.end and span.end != span.start:
        return ("DTP", qualifier, "RD8", f"{day(span.start)}-{day(span.end)}")
    return ("DTP", qualifier, "D8", day(span.start))


def clm(claim: Claim) -> Elements:
    """CLM."""
    c = claim
    causes: Element = ""
    if c.causes or c.accident_state or c.accident_country:
        causes = (*(*c.causes, "", "", "")[:3], c.accident_state, c.accident_country)
    place = (c.pos, c.pos_qualifier, c.frequency) if c.pos or c.frequency else ""
    head = ("CLM", c.id, amount(c.total, c.total_raw), "", "", place)
    signatures = (c.provider_signature, c.assignment, c.benefits_assigned, c.release, c.patient_signature)
    return trim((*head, *signatures, causes, c.special_program, *[""] * 7, c.delay_reason))


def pwk(attachment: Attachment) -> Elements:
    """PWK."""
    control = attachment.control_number
    return trim(
        ("PWK", attachment.report_type, attachment.transmission, "", "", "AC" if control else "", control)
    )


def hi(diagnoses: list[Diagnosis]) -> Iterator[Elements]:
    """HI segments of up to twelve diagnoses."""
    for start in range(0, len(diagnoses), 12):
        yield trim(("HI", *((d.qualifier, d.code) for d in diagnoses[start : start + 12])))


def cas(adjustments: list[Adjustment]) -> Iterator[Elements]:
    """CAS segments: one for each group in its turn, six reasons at most in each."""
    for group, members in groupby(adjustments, key=lambda a: a.group):
        reasons = list(members)
        for start in range(0, len(reasons), 6):
            parts: list[str] = []
            for a in reasons[start : start + 6]:
                parts += (
                    a.reason,
                    x12_amount(a.amount),
                    "" if a.quantity is None else x12_amount(a.quantity),
                )
            yield trim(("CAS", group, *parts))


def oi(insurance: Insurance) -> Elements:
    """OI."""
    return trim(("OI", "", "", insurance.assignment, insurance.signature_source, "", insurance.release))


def sv1(line: Line) -> Elements:
    """SV1."""
    service = procedure(line.code_qualifier, line.code, line.modifiers, line.description)
    pointers: Element = (
        tuple(line.pointers_raw.split(":")) if line.pointers_raw else tuple(map(str, line.pointers))
    )
    charge, quantity = amount(line.charge, line.charge_raw), amount(line.quantity, line.quantity_raw)
    return trim(("SV1", service, charge, line.unit, quantity, line.pos, "", pointers, "", line.emergency))


def procedure(
    qualifier: str, code: str, modifiers: tuple[str, ...], description: str = ""
) -> tuple[str, ...]:
    """The composite of a procedure: qualifier, code, four modifiers, description."""
    if description:
        return (qualifier, code, *(*modifiers, "", "", "", "")[:4], description)
    return (qualifier, code, *modifiers)


def svd(adjudication: LineAdjudication) -> Elements:
    """SVD."""
    a = adjudication
    service = procedure("HC", a.code, a.modifiers) if a.code else ""
    quantity = "" if a.quantity is None else x12_amount(a.quantity)
    return trim(("SVD", a.payer_id, amount(a.paid, a.paid_raw), service, "", quantity, a.bundled_into))
