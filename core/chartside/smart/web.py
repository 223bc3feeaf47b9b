"""Small JSON exchanges with authorisation servers, within the same limits as FHIR's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
import urllib3.exceptions

from chartside.config import is_loopback
from chartside.errors import FhirError, InvalidAnswer, LimitExceeded, SmartError, Unreachable
from chartside.fhir.limits import LimitBroken, Limits, parse
from chartside.fhir.origin import origin_of
from chartside.fhir.transport import no_connection, read_body

LIMITS = Limits(wire_bytes=4 * 1024 * 1024, body_bytes=16 * 1024 * 1024, exchange_seconds=30.0)
"""An athenahealth CapabilityStatement has 1 MB; a token answer has 2 kB."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A status, headers and the JSON object in the body (empty where there is none)."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


def require_endpoint(url: str, what: str) -> str:
    """The URL, if a secret may be sent there: https, or this machine. Raises SmartError."""
    try:
        scheme, host, _ = origin_of(url)
    except (ValueError, UnicodeError):
        scheme, host = "", ""
    safe = scheme == "https" or (scheme == "http" and is_loopback(host))
    if safe and not urlsplit(url).fragment:
        return url
    raise SmartError(
        f"the server's {what} is no https URL",
        mend="ask the EHR's vendor for the right address; never use http",
    )


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    what: str,
    form: Mapping[str, str] | None = None,
) -> Reply:
    """One request, no redirects. Raises Unreachable, LimitExceeded, InvalidAnswer; ``what`` names it in them."""
    result = _attempt(session, method, url, what, form)
    if isinstance(result, FhirError):
        raise result  # outside of any except block: the cause would bring the URL and the assertion along
    return result


def _attempt(
    session: requests.Session, method: str, url: str, what: str, form: Mapping[str, str] | None
) -> Reply | FhirError:
    started = time.monotonic()
    try:
        response = session.request(
            method,
            url,
            data=dict(form) if form else None,
            headers={"Accept": "application/json"},
            timeout=LIMITS.timeout(),
            allow_redirects=False,
            stream=True,
        )
        with response:
            content = read_body(response, LIMITS)
        return Reply(response.status_code, response.headers, _object(content))
    except LimitBroken as error:
        return LimitExceeded(str(error), method=method, resource_type=what)
    except orjson.JSONDecodeError:
        return InvalidAnswer("the answer is no JSON", method=method, resource_type=what)
    except (
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:  # the last two while it is read
        if time.monotonic() - started >= LIMITS.exchange_seconds:
            return LimitExceeded("more time than allowed", method=method, resource_type=what)
        return Unreachable(no_connection(error), method=method, resource_type=what)


def _object(content: bytes) -> dict[str, Any]:
    if content.lstrip()[:1] != b"{":
        return {}
    value = parse(content, LIMITS.depth)
    return value if isinstance(value, dict) else {}
