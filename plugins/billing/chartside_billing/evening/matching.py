"""Our claims in the EHR as an answer may name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from chartside.types import Resource
from chartside_billing.fhir_claim.gather import CHUNK, search_softly
from chartside_billing.fhir_claim.pick import each, own, part, reference
from chartside_billing.money import parse_amount
from chartside_billing.x12.bundle import claim_number
from chartside_billing.x12.remit_fhir import Matched

if TYPE_CHECKING:
    from chartside.context import Context

_NUMBER = re.compile(r"[A-Za-z0-9._/ #-]{1,38}")
"""A claim number that can stand in a search: CLM01 has 38 characters, and commas and bars mean something there."""
FAR = timedelta(days=400)
"""How far back the claim of an answer may have been made: a year to file, and the payer's time."""


def find_claims(context: Context, numbers: Sequence[str]) -> list[Matched]:
    """Our claims under these numbers (CLM01): Claims by identifier and id, else among those of the last 13 months;
    where the EHR stores no Claim, the visits that were sent as such."""
    kind = "Claim" if context.fhir.supports("Claim", "s") else "Encounter"
    found: list[Matched] = []
    asked = [number for number in numbers if _NUMBER.fullmatch(number)]
    for start in range(0, len(asked), CHUNK):
        names = ",".join(asked[start : start + CHUNK])
        for parameter in ("identifier", "_id"):
            found += matched(search_softly(context, kind, {parameter: names}))
    known = {one.number.upper() for one in found}
    if any(number.upper() not in known for number in numbers):
        since = (context.clock.now() - FAR).date().isoformat()
        day = {"Claim": "created", "Encounter": "date"}[kind]
        found += matched(search_softly(context, kind, {day: f"ge{since}"}))
    return list(dict.fromkeys(found))


def matched(resources: Iterable[Resource]) -> Iterator[Matched]:
    """Claims, or visits that were sent as claims, under every number that an 837P may carry for them."""
    for resource in resources:
        patient = reference(resource.get("patient") or resource.get("subject"))
        total = parse_amount(str(part(resource, "total").get("value", "")))
        numbers = {claim_number(resource), str(resource.get("id", ""))[:20]} | {
            str(i.get("value", "")) for i in each(resource, "identifier")
        }
        for number in sorted(n for n in numbers if n):
            yield Matched(own(resource), number, patient, total)
