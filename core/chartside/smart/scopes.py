"""SMART scopes from declared access, in the syntax that the server speaks, and nothing more (H-3).

>>> from chartside.smart.discovery import SmartConfiguration
>>> v2 = SmartConfiguration("https://a.example/token", capabilities=frozenset({"permission-v2"}))
>>> scopes({"Appointment": "rs", "Task": "crus"}, v2)
['system/Appointment.rs', 'system/Task.crus']
>>> v1 = SmartConfiguration("https://a.example/token", fallback=True)
>>> scopes({"Appointment": "rs", "Task": "crus"}, v1)
['system/Appointment.read', 'system/Task.read', 'system/Task.write']
>>> lacking(["system/Task.crus"], "system/Task.rs")
['system/Task.cu']
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from chartside.smart.discovery import SmartConfiguration

LETTERS = "cruds"
Level = Literal["system", "user", "patient"]

_SCOPE = re.compile(r"(system|user|patient)/([A-Z][A-Za-z]*|\*)\.([a-z]+|\*)(\?\S*)?\Z")
_V1 = {"read": "rs", "write": "cud", "*": LETTERS}


def scopes(
    access: Mapping[str, str], configuration: SmartConfiguration, *, level: Level = "system"
) -> list[str]:
    """Scopes for ``{resource type: letters of "cruds"}``, sorted by type. Types without letters are left out.

    SMART 1 knows reading and writing only: there ``rs`` and ``r`` are both ``.read``. ``.*`` is used where the
    server lists it and not the two halves.
    """
    found: list[str] = []
    for name in sorted(access):
        letters = "".join(letter for letter in LETTERS if letter in access[name])
        if letters and configuration.v2_scopes:
            found.append(f"{level}/{name}.{letters}")
        elif letters:
            found += [f"{level}/{name}.{word}" for word in _v1(f"{level}/{name}", letters, configuration)]
    return found


def _v1(prefix: str, letters: str, configuration: SmartConfiguration) -> Iterator[str]:
    words = [word for word in ("read", "write") if set(_V1[word]) & set(letters)]
    listed = configuration.scopes
    halves = any(f"{prefix}.{word}" in listed for word in words)
    return iter(["*"] if len(words) == 2 and f"{prefix}.*" in listed and not halves else words)


def lacking(requested: Iterable[str], granted: str) -> list[str]:
    """What of the requested scopes the granted ones do not cover, as scopes with only the missing letters.

    A grant that is narrowed (``?category=``) covers nothing for sure, and is not counted.
    """
    grants = [match for match in map(_SCOPE.match, granted.split()) if match and not match[4]]
    missing = []
    for scope in requested:
        wanted = _SCOPE.match(scope)
        if wanted is None:
            missing += [scope] if scope not in granted.split() else []
            continue
        have = {x for g in grants if g[1] == wanted[1] and g[2] in (wanted[2], "*") for x in _letters(g[3])}
        rest = "".join(x for x in LETTERS if x in _letters(wanted[3]) and x not in have)
        if rest:
            missing.append(f"{wanted[1]}/{wanted[2]}.{rest if wanted[3] not in _V1 else wanted[3]}")
    return missing


def _letters(word: str) -> str:
    return _V1.get(word, word)
