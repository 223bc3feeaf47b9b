"""One exchange with a speech recognition server, with a limit for all of it."""

from __future__ import annotations

import time
from typing import Any

import requests
import urllib3

from chartside.errors import PluginError
from chartside.network import Session

LONGEST_CONNECT = 30.0
"""Seconds; the same limit holds for sending, so it is generous: a piece is 1 MB and an uplink can be slow."""
_CHUNK = 64 * 1024


def post(
    url: str, *, seconds: float, largest: int, headers: dict[str, str], **fields: Any
) -> tuple[int, bytes]:
    """Status and body of a POST. Raises PluginError where it is not done in this time, or the body is larger."""
    until = time.monotonic() + seconds
    timeout: Any = urllib3.Timeout(total=seconds, connect=min(seconds, LONGEST_CONNECT))
    with Session() as session:
        try:
            with session.post(
                url,
                headers={"Accept-Encoding": "identity", **headers},
                timeout=timeout,
                allow_redirects=False,  # sound goes to the registered machine and to no other
                stream=True,
                **fields,
            ) as response:
                return response.status_code, _read(response, largest)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise _problem(over=time.monotonic() >= until, seconds=seconds) from None


def _read(response: requests.Response, largest: int) -> bytes:
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        body += chunk
        if len(body) > largest:
            raise PluginError(
                f"the speech recognition server answered more than {largest} bytes", mend="see its own log"
            )
    return bytes(body)


def _problem(*, over: bool, seconds: float) -> PluginError:
    if over:
        return PluginError(
            f"the speech recognition server took more than {seconds:.0f} s for a piece",
            mend="see its load, or raise plugins.transcription.endpoint_seconds",
        )
    return PluginError("the speech recognition server does not answer", mend="see that it runs")
