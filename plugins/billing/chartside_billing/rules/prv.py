"""PRV-001 to PRV-006: who billed and who gave the service, as the claim names them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chartside_billing.codes.facts import BEHAVIORAL_TAXONOMIES
from chartside_billing.codes.npi import npi_valid
from chartside_billing.model import Party, ProviderFacts
from chartside_billing.rules.base import NEEDS, OK, WARNING, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import (
    BEHAVIORAL,
    EM,
    STATES,
)
from chartside_billing.rules.codesets.zips import zip_fits
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_PO_BOX = re.compile(
    r"\b(P\.?\s*O\.?\s*B(OX|X)?\b|POST(AL)?\s+OFFICE\s+BOX|APARTADO|APDO|(LOCK|CALLER|CALL)\s?(BOX|BAG)\b)|\bBOX\s+\d",
    re.IGNORECASE,
)
_RURAL = re.compile(r"\b(RR|R\.R\.|HC|RURAL\s+ROUTE|HIGHWAY\s+CONTRACT)\b", re.IGNORECASE)
"""Boxes along a road, where the practice itself stands."""
_TAXONOMY = re.compile(r"[0-9A-Z]{9}X\Z")
_PHONE = re.compile(r"[2-9][0-9]{2}[2-9][0-9]{6}\Z")


PLACE_OF = {
    "billing provider": "2010AA NM1*85",
    "rendering provider": "2310B NM1*82",
    "supervising provider": "2310D NM1*DQ",
    "referring provider": "2310A NM1*DN",
    "service facility": "2310C NM1*77",
}
"""Where a provider stands on the claim."""


def parties(v: View) -> Iterator[tuple[str, Party]]:
    """Every provider of the claim with its role."""
    claim = v.claim
    named = (
        ("billing provider", claim.billing),
        ("rendering provider", claim.rendering),
        ("supervising provider", claim.supervising),
        ("referring provider", claim.referring),
        ("service facility", claim.facility),
    )
    for role, party in named:
        if party is not None:
            yield role, party
    for line in claim.lines:
        for role, party in (
            ("rendering provider", line.rendering),
            ("supervising provider", line.supervising),
            ("referring provider", line.referring),
            ("ordering provider", line.ordering),
            ("service facility", line.facility),
        ):
            if party is not None:
                yield f"{role} of line {line.number}", party


@check("PRV-001")
def npi_digits(v: View, k: Loaded) -> Outcome:
    """Ten digits, 1 or 2 first, the check digit."""
    return [
        hit(f"The NPI of the {role} {_npi_fault(party)}", where=party.where or PLACE_OF.get(role, role))
        for role, party in parties(v)
        if party.id_qualifier == "XX" and not npi_valid(party.id)
    ]


def _npi_fault(party: Party) -> str:
    if not party.id:
        return "is missing"
    if len(party.id) != 10 or not party.id.isdigit():
        return "does not have 10 digits"
    return "is mistyped: its check digit is wrong" if party.id[0] in "12" else "does not begin with 1 or 2"


@check("PRV-002")
def billing_identified(v: View, k: Loaded) -> Outcome:
    """Name, NPI, tax id, and the kind of entity."""
    party = v.billing
    if party is None:
        return [hit("The billing provider is missing", where="2010AA NM1*85")]
    where = party.where or "2010AA NM1*85"
    hits: list[Hit] = []
    if not party.last:
        hits.append(hit("The billing provider's name is missing", where=where))
    if party.entity not in {"1", "2"}:
        hits.append(
            hit("NM102 of the billing provider is neither 1 (person) nor 2 (organisation)", where=where)
        )
    elif party.entity == "2" and party.first:
        hits.append(hit("The billing provider is an organisation (NM102=2) with a given name", where=where))
    elif party.entity == "1" and not party.first:
        hits.append(hit("The billing provider is a person (NM102=1) without a given name", where=where))
    if not party.npi:
        hits.append(hit("The billing provider's NPI is missing", where=where))
    if not party.tax_id:
        hits.append(hit("The billing provider's tax ID is missing", where=where))
    elif party.tax_id_qualifier not in {"EI", "SY"}:
        hits.append(hit("The tax ID's qualifier is neither EI nor SY", where=where))
    elif len(set(party.tax_id)) == 1:
        hits.append(hit("The billing provider's tax ID is a placeholder", where=where))
    elif not (len(party.tax_id) == 9 and party.tax_id.isdigit()):
        hits.append(hit("The billing provider's tax ID does not have 9 digits", where=where))
    return hits


def _is_po_box(line: str) -> bool:
    return _PO_BOX.search(line) is not None and _RURAL.search(line) is None


@check("PRV-003")
def street_address(v: View, k: Loaded) -> Outcome:
    """No PO box, nine-digit ZIP."""
    if v.billing is None:
        return OK
    place = v.billing.address
    if place is None or not (place.line1 and place.city):
        return [hit("The billing provider's street address is missing", where="2010AA N3, N4")]
    where = place.where or v.billing.where or "2010AA N3, N4"
    hits: list[Hit] = []
    if any(_is_po_box(line) for line in (place.line1, place.line2)):
        hits.append(hit("The billing address is a PO box or lock box", where=where))
    if not place.country and not (len(place.zip) == 9 and place.zip.isdigit()):
        text = "The billing address needs all 9 digits of its ZIP code"
        hits.append(hit(text, where=where, mend="Look up the four further digits (USPS)."))
    if not place.country and place.state not in STATES:
        hits.append(hit("The billing address has no two-letter state code", where=where))
    elif not place.country and not zip_fits(place.zip, place.state):
        hits.append(hit("The billing address's ZIP code is of another state", where=where, severity=WARNING))
    return hits


@check("PRV-004")
def rendering(v: View, k: Loaded) -> Outcome:
    """Sent when another than the billing provider, left out when the same, a person, the author of the note."""
    claim, hits = v.claim, list[Hit]()
    party, billing = claim.rendering, claim.billing
    if party is not None:
        where = party.where or "2310B NM1*82"
        if billing is not None and party.npi and party.npi == billing.npi:
            text = "The rendering provider is the billing provider and must then be left out"
            hits.append(hit(text, where=where, mend="Leave the rendering provider (2310B) out."))
        if party.entity == "2":
            hits.append(hit("The rendering provider is an organisation; it must be a person", where=where))
        if not party.npi:
            hits.append(hit("The rendering provider's NPI is missing", where=where))
    elif billing is not None and billing.entity == "2":
        alone = [line for line in v.lines if line.line.rendering is None and line.code in BEHAVIORAL]
        if alone:
            medical = all(line.code in EM for line in alone) or billing.taxonomy.startswith(_CLINICS)
            text = "An organisation bills, and nobody is named who gave the service"
            hits.append(hit(text, *alone, where="2310B", severity="warning" if medical else ""))
    one = party or billing
    usual = one.npi if one is not None else ""
    again = [line for line in v.lines if usual and line.line.rendering and line.line.rendering.npi == usual]
    if again:
        text = "The line repeats the claim's rendering provider (2420A is for another one)"
        hits.append(hit(text, *again, where="2420A NM1*82", severity="warning", mend="Leave 2420A out."))
    hits.extend(_other_author(v))
    if hits or any(line.visit and line.visit.note and line.visit.note.authors for line in v.lines):
        return hits
    return NotChecked("it is named as it should be; whether the same person signed needs the visit's note")


_CLINICS = ("261Q", "251")
"""Clinics and agencies, which some payers pay as such (FQHC, CMHC, home health)."""


def _other_author(v: View) -> list[Hit]:
    if v.claim.supervising is not None:
        return []
    return [
        hit("The signed note was written by somebody else than the rendering provider", line)
        for line in v.lines
        if line.visit
        and line.visit.note
        and line.visit.note.authors
        and line.provider
        and line.provider.ref.startswith("Practitioner/")
        and line.provider.ref not in line.visit.note.authors
        and not (line.visit.note.author_npis and line.npi in line.visit.note.author_npis)
    ]


@check("PRV-005")
def taxonomy(v: View, k: Loaded) -> Outcome:
    """Ten characters ending in X, known, there where the payer asks."""
    hits: list[Hit] = []
    for role, party in parties(v):
        code = party.taxonomy
        where = party.where or f"{role} PRV03"
        if code and not _TAXONOMY.match(code):
            hits.append(hit(f"The taxonomy code of the {role} is not 10 characters ending in X", where=where))
        elif code and k.taxonomies is not None and code not in k.taxonomies:
            hits.append(hit(f"The taxonomy code of the {role} is not in the NUCC list", where=where))
        elif party.entity == "1" and code.startswith(_ORGANISATIONS):
            hits.append(hit(f"The taxonomy code of the {role}, a person, is an organisation's", where=where))
        elif code and _other_licence(party.facts, code):
            hits.append(
                hit(f"The taxonomy code of the {role} belongs to none of the licences on file", where=where)
            )
        elif not code and v.profile is not None and v.profile.taxonomy_required and role in _ASKED:
            hits.append(hit(f"This payer asks for the taxonomy code of the {role}", where=where))
    if hits:
        return hits
    if v.profile is None and not (v.billing and v.billing.taxonomy):
        return NEEDS["profile"]
    if k.taxonomies is None and any(p.taxonomy not in _KNOWN_TAXONOMIES for _, p in parties(v)):
        return NEEDS["taxonomies"]
    return OK


_PROFESSIONS = (
    (re.compile(r"social work|\blicsw\b|\blcsw"), "1041"),
    (re.compile(r"psychologist|\bpsyd\b"), "103"),
    (re.compile(r"marriage|\blmft\b"), "106H"),
    (re.compile(r"counsell?or|\blpcc?\b|\blcpc\b|\blmhc\b"), "101Y"),
)
"""What licences of therapists are called, and how their taxonomy codes begin. Others (degrees, MD, NP) tell nothing."""
_ASKED = frozenset({"billing provider", "rendering provider"})
_ORGANISATIONS = ("193", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34")
"""How taxonomy codes of groups and non-individuals begin (NUCC)."""
_KNOWN_TAXONOMIES = frozenset({"", *BEHAVIORAL_TAXONOMIES})


def _other_licence(facts: ProviderFacts | None, code: str) -> bool:
    """Whether licences are on file, by taxonomy code or in words, and none is of this code."""
    if facts is None:
        return False
    told = [q.code for q in facts.qualifications or []]
    codes = {text for text in told if _TAXONOMY.match(text)}
    if codes:
        return code not in codes
    words = " ".join([facts.credential, *told]).lower()
    kinds = tuple(start for pattern, start in _PROFESSIONS if pattern.search(words))
    return bool(kinds) and not code.startswith(kinds)


@check("PRV-006")
def phone(v: View, k: Loaded) -> Outcome:
    """A North American number that can be dialled."""
    hits: list[Hit] = []
    for role, party, element in (
        ("submitter", v.claim.submitter, "1000A PER04"),
        ("billing", v.billing, "2010AA PER04"),
    ):
        if party is None:
            continue
        for contact in party.contacts:
            if contact.phone and not _PHONE.match(contact.phone):
                hits.append(
                    hit(
                        f"The {role} contact's phone number is no 10-digit number that can be dialled",
                        where=element,
                    )
                )
    submitter = v.claim.submitter
    if (
        v.from_file
        and submitter is not None
        and not any(c.phone or c.email or c.fax for c in submitter.contacts)
    ):
        hits.append(hit("The submitter has no contact number", where="1000A PER"))
    return hits
