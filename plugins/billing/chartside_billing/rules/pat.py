"""PAT: the person treated."""

from __future__ import annotations

import re
from datetime import date

from chartside_billing.dates import age
from chartside_billing.model import Address, Party, Person
from chartside_billing.rules.base import NEEDS, OK, WARNING, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import PLACEHOLDERS, STATES
from chartside_billing.rules.codesets.zips import zip_fits
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_ZZ = re.compile(r"ZZ+", re.IGNORECASE)
"""How many systems mark test patients; no name begins so."""
_DIGIT = re.compile(r"[0-9]")
_ZIP = re.compile(r"[0-9]{5}([0-9]{4})?\Z")
_CANADA = re.compile(r"[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9]\Z", re.IGNORECASE)


def _loop(v: View) -> str:
    return "2010CA" if v.claim.patient is not None else "2010BA"


def _place(v: View, member: Person, element: str) -> str:
    segment = f" ({member.where})" if member.where else ""
    return f"{_loop(v)} {element}{segment}"


@check("PAT-001")
def names(v: View, k: Loaded) -> Outcome:
    """Family and given name of every person."""
    claim = v.claim
    people: list[tuple[str, Party | None]] = [
        ("subscriber", claim.insurance.subscriber),
        ("patient", claim.patient),
        ("rendering provider", claim.rendering),
        ("referring provider", claim.referring),
        ("supervising provider", claim.supervising),
    ]
    people.extend(("other subscriber", other.subscriber) for other in claim.others)
    hits: list[Hit] = []
    for role, party in people:
        if party is not None and party.entity != "2":
            hits.extend(_name_hits(role, party))
    if claim.insurance.subscriber is None:
        hits.append(hit("The subscriber is missing", where="2010BA NM1*IL"))
    return hits


def _name_hits(role: str, party: Party) -> list[Hit]:
    where = party.where or f"{role} NM103, NM104"
    hits: list[Hit] = []
    for label, name in (("family", party.last), ("given", party.first)):
        if not name.strip():
            hits.append(hit(f"The {role}'s {label} name is missing", where=where))
        elif not any(char.isalpha() for char in name):
            hits.append(hit(f"The {role}'s {label} name has no letter in it", where=where))
        elif name.isalpha() and name.upper() not in PLACEHOLDERS and not _ZZ.match(name):
            continue
        elif _DIGIT.search(name):
            hits.append(hit(f"The {role}'s {label} name has a digit in it", where=where))
        elif name.strip().upper() in PLACEHOLDERS or _ZZ.match(name):
            mild = "warning" if name.strip().upper() == "NULL" else ""  # some people are called so
            hits.append(
                hit(f"The {role}'s {label} name is a placeholder, not a name", where=where, severity=mild)
            )
        elif "," in name:
            mend = "Put family name, given name and suffix (JR) each into its own place."
            text = f"The {role}'s {label} name has a comma: more than one name stands in it"
            hits.append(hit(text, where=where, severity=WARNING, mend=mend))
    return hits


@check("PAT-002")
def birth_date(v: View, k: Loaded) -> Outcome:
    """Present, a day of the calendar, not after the service, age below 150."""
    member = v.member
    if member is None:
        return NEEDS["member"]
    where = _place(v, member, "DMG02")
    born = member.birth_date
    if born is None:
        if v.from_file and not member.has_demographics:
            where = _place(v, member, "DMG")
        what = "is not a date" if member.birth_date_raw else "is missing"
        return [hit(f"The patient's birth date {what}", where=where)]
    if born > v.today:
        return [hit("The patient's birth date lies in the future", where=where)]
    if v.first_day and born > v.first_day:
        return [hit("The patient's birth date is after the date of service", where=where)]
    if age(born, v.first_day or v.today) >= 150:
        return [hit("The patient would be 150 years old or more", where=where)]
    return OK


@check("PAT-003")
def sex(v: View, k: Loaded) -> Outcome:
    """F, M or U in a DMG that is there."""
    member = v.member
    if member is None:
        return NEEDS["member"]
    where = _place(v, member, "DMG03")
    if not member.has_demographics and v.from_file:
        return [hit("The patient's birth date and sex (DMG) were not sent", where=_place(v, member, "DMG"))]
    if not member.sex:
        return [hit("The patient's sex code is missing", where=where)]
    if member.sex not in {"F", "M", "U"}:
        return [hit("The patient's sex code is none of F, M, U", where=where)]
    return OK


@check("PAT-004")
def address(v: View, k: Loaded) -> Outcome:
    """Street, city, state and ZIP."""
    member = v.member
    if member is None or member.entity == "2":
        return NEEDS["member"]
    where = _place(v, member, "N3, N4")
    if member.address is None:
        return [hit("The patient's address is missing", where=where)]
    hits = address_hits("The patient's", member.address, member.address.where or where)
    subscriber = v.insurance.subscriber
    if v.claim.patient is not None and subscriber is not None and subscriber.address is not None:
        hits += address_hits(
            "The subscriber's", subscriber.address, subscriber.address.where or "2010BA N3, N4"
        )
    return hits


def address_hits(whose: str, place: Address, where: str) -> list[Hit]:
    """What is wrong with a postal address."""
    hits: list[Hit] = []
    if not place.line1.strip():
        hits.append(hit(f"{whose} street is missing", where=where))
    if not place.city.strip():
        hits.append(hit(f"{whose} city is missing", where=where))
    country = place.country.upper()
    if country in {"US", "USA"}:
        hits.append(
            hit(f"{whose} country code is only sent for addresses outside the United States", where=where)
        )
    if country in {"", "US", "USA"}:
        if place.state not in STATES:
            hits.append(hit(f"{whose} state is no two-letter state code", where=where))
        if not _ZIP.match(place.zip):
            hits.append(hit(f"{whose} ZIP code does not have 5 or 9 digits", where=where))
        elif place.zip[:5] in {"00000", "99999"}:
            hits.append(hit(f"{whose} ZIP code is a placeholder", where=where))
        elif place.state in STATES and not zip_fits(place.zip, place.state):
            hits.append(hit(f"{whose} ZIP code is of another state", where=where, severity=WARNING))
    elif country in {"CA", "CAN"}:
        if place.zip and not _CANADA.match(place.zip):
            hits.append(hit(f"{whose} Canadian postal code has a wrong form", where=where))
    elif place.zip:
        hits.append(
            hit(f"{whose} address abroad has a ZIP code; only US and Canadian ones are sent", where=where)
        )
    return hits


@check("PAT-005")
def service_after_death(v: View, k: Loaded) -> Outcome:
    """No service after the recorded day of death."""
    member = v.member
    if member is None or member.death_date is None:
        return [
            Hit(f"{issue.message}, without a day: check the date of service", issue.where, (), "warning")
            for issue in v.claim.issues
            if issue.code == "dead"
        ]
    died: date = member.death_date
    return [
        hit("The date of service is after the patient's recorded death", line)
        for line in v.lines
        if line.day and line.day > died
    ]


@check("PAT-006", needs=("eligibility",))
def matches_eligibility(v: View, k: Loaded) -> Outcome:
    """Name, birth date, member id as the payer's last 271 gave them."""
    answer, subscriber = v.insurance.eligibility, v.insurance.subscriber
    if answer is None or subscriber is None:
        return NEEDS["eligibility"]
    member = v.member or subscriber
    pairs = (
        ("member ID", answer.member_id.upper(), subscriber.id.upper()),
        ("family name", answer.last.upper(), member.last.upper()),
        ("given name", answer.first.upper(), member.first.upper()),
    )
    hits = [
        hit(f"The {what} differs from the payer's eligibility answer", where=_place(v, member, "NM1"))
        for what, told, sent in pairs
        if told and told != sent
    ]
    if answer.birth_date and answer.birth_date != member.birth_date:
        hits.append(
            hit(
                "The birth date differs from the payer's eligibility answer", where=_place(v, member, "DMG02")
            )
        )
    told = any((answer.member_id, answer.last, answer.first, answer.birth_date))
    return hits if told else NotChecked("needs the member's data in the eligibility answer (271)")
