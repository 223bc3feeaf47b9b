"""A Bundle with only what may be seen (C-7): what is not permitted is gone, and ``total`` does not give it away."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chartside.gate.model import Decision
from chartside.types import Resource

_ALWAYS = frozenset({"OperationOutcome"})


def filter_bundle(bundle: Mapping[str, Any], decide: Callable[[Resource], Decision]) -> Resource:
    """The Bundle without the entries that ``decide`` does not permit, includes too; ``total`` is lowered.

    ``total`` counts matches on all pages, so it falls by the matches that go from this page. Links that would
    lead around the filter are not touched: the next page passes it, too.
    """
    entries = [e for e in bundle.get("entry", ()) if isinstance(e, Mapping)]
    kept = [entry for entry in entries if _may_stay(entry, decide)]
    filtered: Resource = {**bundle, "entry": kept}
    if isinstance(total := bundle.get("total"), int):
        gone = sum(map(_is_match, entries)) - sum(map(_is_match, kept))
        filtered["total"] = max(total - gone, 0)
    if not kept:
        del filtered["entry"]  # FHIR allows no empty list
    return filtered


def _may_stay(entry: Mapping[str, Any], decide: Callable[[Resource], Decision]) -> bool:
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        return False
    return resource.get("resourceType") in _ALWAYS or decide(resource).permitted


def _is_match(entry: Mapping[str, Any]) -> bool:
    search = entry.get("search")
    return not isinstance(search, Mapping) or search.get("mode", "match") == "match"
