"""A Bundle with every reference as ``Type/id``: contained resources lifted out, ``urn:uuid`` and URLs resolved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chartside.errors import InputError
from chartside.types import Resource
from chartside_billing.fhir_claim.pick import each, own

_DEPTH = 60
_PLAIN = frozenset({"status", "docStatus", "use", "outcome", "system", "mode"})
"""Elements that FHIR has as texts only: anything else counts as absent."""
NOT_FHIR = "the JSON is neither a Bundle nor a resource with what it contains"


def flat(source: object) -> list[Resource]:
    """The resources of a Bundle, of a list of resources, or of one resource with its contained ones; copies.

    Raises InputError for anything else, and for JSON that is nested deeper than FHIR ever is.
    """
    names: dict[str, str] = {}
    found: list[Resource] = []
    for number, (url, resource) in enumerate(_entries(source)):
        top = {**resource}
        top["id"] = str(top.get("id") or f"entry-{number}")
        if url:
            names[url] = own(top)
        inner: dict[str, str] = {}
        for contained in each(resource, "contained"):
            lifted = {**contained, "id": f"{top['id']}.{contained.get('id', '')}"}
            inner[f"#{contained.get('id', '')}"] = own(lifted)
            found.append({"": inner, "resource": lifted})
        top.pop("contained", None)
        found.append({"": inner, "resource": top})
    return [_renamed(entry["resource"], names | entry[""], 0) for entry in found]


def _entries(source: object) -> Iterator[tuple[str, Resource]]:
    if isinstance(source, list):
        entries: list[Any] = [{"resource": item} for item in source]
    elif isinstance(source, dict) and source.get("resourceType") == "Bundle":
        entries = list(each(source, "entry"))
    elif isinstance(source, dict) and isinstance(source.get("resourceType"), str):
        entries = [{"resource": source}]
    else:
        raise InputError(NOT_FHIR, mend="give a Bundle with the Claim and what it references")
    for entry in entries:
        resource = entry.get("resource")
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            yield str(entry.get("fullUrl") or ""), resource


def _renamed(value: Any, names: dict[str, str], depth: int) -> Any:
    if depth > _DEPTH:
        raise InputError("the JSON is nested too deeply to be FHIR")
    if isinstance(value, dict):
        return {
            key: names.get(inner, inner)
            if key == "reference" and isinstance(inner, str)
            else _renamed(inner, names, depth + 1)
            for key, inner in value.items()
            if key not in _PLAIN or isinstance(inner, str)
        }
    if isinstance(value, list):
        return [_renamed(inner, names, depth + 1) for inner in value]
    return value
