"""The files that went out, as the EHR remembers them: a DocumentReference for each, which names its claims.

So an answer to a whole file (999, TA1) tells which claims it means. Where the EHR stores no Claim, the file itself is
kept, too; where it does, the claims stand there already.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chartside.types import Resource
from chartside_billing.clearinghouse.base import file_name
from chartside_billing.clearinghouse.refused import SentClaim, SentFile
from chartside_billing.fhir_claim.gather import CHUNK, search_softly
from chartside_billing.fhir_claim.pick import each, own, part, reference
from chartside_billing.model import Claim
from chartside_billing.systems import SUBMISSION_SYSTEM

if TYPE_CHECKING:
    from chartside.context import Context


def keep(context: Context, number: int, data: bytes, claims: Sequence[Claim]) -> bool:
    """Remember a file; False where the EHR takes no DocumentReference. Raises FhirError."""
    fhir = context.fhir
    if not fhir.supports("DocumentReference", "cs"):
        return False
    name = f"{number:09}"
    attachment: Resource = {
        "contentType": "application/edi-x12",
        "title": file_name(number),
        "size": len(data),
        "hash": base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode(),
    }
    if not fhir.supports("Claim", "r"):
        attachment["data"] = base64.b64encode(data).decode()
    document: Resource = {
        "resourceType": "DocumentReference",
        "identifier": [{"system": SUBMISSION_SYSTEM, "value": name}],
        "status": "current",
        "type": {"text": "Claims (X12 837P)"},
        "date": context.clock.now().isoformat(timespec="seconds"),
        "description": f"{len(claims)} claim(s) sent as interchange {name}",
        "content": [{"attachment": attachment}],
        "context": {"related": [_related(claim) for claim in claims]},
    }
    fhir.create(document, if_none_exist=f"identifier={SUBMISSION_SYSTEM}|{name}")
    return True


def place_of(claim: Claim) -> str:
    """SBR01 of a claim that goes on to the next payer with an earlier one's decision; else empty."""
    decided = any(other.paid() is not None for other in claim.others)
    return claim.insurance.sequence if decided else ""


def _related(claim: Claim) -> Resource:
    name, place = claim.source.split("/_history")[0], place_of(claim)
    return {"reference": name, **({"display": f"payer {place}"} if place else {})}


def read(context: Context, numbers: Iterable[str]) -> dict[str, SentFile]:
    """The files by number; what the EHR does not know, or does not let be searched, is left out."""
    asked = sorted(set(numbers))
    found: dict[str, SentFile] = {}
    for start in range(0, len(asked), CHUNK):
        names = ",".join(f"{SUBMISSION_SYSTEM}|{number}" for number in asked[start : start + CHUNK])
        for document in search_softly(context, "DocumentReference", {"identifier": names}):
            found |= _file(document)
    return found


def _file(document: Resource) -> dict[str, SentFile]:
    related = [
        SentClaim(name, str(one.get("display", "")).removeprefix("payer "))
        for one in each(part(document, "context"), "related")
        if (name := reference(one))
    ]
    numbers = [i for i in each(document, "identifier") if i.get("system") == SUBMISSION_SYSTEM]
    return {str(i.get("value", "")): SentFile(own(document), tuple(related)) for i in numbers if related}
