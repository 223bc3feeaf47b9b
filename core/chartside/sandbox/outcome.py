"""Refusals, and the OperationOutcome in which they are told."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from chartside.types import Resource


class Refusal(Exception):
    """The server's answer is no: an HTTP status, an issue code (FHIR IssueType), a text for people."""

    def __init__(
        self, status: int, code: str, text: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """Return the OperationOutcome as JSON."""
        return outcome_bytes(self.code, self.text)


def outcome(code: str, text: str, *, severity: str = "error") -> Resource:
    """Return an OperationOutcome with one issue."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": text}],
    }


def outcome_bytes(code: str, text: str) -> bytes:
    """Return an OperationOutcome with one issue, as JSON."""
    return orjson.dumps(outcome(code, text))


def not_supported(what: str, *, status: int = 400) -> Refusal:
    """Return the refusal of something that this server does not do."""
    return Refusal(status, "not-supported", f"{what} is not supported by this server")
