"""Tracked changes of a draft: what each editor made of the version before (T-9)."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from chartside.ai.resources import text_of
from chartside.context import Context
from chartside.types import Resource


@dataclass(frozen=True, slots=True)
class Change:
    """One edit: who (``Practitioner/3``; empty when nobody is named), and the lines out (-) and in (+)."""

    editor: str
    lines: tuple[str, ...]


def diff(before: str, after: str) -> tuple[str, ...]:
    """Lines that went out and came in."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))


def changes(context: Context, reference: str) -> list[Change]:
    """Of each version against the one before it, oldest first. Needs an EHR that keeps versions."""
    versions = list(context.fhir.history(*reference.split("/", 1)))[::-1]
    editors = _editors(context, reference)
    return [
        Change(editors.get(_version(before), ""), diff(text_of(before), text_of(after)))
        for before, after in pairwise(versions)
        if text_of(before) != text_of(after)
    ]


def _editors(context: Context, reference: str) -> Mapping[str, str]:
    """Who made something else of which version, as the Provenances name them."""
    found: dict[str, str] = {}
    for trace in context.fhir.search("Provenance", {"target": reference}).matches():
        people = [
            "/".join(who.split("/")[-2:])
            for agent in trace.get("agent") or []
            if "Practitioner/" in (who := str((agent.get("who") or {}).get("reference", "")))
        ]
        for entity in trace.get("entity") or []:
            _, _, version = str((entity.get("what") or {}).get("reference", "")).partition("/_history/")
            if people and version:
                found[version] = people[0]
    return found


def _version(resource: Resource) -> str:
    return str((resource.get("meta") or {}).get("versionId", ""))
