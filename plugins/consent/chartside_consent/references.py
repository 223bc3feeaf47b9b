"""FHIR references made comparable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_TAIL = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64})\Z")


@lru_cache(maxsize=65536)
def plain(reference: str) -> str:
    """The reference without its version: ``Patient/1/_history/2`` becomes ``Patient/1``."""
    return reference.partition("/_history/")[0]


def is_absolute(reference: str) -> bool:
    """Whether it names a server of its own."""
    return reference.startswith(("http://", "https://"))


def tail(reference: str) -> str:
    """``Type/id`` at the end of a reference, or nothing."""
    found = _TAIL.match(plain(reference))
    return found[1] if found else ""


def leads_nowhere(name: str) -> bool:
    """Whether it can be followed in this resource, or in its own Bundle, alone."""
    return name.startswith("#") or (name.startswith("urn:") and "|" not in name)


def tails(names: Iterable[str]) -> frozenset[str]:
    """``Type/id`` of those that name a server of their own."""
    return frozenset(tail(name) for name in names if is_absolute(name)) - {""}


def identity(reference: str) -> str:
    """Who is meant, whether the reference names the server or not: ``Type/id``."""
    return tail(reference) if is_absolute(reference) else plain(reference)


def of(reference: Any) -> str:
    """The comparable text of a FHIR Reference: its reference, else its identifier, else nothing."""
    if not isinstance(reference, Mapping):
        return ""
    if isinstance(text := reference.get("reference"), str) and text:
        return plain(text)
    identifier = reference.get("identifier")
    if isinstance(identifier, Mapping) and identifier.get("value"):
        return f"{identifier.get('system', '')}|{identifier['value']}"
    return ""


def own(resource: Mapping[str, Any]) -> str:
    """``Type/id`` of a resource itself, or nothing."""
    kind, name = resource.get("resourceType"), resource.get("id")
    return f"{kind}/{name}" if kind and name else ""
