"""S-14: the whole of an exchange has a limit, however a server doles out its headers and its body."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from urllib3 import Timeout

from chartside.errors import LimitExceeded, OutcomeUnknown
from chartside.fhir import FhirClient, Limits
from chartside.fhir.session import new_session
from chartside.messaging import web as messaging
from chartside.network import Session
from chartside.smart import web as smart

SHORT = 0.1
"""Seconds. A test that fails waits for ``LONG``."""
LONG = 10.0
OK = b"HTTP/1.1 200 OK\r\n"
WHOLE = OK + b"Content-Length: 2\r\n\r\n{}"
DRIPS = {
    "a head without end": (OK, b"x: y\r\n"),
    "a line without end": (OK + b"x: ", b"y"),
    "interim answers without end": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body without end": (OK + b"\r\n", b" "),
    "a size of a chunk without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
}


@contextlib.contextmanager
def dripping(first: bytes, drops: bytes) -> Iterator[str]:
    """A server that answers ``first``, and then these drops again and again, each within any limit of a read."""
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(first)
                until = time.monotonic() + LONG
                for drop in itertools.cycle(drops):
                    if done.wait(0.005) or time.monotonic() > until:
                        return
                    peer.sendall(bytes([drop]))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        done.set()
        listener.close()


@pytest.mark.parametrize("name", DRIPS)
def test_a_fhir_server_that_drips(name: str) -> None:
    limits = Limits(exchange_seconds=SHORT)
    with (
        dripping(*DRIPS[name]) as url,
        FhirClient(url, limits=limits) as client,
        pytest.raises(LimitExceeded, match="more time than allowed"),
    ):
        client.read("Patient", "1")


def test_an_authorisation_server_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is waited for by all threads of a practice."""
    monkeypatch.setattr(smart, "LIMITS", replace(smart.LIMITS, exchange_seconds=SHORT))
    with dripping(*DRIPS["a head without end"]) as url, pytest.raises(LimitExceeded, match="more time"):
        smart.exchange(new_session(pool=1, user_agent="x"), "POST", url, what="token")


def test_a_gateway_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """R-10: the message may have been sent."""
    monkeypatch.setattr(messaging, "PATIENCE", SHORT)
    with dripping(*DRIPS["a head without end"]) as url, pytest.raises(OutcomeUnknown):
        messaging.exchange(Session(), "POST", url, timeout=LONG)


class Peer:
    """One connection, answered twice: the second answer comes on the same one."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.context, self.connections = context, 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self.listener.accept()
                self.connections += 1
                peer = self.context.wrap_socket(plain, server_side=True) if self.context else plain
                while peer.recv(65536):
                    peer.sendall(WHOLE)


@pytest.fixture
def encrypted(tmp_path: Path) -> ssl.SSLContext:
    """For a server; its certificate is its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime(2020, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + timedelta(hours=1))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "server.pem"
    path.write_bytes(pem + made.sign(key, SHA256()).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_is_used_again_and_its_time_out_stays(scheme: str, encrypted: ssl.SSLContext) -> None:
    """The rest of one exchange's time is not the next one's."""
    peer, session = Peer(encrypted if scheme == "https" else None), Session()
    for total in (LONG, LONG / 2, None):  # below the read's time-out, so that the socket's own is changed
        timeout: Any = Timeout(total=total, connect=LONG, read=LONG * 2)
        url = f"{scheme}://127.0.0.1:{peer.port}"
        assert session.get(url, timeout=timeout, verify=False).json() == {}
    assert peer.connections == 1
    peer.listener.close()


@pytest.mark.parametrize(
    "location", ["https://[", "file:///etc/passwd", "http://127.0.0.1:9/", "\xff", ""], ids=repr
)
def test_a_redirect_is_an_answer_and_its_body_is_not_read(location: str) -> None:
    """S-13, S-14: requests reads it whole, though it is not to follow: a bomb would unpack in memory."""
    first = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode("latin-1")
    with (
        dripping(first, b"x") as url,
        Session() as session,
        session.get(url, timeout=LONG, stream=True) as answer,
    ):
        assert answer.status_code == 302


def test_nothing_of_the_environment_is_heeded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """S-4: no proxy, no .netrc in place of the token; and no cookie goes from one answer into the next request."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    baked = OK + b"Set-Cookie: a=b; Path=/\r\nContent-Length: 2\r\n\r\n{}"
    with dripping(baked, b" ") as url, Session() as session:
        sent = session.get(url, timeout=LONG, headers={"Authorization": "Bearer t"}).request
        assert sent.headers["Authorization"] == "Bearer t"
        assert not session.cookies


def test_headers_that_cannot_be_read_put_no_url_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """S-8: urllib3 warns of them with the whole URL, and the query may hold a name."""
    caplog.set_level(logging.DEBUG)
    odd = OK + b"Content-Length: 2\r\nno colon here\r\nx: y\r\n\r\n{}"
    with dripping(odd, b" ") as url, new_session(pool=1, user_agent="x") as session:
        session.get(f"{url}/Patient?family=Zebediah", timeout=LONG)
    assert "Zebediah" not in caplog.text
