"""Transaction and batch (R4, 3.1.0.11).

In a transaction the criteria of conditional entries are looked up first, so that every ``urn:uuid:`` reference can be
resolved; two conditional creates with the same criteria become one resource, since the second finds the first.
"""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from chartside.sandbox.dates import iso
from chartside.sandbox.exchange import Answer, Ask, etag, split_url
from chartside.sandbox.outcome import Refusal, not_supported

if TYPE_CHECKING:
    from chartside.sandbox.engine import Engine

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 3, "GET": 4}
_URI_ELEMENTS = frozenset({"reference", "url", "uri", "valueUri", "valueUrl", "valueUuid"})


def answer_bundle(engine: Engine, ask: Ask) -> Answer:
    """Answer a transaction (all or nothing) or a batch (each for itself)."""
    bundle = ask.body
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Refusal(400, "structure", "only a Bundle can be posted to the base address")
    kind, entries = bundle.get("type"), bundle.get("entry", [])
    if kind not in ("transaction", "batch"):
        raise Refusal(400, "value", "the Bundle is neither transaction nor batch")
    if (kind == "transaction" and engine.options.no_transaction) or (
        kind == "batch" and engine.options.no_batch
    ):
        raise not_supported(f"{kind}", status=405)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Refusal(400, "structure", "Bundle.entry is no array of objects")
    answers = _transaction(engine, ask, entries) if kind == "transaction" else _batch(engine, ask, entries)
    parts = [_response(part, answer) for part, answer in zip(_asks(ask, entries), answers, strict=True)]
    head = b'{"resourceType":"Bundle","type":"%b-response","entry":[' % str(kind).encode()
    return Answer(200, head + b",".join(parts) + b"]}")


def _asks(ask: Ask, entries: list[dict[str, Any]]) -> list[Ask]:
    return [_ask(ask, entry) for entry in entries]


def _ask(ask: Ask, entry: dict[str, Any]) -> Ask:
    request = entry.get("request")
    if (
        not isinstance(request, dict)
        or request.get("method") not in _ORDER
        or not isinstance(request.get("url"), str)
    ):
        raise Refusal(400, "required", "an entry has no request with method and url")
    path, query = split_url(request["url"].removeprefix(ask.base + "/"))
    patch = request["method"] == "PATCH"
    return Ask(
        method=request["method"],
        path=path,
        query=query,
        body=_patch_of(entry) if patch else entry.get("resource"),
        content_type="application/json-patch+json" if patch else "application/fhir+json",
        if_match=str(request.get("ifMatch", "")),
        if_none_match=str(request.get("ifNoneMatch", "")),
        if_none_exist=str(request.get("ifNoneExist", "")),
        prefer=ask.prefer,
        base=ask.base,
        permit=ask.permit,
    )


def _patch_of(entry: dict[str, Any]) -> Any:
    """A JSON Patch travels in a Binary, as base64 (R4, 3.1.0.8.1)."""
    resource = entry.get("resource") or {}
    try:
        return orjson.loads(base64.b64decode(resource["data"], validate=True))
    except (KeyError, ValueError, TypeError):
        raise Refusal(400, "structure", "a patch entry holds a Binary with a JSON Patch") from None


def _batch(engine: Engine, ask: Ask, entries: list[dict[str, Any]]) -> list[Answer]:
    answers = []
    for entry in entries:
        try:
            answers.append(engine.answer(_ask(ask, entry)))
        except Refusal as refusal:
            answers.append(Answer(refusal.status, refusal.body()))
    return answers


def _transaction(engine: Engine, ask: Ask, entries: list[dict[str, Any]]) -> list[Answer]:
    asks = _asks(ask, entries)
    known = _identities(engine, asks, entries)
    for part in asks:
        if part.body is not None:
            part.body = _resolve(engine, part, part.body, known)
    answers: list[Answer | None] = [None] * len(asks)
    for index in sorted(range(len(asks)), key=lambda i: _ORDER[asks[i].method]):
        answers[index] = _one(engine, asks[index], known.get(_urn(entries[index]), ""), index)
    return [answer for answer in answers if answer is not None]


def _one(engine: Engine, part: Ask, identity: str, index: int) -> Answer:
    if part.method == "POST":
        part.assigned_id = identity.partition("/")[2]
    try:
        return engine.answer(part)
    except Refusal as refusal:
        raise Refusal(refusal.status, refusal.code, f"Bundle.entry[{index}]: {refusal.text}") from None


def _urn(entry: dict[str, Any]) -> str:
    return str(entry.get("fullUrl", ""))


def _identities(engine: Engine, asks: list[Ask], entries: list[dict[str, Any]]) -> dict[str, str]:
    """Return fullUrl -> ``Type/id`` for every entry that others may refer to."""
    known: dict[str, str] = {}
    criteria: dict[tuple[str, str], str] = {}
    written: set[str] = set()
    for part, entry in zip(asks, entries, strict=True):
        identity = _identity(engine, part, criteria)
        if part.method in ("PUT", "PATCH", "DELETE") and identity:
            if identity in written:
                raise Refusal(400, "duplicate", "two entries of the transaction write the same resource")
            written.add(identity)
        if identity and _urn(entry):
            known[_urn(entry)] = identity
    return known


def _identity(engine: Engine, part: Ask, criteria: dict[tuple[str, str], str]) -> str:
    if not part.path:
        raise Refusal(400, "value", "a transaction cannot stand inside a transaction")
    resource_type = part.path[0]
    if not engine.options.has(resource_type):
        raise Refusal(404, "not-supported", "this server does not have that resource type")
    if part.method == "POST":
        return _created(engine, part, resource_type, criteria)
    if part.method in ("PUT", "PATCH", "DELETE") and len(part.path) == 1:
        part.permit(resource_type, "s")
        rows = engine.searcher.matches(resource_type, part.query, part.permit)
        if len(rows) == 1:
            part.path, part.query = (resource_type, rows[0].id), []
    return "/".join(part.path) if len(part.path) == 2 else ""


def _created(engine: Engine, part: Ask, resource_type: str, criteria: dict[tuple[str, str], str]) -> str:
    identity = f"{resource_type}/{uuid.uuid4()}"
    if not part.if_none_exist:
        return identity
    found = engine.one_match(resource_type, part.if_none_exist, part.permit)
    return criteria.setdefault(
        (resource_type, part.if_none_exist), f"{resource_type}/{found.id}" if found else identity
    )


def _resolve(engine: Engine, part: Ask, value: Any, known: dict[str, str], element: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _resolve(engine, part, inner, known, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolve(engine, part, inner, known, element) for inner in value]
    if isinstance(value, str) and element in _URI_ELEMENTS:
        if value in known:
            return known[value]
        if element == "reference":
            return _resolve_reference(engine, part, value)
    return value


def _resolve_reference(engine: Engine, part: Ask, reference: str) -> str:
    if reference.startswith("urn:uuid:"):
        raise Refusal(400, "not-found", "a urn:uuid reference names no entry of the transaction")
    resource_type, mark, criteria = reference.partition("?")
    if not mark or not engine.options.has(resource_type):
        return reference
    part.permit(resource_type, "s")
    row = engine.one_match(resource_type, criteria, part.permit)
    if row is None:
        raise Refusal(412, "not-found", "a conditional reference meets no resource")
    return f"{row.type}/{row.id}"


def _response(part: Ask, answer: Answer) -> bytes:
    response: dict[str, Any] = {"status": str(answer.status)}
    if answer.row is not None:
        row = answer.row
        response["location"] = f"{row.type}/{row.id}/_history/{row.version}"
        response |= {"etag": etag(row), "lastModified": iso(row.updated)}
    if answer.status >= 400:
        response["outcome"] = orjson.loads(answer.body)
        return orjson.dumps({"response": response})
    shown = answer.body and (part.method == "GET" or "return=representation" in part.prefer)
    resource = b'"resource":%b,' % answer.body if shown else b""
    full_url = b""
    if answer.row is not None and answer.status != 204:
        full_url = b'"fullUrl":"%b",' % f"{part.base}/{answer.row.type}/{answer.row.id}".encode()
    return b'{%b%b"response":%b}' % (full_url, resource, orjson.dumps(response))
