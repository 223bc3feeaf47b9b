"""Every HTTP exchange of the house: within a time, and by no way that somebody else names (S-13, S-14).

``requests`` and urllib3 limit each read: a server that sends a byte now and then, in its headers for one, holds a
thread for ever. In ``Session``, ``total`` of ``urllib3.Timeout`` is what its name says, from the connection to the last
byte of the body::

    Session().get(url, timeout=urllib3.Timeout(connect=5, read=30, total=120), stream=True)

Sending is limited by ``connect``: a socket's ``sendall`` counts its time-out for all that is sent.
"""

from __future__ import annotations

import http.client
import io
import logging
import math
import socket
import time
from contextvars import ContextVar
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any, ClassVar

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# These write whole URLs, with query values in them: the one at DEBUG, the other where headers cannot be read (S-8).
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

_until: ContextVar[float | None] = ContextVar("chartside-deadline", default=None)
"""By ``time.monotonic``, of the exchange that this thread is at."""


class _Raw(io.RawIOBase):
    """What comes over a socket. Each read waits for what is left of the time, or for the socket's own time-out."""

    def __init__(self, sock: socket.socket, until: float, most: float = math.inf) -> None:
        self._sock, self._until, self._left = sock, until, most
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left, usual = self._until - time.monotonic(), self._sock.gettimeout()
        if left <= 0:
            raise TimeoutError("the whole took too long")
        if usual is not None and usual <= left:
            return self._counted(self._raw.readinto(buffer))
        self._sock.settimeout(left)
        try:
            return self._counted(self._raw.readinto(buffer))
        finally:
            self._sock.settimeout(usual)  # the connection may be used again

    def _counted(self, size: int | None) -> int | None:
        self._left -= size or 0
        if self._left < 0:
            raise OSError("more bytes than allowed")
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


def reading(sock: socket.socket, until: float, most: float = math.inf) -> io.BufferedReader:
    """As ``sock.makefile("rb")``, to be read until then, by ``time.monotonic``, and no more bytes. Raises OSError."""
    return io.BufferedReader(_Raw(sock, until, most))


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, until: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()  # nothing was read from it yet
        self.fp = reading(sock, until)


class _Connection(HTTPConnection):
    def getresponse(self) -> Any:
        until = _until.get()
        plain = http.client.HTTPResponse
        self.response_class = partial(_Response, until=until) if until else plain  # type: ignore[assignment]
        return super().getresponse()


class PunctualHttp(_Connection):
    """A connection that keeps the deadline."""


class PunctualHttps(_Connection, HTTPSConnection):
    """The same, encrypted."""


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = PunctualHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = PunctualHttps


class Session(requests.Session):
    """Pooled, with ``Punctual`` for a network, or another ``adapter`` (tests).

    A proxy of the environment would see PHI without the practice having said so, a ``.netrc`` would replace the
    token, cookies would tie the threads together: none is heeded. Nor is a redirect: where ``requests`` is told not to
    follow, it reads the redirect's whole body all the same, however large that unpacks, and trips over a bad Location.
    """

    def __init__(self, *, pool: int = 10, adapter: BaseAdapter | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        network = adapter or Punctual(pool_connections=2, pool_maxsize=pool)
        for scheme in ("https://", "http://"):
            self.mount(scheme, network)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect is an answer like any other."""


class Punctual(HTTPAdapter):
    """A ``requests`` adapter that keeps ``Timeout.total``; what passes it raises as any other time-out does."""

    pools: ClassVar[dict[str, type[HTTPConnectionPool]]] = {"http": _HttpPool, "https": _HttpsPool}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See HTTPAdapter."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> requests.Response:
        """See HTTPAdapter."""
        total = timeout.total if isinstance(timeout, Timeout) else None
        token = _until.set(time.monotonic() + total if isinstance(total, int | float) else None)
        try:
            return super().send(request, stream, timeout, *args, **kwargs)
        finally:
            _until.reset(token)
