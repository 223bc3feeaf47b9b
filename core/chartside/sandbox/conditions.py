# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is always an argument
"""Conditions on the index tables, as SQL: what the values of a search parameter mean (R4 search, 3.1.1.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chartside.sandbox.dates import span
from chartside.sandbox.indexing import ANY_SYSTEM
from chartside.sandbox.outcome import Refusal

_PREFIX = re.compile(r"^(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=\d)")


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with its arguments."""

    text: str
    args: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """``check`` speaks of the row ``r``; ``find`` selects resource numbers; the lowest ``rank`` finds."""

    check: Sql
    find: Sql | None = None
    rank: int = 9


def split(value: str) -> list[str]:
    r"""Split at commas that no backslash precedes, and take the backslashes away."""
    return [re.sub(r"\\([,|$\\])", r"\1", part) for part in re.split(r"(?<!\\),", value) if part]


def id_condition(resource_type: str, value: str) -> Condition:
    """Return the condition of ``_id``."""
    wanted = tuple(split(value))
    marks = ",".join("?" * len(wanted))
    find = Sql(f"SELECT pk FROM resource WHERE type=? AND id IN ({marks})", (resource_type, *wanted))
    return Condition(Sql(f"r.id IN ({marks})", wanted), find, 0)


def last_updated(value: str) -> Condition:
    """Return the condition of ``_lastUpdated``."""
    match = date_any(value, "r.updated", "r.updated", 0, 0)
    return Condition(Sql(f"({match.text})", match.args))


def token_match(value: str) -> Sql:
    """Return the comparison of a token: ``code``, ``system|code``, ``system|``, ``|code``; several are any of them."""
    parts: list[str] = []
    args: list[object] = []
    plain: list[str] = []
    for item in re.split(r"(?<!\\),", value):
        system, bar, code = item.partition("|")
        system, code = (re.sub(r"\\([,|$\\])", r"\1", text) for text in (system, code))
        if not bar:
            plain.append(system)
        elif not code:
            parts.append("system=?")
            args.append(system)
        else:
            parts.append("(code=? AND system IN (?, ?))")
            args += [code, system, ANY_SYSTEM if system else ""]
    if plain:
        parts.append(f"code IN ({','.join('?' * len(plain))})")
        args += plain
    return Sql(" OR ".join(parts), tuple(args))


def date_any(value: str, low: str, high: str, widest: int, now: int) -> Sql:
    """Return the comparison of a stored range with any of the searched ones."""
    parts = [_date_match(item, low, high, widest, now) for item in split(value)]
    return Sql(" OR ".join(f"({p.text})" for p in parts), tuple(arg for p in parts for arg in p.args))


def _date_match(value: str, low: str, high: str, widest: int, now: int) -> Sql:
    """Return the comparison of a stored range with a searched one, in the words of R4 search, 3.1.1.4.7.

    ``low >= first - widest`` follows from the rest, as no stored range is wider; it lets the index on ``low`` be used.
    """
    match = _PREFIX.match(value)
    prefix = match.group(1) if match else "eq"
    try:
        first, last = span(value[len(prefix) :] if match else value)
    except ValueError:
        raise Refusal(400, "value", "a date in the search is no FHIR date") from None
    if prefix == "ap":
        margin = abs(now - first) // 10
        return Sql(f"{low}<=? AND {high}>=?", (last + margin, first - margin))
    text, args = {
        "eq": (f"{low}>=? AND {high}<=? AND {low}<=?", (first, last, last)),
        "ne": (f"NOT ({low}>=? AND {high}<=?)", (first, last)),
        "gt": (f"{high}>? AND {low}>=?", (last, last - widest)),
        "ge": (f"{high}>=? AND {low}>=?", (first, first - widest)),
        "lt": (f"{low}<?", (first,)),
        "le": (f"{low}<=?", (last,)),
        "sa": (f"{low}>?", (last,)),
        "eb": (f"{high}<? AND {low}<?", (first, first)),
    }[prefix]
    return Sql(text, args)
