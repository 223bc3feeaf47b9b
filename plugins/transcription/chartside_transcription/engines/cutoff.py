"""One exchange with a limit for all of it: ``requests`` limits each read alone, which a server that drips keeps to."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from chartside.errors import PluginError

LONGEST_CONNECT = 30.0
"""Seconds; the same limit holds for sending, so it is generous: a piece is 1 MB and an uplink can be slow."""
_CHUNK = 64 * 1024


class _Sockets(HTTPAdapter):
    """Remembers the sockets of its connections, so that they can be cut from another thread."""

    def __init__(self) -> None:
        self._opened: list[Any] = []
        self._over = False
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        outer = self

        class Remembered(pool.ConnectionCls):  # type: ignore[misc]  # http or https, as the address says
            def connect(self) -> None:
                super().connect()
                outer._opened.append(self.sock)
                if outer._over:
                    outer.cut()

        pool.ConnectionCls = Remembered
        return pool

    def cut(self) -> None:
        """Whoever waits for one of them goes on at once, with an error or the end of the data."""
        self._over = True
        for one in list(self._opened):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(one, socket.SHUT_RDWR)  # a TLS socket's own would wait for the peer


def post(
    url: str, *, seconds: float, largest: int, headers: dict[str, str], **fields: Any
) -> tuple[int, bytes]:
    """Status and body of a POST. Raises PluginError where it is not done in this time, or the body is larger."""
    sockets = _Sockets()
    timer = threading.Timer(seconds, sockets.cut)
    timer.daemon = True
    with requests.Session() as session:
        session.mount("http://", sockets)
        session.mount("https://", sockets)
        timer.start()
        try:
            with session.post(
                url,
                headers={"Accept-Encoding": "identity", **headers},
                timeout=(min(seconds, LONGEST_CONNECT), seconds),
                allow_redirects=False,  # sound goes to the registered machine and to no other
                stream=True,
                **fields,
            ) as response:
                body = _read(response, largest)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            raise _problem(over=sockets._over, seconds=seconds) from None
        finally:
            timer.cancel()
    if sockets._over:  # what was cut may look like a short answer
        raise _problem(over=True, seconds=seconds)
    return response.status_code, body


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
