"""respx for ``requests``: one mocking idiom for both.

respx answers httpx; its router takes an ``httpx.Request`` and gives an ``httpx.Response``. This transport adapter
translates, so that every feature of respx (patterns, side effects, call counts) works for code that uses ``requests``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import httpx
import requests
import respx
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse


class RespxAdapter(BaseAdapter):
    """Mount it on a session: ``session.mount("https://", RespxAdapter(router))``. Nothing touches the network."""

    def __init__(self, router: respx.Router) -> None:
        super().__init__()
        self.router = router

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Ask the router. What it raises for httpx becomes what requests raises for the same."""
        try:
            answer = self.router.handler(_to_httpx(request))
        except httpx.TransportError as error:
            raise _to_requests_error(error)(request=request) from error
        return _to_requests(request, answer)

    def close(self) -> None:
        """Nothing is held."""


def _to_httpx(request: requests.PreparedRequest) -> httpx.Request:
    body = request.body
    content: Any = body.encode() if isinstance(body, str) else body
    if content is not None and not isinstance(content, bytes):
        content = b"".join(content) if isinstance(content, Iterable) else bytes(content)
    return httpx.Request(
        request.method or "GET", request.url or "", headers=dict(request.headers), content=content
    )


def _to_requests(request: requests.PreparedRequest, answer: httpx.Response) -> requests.Response:
    stream = answer.stream
    body = b"".join(stream) if isinstance(stream, httpx.SyncByteStream) else answer.content
    raw = HTTPResponse(
        body=BytesIO(body),
        headers=HTTPHeaderDict(answer.headers.multi_items()),
        status=answer.status_code,
        reason=answer.reason_phrase,
        preload_content=False,
        decode_content=False,
    )
    return HTTPAdapter().build_response(request, raw)


def _to_requests_error(error: httpx.TransportError) -> type[requests.RequestException]:
    table: tuple[tuple[type[httpx.TransportError], type[requests.RequestException]], ...] = (
        (httpx.ConnectTimeout, requests.ConnectTimeout),
        (httpx.TimeoutException, requests.ReadTimeout),
        (httpx.RemoteProtocolError, requests.exceptions.ChunkedEncodingError),
        (httpx.TransportError, requests.ConnectionError),
    )
    return next(theirs for ours, theirs in table if isinstance(error, ours))
