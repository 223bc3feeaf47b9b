"""From a resource to the rows of the search index."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from chartside.sandbox import parameters
from chartside.sandbox.dates import FIRST, LAST, span
from chartside.sandbox.parameters import Param, Step
from chartside.types import Resource

ANY_SYSTEM = "*"
"""System of a ``code`` element: its value set implies the system, so a search with any system matches."""

Token = tuple[int, str, int, str]  # parameter, code, resource, system
Text = tuple[int, str, int]  # parameter, value, resource (strings; references)
Date = tuple[int, int, int, int]  # parameter, low, high, resource


class Rows(NamedTuple):
    """The index rows of some resources, one list for each table."""

    token: list[Token]
    string: list[Text]
    reference: list[Text]
    date: list[Date]


def empty_rows() -> Rows:
    """Return rows to be filled."""
    return Rows([], [], [], [])


@lru_cache(maxsize=32_768)
def normal(text: str) -> str:
    """Return a string as it is compared: without case and accents (R4 search, string)."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if not unicodedata.combining(char)).casefold()


@dataclass(slots=True)
class _Path:
    """One path below an element, and the parameters that look there: their numbers in the tables.

    Parameters share paths (actor, patient, practitioner, location of an Appointment), so each is walked once.
    """

    where: tuple[str, str] | None
    steps: tuple[Step, ...]
    tokens: list[int] = field(default_factory=list)
    uris: list[int] = field(default_factory=list)
    strings: list[int] = field(default_factory=list)
    dates: list[int] = field(default_factory=list)
    references: list[tuple[int, int, frozenset[str]]] = field(default_factory=list)

    def find(self, value: Any) -> list[Any]:
        """Return what stands at the path below a value of the element."""
        found = value if type(value) is list else [value]
        if self.where is not None:
            found = _holding(found, self.where)
        for step in self.steps:
            below: list[Any] = []
            for item in found:
                inner = item.get(step.element) if type(item) is dict else None
                if type(inner) is list:
                    below += inner
                elif inner is not None:
                    below.append(inner)
            found = below if step.where is None else _holding(below, step.where)
        return found


def _holding(items: list[Any], where: tuple[str, str]) -> list[Any]:
    element, value = where
    return [item for item in items if type(item) is dict and item.get(element) == value]


class Indexer:
    """Makes index rows. ``numbers`` gives each parameter key its number in the tables.

    ``localise`` turns a reference into the form in which it is compared: relative where it points to this server.
    """

    def __init__(self, numbers: Callable[[str], int], localise: Callable[[str], str]) -> None:
        self._localise = localise
        self._paths = _all_paths(tuple(map(numbers, parameters.index_keys())))

    def add(self, resource: Resource, pk: int, rows: Rows) -> None:
        """Add the rows of one resource, stored under the number ``pk``."""
        # Grouped by first element: most parameters of a type concern elements that a resource does not have.
        paths = self._paths[resource["resourceType"]]
        for element, value in resource.items():
            for path in paths.get(element, ()):
                for found in path.find(value):
                    self._add_value(path, found, pk, rows)

    def _add_value(self, path: _Path, found: Any, pk: int, rows: Rows) -> None:
        if path.tokens:
            pairs = _tokens(found)
            for number in path.tokens:
                rows.token.extend([(number, code, pk, system) for system, code in pairs])
        if path.references:
            self._add_reference(path, found, pk, rows)
        if path.dates:
            for low, high in _dates(found):
                rows.date.extend([(number, low, high, pk) for number in path.dates])
        if path.strings:
            for text in _strings(found):
                rows.string.extend([(number, normal(text), pk) for number in path.strings])
        if path.uris and isinstance(found, str):
            rows.token.extend([(number, found, pk, "") for number in path.uris])

    def _add_reference(self, path: _Path, found: Any, pk: int, rows: Rows) -> None:
        literal = found.get("reference") if isinstance(found, dict) else found
        if isinstance(literal, str) and literal and literal[0] != "#":
            target = self._localise(literal)
            kind = target.partition("/")[0]
            known = ":" not in kind  # an absolute or logical reference does not tell its type, so it stays
            for number, _, targets in path.references:
                if not known or not targets or kind in targets:
                    rows.reference.append((number, target, pk))
        if isinstance(found, dict) and isinstance(found.get("identifier"), dict):
            pairs = _tokens(found["identifier"])
            for _, number, _ in path.references:
                rows.token.extend([(number, code, pk, system) for system, code in pairs])


@lru_cache(maxsize=8)  # new databases number alike, and a test run makes hundreds
def _all_paths(numbers: tuple[int, ...]) -> Mapping[str, dict[str, list[_Path]]]:
    """Return type -> first element -> the paths below it; nobody changes them."""
    number = dict(zip(parameters.index_keys(), numbers, strict=True)).__getitem__
    return {name: _paths(rows.values(), number) for name, rows in parameters.table().items()}


def _paths(params: Iterable[Param], numbers: Callable[[str], int]) -> dict[str, list[_Path]]:
    """Return first element -> the paths below it."""
    found: dict[tuple[Step, ...], _Path] = {}
    for param in params:
        for steps in param.paths:
            path = found.setdefault(steps, _Path(steps[0].where, steps[1:]))
            number = numbers(param.key)
            if param.kind == "reference":
                path.references.append((number, numbers(f"{param.key}:identifier"), param.targets))
            else:
                kinds = {"token": path.tokens, "uri": path.uris, "string": path.strings, "date": path.dates}
                kinds[param.kind].append(number)
    grouped: dict[str, list[_Path]] = {}
    for steps, path in found.items():
        grouped.setdefault(steps[0].element, []).append(path)
    return grouped


def _tokens(value: Any) -> list[tuple[str, str]]:
    """Return (system, code) pairs."""
    if isinstance(value, str):
        return [(ANY_SYSTEM, value)]
    if isinstance(value, bool):
        return [(ANY_SYSTEM, "true" if value else "false")]
    if not isinstance(value, dict):
        return []
    codings = value.get("coding")
    if isinstance(codings, list):
        return [pair for coding in codings for pair in _tokens(coding)]
    return _pair(value)


def _pair(value: dict[str, Any]) -> list[tuple[str, str]]:
    """Return system and code of a Coding, system and value of an Identifier, the value of a ContactPoint."""
    code, text, system = value.get("code"), value.get("value"), value.get("system", "")
    if isinstance(code, str):
        return [(str(system), code)]
    if not isinstance(text, str):
        return []
    # A ContactPoint's system (phone, email) is no namespace of its value; an Identifier's is.
    return [(ANY_SYSTEM if system in _CONTACT_SYSTEMS else str(system), text)]


_CONTACT_SYSTEMS = frozenset({"phone", "fax", "email", "pager", "url", "sms", "other"})


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for element in (
            "text",
            "family",
            "given",
            "prefix",
            "suffix",
            "line",
            "city",
            "state",
            "postalCode",
            "country",
        ):
            inner = value.get(element)
            if isinstance(inner, str):
                yield inner
            elif isinstance(inner, list):
                yield from (item for item in inner if isinstance(item, str))


def _dates(value: Any) -> Iterator[tuple[int, int]]:
    try:
        if isinstance(value, str):
            yield span(value)
        elif isinstance(value, dict):
            yield from _timing_or_period(value)
    except ValueError:
        return  # a date that is none cannot be found by date; the resource itself is kept as it came


def _timing_or_period(value: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    if "start" in value or "end" in value:
        low = span(value["start"])[0] if isinstance(value.get("start"), str) else FIRST
        high = span(value["end"])[1] if isinstance(value.get("end"), str) else LAST
        yield low, high
    for event in value.get("event", ()):
        yield span(event)
    bounds = value.get("repeat", {}).get("boundsPeriod") if isinstance(value.get("repeat"), dict) else None
    if isinstance(bounds, dict):
        yield from _timing_or_period(bounds)


_LITERAL = re.compile(r"^([A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?$")


def localiser(bases: set[str]) -> Callable[[str], str]:
    """Return the function that makes a reference comparable: own base and version are cut off."""

    def localise(reference: str) -> str:
        if ":" not in reference and "/_history/" not in reference:
            return reference
        if reference.startswith(("http://", "https://")):
            for base in bases:
                if reference.startswith(base + "/"):
                    reference = reference[len(base) + 1 :]
                    break
        match = _LITERAL.match(reference)
        return match.group(1) if match else reference

    return localise
