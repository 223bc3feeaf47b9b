"""People, organisations and payers of an 837P: NM1 loops and SBR into the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chartside_billing.dates import parse_ccyymmdd
from chartside_billing.model import (
    Address,
    Adjustment,
    Contact,
    DateSpan,
    Insurance,
    Party,
    Person,
    Reference,
)
from chartside_billing.model import Segment as Extra
from chartside_billing.money import parse_amount
from chartside_billing.x12 import parts
from chartside_billing.x12.loops import Loop
from chartside_billing.x12.segments import Seg

T = TypeVar("T", bound=Party)
_NUMERIC = frozenset({"SVD", "CAS", "AMT"})


def same(seg: Seg, rebuilt: parts.Elements) -> bool:
    """Whether a segment built from the model says what the file's segment says."""
    flat = tuple([e if isinstance(e, str) else ":".join(e) for e in rebuilt])
    sent = seg.elements if seg.elements[-1] else parts.trim(seg.elements)
    if flat == sent:
        return True
    if len(flat) != len(sent):
        return False
    numeric = seg.id in _NUMERIC
    return all(
        a == b or _tidy(b, numeric=numeric) == _tidy(a, numeric=numeric)
        for a, b in zip(flat, sent, strict=True)
    )


def _tidy(element: object, *, numeric: bool) -> object:
    text = str(element).rstrip(":")
    number = parse_amount(text) if numeric else None
    return text if number is None else number


def keep(seg: Seg, rebuilt: parts.Elements, extra: list[Extra]) -> None:
    """Keep the original of a segment that says more than the model holds."""
    if not same(seg, rebuilt):
        extra.append(tuple(str(e) for e in parts.trim(seg.elements)))


def read_party(loop: Loop, *, tax: bool = True, role: str = "") -> Party:
    """Any NM1 loop."""
    return _fill(loop, Party(), tax=tax, role=role)


def read_person(loop: Loop) -> Person:
    """2010BA, 2010CA, 2330A: an NM1 loop with DMG."""
    person = _fill(loop, Person(has_demographics=False), tax=False)
    for seg in list(loop.every("DMG"))[:1]:
        person.has_demographics = True
        person.sex = seg.get(3)
        person.birth_date_raw = seg.get(2)
        person.birth_date = parse_ccyymmdd(seg.get(2))
        keep(seg, parts.dmg(person), person.extra)
    return person


def _fill(loop: Loop, party: T, *, tax: bool, role: str = "") -> T:
    head = loop.segments[0]
    party.where = head.where
    (party.entity, party.last, party.first, party.middle) = (
        head.get(2),
        head.get(3),
        head.get(4),
        head.get(5),
    )
    (party.prefix, party.suffix, party.id_qualifier, party.id) = (
        head.get(6),
        head.get(7),
        head.get(8),
        head.get(9),
    )
    keep(head, parts.nm1(head.get(1), party), party.extra)
    seen_demographics = False
    for seg in loop.segments[1:]:
        name = seg.elements[0]
        if name == "DMG" and isinstance(party, Person) and not seen_demographics:
            seen_demographics = True
        elif name in _READERS:
            _READERS[name](seg, party, tax, role)
        else:
            party.extra.append(seg.elements)
    return party


def _address(party: Party, seg: Seg) -> Address:
    if party.address is None:
        party.address = Address(where=seg.where)
    return party.address


def _n3(seg: Seg, party: Party, tax: bool, role: str) -> None:
    address = _address(party, seg)
    if address.line1:
        party.extra.append(seg.elements)
        return
    address.line1, address.line2 = seg.get(1), seg.get(2)
    keep(seg, parts.n3(address), party.extra)


def _n4(seg: Seg, party: Party, tax: bool, role: str) -> None:
    address = _address(party, seg)
    if address.city or address.zip:
        party.extra.append(seg.elements)
        return
    address.city, address.state, address.zip = seg.get(1), seg.get(2), seg.get(3)
    address.country, address.subdivision = seg.get(4), seg.get(7)
    keep(seg, parts.n4(address), party.extra)


def _per(seg: Seg, party: Party, tax: bool, role: str) -> None:
    contact = Contact(name=seg.get(2))
    fields = {"TE": "phone", "EX": "extension", "FX": "fax", "EM": "email"}
    for position in range(3, 9, 2):
        name = fields.get(seg.get(position))
        if name and not getattr(contact, name):
            setattr(contact, name, seg.get(position + 1))
    whole = sorted(str(e) for e in parts.per(contact)) == sorted(str(e) for e in parts.trim(seg.elements))
    if whole:
        party.contacts.append(contact)
    else:
        party.extra.append(seg.elements)


def _ref(seg: Seg, party: Party, tax: bool, role: str) -> None:
    reference = read_reference(seg)
    if reference is None:
        party.extra.append(seg.elements)
    elif tax and reference.qualifier in {"EI", "SY"} and not party.tax_id and not reference.detail:
        party.tax_id, party.tax_id_qualifier = reference.value, reference.qualifier
    else:
        party.references.append(reference)


def _prv(seg: Seg, party: Party, tax: bool, role: str) -> None:
    if party.taxonomy or not seg.get(3):
        party.extra.append(seg.elements)
        return
    party.taxonomy = seg.get(3)
    keep(seg, parts.prv(role, party.taxonomy), party.extra)


_READERS: dict[str, Callable[[Seg, Party, bool, str], None]] = {
    "N3": _n3,
    "N4": _n4,
    "PER": _per,
    "REF": _ref,
    "PRV": _prv,
}


def read_reference(seg: Seg) -> Reference | None:
    """A REF; None if it says more than a qualifier, a value and REF04."""
    reference = Reference(seg.get(1), seg.get(2), seg.get(4))
    return reference if same(seg, parts.ref(reference)) else None


def read_dates(seg: Seg) -> DateSpan:
    """A DTP: a day, a range, or a day with a time; ``start`` stays None if it is no date."""
    kind, raw = seg.get(2), seg.get(3)
    first, _, last = raw.partition("-") if kind == "RD8" else (raw, "", "")
    start = parse_ccyymmdd(first[:8]) if kind in {"D8", "RD8", "DT"} else None
    return DateSpan(start, parse_ccyymmdd(last) if last else None, raw, kind)


def read_cas(seg: Seg) -> list[Adjustment] | None:
    """The reasons of a CAS; None if an amount is no number."""
    found = []
    for position in range(2, len(seg.elements), 3):
        reason, dollars, quantity = seg.get(position), seg.get(position + 1), seg.get(position + 2)
        if not (reason or dollars or quantity):
            continue
        value, units = parse_amount(dollars), parse_amount(quantity)
        if value is None or (quantity and units is None):
            return None
        found.append(Adjustment(seg.get(1), reason, value, units))
    return found or None


def read_sbr(seg: Seg | None) -> Insurance:
    """2000B or 2320, as far as SBR says."""
    if seg is None:
        return Insurance()
    insurance = Insurance(
        sequence=seg.get(1),
        relationship=seg.get(2),
        group=seg.get(3),
        plan=seg.get(4),
        msp_type=seg.get(5),
        filing=seg.get(9),
        where=seg.where,
    )
    keep(seg, parts.sbr(insurance), insurance.extra)
    return insurance
