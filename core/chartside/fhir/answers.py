"""From a server's answer to a typed error: the status, the OperationOutcome's codes, and nothing of its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from chartside.errors import (
    FhirError,
    Forbidden,
    Gone,
    InvalidAnswer,
    MultipleMatches,
    NotFound,
    RateLimited,
    Rejected,
    ServerError,
    Unauthorized,
    Unreachable,
    VersionConflict,
)
from chartside.types import Resource

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}\Z")
_CODE = re.compile(r"[a-z-]{1,40}\Z")
_MENDS: dict[int, str] = {
    401: "check the client id, the registered key and the token endpoint with `chartside check`",
    403: "the practice has not granted this; compare the granted scopes with `chartside check`",
}


class NeverSent(Unreachable):
    """No connection came about, so nothing was written: safe to repeat, whatever it was."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an error may say about the question: the method, the type, and whether it was conditional."""

    method: str
    type: str = ""
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer. ``body`` is parsed JSON, None where there was none or no JSON."""

    asked: Asked
    status: int
    headers: Mapping[str, str]
    body: Any = None
    content: bytes = field(default=b"", repr=False)
    request_id: str = ""
    url: str = field(default="", repr=False)

    def resource(self, *types: str) -> Resource:
        """The resource in it, one of ``types`` if any are named. Raises InvalidAnswer."""
        body = self.body
        if not isinstance(body, dict) or not isinstance(body.get("resourceType"), str):
            raise self.invalid("answered by something that is no FHIR resource")
        if types and body["resourceType"] not in types:
            if body["resourceType"] == "OperationOutcome":
                raise self.invalid("answered by an OperationOutcome", issues_of(body))
            raise self.invalid("answered by another type of resource than was asked for")
        return body

    def invalid(self, message: str, issues: tuple[tuple[str, str], ...] = ()) -> InvalidAnswer:
        """An InvalidAnswer about this exchange."""
        return InvalidAnswer(
            message,
            method=self.asked.method,
            resource_type=self.asked.type,
            status=self.status,
            request_id=self.request_id,
            issues=issues,
        )

    @property
    def version(self) -> str:
        """The ETag's version id, empty where the server sends none."""
        return etag_version(self.headers.get("ETag", ""))


def etag_version(etag: str) -> str:
    """The version in ``W/"3"``, ``"3"`` or a bare ``3``."""
    return etag.strip().removeprefix("W/").strip('"')


def request_id(headers: Mapping[str, str], own: str) -> str:
    """The server's id of the exchange where it is a plain one, else our own (S-19)."""
    for name in ("X-Request-Id", "X-Correlation-Id"):
        if _ID.match(headers.get(name, "")):
            return headers[name]
    return own


def issues_of(body: Any) -> tuple[tuple[str, str], ...]:
    """``(severity, code)`` of each issue of an OperationOutcome; whatever is no code is left out."""
    if not isinstance(body, dict) or body.get("resourceType") != "OperationOutcome":
        return ()
    issues = body.get("issue")
    pairs = (
        (str(issue.get("severity", "")), str(issue.get("code", "")))
        for issue in (issues if isinstance(issues, list) else [])
        if isinstance(issue, dict)
    )
    return tuple((s, c) for s, c in pairs if _CODE.match(s) and _CODE.match(c))[:20]


def retry_after(value: str, now: datetime) -> float | None:
    """Seconds to wait, from a Retry-After header in seconds or as an HTTP date; None where it says nothing."""
    value = value.strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    when = http_date(value)
    return max(0.0, (when - now).total_seconds()) if when else None


def http_date(value: str) -> datetime | None:
    """The instant of a Date or Retry-After header; None where it is none."""
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return when if when.tzinfo else None


def error_for(
    asked: Asked, status: int, body: Any = None, *, request_id: str = "", wait: float | None = None
) -> FhirError:
    """The typed error for a status that is no success."""
    issues = issues_of(body)
    kind, message = _kind(asked, status, {code for _, code in issues})
    return kind(
        message,
        method=asked.method,
        resource_type=asked.type,
        status=status,
        request_id=request_id,
        issues=issues,
        retry_after=wait,
        mend=_MENDS.get(status, ""),
    )


_PLAIN: dict[int, tuple[type[FhirError], str]] = {
    401: (Unauthorized, "not authorised"),
    403: (Forbidden, "not granted"),
    404: (NotFound, "not found, or the type is not served here"),
    410: (Gone, "deleted"),
    429: (RateLimited, "too many requests"),
    501: (Rejected, "not implemented by the server"),
}

_RANGES: tuple[tuple[int, type[FhirError], str], ...] = (
    (500, ServerError, "the server failed"),
    (400, Rejected, "the server will not take this"),
    (300, InvalidAnswer, "a redirect that is not followed"),
    (0, InvalidAnswer, "an answer that does not fit the question"),
)


def _kind(asked: Asked, status: int, codes: set[str]) -> tuple[type[FhirError], str]:
    if status in _PLAIN:
        return _PLAIN[status]
    if "multiple-matches" in codes or (status == 412 and asked.conditional):
        return MultipleMatches, "more than one resource matches the condition"
    if status == 412 or (status == 409 and asked.method in ("PUT", "PATCH")):
        return VersionConflict, "somebody else wrote in between"
    return next((kind, text) for least, kind, text in _RANGES if status >= least)
