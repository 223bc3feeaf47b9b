"""Chartside's FHIR profiles, extensions, code systems, value sets, naming systems and examples (R4), as package data.

>>> [r["id"] for r in resources("CodeSystem")][:2]
['action', 'billing']
>>> definition("https://chartside.dev/fhir/StructureDefinition/chartside-ai-draft")["type"]
'DocumentReference'
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

KINDS = ("StructureDefinition", "CodeSystem", "ValueSet", "NamingSystem")
"""What is published."""


@cache
def _read(folder: str) -> tuple[dict[str, Any], ...]:
    place = files(__name__) / folder
    found = sorted((f for f in place.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)
    return tuple(json.loads(file.read_text("utf-8")) for file in found)


def resources(kind: str = "") -> list[dict[str, Any]]:
    """The published resources of one kind (see ``KINDS``), or all of them. KeyError for another kind."""
    if kind and kind not in KINDS:
        raise KeyError(kind)
    return [resource for folder in ((kind,) if kind else KINDS) for resource in _read(folder)]


def definition(url: str) -> dict[str, Any]:
    """The resource with this canonical URL, or of this identifier system. KeyError where there is none."""
    for resource in resources():
        if url == resource.get("url") or url in (one["value"] for one in resource.get("uniqueId", ())):
            return resource
    raise KeyError(url)


def examples() -> list[dict[str, Any]]:
    """Resources as Chartside writes them, each naming its profile in ``meta.profile``."""
    return list(_read("examples"))
