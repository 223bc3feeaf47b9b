"""A server that answers by a script: for the exchanges that no honest server makes."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chartside.fhir import Budget, FhirClient, Retries
from chartside.sandbox import Options, Sandbox

FAST = Retries(first=0.0, most=0.0)


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up on purpose here."""


class Scripted:
    """``script``: replies in order, or functions of what was seen; the last one stays."""

    def __init__(self) -> None:
        self.script: list[Reply | Callable[[Seen], Reply]] = []
        self.seen: list[Seen] = []
        self.lock = threading.Lock()
        self.http = _Quiet(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.http.server_port}"
        self.url = f"{self.origin}/fhir"

    def fresh(self) -> Scripted:
        """Forget the last test."""
        self.script, self.seen = [], []
        return self

    def reply(self, status: int = 200, body: Any = None, **headers: str) -> None:
        self.script.append(Reply(status, body, {k.replace("_", "-"): v for k, v in headers.items()}))

    def answer(self, seen: Seen) -> Reply:
        with self.lock:
            self.seen.append(seen)
            step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return step(seen) if callable(step) else step

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = scripted.answer(Seen(self.command, self.path, dict(self.headers), body))
                if reply.cut:
                    self.close_connection = True
                    return
                self.send(reply)

            def send(self, reply: Reply) -> None:
                content = reply.body if isinstance(reply.body, bytes) else b""
                if isinstance(reply.body, dict | list):
                    content = json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        return Handler


@pytest.fixture(scope="session")
def _two_servers():
    made = [Scripted(), Scripted()]
    yield made
    for each in made:
        each.http.shutdown()
        each.http.server_close()


@pytest.fixture
def server(_two_servers):
    return _two_servers[0].fresh()


@pytest.fixture
def elsewhere(_two_servers):
    """Another origin: the same host, another port."""
    other = _two_servers[1].fresh()
    other.reply(200, {"resourceType": "Patient", "id": "stolen"})
    return other


@pytest.fixture
def nowhere():
    """A URL where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}/fhir"


@pytest.fixture
def client(server):
    with FhirClient(server.url, retries=FAST, budget=Budget(100_000, 1000)) as made:
        yield made


@pytest.fixture
def sandboxed():
    """``sandboxed(Options(...))`` gives a client of a sandbox that can do just that."""
    open_now: list[Any] = []

    def make(options: Options | None = None, **keywords: Any) -> FhirClient:
        running = Sandbox(options or Options()).running()
        url = running.__enter__()
        made = FhirClient(url, retries=FAST, budget=Budget(100_000, 1000), **keywords)
        open_now.extend([made, running])
        return made

    yield make
    for each in reversed(open_now):
        each.__exit__(None, None, None)


def bundle(*resources: dict[str, Any], next: str = "", **more: Any) -> dict[str, Any]:
    links = [{"relation": "next", "url": next}] if next else []
    return {"resourceType": "Bundle", "type": "searchset", "link": links, **more} | {
        "entry": [{"resource": r} for r in resources]
    }
