# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is always an argument
"""Searches answered: the page, what it includes, and the way to the next page.

A search that does not fit on one page is kept as a list of resource numbers under an opaque key, so that paging is
stable while others write, and no query value ever stands in a link. The oldest lists are dropped (410).
"""

from __future__ import annotations

import secrets
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson

from chartside.sandbox.exchange import Answer, Ask, Permit
from chartside.sandbox.options import Options
from chartside.sandbox.outcome import Refusal
from chartside.sandbox.parameters import Param
from chartside.sandbox.query import Pairs, Parser, Search
from chartside.sandbox.store import Row, Store

CURSOR = "_cursor"
KEPT_SEARCHES = 1_000
MAX_INCLUDE_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class _Kept:
    search: Search
    pks: array[int]
    page_size: int


class Searcher:
    """Answers searches on one store."""

    def __init__(self, store: Store, options: Options) -> None:
        self._store, self._options = store, options
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def matches(self, resource_type: str, pairs: Pairs, permit: Permit) -> list[Row]:
        """Return at most two resources that meet the criteria of a conditional interaction."""
        parser = Parser(self._store, self._options, permit)
        search = parser.parse(resource_type, pairs, strict=True)
        if not search.conditions:
            raise Refusal(412, "multiple-matches", "a conditional interaction needs criteria")
        select = parser.select(search)
        return self._store.rows([pk for (pk,) in self._store.query(select.text + " LIMIT 2", select.args)])

    def answer(self, ask: Ask) -> Answer:
        """Answer a search, or a page of an earlier one."""
        cursor = dict(ask.query).get(CURSOR)
        if cursor is not None:
            return self._later_page(ask, cursor)
        resource_type = ask.path[0]
        self._check_required(resource_type, ask.query)
        parser = Parser(self._store, self._options, ask.permit)
        search = parser.parse(resource_type, ask.query, strict=ask.strict)
        for value, _ in search.revincludes:
            ask.permit(value.partition(":")[0], "s")
        select = parser.select(search)
        pks = array("q", (pk for (pk,) in self._store.query(select.text, select.args)))
        if search.summary == "count" or search.count == 0:
            return Answer(200, _bundle(len(pks), [("self", self._self_link(ask, search))], []))
        size = min(search.count or self._options.page_size, self._options.max_page_size)
        return self._page(ask, _Kept(search, pks, size), 0, "")

    def _check_required(self, resource_type: str, pairs: Pairs) -> None:
        needed = self._options.required_search.get(resource_type)
        if needed and not any(name.partition(":")[0].partition(".")[0] in needed for name, _ in pairs):
            raise Refusal(
                400, "required", f"a search of {resource_type} needs one of: {', '.join(sorted(needed))}"
            )

    def _later_page(self, ask: Ask, cursor: str) -> Answer:
        key, _, offset = cursor.partition(".")
        kept = self._kept.get(key)
        if kept is None or kept.search.type != ask.path[0] or not offset.isdigit():
            raise Refusal(410, "expired", "this page is no longer kept: search again")
        self._kept.move_to_end(key)
        return self._page(ask, kept, int(offset), key)

    def _page(self, ask: Ask, kept: _Kept, offset: int, key: str) -> Answer:
        search, size = kept.search, kept.page_size
        links = [("self", self._self_link(ask, search) if offset == 0 else self._link(ask, key, offset))]
        if offset + size < len(kept.pks):
            key = key or self._keep(kept)
            links.append(("next", self._link(ask, key, offset + size)))
        if offset:
            links.append(("previous", self._link(ask, key, max(0, offset - size))))
        rows = self._store.rows(kept.pks[offset : offset + size].tolist())
        entries = [_entry(ask.base, row, _narrow(row, search), b"match") for row in rows]
        entries += [
            _entry(ask.base, row, row.body or b"", b"include") for row in self._included(ask, search, rows)
        ]
        total = None if search.total == "none" else len(kept.pks)
        return Answer(200, _bundle(total, links, entries))

    def _keep(self, kept: _Kept) -> str:
        key = secrets.token_urlsafe(12).replace(".", "-")
        self._kept[key] = kept
        while len(self._kept) > KEPT_SEARCHES:
            self._kept.popitem(last=False)
        return key

    @staticmethod
    def _link(ask: Ask, key: str, offset: int) -> str:
        return f"{ask.base}/{ask.path[0]}?{CURSOR}={key}.{offset}"

    @staticmethod
    def _self_link(ask: Ask, search: Search) -> str:
        query = urlencode(search.applied, safe=":/|,$")
        return f"{ask.base}/{search.type}" + (f"?{query}" if query else "")

    # --- includes

    def _included(self, ask: Ask, search: Search, rows: Sequence[Row]) -> list[Row]:
        if not search.includes and not search.revincludes:
            return []
        seen = {row.pk for row in rows}
        found: list[Row] = []
        newest = list(rows)
        for round_ in range(MAX_INCLUDE_ROUNDS):
            pks = self._forward(ask, search, newest, round_) + self._backward(search, newest, round_)
            newest = self._store.rows([pk for pk in dict.fromkeys(pks) if pk not in seen])
            if not newest:
                break
            seen.update(row.pk for row in newest)
            found += newest
        return [row for row in found if self._options.has(row.type)]

    def _forward(self, ask: Ask, search: Search, rows: Sequence[Row], round_: int) -> list[int]:
        pks: list[int] = []
        for value, iterate in search.includes:
            source, params, kind = self._include(value)
            numbers = [self._store.searched(param) for param in params if round_ == 0 or iterate]
            targets = self._targets([row.pk for row in rows if row.type == source], numbers)
            wanted = [target for target in targets if not kind or target.startswith(kind + "/")]
            for target_type in {target.partition("/")[0] for target in wanted}:
                if self._options.has(target_type):
                    ask.permit(target_type, "r")
            pks += self._numbers_of(wanted)
        return pks

    def _include(self, value: str) -> tuple[str, list[Param], str]:
        """Return source type, parameters and wanted target type of ``Type:parameter[:Target]``."""
        source, _, rest = value.partition(":")
        name, _, kind = rest.partition(":")
        params = self._options.params(source)
        found = [p for p in params.values() if p.kind == "reference" and name in ("*", p.name)]
        if not found:
            raise Refusal(400, "not-supported", "_include or _revinclude names no reference of that type")
        return source, found, kind

    def _targets(self, pks: Sequence[int], numbers: Sequence[int]) -> list[str]:
        if not pks or not numbers:
            return []
        rids, params = ",".join(map(str, pks)), ",".join(map(str, numbers))
        found = self._store.query(
            f"SELECT DISTINCT target FROM reference WHERE rid IN ({rids}) AND p IN ({params})"
        )
        return [str(target) for (target,) in found]

    def _numbers_of(self, targets: Iterable[str]) -> list[int]:
        pks = []
        for target in targets:
            resource_type, _, resource_id = target.partition("/")
            sql = "SELECT pk FROM resource WHERE type=? AND id=?"
            pks += [pk for (pk,) in self._store.query(sql, (resource_type, resource_id))]
        return pks

    def _backward(self, search: Search, rows: Sequence[Row], round_: int) -> list[int]:
        pks: list[int] = []
        for value, iterate in search.revincludes:
            _, params, kind = self._include(value)
            targets = [f"{row.type}/{row.id}" for row in rows if not kind or row.type == kind]
            if (round_ == 0 or iterate) and targets:
                numbers = ",".join(str(self._store.searched(param)) for param in params)
                sql = "SELECT DISTINCT rid FROM reference WHERE p IN ({}) AND target IN ({}) ORDER BY rid"
                marks = ",".join("?" * len(targets))
                pks += [pk for (pk,) in self._store.query(sql.format(numbers, marks), targets)]
        return pks


_MANDATORY = {"resourceType", "id", "meta", "status", "intent", "subject", "patient"}


def _narrow(row: Row, search: Search) -> bytes:
    body = row.body or b""
    if not search.elements:
        return body
    kept = {k: v for k, v in row.resource().items() if k in search.elements or k in _MANDATORY}
    subsetted = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    kept["meta"] = {**kept.get("meta", {}), "tag": [*kept.get("meta", {}).get("tag", []), subsetted]}
    return orjson.dumps(kept)


def _entry(base: str, row: Row, body: bytes, mode: bytes) -> bytes:
    url = f"{base}/{row.type}/{row.id}".encode()
    return b'{"fullUrl":"%b","resource":%b,"search":{"mode":"%b"}}' % (url, body, mode)


def _bundle(total: int | None, links: Sequence[tuple[str, str]], entries: Sequence[bytes]) -> bytes:
    """Stitch a searchset from stored bytes: nothing is parsed or written anew."""
    link = orjson.dumps([{"relation": relation, "url": url} for relation, url in links])
    parts = [b'{"resourceType":"Bundle","type":"searchset"']
    if total is not None:
        parts.append(b',"total":%d' % total)
    parts.append(b',"link":' + link)
    if entries:
        parts.append(b',"entry":[' + b",".join(entries) + b"]")
    return b"".join(parts) + b"}"
