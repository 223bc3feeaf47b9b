"""Who belongs to what: groups, care teams, roles and organisations, from the resources that define them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import references

ROLE = "role:"
"""How a role is written where people are: ``role:system|code``."""

GROUPS = frozenset({"Group", "CareTeam", "PractitionerRole", "HealthcareService", "OrganizationAffiliation"})
"""Types that stand for several people: one must know the members to judge whether somebody is meant."""


PLACES = frozenset({"Organization", "HealthcareService"})
"""Types where people work."""


class Directory:
    """Memberships known for one run. ``known``: the groups whose members are known."""

    def __init__(self, resources: Iterable[Mapping[str, Any]] = ()) -> None:
        self._above: dict[str, set[str]] = {}
        self.known: set[str] = set()
        self._roles_said = False
        for resource in resources:
            self.add(resource)

    def add(self, resource: Mapping[str, Any], name: str = "") -> None:
        """Learn from a Group, CareTeam, PractitionerRole, Practitioner or Organization; others are passed over."""
        own = name or references.own(resource)
        if not own:
            return
        inside = [] if modified(resource) else members(resource)
        for member in inside:
            self._above.setdefault(member, set()).add(own)
        for whole in _wholes(resource):
            self._above.setdefault(own, set()).add(whole)
            self._above.setdefault(whole, set())
        for alias in aliases(resource):
            self._above.setdefault(own, set()).add(alias)
            self._above.setdefault(alias, set()).add(own)
        if resource.get("resourceType") in GROUPS and (inside or not _listless(resource)):
            self.known.add(own)

    def join(self, person: str, groups: Iterable[str]) -> None:
        """Say that somebody belongs to these groups, or has these roles (then they are all the roles)."""
        for group in groups:
            self._above.setdefault(person, set()).add(group)
            self.known.add(group)
            self._roles_said |= group.startswith(ROLE)

    def judges(self, groups: Iterable[str]) -> bool:
        """Whether it can be told who belongs to all of these groups."""
        return all(g in self.known or (self._roles_said and g.startswith(ROLE)) for g in groups)

    def all_of(self, reference: str) -> frozenset[str]:
        """The actor and everything that it belongs to."""
        if not self._above:
            return frozenset((reference,))
        found = [reference]
        for step in found:
            found += [above for above in self._above.get(step, ()) if above not in found]
        return frozenset(found)

    def knows(self, reference: str) -> bool:
        """Whether anything is known of where the actor belongs."""
        return reference in self._above


def _each(resource: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    value = resource.get(key)
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, Mapping):
            yield part


def members(resource: Mapping[str, Any]) -> list[str]:
    """Who is inside: of a Group, CareTeam or PractitionerRole; nobody, where one of them cannot be told."""
    match resource.get("resourceType"):
        case "Group":
            parts = [p.get("entity") for p in _each(resource, "member") if p.get("inactive") is not True]
        case "CareTeam":
            parts = [p.get("member") for p in _each(resource, "participant")]
        case "PractitionerRole" if resource.get("active") is not False:
            parts = [resource.get("practitioner")]
        case _:
            parts = []
    names = [references.of(part) for part in parts]
    return names if all(names) else []


def modified(resource: Mapping[str, Any]) -> bool:
    """Whether a modifier extension says that it, or somebody's membership, means something else."""
    parts = (resource, *_each(resource, "member"), *_each(resource, "participant"))
    return any(part.get("modifierExtension") for part in parts)


def _listless(resource: Mapping[str, Any]) -> bool:
    """Whether it has members, but does not list them: a group that is described, or cannot be read."""
    if resource.get("resourceType") == "Group":
        return True
    return modified(resource) or bool(resource.get("participant"))


def _wholes(resource: Mapping[str, Any]) -> Iterator[str]:
    """What it is part of: an Organization of a larger one, a PractitionerRole of its Organization."""
    match resource.get("resourceType"):
        case "Organization":
            parts = [resource.get("partOf")]
        case "PractitionerRole":
            parts = [resource.get("organization"), *_each(resource, "healthcareService")]
        case _:
            parts = []
    return (name for name in map(references.of, parts) if name)


def aliases(resource: Mapping[str, Any]) -> Iterator[str]:
    """Its identifiers, as ``system|value``."""
    for identifier in _each(resource, "identifier"):
        if identifier.get("value"):
            yield f"{identifier.get('system', '')}|{identifier['value']}"
