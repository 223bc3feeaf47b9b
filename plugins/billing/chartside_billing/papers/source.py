"""Bills out of claims, and what the client owes out of the remittance: PR amounts, never CO (INV-001)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from chartside_billing.model import Claim, Line, Party
from chartside_billing.money import ZERO
from chartside_billing.papers.data import Bill, Client, Provider, Service
from chartside_billing.x12.remit import PaidClaim
from chartside_billing.x12.secondary import find_line


def from_claim(claim: Claim, *, issued: date, due: date | None = None, paid: PaidClaim | None = None) -> Bill:
    """A bill for one claim. With ``paid`` (the insurer's decision) each line's client part is its PR amounts."""
    member = claim.member
    insurer = claim.insurance.payer
    subscriber = claim.insurance.subscriber
    services = [_service(line, claim, paid) for line in claim.lines]
    _spread(claim.patient_paid or ZERO, services)
    return Bill(
        number=claim.id,
        issued=issued,
        due=due,
        practice=_practice(claim),
        rendering=_provider(claim.rendering or claim.billing),
        client=Client(
            name=_name(member) if member else "",
            birth_date=member.birth_date if member else None,
            address=_address(member) if member else "",
            insurer=insurer.last if insurer else "",
            member_id=subscriber.id if subscriber else "",
        ),
        services=services,
    )


def _name(party: Party) -> str:
    return " ".join(part for part in (party.first, party.middle, party.last, party.suffix) if part)


def _practice(claim: Claim) -> Provider:
    """The billing provider; its telephone number stands with who submits (PER)."""
    practice = _provider(claim.billing)
    contacts = claim.submitter.contacts if claim.submitter else []
    practice.phone = practice.phone or _phone(contacts[0].phone if contacts else "")
    return practice


def _phone(digits: str) -> str:
    return f"{digits[:3]}-{digits[3:6]}-{digits[6:]}" if len(digits) == 10 and digits.isdigit() else digits


def _zip(digits: str) -> str:
    return f"{digits[:5]}-{digits[5:]}" if len(digits) == 9 and digits.isdigit() else digits


def _tin(party: Party) -> str:
    """As the IRS writes it; a social security number (SY) stays as it is."""
    digits = party.tax_id
    employer = party.tax_id_qualifier != "SY" and len(digits) == 9 and digits.isdigit()
    return f"{digits[:2]}-{digits[2:]}" if employer else digits


def _address(party: Party) -> str:
    a = party.address
    return (
        ", ".join(part for part in (a.line1, a.line2, a.city, f"{a.state} {_zip(a.zip)}".strip()) if part)
        if a
        else ""
    )


def _provider(party: Party | None) -> Provider:
    if party is None:
        return Provider()
    return Provider(
        name=_name(party),
        credential=(party.facts.credential if party.facts else "") or party.suffix,
        npi=party.npi,
        tin=_tin(party),
        address=_address(party),
        state=party.address.state if party.address else "",
        phone=_phone(party.contacts[0].phone) if party.contacts else "",
    )


def _service(line: Line, claim: Claim, paid: PaidClaim | None) -> Service:
    pointed = [claim.diagnoses[p - 1].code for p in line.pointers if 0 < p <= len(claim.diagnoses)]
    return Service(
        code=line.code,
        label=line.description,
        day=line.dates.start,
        pos=line.pos or claim.pos,
        modifiers=list(line.modifiers),
        diagnoses=pointed,
        units=line.quantity or Decimal(1),
        charge=line.charge or ZERO,
        responsibility=_responsibility(line, claim, paid),
    )


def _spread(amount: Decimal, services: list[Service]) -> None:
    """What the client has paid on the claim (AMT*F5): line by line what is owed, what is over on the last."""
    for place, service in enumerate(services, 1):
        owed = service.charge if service.responsibility is None else service.responsibility
        service.paid = amount if place == len(services) else min(amount, max(owed, ZERO))
        amount -= service.paid


def _responsibility(line: Line, claim: Claim, paid: PaidClaim | None) -> Decimal | None:
    """PR of the line; where the insurer decided on the claim as a whole, its PR stands on the first line."""
    if paid is None:
        return None
    decided = find_line(line, paid)
    total = sum((a.amount for a in decided.adjustments if a.group == "PR"), ZERO) if decided else ZERO
    if claim.lines and line is claim.lines[0]:
        total += sum((a.amount for a in paid.adjustments if a.group == "PR"), ZERO)
    return total
