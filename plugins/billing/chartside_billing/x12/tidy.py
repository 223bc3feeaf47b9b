"""Repairs that need to know the field: an ICD code's dot, the marks inside numbers. A copy is mended, not the
claim."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from chartside_billing.model import Address, Claim, Contact, Diagnosis, Insurance, Party
from chartside_billing.x12.mend import Mender, digits_only

P = TypeVar("P", bound=Party)


def tidy(claim: Claim, mender: Mender) -> Claim:
    """A copy of the claim with its numbers in X12's form."""
    return replace(
        claim,
        diagnoses=[_diagnosis(diagnosis, mender) for diagnosis in claim.diagnoses],
        submitter=_party(claim.submitter, "1000A", mender),
        billing=_party(claim.billing, "2010AA", mender),
        pay_to=_party(claim.pay_to, "2010AB", mender),
        patient=_party(claim.patient, "2010CA", mender),
        rendering=_party(claim.rendering, "2310B", mender),
        facility=_party(claim.facility, "2310C", mender),
        supervising=_party(claim.supervising, "2310D", mender),
        insurance=_insurance(claim.insurance, "2010B", mender),
        others=[_insurance(other, "2330", mender) for other in claim.others],
    )


def _diagnosis(diagnosis: Diagnosis, mender: Mender) -> Diagnosis:
    code = diagnosis.code.replace(".", "").strip().upper()
    if code == diagnosis.code:
        return diagnosis
    mender.note("2300 HI", "the dot, blanks or small letters of a diagnosis code were removed")
    return replace(diagnosis, code=code)


def _insurance(insurance: Insurance, loop: str, mender: Mender) -> Insurance:
    return replace(
        insurance,
        subscriber=_party(insurance.subscriber, f"{loop}A", mender),
        payer=_party(insurance.payer, f"{loop}B", mender),
    )


def _party(party: P | None, loop: str, mender: Mender) -> P | None:
    if party is None:
        return None
    changes: dict[str, object] = {}
    if (tax_id := digits_only(party.tax_id)) != party.tax_id:
        mender.note(f"{loop} REF02", "the marks inside a tax number were removed")
        changes["tax_id"] = tax_id
    if party.address is not None and (address := _address(party.address, loop, mender)) != party.address:
        changes["address"] = address
    contacts = [_contact(contact, loop, mender) for contact in party.contacts]
    if contacts != party.contacts:
        changes["contacts"] = contacts
    return replace(party, **changes) if changes else party  # type: ignore[arg-type]


def _address(address: Address, loop: str, mender: Mender) -> Address:
    zip_code, state = digits_only(address.zip), address.state.strip().upper()
    if zip_code != address.zip:
        mender.note(f"{loop} N403", "the marks inside a ZIP code were removed")
    if state != address.state:
        mender.note(f"{loop} N402", "small letters became capitals")
    return replace(address, zip=zip_code, state=state)


def _contact(contact: Contact, loop: str, mender: Mender) -> Contact:
    phone, fax = digits_only(contact.phone), digits_only(contact.fax)
    if len(phone) == 11 and phone[0] == "1":
        phone = phone[1:]
    if (phone, fax) == (contact.phone, contact.fax):
        return contact
    mender.note(f"{loop} PER04", "the marks inside a telephone number were removed")
    return replace(contact, phone=phone, fax=fax)
