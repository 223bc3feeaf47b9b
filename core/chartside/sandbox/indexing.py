"""From a resource to the rows of the search index."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

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


class _Plan(NamedTuple):
    number: int
    identifier_number: int
    where: tuple[str, str] | None
    steps: tuple[Step, ...]
    collect: Callable[[Any], Iterable[Any]]
    table: int
    targets: frozenset[str]


class Indexer:
    """Makes index rows. ``numbers`` gives each parameter key its number in the tables.

    ``localise`` turns a reference into the form in which it is compared: relative where it points to this server.
    """

    def __init__(
        self,
        params: Mapping[str, Mapping[str, Param]],
        numbers: Callable[[str], int],
        localise: Callable[[str], str],
    ) -> None:
        self._localise = localise
        self._plans = {name: self._plan(rows.values(), numbers) for name, rows in params.items()}

    def _plan(self, params: Iterable[Param], numbers: Callable[[str], int]) -> dict[str, list[_Plan]]:
        # Grouped by first element: most parameters of a type concern elements that a resource does not have.
        plans: dict[str, list[_Plan]] = {}
        for param in params:
            collect, table = _COLLECTORS[param.kind]
            number = numbers(param.key)
            second = numbers(f"{param.key}:identifier") if param.kind == "reference" else 0
            for first, *rest in param.paths:
                plan = _Plan(number, second, first.where, tuple(rest), collect, table, param.targets)
                plans.setdefault(first.element, []).append(plan)
        return plans

    def add(self, resource: Resource, pk: int, rows: Rows) -> None:
        """Add the rows of one resource, stored under the number ``pk``."""
        plans = self._plans[resource["resourceType"]]
        for element, value in resource.items():
            for plan in plans.get(element, ()):
                for found in _walk(value, plan.where, plan.steps):
                    self._add_value(plan, found, pk, rows)

    def _add_value(self, plan: _Plan, found: Any, pk: int, rows: Rows) -> None:
        if plan.table == _TOKEN:
            rows.token.extend((plan.number, code, pk, system) for system, code in plan.collect(found))
        elif plan.table == _DATE:
            rows.date.extend((plan.number, low, high, pk) for low, high in plan.collect(found))
        elif plan.table == _STRING:
            rows.string.extend((plan.number, normal(text), pk) for text in plan.collect(found))
        else:
            self._add_reference(plan, found, pk, rows)

    def _add_reference(self, plan: _Plan, found: Any, pk: int, rows: Rows) -> None:
        literal = found.get("reference") if isinstance(found, dict) else found
        if isinstance(literal, str) and literal and literal[0] != "#":
            target = self._localise(literal)
            kind = target.partition("/")[0]
            # An absolute or logical reference does not tell its type, so it stays.
            if not plan.targets or kind in plan.targets or ":" in kind:
                rows.reference.append((plan.number, target, pk))
        if isinstance(found, dict) and isinstance(found.get("identifier"), dict):
            pairs = _tokens(found["identifier"])
            rows.token.extend((plan.identifier_number, code, pk, system) for system, code in pairs)


def _walk(value: Any, where: tuple[str, str] | None, steps: tuple[Step, ...]) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, where, steps)
    elif where is not None and (not isinstance(value, dict) or value.get(where[0]) != where[1]):
        return
    elif not steps:
        if value is not None:
            yield value
    elif isinstance(value, dict):
        inner = value.get(steps[0].element)
        if inner is not None:
            yield from _walk(inner, steps[0].where, steps[1:])


def _tokens(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, bool):
        yield ANY_SYSTEM, "true" if value else "false"
    elif isinstance(value, str):
        yield ANY_SYSTEM, value
    elif isinstance(value, dict):
        if "coding" in value or "text" in value:
            for coding in value.get("coding", ()):
                yield from _tokens(coding)
        elif isinstance(value.get("code"), str):
            yield str(value.get("system", "")), value["code"]
        elif isinstance(value.get("value"), str):
            # A ContactPoint's system (phone, email) is no namespace of its value; an Identifier's is.
            contact = value.get("system") in _CONTACT_SYSTEMS
            yield (ANY_SYSTEM if contact else str(value.get("system", ""))), value["value"]


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


def _uris(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield "", value


_TOKEN, _DATE, _STRING, _REFERENCE = range(4)

_COLLECTORS: dict[str, tuple[Callable[[Any], Iterable[Any]], int]] = {
    "token": (_tokens, _TOKEN),
    "uri": (_uris, _TOKEN),
    "date": (_dates, _DATE),
    "string": (_strings, _STRING),
    "reference": (lambda value: (value,), _REFERENCE),
}

_LITERAL = re.compile(r"^([A-Z][A-Za-z]+/[A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?$")


def localiser(bases: set[str]) -> Callable[[str], str]:
    """Return the function that makes a reference comparable: own base and version are cut off."""

    def localise(reference: str) -> str:
        if reference.startswith(("http://", "https://")):
            for base in bases:
                if reference.startswith(base + "/"):
                    reference = reference[len(base) + 1 :]
                    break
        match = _LITERAL.match(reference)
        return match.group(1) if match else reference

    return localise
