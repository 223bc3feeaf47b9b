"""The next payer's claim: what the first one decided, from its 835, put into the COB loops (2320, 2330, 2430)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

from chartside.errors import InputError
from chartside_billing.model import Amount, Claim, DateSpan, Insurance, Line, LineAdjudication
from chartside_billing.x12.remit import FORWARDED, REVERSAL, PaidClaim, PaidLine, Remittance

ORDER = ("P", "S", "T", "A", "B", "C", "D", "E", "F", "G", "H")
"""SBR01 in the order of payers."""


def secondary_claims(
    claims: Sequence[Claim], remittances: Iterable[Remittance]
) -> tuple[list[Claim], list[str]]:
    """The next payer's claims for what an 835 decided, and why each other claim is left out."""
    decisions: dict[str, list[tuple[PaidClaim, Remittance]]] = {}
    numbers = Counter(claim.id.upper() for claim in claims)
    for remittance in remittances:
        for paid in remittance.claims:
            decisions.setdefault(paid.id.upper(), []).append((paid, remittance))
    made: list[Claim] = []
    left_out: list[str] = []
    for claim in claims:
        found = decisions.get(claim.id.upper(), [])
        if found and numbers[claim.id.upper()] > 1:
            left_out.append(
                f"{claim.id}: several claims have this number (CLM01), and the remittance names no other"
            )
            continue
        standing = standing_decision([paid for paid, _ in found])
        if isinstance(standing, str):
            left_out.append(f"{claim.id}: {standing}")
            continue
        try:
            made.append(secondary_claim(claim, *found[standing]))
        except InputError as error:
            left_out.append(f"{claim.id}: {error}")
    return made, left_out


def standing_decision(decisions: Sequence[PaidClaim]) -> int | str:
    """Which of a payer's decisions on one claim, in their order, holds for the next payer; else why none does.

    A reversal takes the decision before it back, and the one after it is its correction. Two decisions that both stand
    are parts of one, which nobody but a person puts together.
    """
    if not decisions:
        return "the remittance does not decide on it"
    last = max((n for n, paid in enumerate(decisions) if paid.status == REVERSAL), default=-1)
    after = decisions[last + 1 :]
    if not after:
        return "a reversal"
    if len(after) > 1:
        return "it is decided in parts: put them together by hand"
    if after[0].crossover or after[0].status in FORWARDED:
        return "the payer passed it on by itself"
    return last + 1


def secondary_claim(claim: Claim, paid: PaidClaim, remittance: Remittance) -> Claim:
    """The claim as it goes to the next payer. The one given stays as it is.

    The payer that decided becomes another payer with its amounts, reasons and date; the first of
    ``claim.others`` that
    has not decided becomes the destination. Raises InputError if there is none, or if the decision is of
    another claim or patient.
    """
    if differs := told_apart(claim, paid):
        raise InputError(f"the decision belongs to another claim ({differs})")
    waiting = [other for other in claim.others if other.paid() is None]
    if not waiting:
        raise InputError(
            "the claim has no further payer", mend="add the secondary coverage to the claim first"
        )
    after = deepcopy(claim)
    target = next(other for other in after.others if other.paid() is None)
    rest = [other for other in after.others if other is not target]
    decided = _decided(after, paid, remittance)
    payer = decided.payer.id if decided.payer else ""
    return replace(
        after,
        **_member(target, after),
        others=[*rest, decided],
        lines=[_line(line, paid, payer, remittance) for line in after.lines],
        frequency="1",
        original_claim_number="",
        created=None,  # it is made now, not when the first payer's was
    )


def told_apart(claim: Claim, paid: PaidClaim) -> str:
    """Why a decision cannot be this claim's; empty if it can. What one patient's payer said is never another's.

    Payers echo number and total (CLP01, CLP03). Name and member number may be the payer's own spelling (NM1*QC):
    only where both differ, or the given names begin otherwise, it is somebody else.
    """
    if paid.id.upper() != claim.id.upper():
        return "CLP01 is not CLM01"
    if claim.total is not None and abs(paid.charge) != claim.total:
        return "CLP03 is not CLM02"
    member, subscriber = claim.member, claim.insurance.subscriber
    ids = {paid.member_id, paid.corrected_member_id} - {""}
    others = subscriber is not None and bool(subscriber.id and ids) and not _same(subscriber.id, ids)
    if member is None:
        return ""
    if others and paid.last and not _same(member.last, {paid.last, paid.last.split(" ")[0]}):
        return "NM1*QC names another patient"
    if paid.first and member.first and paid.first[:1].upper() != member.first[:1].upper():
        return "NM1*QC names another patient"
    return ""


def _same(text: str, others: Iterable[str]) -> bool:
    return any(_plain(text) == _plain(other) for other in others)


def _plain(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum())


def _decided(claim: Claim, paid: PaidClaim, remittance: Remittance) -> Insurance:
    """The payer that decided, as another payer. Line reasons stay on the lines, claim reasons on the claim."""
    insurance = claim.insurance
    lines_tell = any(line.adjustments for line in paid.lines)
    return replace(
        insurance,
        amounts=[Amount("D", paid.paid)],
        adjustments=list(paid.adjustments),
        adjudicated=None if lines_tell else _span(remittance),
        assignment=insurance.assignment or "Y",
        release=insurance.release or "Y",
        claim_number=paid.payer_claim_number,
        relationship=insurance.relationship or claim.patient_relationship or "18",
        remittance_date=decided_on(remittance),
    )


def _member(target: Insurance, claim: Claim) -> dict[str, Any]:
    """The next payer as the destination, and who the patient is to its member: a dependant has a loop of their own
    (2000C) with the relationship in PAT01, and then SBR02 of 2000B is empty."""
    insurance = _destination(target, claim.insurance)
    relationship = target.relationship or claim.patient_relationship or "18"
    if relationship == "18":
        insurance = replace(insurance, subscriber=insurance.subscriber or claim.member, relationship="18")
        return {"insurance": insurance, "patient": None, "patient_relationship": ""}
    insurance = replace(insurance, relationship="")
    patient = claim.patient
    if patient is None and claim.member is not None:
        patient = replace(claim.member, id="", id_qualifier="")  # 2010CA has no member number
    return {"insurance": insurance, "patient": patient, "patient_relationship": relationship}


def _destination(target: Insurance, before: Insurance) -> Insurance:
    place = ORDER.index(before.sequence) + 1 if before.sequence in ORDER else 1
    return replace(target, sequence=target.sequence or ORDER[min(place, len(ORDER) - 1)])


def decided_on(remittance: Remittance) -> date | None:
    """The day of the decision (DTP*573): of the payment, or of the remittance where the money moves later (EFT)."""
    return min((day for day in (remittance.paid_on, remittance.produced) if day), default=None)


def _span(remittance: Remittance) -> DateSpan | None:
    day = decided_on(remittance)
    return DateSpan(day) if day else None


def _line(line: Line, paid: PaidClaim, payer: str, remittance: Remittance) -> Line:
    decision = find_line(line, paid)
    if decision is None:
        return line
    adjudication = LineAdjudication(
        payer_id=payer,
        paid=decision.paid,
        code=decision.code,
        modifiers=decision.modifiers,
        quantity=decision.units or line.quantity,
        adjustments=list(decision.adjustments),
        adjudicated=_span(remittance),
        where=decision.where,
    )
    return replace(line, adjudications=[*line.adjudications, adjudication])


def find_line(line: Line, paid: PaidClaim) -> PaidLine | None:
    """The decision on a line: by its control number (REF*6R), else by day, code and charge if only one fits."""
    if line.control_number:
        named = [p for p in paid.lines if p.control_number == line.control_number]
        if len(named) == 1:
            return named[0]
    fitting = [
        p
        for p in paid.lines
        if (p.submitted_code or p.code) == line.code
        and p.charge == line.charge
        and p.start in {None, line.dates.start}
    ]
    return fitting[0] if len(fitting) == 1 else None
