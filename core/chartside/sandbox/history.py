"""History bundles."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from chartside.sandbox.dates import iso, span
from chartside.sandbox.exchange import Ask, etag
from chartside.sandbox.outcome import Refusal
from chartside.sandbox.store import Row

_PAGE = 200
_STATUS = {"POST": "201", "PUT": "200", "PATCH": "200", "DELETE": "204"}


def history_bundle(ask: Ask, rows: Sequence[Row]) -> bytes:
    """Return a page of the history: newest first, ``_since`` and ``_count`` honoured, ``_before`` for the next page."""
    params = dict(ask.query)
    since = _since(params.get("_since", ""))
    newer = [row for row in rows if row.updated >= since]
    before = params.get("_before", "")
    left = [row for row in newer if not before.isdigit() or row.seq < int(before)]
    count = params.get("_count", "")
    size = max(1, min(int(count) if count.isdigit() else _PAGE, 1_000))
    page = left[:size]
    head = {
        "resourceType": "Bundle",
        "type": "history",
        "total": len(newer),
        "link": _links(ask, params, page, more=len(left) > size),
    }
    entries = b",".join(_entry(ask.base, row) for row in page)
    tail = b',"entry":[' + entries + b"]}" if page else b"}"
    return orjson.dumps(head)[:-1] + tail


def _since(text: str) -> int:
    if not text:
        return -(2**62)
    try:
        return span(text)[0]
    except ValueError:
        raise Refusal(400, "value", "_since is an instant") from None


def _links(ask: Ask, params: dict[str, str], page: Sequence[Row], *, more: bool) -> list[dict[str, str]]:
    url = f"{ask.base}/{'/'.join(ask.path)}"
    links = [{"relation": "self", "url": url}]
    if more:
        kept = "".join(f"&{name}={params[name]}" for name in ("_count", "_since") if name in params)
        links.append({"relation": "next", "url": f"{url}?_before={page[-1].seq}{kept}"})
    return links


def _entry(base: str, row: Row) -> bytes:
    local = f"{row.type}/{row.id}"
    tail = {
        "request": {"method": row.method, "url": row.type if row.method == "POST" else local},
        "response": {"status": _STATUS[row.method], "etag": etag(row), "lastModified": iso(row.updated)},
    }
    body = b'"resource":%b,' % row.body if row.body else b""
    return b'{"fullUrl":"%b",%b%b' % (f"{base}/{local}".encode(), body, orjson.dumps(tail)[1:])
