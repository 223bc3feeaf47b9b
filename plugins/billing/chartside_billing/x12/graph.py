"""FHIR resources as a Bundle holds them: found by every name, and read whatever their form.

What is not of the expected form counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from chartside.errors import InputError
from chartside.types import Resource
from chartside_billing.money import parse_amount


class Graph:
    """Resources by every way in which a reference may name them."""

    def __init__(self, resources: Iterable[tuple[str, Resource]]) -> None:
        self.by_reference: dict[str, Resource] = {}
        self.container: dict[int, Resource] = {}
        self._by_type: dict[str, list[Resource]] = {}
        for full_url, resource in resources:
            self._by_type.setdefault(str(resource.get("resourceType")), []).append(resource)
            self.container.update((id(inner), resource) for inner in objects(resource, "contained"))
            for name in (full_url, f"{resource.get('resourceType')}/{resource.get('id')}"):
                if name:
                    self.by_reference.setdefault(name, resource)
        self._roles: dict[int, list[Resource]] = {}
        for role in self.of("PractitionerRole"):
            self._roles.setdefault(id(self.get(role.get("practitioner"), role)), []).append(role)

    def of(self, kind: str) -> list[Resource]:
        """All resources of a type, in their order."""
        return self._by_type.get(kind, [])

    def roles(self, practitioner: Resource) -> list[Resource]:
        """The PractitionerRoles of a Practitioner."""
        return self._roles.get(id(practitioner), [])

    def get(self, reference: Any, owner: Resource) -> Resource:
        """The resource that a Reference names; an empty one if it is not there."""
        text = str(reference.get("reference", "")) if isinstance(reference, dict) else ""
        if text.startswith("#"):
            inner = objects(self.container.get(id(owner), owner), "contained")
            return next((r for r in inner if r.get("id") == text[1:]), {})
        short = "/".join(text.split("/_history")[0].split("/")[-2:])
        return self.by_reference.get(text) or self.by_reference.get(short) or {}


def graph_of(source: object) -> Graph:
    """A Bundle (or one Claim with contained resources) as a graph. Raises InputError for anything else."""
    if not isinstance(source, dict) or source.get("resourceType") not in {"Bundle", "Claim"}:
        raise InputError(
            "the JSON is neither a Bundle nor a Claim",
            mend="give a Bundle with the Claim and what it references",
        )
    entries = [{"resource": source}] if source["resourceType"] == "Claim" else objects(source, "entry")
    return Graph(
        (str(e.get("fullUrl", "")), e["resource"]) for e in entries if isinstance(e.get("resource"), dict)
    )


def objects(thing: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The objects of a list."""
    value = thing.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def part_of(thing: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object; an empty one if there is none."""
    value = thing.get(key)
    return value if isinstance(value, dict) else {}


def texts(thing: Mapping[str, Any], key: str) -> list[str]:
    """The items of a list as text."""
    value = thing.get(key)
    return [str(item) for item in value if item is not None] if isinstance(value, list) else []


def numbers(thing: Mapping[str, Any], key: str) -> tuple[int, ...]:
    """The whole numbers of a list."""
    value = thing.get(key)
    return tuple(n for n in value if isinstance(n, int)) if isinstance(value, list) else ()


def whole(value: Any) -> int:
    """A whole number; 0 for anything else."""
    return value if isinstance(value, int) else 0


def code_of(concept: Any, system: str = "") -> str:
    """The first code of a CodeableConcept, of one system if it is named."""
    codings = objects(concept, "coding") if isinstance(concept, dict) else []
    return next(
        (str(c["code"]) for c in codings if c.get("code") and (not system or c.get("system") == system)), ""
    )


def code_among(concept: Any, *systems: str) -> str:
    """The first code of a system whose URI holds one of the words, else the first code: EHRs add codes of their own."""
    codings = objects(concept, "coding") if isinstance(concept, dict) else []
    known = (c for c in codings if any(word in str(c.get("system", "")).lower() for word in systems))
    return next((str(c["code"]) for c in known if c.get("code")), code_of(concept))


def money(value: Any) -> Decimal | None:
    """The amount of a Money."""
    return parse_amount(str(value["value"])) if isinstance(value, dict) and "value" in value else None
