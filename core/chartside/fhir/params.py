"""Search parameters as callers write them, and as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Params: TypeAlias = Mapping[str, Any]
"""Search parameters. A list repeats the parameter (AND); a comma within a value means OR."""


def pairs_of(params: Params) -> Iterator[tuple[str, str]]:
    """Names and values; a list gives its name several times."""
    for name, value in params.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            yield name, str(each).lower() if isinstance(each, bool) else str(each)


def dict_of(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Pairs as a mapping to lists, their order kept within each name."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
