"""Declared access: what a manifest lets a plugin ask of a FHIR server, decided before anything is sent (S-7).

Side doors are closed, too: chained parameters and ``_has`` read another type, ``_include`` returns one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from chartside.errors import UndeclaredAccess
from chartside.fhir.bundle import query
from chartside.manifest import Manifest

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}\Z")
_WORDS = {"c": "create", "r": "read", "u": "change", "d": "delete", "s": "search"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,199}\Z")
_HAS = re.compile(r"_has:([A-Za-z]+):")
_FAR = frozenset({"_query", "_filter", "_content", "_text"})
_CHAIN = re.compile(r"[a-z][A-Za-z_-]*(?::([A-Za-z]+))?\.")


@dataclass(frozen=True, slots=True)
class Operation:
    """``$name`` on a type, as it is shown to the guard of writes."""

    type: str
    name: str
    parameters: Any = field(default=None, repr=False)


def need(manifest: Manifest, resource_type: str, letter: str) -> None:
    """Raise UndeclaredAccess unless the manifest declares the letter for the type."""
    if not _TYPE.match(resource_type) or not manifest.allows(resource_type, letter):
        raise UndeclaredAccess(
            f"plugin {manifest.name} may not {_WORDS[letter]} {safe(resource_type)}",
            mend=f"declare {letter!r} for it under [access] in its plugin.toml, and let the practice grant it",
        )


def safe(resource_type: str) -> str:
    """A type's name for a message; anything else may be an id or worse."""
    return resource_type if _TYPE.match(resource_type) else "(no resource type)"


def need_search(manifest: Manifest, resource_type: str, params: Iterable[tuple[str, str]]) -> None:
    """Raise UndeclaredAccess unless the search, and all that it reaches, is declared."""
    need(manifest, resource_type, "s")
    for name, value in params:
        if not _NAME.match(name):  # such as ?_include, of which a server may make _include
            raise UndeclaredAccess(f"plugin {manifest.name}: an impossible name of a search parameter")
        if name.split(":")[0] in ("_include", "_revinclude"):
            _need_include(manifest, name, value)
        for other in _HAS.findall(name):
            need(manifest, other, "s")
        if far := _FAR.intersection(re.split("[:.]", name)):  # with a modifier or in a chain, too
            raise UndeclaredAccess(
                f"plugin {manifest.name} may not use {min(far)}: it reaches beyond what is declared"
            )
        chain = _CHAIN.match(name) if not name.startswith("_") else None
        if chain:
            _need_chain(manifest, name, chain.group(1))


def need_condition(manifest: Manifest, resource_type: str, condition: str) -> None:
    """The same for a search as text. Raises InputError where it is empty."""
    if ";" in condition:  # parts parameters at some servers, and stands within a value at others
        raise UndeclaredAccess(f"plugin {manifest.name}: a condition with ';'", mend="write it as %3B")
    need_search(manifest, resource_type, parse_qsl(query(condition), keep_blank_values=True))


def _need_include(manifest: Manifest, name: str, value: str) -> None:
    """``Appointment:patient[:Patient]``. What comes back of an undeclared type is dropped by the client."""
    source, _, rest = value.partition(":")
    if source == "*" or rest.startswith("*"):
        raise UndeclaredAccess(
            f"plugin {manifest.name} may not include everything", mend="name what to include"
        )
    if name.startswith("_revinclude"):
        need(manifest, source, "r")
    target = rest.partition(":")[2]
    if target:
        need(manifest, target, "r")


def _need_chain(manifest: Manifest, name: str, target: str | None) -> None:
    """``patient.name`` reads Patient; a chain whose type cannot be told must name it (``subject:Patient.name``)."""
    if target is None and name.startswith("patient."):
        target = "Patient"
    if target is None:
        raise UndeclaredAccess(
            f"plugin {manifest.name}: a chained search must name the type that it reads",
            mend="write it as in subject:Patient.identifier",
        )
    need(manifest, target, "s")
    for deeper in re.findall(r"\.[a-z][A-Za-z_-]*(?::([A-Za-z]+))?(?=\.)", name):
        _need_chain(manifest, "x.", deeper or None)


def need_operation(manifest: Manifest, resource_type: str, name: str) -> None:
    """Raise UndeclaredAccess unless ``[operations]`` lists it."""
    if name not in manifest.operations.get(resource_type, ()):
        word = name if name.replace("-", "").isalnum() else "?"
        raise UndeclaredAccess(
            f"plugin {manifest.name} may not run ${word} on {safe(resource_type)}",
            mend="declare it under [operations] in its plugin.toml",
        )
