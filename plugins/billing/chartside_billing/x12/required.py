"""What an 837P cannot be written without. Whether it will be *paid* is for the rules to say."""

from __future__ import annotations

from collections.abc import Iterator

from chartside_billing.model import Claim, Insurance, Line, Party


def missing(claim: Claim) -> list[str]:
    """What the guide requires and the claim does not have, in words; empty if it can be written."""
    return [*_head(claim), *_provider(claim.billing), *_insurance(claim.insurance), *_lines(claim)]


def _head(claim: Claim) -> Iterator[str]:
    needed = {
        "a claim number (CLM01)": claim.id,
        "a place of service (CLM05-1)": claim.pos,
        "a frequency (CLM05-3)": claim.frequency,
        "the provider's signature on file (CLM06)": claim.provider_signature,
        "assignment (CLM07)": claim.assignment,
        "benefits assigned (CLM08)": claim.benefits_assigned,
        "release of information (CLM09)": claim.release,
        "a diagnosis (HI)": claim.diagnoses,
    }
    yield from (name for name, value in needed.items() if not value)
    if claim.total is None:
        yield "a total that is a number (CLM02)"


def _provider(billing: Party | None) -> Iterator[str]:
    if billing is None or not billing.last:
        yield "a billing provider (2010AA)"
        return
    address = billing.address
    if address is None or not (address.line1 and address.city):
        yield "the billing provider's address (2010AA N3, N4)"
    if not billing.tax_id:
        yield "the billing provider's tax number (2010AA REF)"


def _insurance(insurance: Insurance) -> Iterator[str]:
    if insurance.subscriber is None or not insurance.subscriber.last:
        yield "a subscriber (2010BA)"
    if insurance.payer is None or not (insurance.payer.last and insurance.payer.id):
        yield "a payer with its id (2010BB)"
    if not insurance.sequence:
        yield "the payer's place in the order (SBR01)"


def _lines(claim: Claim) -> Iterator[str]:
    if not claim.lines:
        yield "a service line (2400)"
    for line in claim.lines:
        yield from (f"{name} of line {line.number}" for name in _line(line))


def _line(line: Line) -> Iterator[str]:
    if not line.code:
        yield "the procedure code"
    if line.charge is None:
        yield "a charge that is a number"
    if line.quantity is None:
        yield "a quantity that is a number"
    if line.dates.start is None:
        yield "the date"
    if len(line.modifiers) > 4:
        yield "room for more than four modifiers"
