"""HTTP towards providers of text messages: what an exchange's end means for the message."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
import requests
import urllib3
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ConnectTimeout, RequestException

from chartside.errors import ChannelUnavailable, OutcomeUnknown

MOST = 1024 * 1024
"""Bytes of an answer that are believed (S-14); fifty listed messages have 50 kB."""

PATIENCE = 60.0
"""Seconds for a whole exchange: each drop of an answer comes within ``timeout``, and all of them may take forever."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A provider's answer. ``json`` raises ValueError where it is none."""

    status: int
    content: bytes = field(repr=False)

    def json(self) -> Any:
        """The body, read as JSON."""
        return orjson.loads(self.content)  # json's own ends in a RecursionError where brackets never close


def exchange(http: requests.Session, method: str, url: str, *, timeout: float, **sent: Any) -> Reply:
    """One exchange. Raises ChannelUnavailable where no connection came about, OutcomeUnknown where it broke off.

    What ``requests`` says is not passed on: it holds the URL, and that may hold a number.
    """
    limits: dict[str, Any] = {
        "timeout": urllib3.Timeout(PATIENCE, min(timeout, 5.0), timeout),
        "allow_redirects": False,
        "stream": True,
    }
    try:
        with http.request(method, url, **limits, **sent) as answer:
            return Reply(answer.status_code, _read(answer.raw))
    except ConnectTimeout:
        raise ChannelUnavailable("the provider cannot be reached") from None
    except NoConnection as error:
        if _never_connected(error):
            raise ChannelUnavailable("the provider cannot be reached") from None
        raise OutcomeUnknown("the provider's answer was cut off") from None
    except (RequestException, urllib3.exceptions.HTTPError) as error:
        raise OutcomeUnknown(f"no whole answer came ({type(error).__name__})") from None


def _read(raw: urllib3.BaseHTTPResponse) -> bytes:
    """``read1`` gives what has come by now; ``read`` would wait for the whole amount, drop by drop."""
    content = bytearray()
    while chunk := raw.read1(64 * 1024, decode_content=True):
        content += chunk
        if len(content) > MOST:
            raise OutcomeUnknown("the provider's answer is longer than any that it should give")
    return bytes(content)


def _never_connected(error: NoConnection) -> bool:
    """Whether not even a connection was made, so that nothing can have been sent."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)
