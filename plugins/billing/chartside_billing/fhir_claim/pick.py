"""Small readers of FHIR JSON as servers send it: what is not of the expected form counts as absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chartside.types import Resource


def each(thing: Mapping[str, Any], key: str) -> Iterator[dict[str, Any]]:
    """The objects of a list."""
    value = thing.get(key)
    return (item for item in (value if isinstance(value, list) else []) if isinstance(item, dict))


def part(thing: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An object; an empty one if there is none."""
    value = thing.get(key)
    return value if isinstance(value, dict) else {}


def codes(concept: Any, system: str = "") -> list[str]:
    """The codes of a CodeableConcept, of one system if it is named."""
    found = each(concept, "coding") if isinstance(concept, dict) else iter(())
    return [str(c["code"]) for c in found if c.get("code") and (not system or c.get("system") == system)]


def reference(value: Any) -> str:
    """``Type/id`` of a Reference, without server and version; empty if it is none."""
    text = value.get("reference") if isinstance(value, dict) else None
    if not isinstance(text, str) or text.startswith(("#", "urn:")):
        return ""
    short = "/".join(text.split("/_history")[0].split("/")[-2:])
    return short if "/" in short else ""


def own(resource: Resource) -> str:
    """``Type/id`` of a resource."""
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def version(resource: Resource) -> str:
    """``Type/id/_history/version``, or ``Type/id`` where the server numbers nothing."""
    number = part(resource, "meta").get("versionId", "")
    return f"{own(resource)}/_history/{number}" if number else own(resource)
