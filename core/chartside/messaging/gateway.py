"""A small SMS gateway on this machine: the outside world of the demo and the tests.

It plays the provider, so it does what providers do: it takes every message that it is given (it does **not**
recognise repetitions), can be asked about a reference, calls back about deliveries, and fails when told to.
Its log holds numbers and texts, as a provider's does; it is no part of the host. In memory, unless a file is named.

::

    gateway = Gateway()
    with gateway.running() as url:          # or: python -m chartside.messaging.gateway --port 8025
        ...POST {url}/messages {"to": ..., "body": ..., "reference": ...}
    gateway.messages
"""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from chartside.loopback import serving
from chartside.messaging.signatures import HEADER, sign

Fault: TypeAlias = Literal["", "fail-before", "fail-after", "cut-before", "cut-after", "busy", "slow"]
"""What happens to one request: 500 or a cut connection, before or after the message was taken; 429; an answer
that comes ``slow_seconds`` late."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that the gateway took."""

    id: str
    to: str
    body: str
    reference: str
    at: str
    status: str = "accepted"


@dataclass(slots=True)
class Gateway:
    """``rejects``: numbers that are refused; ``stopped``: those whose owners texted STOP.

    ``fault(n)``: what happens to the n-th request (from 0).

    ``file``: one JSON line for each message. ``blind``: it keeps no references, so that lookups answer 404.
    ``callback``: a URL that is told of each delivery, signed with ``secret``.
    """

    rejects: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()
    fault: Callable[[int], Fault] = lambda _n: ""
    file: Path | None = None
    blind: bool = False
    slow_seconds: float = 1.0
    callback: str = ""
    secret: bytes = b""
    messages: list[Message] = field(default_factory=list)
    _requests: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        listed = Route("/messages", self._list, methods=["GET"])
        return Starlette(routes=[listed, Route("/messages", self._post, methods=["POST"])])

    async def _list(self, request: Request) -> Response:
        reference = request.query_params.get("reference")
        if reference is None:
            return JSONResponse([asdict(message) for message in self.messages])
        if self.blind:
            return JSONResponse({"error": "references are not kept here"}, 404)
        return JSONResponse([asdict(m) for m in self.messages if m.reference == reference])

    async def _post(self, request: Request) -> Response:
        data = orjson.loads(await request.body())
        with self._lock:
            fault = self.fault(self._requests)
            self._requests += 1
        if fault in ("fail-before", "cut-before", "busy"):
            return _failure(fault)
        if data["to"] in self.rejects:
            return JSONResponse({"error": "this number cannot be reached"}, 422)
        if data["to"] in self.stopped:
            return JSONResponse({"error": "the recipient texted STOP", "code": "recipient-stopped"}, 403)
        message = self._take(data)
        if fault == "slow":
            await asyncio.sleep(self.slow_seconds)
        if fault in ("fail-after", "cut-after"):
            return _failure(fault)
        if self.callback:
            threading.Thread(target=self._call_back, args=(message,), daemon=True).start()
        return JSONResponse({"id": message.id, "status": message.status}, 202)

    def _take(self, data: dict[str, str]) -> Message:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._lock:
            number = len(self.messages) + 1
            message = Message(f"m{number:06d}", data["to"], data["body"], data.get("reference", ""), at)
            self.messages.append(message)
            if self.file:
                with self.file.open("ab") as file:
                    file.write(orjson.dumps(message) + b"\n")
        return message

    def _call_back(self, message: Message) -> None:
        body = orjson.dumps({"id": message.id, "reference": message.reference, "status": "delivered"})
        headers = {HEADER: sign(self.secret, body, datetime.now(UTC)), "Content-Type": "application/json"}
        request = urllib.request.Request(self.callback, body, headers)  # noqa: S310 - the caller's own URL
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310

    @contextmanager
    def running(self, *, port: int = 0) -> Iterator[str]:
        """Serve on 127.0.0.1 in a thread; yield the base URL."""
        with serving(self.app, port=port) as origin:
            yield origin


def _failure(fault: Fault) -> Response:
    if fault == "busy":
        return JSONResponse({"error": "too many requests"}, 429)
    if fault.startswith("fail"):
        return JSONResponse({"error": "the gateway failed"}, 500)

    async def broken() -> AsyncIterator[bytes]:
        yield b"{"
        raise ConnectionResetError  # promised more than was sent: the server drops the connection

    return StreamingResponse(broken(), 202, {"Content-Length": "100", "Content-Type": "application/json"})


def main() -> None:
    """Serve until Ctrl-C: ``python -m chartside.messaging.gateway [--port 8025] [--file messages.jsonl]``."""
    import argparse

    parser = argparse.ArgumentParser(description="A local SMS gateway for trials. GET /messages is its log.")
    parser.add_argument("--port", type=int, default=8025)
    parser.add_argument("--file", type=Path, help="also write each message to this file, one JSON line each")
    options = parser.parse_args()
    app = Gateway(file=options.file).app
    uvicorn.run(app, host="127.0.0.1", port=options.port, access_log=False)


if __name__ == "__main__":
    main()
