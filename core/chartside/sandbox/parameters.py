"""What can be searched: resource type -> parameter -> kind and place, as data.

``search_parameters.json`` is made from the SearchParameters that HL7 publishes with FHIR R4 (4.0.1, CC0), for the
types that a therapy practice may meet: the FHIRPath expressions became plain element paths. Left out are
the kinds quantity, number, composite and special. The CapabilityStatement is written from the same table, so it
cannot promise what the server does not do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import orjson

Kind = Literal["token", "string", "reference", "date", "uri"]

_STEP = re.compile(r"^(\w+)(?:\[(\w+)=([\w-]+)\])?$")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: an element, and for ``telecom[system=phone]`` what the element must hold."""

    element: str
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Param:
    """A search parameter of one resource type.

    ``targets`` are the types that a reference may point to; empty means any. ``single``: the element occurs at
    most once, so two conditions on it may be answered by one range.
    """

    type: str
    name: str
    kind: Kind
    paths: tuple[tuple[Step, ...], ...]
    targets: frozenset[str] = frozenset()
    single: bool = True

    @property
    def key(self) -> str:
        """The parameter's name in the index tables."""
        return f"{self.type}.{self.name}"


def _steps(path: str) -> tuple[Step, ...]:
    steps = []
    for part in path.split("."):
        match = _STEP.match(part)
        if match is None:
            raise ValueError(f"search_parameters.json: no path: {path}")
        element, key, value = match.groups()
        steps.append(Step(element, (key, value) if key else None))
    return tuple(steps)


def _param(resource_type: str, name: str, row: list[object]) -> Param:
    kind, paths = str(row[0]), row[1]
    targets = row[2] if len(row) > 2 else []
    if not isinstance(paths, list) or not isinstance(targets, list):
        raise TypeError(f"search_parameters.json: {resource_type}.{name}")
    return Param(
        type=resource_type,
        name=name,
        kind="date" if kind == "dates" else kind,  # type: ignore[arg-type]
        paths=tuple(_steps(path) for path in paths),
        targets=frozenset() if targets == ["*"] else frozenset(targets),
        single=kind != "dates" and len(paths) == 1,
    )


COMMON: dict[str, list[object]] = {
    "_tag": ["token", ["meta.tag"]],
    "_security": ["token", ["meta.security"]],
    "_profile": ["uri", ["meta.profile"]],
    "_source": ["uri", ["meta.source"]],
}
"""Parameters of every type. ``_id`` and ``_lastUpdated`` are columns, not index rows."""


@cache
def table() -> dict[str, dict[str, Param]]:
    """Return every resource type that the server knows, with its search parameters."""
    raw = orjson.loads(files("chartside.sandbox").joinpath("search_parameters.json").read_bytes())
    return {
        resource_type: {name: _param(resource_type, name, row) for name, row in (COMMON | rows).items()}
        for resource_type, rows in raw.items()
    }


@cache
def index_keys() -> tuple[str, ...]:
    """Return the key of every part of the search index: of each parameter, and of identifiers of what it refers to."""
    params = [param for rows in table().values() for param in rows.values() if param.paths]
    suffixes = {"reference": ("", ":identifier")}
    return tuple(param.key + suffix for param in params for suffix in suffixes.get(param.kind, ("",)))
