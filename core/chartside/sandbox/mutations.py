"""Answers changed on their way out, into what real servers were seen to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

Headers = list[tuple[bytes, bytes]]

ELSEWHERE = "https://elsewhere.example.net/fhir/Patient?page=2"
"""Where the ``next-elsewhere`` link leads: another origin, to which no token may go."""


def change(kind: str, body: bytes, headers: Headers, path: str) -> tuple[bytes, Headers]:
    """Return body and headers changed by one kind of fault; what it does not concern stays."""
    if kind in ("no-etag", "version-1"):
        headers = [pair for pair in headers if pair[0] not in (b"etag", b"last-modified")]
    if kind == "broken-json":
        return body[: len(body) * 2 // 3], headers
    if kind not in _CHANGES or not body:
        return body, headers
    return orjson.dumps(_CHANGES[kind](orjson.loads(body), path)), headers


def _bundle(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.get("resourceType") == "Bundle"


def _collection(answer: Any, path: str) -> Any:
    return {**answer, "type": "collection"} if _bundle(answer) else answer


def _no_total(answer: Any, path: str) -> Any:
    return {key: value for key, value in answer.items() if key != "total"} if _bundle(answer) else answer


def _outcome_entry(answer: Any, path: str) -> Any:
    if not _bundle(answer):
        return answer
    issue = {"severity": "warning", "code": "informational", "diagnostics": "some parameters were ignored"}
    outcome = {
        "resource": {"resourceType": "OperationOutcome", "issue": [issue]},
        "search": {"mode": "outcome"},
    }
    return {**answer, "entry": [outcome, *answer.get("entry", [])]}


def _next(answer: Any, url: str) -> Any:
    if not _bundle(answer):
        return answer
    kept = [link for link in answer.get("link", []) if link.get("relation") != "next"]
    return {**answer, "link": [*kept, {"relation": "next", "url": url}]}


def _next_elsewhere(answer: Any, path: str) -> Any:
    return _next(answer, ELSEWHERE)


def _next_loop(answer: Any, path: str) -> Any:
    links = answer.get("link", []) if isinstance(answer, dict) else []
    own = next((link["url"] for link in links if link.get("relation") == "self"), path)
    return _next(answer, own)


def _invalid(answer: Any, path: str) -> Any:
    """Break what the models check: a resource type's own rule cannot be met by a list where text belongs."""
    if _bundle(answer):
        return {**answer, "entry": [_invalid_entry(entry) for entry in answer.get("entry", [])]}
    return {
        **answer,
        "birthDate": "the seventh of May",
        "status": ["not", "a", "code"],
        "unknownElement": True,
    }


def _invalid_entry(entry: Any) -> Any:
    return {**entry, "resource": _invalid(entry["resource"], "")} if "resource" in entry else entry


def _version_1(answer: Any, path: str) -> Any:
    if _bundle(answer):
        return {**answer, "entry": [_version_1_entry(entry) for entry in answer.get("entry", [])]}
    if isinstance(answer, dict) and "meta" in answer:
        return {**answer, "meta": {**answer["meta"], "versionId": "1"}}
    return answer


def _version_1_entry(entry: Any) -> Any:
    return {**entry, "resource": _version_1(entry["resource"], "")} if "resource" in entry else entry


def _not_fhir(answer: Any, path: str) -> Any:
    return {"pid": 17, "uuid": answer.get("id", "") if isinstance(answer, dict) else ""}


_CHANGES: dict[str, Callable[[Any, str], Any]] = {
    "collection": _collection,
    "no-total": _no_total,
    "outcome-entry": _outcome_entry,
    "next-elsewhere": _next_elsewhere,
    "next-loop": _next_loop,
    "invalid-resource": _invalid,
    "version-1": _version_1,
    "not-fhir": _not_fhir,
}
