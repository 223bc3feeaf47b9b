"""Another EHR's abilities, taken from its CapabilityStatement, so that the sandbox can play it.

What a statement does not say (what a search requires, what an unknown parameter does) is added by hand::

    options = replace(options_like(statement), required_search={"Observation": frozenset({"category", "code"})})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chartside.errors import InputError
from chartside.sandbox.options import Options
from chartside.types import Resource


def options_like(statement: Resource) -> Options:
    """Return the options with which the sandbox does what a CapabilityStatement lists, and no more.

    Raises InputError where it describes no server.
    """
    rest = next((part for part in statement.get("rest", []) if part.get("mode") == "server"), None)
    if rest is None:
        raise InputError("the CapabilityStatement has no rest entry with mode server")
    types = {str(resource["type"]): resource for resource in rest.get("resource", [])}
    interactions = {name: _names(resource.get("interaction", []), "code") for name, resource in types.items()}
    search = {name: _names(resource.get("searchParam", []), "name") for name, resource in types.items()}
    system = _names(rest.get("interaction", []), "code")
    return Options(
        only=frozenset(types),
        interactions=interactions,
        search=search,
        no_transaction="transaction" not in system,
        no_batch="batch" not in system,
        no_conditional_create=not _any(types.values(), "conditionalCreate"),
        no_conditional_update=not _any(types.values(), "conditionalUpdate"),
        no_client_ids=not _any(types.values(), "updateCreate"),
        no_include=not (_any(types.values(), "searchInclude") or _any(types.values(), "searchRevInclude")),
    )


def _names(rows: Iterable[Mapping[str, object]], key: str) -> frozenset[str]:
    return frozenset(str(row[key]) for row in rows if key in row)


def _any(resources: Iterable[Mapping[str, object]], key: str) -> bool:
    return any(resource.get(key) for resource in resources)
