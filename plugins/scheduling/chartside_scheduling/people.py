"""Whom a reminder may reach: the client, or a minor's guardian; by which numbers and addresses; in which zones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from chartside.codes import ROLE_CODE_SYSTEM
from chartside.fhir.paths import is_reference
from chartside.messaging import numbers
from chartside.messaging.smtp import ADDRESS
from chartside.types import Resource
from chartside_scheduling.visits import is_over

TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
GUARDIANS = frozenset({"GUARD", "PRN", "MTH", "FTH", "NMTH", "NFTH", "ADOPTP", "ADOPTM", "ADOPTF"})
"""Codes of v3-RoleCode for those who may be written to in a minor's place."""

_UNRANKED = 1000


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is written to, and where. ``recipient``: reference, empty for the client. ``addresses``: kind -> address, the
    preferred one first. ``zone``: what the client stated, else empty. ``problem``: why nobody can be written to."""

    recipient: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    zone: str = ""
    language: str = ""
    state: str = ""
    problem: str = ""

    def zones(self, kind: str, practice_zone: str) -> tuple[str, ...]:
        """Zones in which the hour must be allowed (R-8): the client's own; else the practice's, and for a number
        every one that it may be in, since the law looks at the recipient's place."""
        if self.zone:
            return (self.zone,)
        found = numbers.zones_of(self.addresses[kind]) if kind == "sms" else ()
        return tuple(dict.fromkeys((practice_zone, *found)))


def is_minor(patient: Resource, today: date, adult_age: int) -> bool:
    """Whether the client is under age; with an unreadable birth date nobody can say, and the answer is no.

    A date of year or month counts from its last day, so that nobody is taken for an adult too early.
    """
    match = re.match(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T|\Z)", str(patient.get("birthDate", "")))
    if not match:
        return False
    year, month, day = (
        int(part) if part else last for part, last in zip(match.groups(), (0, 12, 31), strict=True)
    )
    return (today.year, today.month, today.day) < (year + adult_age, month, day)


def reach(
    patient: Resource, guardians: Sequence[Resource], order: Sequence[str], now: datetime, adult_age: int
) -> Reach:
    """Whom to write to. ``guardians``: RelatedPersons of a minor; ``order``: the practice's channels."""
    if closed := _closed(patient):
        return Reach(problem=closed)
    person, recipient = patient, ""
    if is_minor(patient, now.date(), adult_age):
        fitting = [each for each in guardians if is_guardian(each) and _addresses(each, order, now)]
        if len(fitting) != 1:
            known = "more than one guardian: the staff must say whom" if fitting else "no guardian contact"
            return Reach(problem=f"minor: {known}")
        person, recipient = fitting[0], f"RelatedPerson/{fitting[0].get('id', '')}"
        if not is_reference(recipient):
            return Reach(problem="minor: no guardian contact")
    addresses = _addresses(person, order, now)
    if not addresses:
        return Reach(problem="no mobile number or e-mail address")
    return Reach(
        recipient, addresses, _zone(patient), _language(person) or _language(patient), _state(patient)
    )


def is_guardian(related: Resource) -> bool:
    """Whether a RelatedPerson is an active guardian or parent."""
    codings = [c for r in _dicts(related.get("relationship")) for c in _dicts(r.get("coding"))]
    return related.get("active") is not False and any(
        str(c.get("code")) in GUARDIANS and c.get("system") in (ROLE_CODE_SYSTEM, None) for c in codings
    )


def _closed(patient: Resource) -> str:
    """Why nobody is to be written to because of this record; empty where it is in use."""
    if patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient:
        return "deceased"
    if patient.get("active") is False:
        return "the client's record is inactive"
    merged = any(link.get("type") == "replaced-by" for link in _dicts(patient.get("link")))
    return "the client's record was merged into another" if merged else ""


def _addresses(person: Resource, order: Sequence[str], now: datetime) -> dict[str, str]:
    """One address for each kind, in the person's own order, then the practice's."""
    found: dict[str, tuple[int, str]] = {}
    for contact in _dicts(person.get("telecom")):
        kind, address = _usable(contact, now)
        rank = contact.get("rank")
        rank = rank if isinstance(rank, int) and not isinstance(rank, bool) else _UNRANKED
        if kind in order and address and (kind not in found or rank < found[kind][0]):
            found[kind] = (rank, address)
    kinds = sorted(found, key=lambda kind: (found[kind][0], list(order).index(kind)))
    return {kind: found[kind][1] for kind in kinds}


def _usable(contact: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    """The kind and the address of a ContactPoint; empty where it is old, at work, or no mobile number."""
    value = contact.get("value")
    ended = contact.get("use") in ("old", "work", "temp") or is_over(contact.get("period"), now)
    if ended or not isinstance(value, str):
        return "", ""
    system, use = contact.get("system"), contact.get("use")
    if system == "sms" or (system == "phone" and use in ("mobile", None)):
        return "sms", numbers.normal(value)
    if system == "email" and ADDRESS.match(value.strip()):
        return "email", value.strip()
    return "", ""


def _zone(patient: Resource) -> str:
    for extension in _dicts(patient.get("extension")):
        zone = extension.get("valueCode") or extension.get("valueString")
        if extension.get("url") == TIMEZONE and isinstance(zone, str) and numbers.is_zone(zone):
            return zone
    return ""


def _language(person: Resource) -> str:
    """The preferred language's first subtag: ``es`` of ``es-MX``."""
    spoken = sorted(_dicts(person.get("communication")), key=lambda each: each.get("preferred") is not True)
    for each in spoken:
        language = each.get("language")
        for coding in _dicts(language.get("coding")) if isinstance(language, dict) else []:
            if isinstance(coding.get("code"), str):
                return str(coding["code"]).partition("-")[0].lower()
    return ""


def _state(patient: Resource) -> str:
    """The two letters of the state where the client lives, for the law of the place; empty when unknown."""
    states = [a.get("state") for a in _dicts(patient.get("address")) if a.get("use") != "old"]
    return next((s for s in states if isinstance(s, str) and re.fullmatch("[A-Z]{2}", s)), "")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
