"""Claims out of a file of either kind: an 837P, or FHIR JSON (a Bundle, or a Claim that contains what it needs)."""

from __future__ import annotations

from pathlib import Path

from chartside.errors import InputError
from chartside_billing.model import Claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.segments import load


def load_claims(path: Path) -> list[Claim]:
    """The claims of a file, told apart by its first character. Raises InputError.

    Of FHIR: with the visits, cover and people that the Bundle holds, and a claim for each visit without one.
    """
    text = load(path)
    head = text.lstrip("\ufeff \t\r\n")[:1]
    if head not in {"{", "["}:
        return read_837(text, name=path.name)
    import orjson

    from chartside_billing.fhir_claim import assemble
    from chartside_billing.x12.bundle import NO_CLAIM
    from chartside_billing.x12.graph import graph_of

    try:
        bundle = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the JSON is broken at line {error.lineno}") from None
    claims = [claim for claim, _ in assemble(graph_of(bundle)).claims]
    if not claims:
        raise InputError(NO_CLAIM)
    return claims
