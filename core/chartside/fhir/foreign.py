"""Connections to allow-listed other origins: never with the token, never into the practice's own network (S-13).

The address is checked on the connected socket, so that a name which resolves to a public address first and to a
private one later (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from typing import ClassVar

import requests
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from chartside.fhir.origin import check_address
from chartside.fhir.session import new_session
from chartside.network import Punctual, PunctualHttp, PunctualHttps


def _checked(sock: socket.socket) -> socket.socket:
    try:
        check_address(str(sock.getpeername()[0]))
    except BaseException:
        sock.close()
        raise
    return sock


class _Http(PunctualHttp):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _Https(PunctualHttps):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class PublicOnly(Punctual):
    """A ``requests`` adapter that raises OriginRefused when a connection ends at an address that is not public."""

    pools: ClassVar[dict[str, type[HTTPConnectionPool]]] = {"http": _HttpPool, "https": _HttpsPool}


def public_session(user_agent: str) -> requests.Session:
    """A session that reaches public addresses only."""
    return new_session(pool=2, user_agent=user_agent, adapter=PublicOnly(max_retries=0))
