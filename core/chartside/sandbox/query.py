# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is always an argument
"""From the parameters of a search to SQL.

Each condition has two forms: ``find`` gives the resources that meet it, ``check`` asks it of one resource. The most
selective condition finds, the others check, so the cost follows the result and not the size of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chartside.sandbox.conditions import (
    Condition,
    Sql,
    date_any,
    id_condition,
    last_updated,
    split,
    token_match,
)
from chartside.sandbox.dates import to_ms
from chartside.sandbox.exchange import Permit, permit_all
from chartside.sandbox.indexing import normal
from chartside.sandbox.options import Options
from chartside.sandbox.outcome import Refusal, not_supported
from chartside.sandbox.parameters import Param, table
from chartside.sandbox.store import Store

Pairs = Sequence[tuple[str, str]]

RESULT_PARAMS = frozenset(
    [
        "_sort",
        "_count",
        "_include",
        "_revinclude",
        "_include:iterate",
        "_revinclude:iterate",
        "_total",
        "_summary",
        "_elements",
        "_format",
        "_pretty",
    ]
)


@dataclass(slots=True)
class Search:
    """A search as understood: what it selects, and how the answer is to look."""

    type: str
    conditions: list[Condition] = field(default_factory=list)
    sort: list[tuple[str, bool]] = field(default_factory=list)  # parameter, descending
    includes: list[tuple[str, bool]] = field(default_factory=list)  # value, iterate
    revincludes: list[tuple[str, bool]] = field(default_factory=list)
    count: int | None = None
    total: str = "accurate"
    summary: str = ""
    elements: frozenset[str] = frozenset()
    applied: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


class Parser:
    """Understands a search of one store, within its options and what ``permit`` allows.

    A chain or ``_has`` reads other types, too: the types that the token does not reach are left out of it, and where
    none is left the search is refused. Otherwise a chain would be a way to ask about what may not be read.
    """

    def __init__(self, store: Store, options: Options, permit: Permit = permit_all) -> None:
        self._store, self._options, self._permit = store, options, permit

    def parse(self, resource_type: str, pairs: Pairs, *, strict: bool = False) -> Search:
        """Return the search; Refusal 400 where it is not understood."""
        search = Search(resource_type)
        dates: dict[str, list[str]] = {}
        for name, value in pairs:
            if name in RESULT_PARAMS:
                self._result_param(search, name, value)
            elif value == "" and not name.startswith("_"):
                continue  # an empty value is as if the parameter were absent (R4 search, 3.1.1.4)
            elif self._is_plain_date(resource_type, name, value):
                dates.setdefault(name, []).append(value)
            else:
                self._filter(search, name, value, strict)
            if not search.unknown or search.unknown[-1] != name:
                search.applied.append((name, value))
        for name, values in dates.items():
            search.conditions.append(self._date(table()[resource_type][name], values))
        return search

    def select(self, search: Search) -> Sql:
        """Return the SQL that selects the numbers of the resources, in order."""
        joins, order = self._order(search)
        where = self._where(search.type, search.conditions)
        text = f"SELECT r.pk FROM resource r {joins.text} WHERE {where.text} ORDER BY {order}"
        return Sql(text, joins.args + where.args)

    def _where(self, resource_type: str, conditions: Sequence[Condition]) -> Sql:
        finder = min((c for c in conditions if c.find), key=lambda c: c.rank, default=None)
        if finder is None or finder.find is None:
            parts = [Sql("r.type=? AND r.deleted=0", (resource_type,)), *(c.check for c in conditions)]
        else:
            parts = [Sql(f"r.pk IN ({finder.find.text})", finder.find.args), Sql("r.deleted=0")]
            parts += [c.check for c in conditions if c is not finder]
        return Sql(" AND ".join(p.text for p in parts), tuple(arg for p in parts for arg in p.args))

    def _order(self, search: Search) -> tuple[Sql, str]:
        joins: list[str] = []
        args: list[object] = []
        order: list[str] = []
        for index, (name, descending) in enumerate(search.sort):
            way = " DESC" if descending else ""
            column = {"_lastUpdated": "r.updated", "_id": "r.id"}.get(name)
            if column is None:
                source = self._sort_key(search.type, name, descending)
                joins.append(f"LEFT JOIN ({source.text}) s{index} ON s{index}.rid=r.pk")
                args += source.args
                column = f"s{index}.k"
            order.append(f"{column}{way} NULLS LAST")
        return Sql(" ".join(joins), tuple(args)), ", ".join([*order, "r.pk"])

    def _sort_key(self, resource_type: str, name: str, descending: bool) -> Sql:
        param = self._options.params(resource_type).get(name)
        if param is None:
            raise Refusal(400, "not-supported", "_sort names a parameter that this type does not have")
        where, column = _PLACES[param.kind]
        if descending and param.kind == "date":
            column = "high"
        return Sql(
            f"SELECT rid, {'MAX' if descending else 'MIN'}({column}) k FROM {where} WHERE p=? GROUP BY rid",
            (self._store.searched(param),),
        )

    # --- parameters that shape the answer

    def _result_param(self, search: Search, name: str, value: str) -> None:
        base, _, modifier = name.partition(":")
        if base in ("_include", "_revinclude") and self._options.no_include:
            raise not_supported(base)
        if base == "_include":
            search.includes.append((value, modifier == "iterate"))
        elif base == "_revinclude":
            search.revincludes.append((value, modifier == "iterate"))
        elif base == "_sort":
            if self._options.no_sort:
                raise not_supported(base)
            search.sort = [(key.removeprefix("-"), key.startswith("-")) for key in value.split(",") if key]
        elif base == "_count":
            search.count = _whole_number(value)
        elif base == "_total":
            search.total = value
        elif base == "_summary":
            search.summary = value
        elif base == "_elements":
            search.elements = frozenset(value.split(","))

    # --- parameters that select

    def _is_plain_date(self, resource_type: str, name: str, value: str) -> bool:
        param = self._options.params(resource_type).get(name)
        return param is not None and param.kind == "date" and param.single and "," not in value

    def _filter(self, search: Search, name: str, value: str, strict: bool) -> None:
        condition = self._condition(search.type, name, value)
        if condition is not None:
            search.conditions.append(condition)
            return
        if strict or self._options.unknown_parameter == "refuse":
            raise Refusal(400, "not-supported", f"unknown search parameter for {search.type}")
        if self._options.unknown_parameter == "nothing":
            search.conditions.append(Condition(Sql("0")))
        search.unknown.append(name)

    def _condition(self, resource_type: str, name: str, value: str) -> Condition | None:
        """Return the condition, or None if there is no such parameter."""
        head, dot, rest = name.partition(".")
        base, _, modifier = head.partition(":")
        if base == "_has":
            return self._has(resource_type, name, value)
        if base in ("_id", "_lastUpdated") and self._options.understands(resource_type, base):
            return id_condition(resource_type, value) if base == "_id" else last_updated(value)
        param = self._options.params(resource_type).get(base)
        if param is None:
            return None
        return self._chain(param, modifier, rest, value) if dot else self._own(param, modifier, value)

    def _own(self, param: Param, modifier: str, value: str) -> Condition:
        """Return a condition on an element of the resource itself."""
        if modifier == "missing":
            return self._missing(param, value)
        if modifier and param.kind == "date":
            raise not_supported(f"the modifier :{modifier} of a date")
        match param.kind:
            case "date":
                return self._date(param, [value])
            case "string":
                return self._string(param, modifier, value)
            case "reference":
                return self._reference(param, modifier, value)
        return self._token(param, modifier, value)

    def _missing(self, param: Param, value: str) -> Condition:
        if value not in ("true", "false"):
            raise Refusal(400, "value", ":missing is true or false")
        place, _ = _PLACES[param.kind]
        numbers = [self._store.searched(param)]
        way = "NOT IN" if value == "true" else "IN"
        return Condition(Sql(f"r.pk {way} (SELECT rid FROM {place} WHERE p=?)", tuple(numbers)))

    def _token(self, param: Param, modifier: str, value: str) -> Condition:
        if modifier not in ("", "not"):
            raise not_supported(f"the modifier :{modifier} of a token")
        return self._token_rows(self._store.searched(param), value, negate=modifier == "not")

    def _token_rows(self, number: int, value: str, *, negate: bool = False) -> Condition:
        match = token_match(value)
        tail = f"p=? AND ({match.text})"
        args = (number, *match.args)
        check = f"EXISTS (SELECT 1 FROM token WHERE rid=r.pk AND {tail})"
        if negate:
            return Condition(Sql(f"NOT {check}", args))
        rank = 1 if "|" in value and not value.startswith("|") else 4
        return Condition(Sql(check, args), Sql(f"SELECT rid FROM token WHERE {tail}", args), rank)

    def _string(self, param: Param, modifier: str, value: str) -> Condition:
        if modifier not in ("", "exact", "contains"):
            raise not_supported(f"the modifier :{modifier} of a string")
        parts, args = [], []
        for text in split(value):
            folded = normal(text)
            if modifier == "contains":
                parts.append("instr(value, ?) > 0")
                args.append(folded)
            elif modifier == "exact":
                parts.append("value=?")  # without case: the index keeps no case (documented limit)
                args.append(folded)
            else:
                parts.append("(value>=? AND value<?)")
                args += [folded, folded + "\U0010ffff"]
        number = self._store.searched(param)
        find = Sql(f"SELECT rid FROM string WHERE p=? AND ({' OR '.join(parts)})", (number, *args))
        return Condition(Sql(f"r.pk IN ({find.text})", find.args), find, 3)

    def _reference(self, param: Param, modifier: str, value: str) -> Condition:
        if modifier == "identifier":
            return self._token_rows(self._store.searched(param, ":identifier"), value)
        if modifier and modifier not in table():
            raise not_supported(f"the modifier :{modifier} of a reference")
        wanted = [t for item in split(value) for t in self._targets(param, modifier, item)]
        args = (self._store.searched(param), *wanted)
        tail = f"p=? AND target IN ({','.join('?' * len(wanted))})"
        return Condition(
            Sql(f"EXISTS (SELECT 1 FROM reference WHERE rid=r.pk AND {tail})", args),
            Sql(f"SELECT rid FROM reference WHERE {tail}", args),
            2,
        )

    def _targets(self, param: Param, modifier: str, item: str) -> list[str]:
        local = self._store.localise(item)
        if "/" in local or ":" in local:
            return [local]
        kinds = [modifier] if modifier else sorted(param.targets or table())
        return [f"{kind}/{local}" for kind in kinds]

    def _chain(self, param: Param, modifier: str, rest: str, value: str) -> Condition | None:
        if param.kind != "reference":
            return None
        kinds = [modifier] if modifier else sorted(param.targets or table())
        found = [(kind, self._condition(kind, rest, value)) for kind in kinds if self._options.has(kind)]
        inner = self._permitted([(kind, condition) for kind, condition in found if condition is not None])
        if not inner:
            return None
        parts = [self._targets_meeting(kind, condition) for kind, condition in inner]
        union = " UNION ALL ".join(sql.text for sql in parts)
        args = (self._store.searched(param), *(arg for sql in parts for arg in sql.args))
        find = Sql(f"SELECT rid FROM reference WHERE p=? AND target IN ({union})", args)
        return Condition(Sql(f"r.pk IN ({find.text})", find.args), find, 3)

    def _permitted(self, inner: list[tuple[str, Condition]]) -> list[tuple[str, Condition]]:
        """Return what the token reaches; the last refusal where that is nothing."""
        allowed, refused = [], None
        for kind, condition in inner:
            try:
                self._permit(kind, "s")
                allowed.append((kind, condition))
            except Refusal as refusal:
                refused = refusal
        if refused is not None and not allowed:
            raise refused
        return allowed

    def _targets_meeting(self, kind: str, condition: Condition) -> Sql:
        where = self._where(kind, [condition])
        return Sql(f"SELECT r.type||'/'||r.id FROM resource r WHERE {where.text}", where.args)

    def _has(self, resource_type: str, name: str, value: str) -> Condition | None:
        parts = name.split(":", 3)
        if len(parts) != 4:
            raise Refusal(400, "value", "_has is _has:Type:reference:parameter")
        _, kind, link, rest = parts
        param = self._options.params(kind).get(link)
        condition = self._condition(kind, rest, value) if param and param.kind == "reference" else None
        if param is None or condition is None:
            return None
        self._permit(kind, "s")
        where = self._where(kind, [condition])
        inner = f"SELECT r.pk FROM resource r WHERE {where.text}"
        find = f"SELECT target FROM reference WHERE p=? AND rid IN ({inner})"
        args = (self._store.searched(param), *where.args)
        return Condition(Sql(f"(r.type||'/'||r.id) IN ({find})", args))

    def _date(self, param: Param, values: Sequence[str]) -> Condition:
        """All of ``values`` hold for one row (of which there is one, unless there is but one value)."""
        number = self._store.searched(param)
        widest = self._store.spans.get(number, 0)
        parts = [date_any(value, "low", "high", widest, self._now()) for value in values]
        text = " AND ".join(f"({p.text})" for p in parts)
        args = (number, *(arg for p in parts for arg in p.args))
        return Condition(
            Sql(f"EXISTS (SELECT 1 FROM date WHERE rid=r.pk AND p=? AND {text})", args),
            Sql(f"SELECT rid FROM date WHERE p=? AND {text}", args),
            3 if len(values) > 1 or values[0][:2] not in ("ge", "gt", "le", "lt", "ne", "sa", "eb") else 5,
        )

    def _now(self) -> int:
        return to_ms(self._store.clock.now())


_PLACES = {
    "token": ("token", "code"),
    "uri": ("token", "code"),
    "string": ("string", "value"),
    "reference": ("reference", "target"),
    "date": ("date", "low"),
}


def _whole_number(value: str) -> int:
    if not value.isdigit():
        raise Refusal(400, "value", "_count is a whole number")
    return int(value)
