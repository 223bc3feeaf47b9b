"""SMART scopes of backend services, v2 (``system/Patient.rs``) and v1 (``system/Patient.read``)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SCOPE = re.compile(r"^system/(\*|[A-Z][A-Za-z]+)\.(c?r?u?d?s?|read|write|\*)$")
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


@dataclass(frozen=True, slots=True)
class Scope:
    """A resource type (or ``*``) and the letters that are allowed on it: create, read, update, delete, search."""

    type: str
    letters: frozenset[str]


def parse(text: str) -> Scope | None:
    """Return the scope, or None if it is none that this server grants (``?category=`` limits are none)."""
    match = _SCOPE.match(text)
    if match is None or not match.group(2):
        return None
    letters = match.group(2)
    return Scope(match.group(1), frozenset(_V1.get(letters, letters)))


def covers(allowed: Iterable[Scope], wanted: Scope) -> bool:
    """Whether what is allowed reaches all of what is wanted."""
    letters = {letter for scope in allowed if scope.type in ("*", wanted.type) for letter in scope.letters}
    return wanted.letters <= letters
