"""Loops 2300 to 2440 of an 837P into the model."""

from __future__ import annotations

from dataclasses import replace

from chartside_billing.model import (
    Amount,
    Attachment,
    Claim,
    Diagnosis,
    Insurance,
    Line,
    LineAdjudication,
    SyntaxIssue,
)
from chartside_billing.money import parse_amount
from chartside_billing.x12 import parts
from chartside_billing.x12.loops import Loop
from chartside_billing.x12.read837_parts import (
    keep,
    read_cas,
    read_dates,
    read_party,
    read_person,
    read_reference,
    read_sbr,
    same,
)
from chartside_billing.x12.segments import Seg

_DIAGNOSES = frozenset({"ABK", "ABF", "BK", "BF"})


def read_claim(loop: Loop, base: Claim) -> Claim:
    """One 2300 loop; ``base`` holds what stands above it."""
    issues = [issue for inner in _walk(loop) for issue in inner.issues]
    claim = replace(base, where=loop.where, issues=base.issues + issues, dates={}, references=[], notes=[])
    claim.attachments, claim.diagnoses, claim.lines, claim.others, claim.extra = [], [], [], [], []
    _clm(loop.segments[0], claim)
    for seg in loop.segments[1:]:
        _claim_segment(seg, claim)
    for inner in loop.loops:
        _claim_loop(inner, claim)
    return claim


def _walk(loop: Loop) -> list[Loop]:
    return [loop, *(deep for inner in loop.loops for deep in _walk(inner))]


def _split(text: str, count: int) -> tuple[str, ...]:
    return (*text.split(":"), *[""] * count)[:count]


def _clm(seg: Seg, claim: Claim) -> None:
    claim.id, claim.total_raw = seg.get(1), seg.get(2)
    claim.total = parse_amount(claim.total_raw)
    claim.pos, claim.pos_qualifier, claim.frequency = _split(seg.get(5), 3)
    if len(claim.pos) > 2 and not claim.frequency and not claim.pos.isalnum():
        text = "CLM05 is not cut by the component separator that ISA16 names: mend ISA16"
        claim.issues.append(SyntaxIssue("separator", text, seg.where))
    claim.provider_signature, claim.assignment, claim.benefits_assigned = seg.get(6), seg.get(7), seg.get(8)
    claim.release, claim.patient_signature = seg.get(9), seg.get(10)
    *causes, claim.accident_state, claim.accident_country = _split(seg.get(11), 5)
    while causes and not causes[-1]:
        causes.pop()
    claim.causes = tuple(causes)
    claim.special_program, claim.delay_reason = seg.get(12), seg.get(20)
    keep(seg, parts.clm(claim), claim.extra)


def _claim_segment(seg: Seg, claim: Claim) -> None:
    name, taken = seg.elements[0], False
    if name == "DTP" and seg.get(1) not in claim.dates:
        claim.dates[seg.get(1)] = read_dates(seg)
        taken = same(seg, parts.dtp(seg.get(1), claim.dates[seg.get(1)]))
        if not taken:
            del claim.dates[seg.get(1)]
    elif name == "PWK":
        attachment = Attachment(seg.get(1), seg.get(2), seg.get(6), where=seg.where)
        if taken := same(seg, parts.pwk(attachment)):
            claim.attachments.append(attachment)
    elif name == "AMT" and seg.get(1) == "F5" and claim.patient_paid is None:
        claim.patient_paid = parse_amount(seg.get(2))
        taken = claim.patient_paid is not None and len(seg.elements) == 3
    elif name == "REF":
        taken = _reference(seg, claim)
    elif name == "NTE" and len(seg.elements) <= 3:
        claim.notes.append((seg.get(1), seg.get(2)))
        taken = True
    elif name == "HI":
        taken = _diagnoses(seg, claim)
    if not taken:
        claim.extra.append(seg.elements)


def _reference(seg: Seg, claim: Claim) -> bool:
    reference = read_reference(seg)
    if reference is None:
        return False
    name = parts.CLAIM_REFERENCES.get(reference.qualifier)
    if name and reference.value and not getattr(claim, name) and not reference.detail:
        setattr(claim, name, reference.value)
    else:
        claim.references.append(reference)
    return True


def _diagnoses(seg: Seg, claim: Claim) -> bool:
    """HI with diagnoses; the other kinds of HI (condition codes, anaesthesia) are kept as they are."""
    if seg.get(1).partition(":")[0] not in _DIAGNOSES:
        return False
    elements = list(seg.elements[1:])
    while elements and not elements[-1].strip(": "):
        elements.pop()
    for element in elements:
        qualifier, code, *more = _split(element, 9)
        claim.diagnoses.append(Diagnosis(code, qualifier, where=seg.where))
        if any(more):
            claim.issues.append(
                SyntaxIssue(
                    "hi-unused", "HI has components that a professional claim does not use", seg.where
                )
            )
    return True


def _claim_loop(loop: Loop, claim: Claim) -> None:
    qualifier = loop.segments[0].get(1)
    if loop.id == "2400":
        claim.lines.append(_line(loop))
    elif loop.id == "2320":
        claim.others.append(_other(loop))
    elif loop.id == "2310A" and qualifier == "DN" and claim.referring is None:
        claim.referring = read_party(loop, role="RF")
    elif loop.id == "2310B" and claim.rendering is None:
        claim.rendering = read_party(loop, role="PE")
    elif loop.id == "2310C" and claim.facility is None:
        claim.facility = read_party(loop, tax=False)
    elif loop.id == "2310D" and claim.supervising is None:
        claim.supervising = read_party(loop)
    else:
        claim.extra += [seg.elements for seg in loop.segments]


def _other(loop: Loop) -> Insurance:
    """2320 with its 2330 loops."""
    insurance = read_sbr(loop.segments[0])
    for seg in loop.segments[1:]:
        _other_segment(seg, insurance)
    for inner in loop.loops:
        if inner.id == "2330A" and insurance.subscriber is None:
            insurance.subscriber = read_person(inner)
        elif inner.id == "2330B" and insurance.payer is None:
            _other_payer(inner, insurance)
        else:
            insurance.extra += [seg.elements for seg in inner.segments]
    return insurance


def _other_segment(seg: Seg, insurance: Insurance) -> None:
    if seg.id == "CAS" and (reasons := read_cas(seg)) is not None:
        insurance.adjustments += reasons
    elif seg.id == "AMT" and (value := parse_amount(seg.get(2))) is not None and len(seg.elements) == 3:
        insurance.amounts.append(Amount(seg.get(1), value))
    elif seg.id == "OI" and not insurance.release and not insurance.assignment:
        insurance.assignment, insurance.signature_source, insurance.release = (
            seg.get(3),
            seg.get(4),
            seg.get(6),
        )
        keep(seg, parts.oi(insurance), insurance.extra)
    else:
        insurance.extra.append(seg.elements)


def _other_payer(loop: Loop, insurance: Insurance) -> None:
    """2330B; its date and its own numbers belong to the insurance."""
    own = [seg for seg in loop.segments if not _payer_number(seg, insurance)]
    insurance.payer = read_party(Loop(loop.id, own), tax=False)


def _payer_number(seg: Seg, insurance: Insurance) -> bool:
    if seg.id == "DTP" and seg.get(1) == "573" and insurance.adjudicated is None:
        span = read_dates(seg)
        if same(seg, parts.dtp("573", span)):
            insurance.adjudicated = span
            return True
    name = parts.PAYER_REFERENCES.get(seg.get(1)) if seg.id == "REF" else None
    if name and len(seg.elements) == 3 and seg.get(2) and not getattr(insurance, name):
        setattr(insurance, name, seg.get(2))
        return True
    return False


def _line(loop: Loop) -> Line:
    """2400 with its inner loops."""
    head = loop.segments[0]
    number = head.get(1).strip()
    line = Line(
        number=int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0,
        where=head.where,
    )
    line.code_qualifier = ""
    keep(head, ("LX", str(line.number)), line.extra)
    service_seen = dated = False
    for seg in loop.segments[1:]:
        if seg.id == "SV1" and not service_seen:
            service_seen = True
            _sv1(seg, line)
        elif seg.id == "DTP" and seg.get(1) == "472" and not dated:
            dated = True
            line.dates = read_dates(seg)
            keep(seg, parts.dtp("472", line.dates), line.extra)
        elif not _line_segment(seg, line):
            line.extra.append(seg.elements)
    for inner in loop.loops:
        _line_loop(inner, line)
    return line


def _sv1(seg: Seg, line: Line) -> None:
    line.code_qualifier, line.code, *modifiers, line.description = _split(seg.get(1), 7)
    line.modifiers = tuple(m for m in modifiers if m)
    line.charge_raw, line.unit, line.quantity_raw = seg.get(2), seg.get(3), seg.get(4)
    line.charge, line.quantity = parse_amount(line.charge_raw), parse_amount(line.quantity_raw)
    line.pos, line.pointers_raw, line.emergency = seg.get(5), seg.get(7), seg.get(9)
    line.pointers = tuple(
        int(p) for p in line.pointers_raw.split(":") if p.isascii() and p.isdigit() and len(p) < 4
    )
    line.where = seg.where
    keep(seg, parts.sv1(line), line.extra)


def _line_segment(seg: Seg, line: Line) -> bool:
    name = parts.LINE_REFERENCES.get(seg.get(1)) if seg.id == "REF" else None
    if name and len(seg.elements) == 3 and seg.get(2) and not getattr(line, name):
        setattr(line, name, seg.get(2))
        return True
    if seg.id == "NTE" and len(seg.elements) <= 3:
        line.notes.append((seg.get(1), seg.get(2)))
        return True
    return False


_LINE_PARTIES = {"2420A": "rendering", "2420C": "facility", "2420D": "supervising", "2420E": "ordering"}


def _line_loop(loop: Loop, line: Line) -> None:
    name = _LINE_PARTIES.get(loop.id, "")
    if loop.id == "2420F" and loop.segments[0].get(1) == "DN":
        name = "referring"
    if loop.id == "2430":
        line.adjudications.append(_adjudication(loop))
    elif name and getattr(line, name) is None:
        role = {"rendering": "PE", "referring": "RF"}.get(name, "")
        setattr(line, name, read_party(loop, tax=name != "facility", role=role))
    else:
        line.extra += [seg.elements for seg in loop.segments]


def _adjudication(loop: Loop) -> LineAdjudication:
    head = loop.segments[0]
    _, code, *modifiers = _split(head.get(3), 6)
    found = LineAdjudication(
        payer_id=head.get(1),
        paid=parse_amount(head.get(2)),
        paid_raw=head.get(2),
        code=code,
        modifiers=tuple(m for m in modifiers if m),
        quantity=parse_amount(head.get(5)),
        bundled_into=head.get(6),
        where=head.where,
    )
    keep(head, parts.svd(found), found.extra)
    for seg in loop.segments[1:]:
        if seg.id == "CAS" and (reasons := read_cas(seg)) is not None:
            found.adjustments += reasons
        elif seg.id == "DTP" and seg.get(1) == "573" and found.adjudicated is None:
            found.adjudicated = read_dates(seg)
            keep(seg, parts.dtp("573", found.adjudicated), found.extra)
        elif seg.id == "AMT" and seg.get(1) == "EAF" and found.remaining is None and len(seg.elements) == 3:
            found.remaining = parse_amount(seg.get(2))
            if found.remaining is None:
                found.extra.append(seg.elements)
        else:
            found.extra.append(seg.elements)
    return found
