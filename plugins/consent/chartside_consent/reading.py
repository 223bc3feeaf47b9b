"""Pieces of a Consent that are read alike everywhere: concepts, codings, people, data criteria."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from chartside.codes import CONFIDENTIALITY_SYSTEM, PARTICIPATION_TYPE_SYSTEM

from . import references
from .dates import span
from .directory import GROUPS, PLACES, ROLE, aliases, members, modified
from .rules import DataRule, Label, Who
from .vocabulary import CONFIDENTIALITY, Key, labelled

_OLD_SYSTEMS = {
    "http://hl7.org/fhir/v3/": "http://terminology.hl7.org/CodeSystem/v3-",
    "http://hl7.org/fhir/consentaction": "http://terminology.hl7.org/CodeSystem/consentaction",
    "urn:oid:2.16.840.1.113883.5.8": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "urn:oid:2.16.840.1.113883.5.4": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "urn:oid:2.16.840.1.113883.5.25": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
}
CUSTODIAN, AUTHOR = (PARTICIPATION_TYPE_SYSTEM, "CST"), (PARTICIPATION_TYPE_SYSTEM, "AUT")


_CRITERIA = frozenset({"class", "code", "data", "dataPeriod", "securityLabel"})


class Murky(ValueError):
    """Something that cannot be read; its message says what, in plain words, without content."""


def each(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, or the one object."""
    for part in value if isinstance(value, list) else [value] if value is not None else []:
        if not isinstance(part, dict) and not isinstance(part, Mapping):  # a dict is told much faster
            raise Murky("an element is not of the form that FHIR gives it")
        yield part


def key(coding: Mapping[str, Any]) -> Key:
    """System and code of a Coding, old names of HL7's systems made new."""
    if not isinstance(coding.get("code"), str):
        raise Murky("a coding without a code")
    system = str(coding.get("system", ""))
    return _renamed(system), coding["code"]


@lru_cache(maxsize=1024)
def _renamed(system: str) -> str:
    for old, new in _OLD_SYSTEMS.items():
        if system.startswith(old):
            system = new + system[len(old) :]
    return system


def codings(value: Any) -> list[Key]:
    """The concepts of a list of Codings."""
    return [key(coding) for coding in each(value)]


def concepts(value: Any) -> list[Key]:
    """The concepts of a list of CodeableConcepts, all codings of each."""
    found = []
    for concept in each(value):
        if not concept.get("coding"):
            raise Murky("a concept in words only, without a code")
        found += codings(concept["coding"])
    return found


def loose(value: Any) -> list[Key]:
    """The concepts of CodeableConcepts, those in words only passed over (categories, roles)."""
    return [
        key(c)
        for concept in each(value)
        for c in each(concept.get("coding"))
        if isinstance(c.get("code"), str)
    ]


def who(people: Iterable[Mapping[str, Any]], contained: Mapping[str, Mapping[str, Any]]) -> Who:
    """Compile References (of actors or authors) into something that can be matched."""
    names: set[str] = set()
    vague = False
    for person in people:
        found = list(_names(person, contained))
        vague |= not found
        names.update(found)
    kinds = {name: name.partition("/")[0] for name in names}
    return Who(
        refs=frozenset(names),
        tails=references.tails(names),
        groups=frozenset(n for n, kind in kinds.items() if kind in GROUPS or n.startswith(ROLE)),
        organizations=frozenset(n for n, kind in kinds.items() if kind in PLACES),
        vague=vague,
    )


def _names(person: Mapping[str, Any], contained: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What the reference may be recognised by; a contained group stands for its members."""
    name = references.of(person)
    if not name.startswith("#"):
        if name and not references.leads_nowhere(name):
            yield name
        return
    inner = contained.get(name[1:], {})
    if not modified(inner):
        yield from members(inner)
        yield from aliases(inner)


def data_rule(
    provision: Mapping[str, Any], contained: Mapping[str, Mapping[str, Any]], author_role: Who | None
) -> DataRule | None:
    """The data criteria of a provision, its own only; None where it has none. Raises Murky, ValueError."""
    if author_role is None and _CRITERIA.isdisjoint(provision):
        return None
    named: dict[str, list[Mapping[str, Any]]] = {}
    for item in each(provision.get("data")):
        if item.get("modifierExtension"):
            raise Murky("an unknown modifier extension")
        named.setdefault(str(item.get("meaning")), []).append(item.get("reference") or {})
    if unknown := set(named) - {"instance", "related", "dependents", "authoredby"}:
        raise Murky(f"{len(unknown)} unknown meaning(s) of data")
    rule = DataRule(
        classes=tuple(codings(provision.get("class"))),
        codes=frozenset(concepts(provision.get("code"))),
        labels=tuple(map(_label, codings(provision.get("securityLabel")))),
        period=span(provision.get("dataPeriod")),
        instances=_refs(named.get("instance")),
        related=_refs(named.get("related")),
        dependents=_refs(named.get("dependents")),
        authors=who(named["authoredby"], contained) if "authoredby" in named else None,
        author_role=author_role,
    )
    return None if rule == DataRule() else rule


def _label(found: Key) -> Label:
    system, code = found = labelled(found)
    return Label(found, CONFIDENTIALITY.get(code, -1) if system == CONFIDENTIALITY_SYSTEM else -1)


def _refs(items: list[Mapping[str, Any]] | None) -> frozenset[str]:
    names = [references.of(item) for item in items or ()]
    if not all(names):
        raise Murky("data without a reference")
    if any(map(references.leads_nowhere, names)):
        raise Murky("data under a reference that leads nowhere")
    return frozenset(names)
