"""One FHIR interaction, as HTTP and bundle entries both state it, and its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from chartside.sandbox.dates import from_ms
from chartside.sandbox.store import Row

Permit = Callable[[str, str], None]
"""``permit(type, letter)``: raises Refusal where a token does not reach."""


def permit_all(resource_type: str, letter: str) -> None:
    """Permit everything: a server without authorisation."""


@dataclass(slots=True)
class Ask:
    """An interaction. ``permit(type, letter)`` raises Refusal where the token's scopes do not reach (c r u d s).

    ``assigned_id``: the id that a create takes, where a transaction has given it already.
    """

    method: str
    path: tuple[str, ...]
    query: list[tuple[str, str]] = field(default_factory=list)
    body: Any = None
    content_type: str = "application/fhir+json"
    if_match: str = ""
    if_none_match: str = ""
    if_none_exist: str = ""
    prefer: str = ""
    base: str = ""
    assigned_id: str = ""
    permit: Permit = permit_all

    @property
    def strict(self) -> bool:
        """Whether the client wants unknown search parameters refused."""
        return "handling=strict" in self.prefer


@dataclass(slots=True)
class Answer:
    """An answer. ``row`` is the version that was read or written; ``body`` is JSON."""

    status: int
    body: bytes = b""
    row: Row | None = None
    location: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def http_headers(self, base: str) -> dict[str, str]:
        """Return the HTTP headers of this answer."""
        headers = dict(self.headers)
        if self.row is not None:
            headers["ETag"] = etag(self.row)
            headers["Last-Modified"] = from_ms(self.row.updated).strftime("%a, %d %b %Y %H:%M:%S GMT")
        if self.location:
            headers["Location"] = f"{base}/{self.location}"
        return headers


def etag(row: Row) -> str:
    """Return the weak entity tag of a version."""
    return f'W/"{row.version}"'


def split_url(url: str) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """Return path segments and query of a relative URL."""
    path, _, query = url.partition("?")
    return tuple(unquote(part) for part in path.split("/") if part), parse_qsl(query, keep_blank_values=True)
