"""Whatever a server sends, the client gives an answer or one of its own errors, and goes nowhere (S-13, S-14, H-4)."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import tracemalloc

import httpx
import pytest
from tests.fhir.conftest import FAST, Reply

from chartside import errors
from chartside.fhir import Budget, Create, FhirClient, Limits
from chartside.fhir.answers import retry_after
from chartside.fhir.bundle import if_match
from chartside.fhir.limits import Body, LimitBroken
from chartside.fhir.paths import parse_location
from chartside.smart import discover
from chartside.smart.backend import BackendTokens
from chartside.smart.keys import KeyStore

PATIENT = b'{"resourceType":"Patient","id":"1"}'
TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}
SMALL = Limits(wire_bytes=100_000, body_bytes=100_000, read_timeout=5.0, exchange_seconds=5.0)


def head(*lines: str, body: bytes = PATIENT) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode("latin-1") + body


def sized(*lines: str, body: bytes = PATIENT) -> bytes:
    return head(*lines, f"Content-Length: {len(body)}", body=body)


CHUNKED = "Transfer-Encoding: chunked"
RAW = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/0.9": PATIENT,
    "no status": b"HTTP/1.1\r\n\r\n",
    "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "status 999": b"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n",
    "only an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "a line too long": head("X: " + "x" * 100_000),
    "too many headers": head(*["X: y"] * 200),
    "a length that is too large": head("Content-Length: 99999", body=PATIENT),
    "a length beyond all limits": head(f"Content-Length: {'9' * 5000}"),
    "two lengths": head("Content-Length: 5", "Content-Length: 35"),
    "a chunk of no size": head(CHUNKED, body=b"xyz\r\n{}"),
    "a chunk of a negative size": head(CHUNKED, body=b"-5\r\n{}\r\n0\r\n\r\n"),
    "a chunk of all memory": head(CHUNKED, body=b"ffffffffffffffff\r\n{}"),
    "chunks that break off": head(CHUNKED, body=b"2\r\n{}\r\n"),
    "gzip of gzip": sized("Content-Encoding: gzip, gzip", body=gzip.compress(gzip.compress(PATIENT))),
    "an unknown encoding": sized("Content-Encoding: br"),
    "bytes after the compression": sized(
        "Content-Encoding: gzip", body=gzip.compress(PATIENT) + b"x" * 70_000
    ),
    "UTF-16": sized(body=PATIENT.decode().encode("utf-16")),
    "a byte order mark": sized(body=b"\xef\xbb\xbf" + PATIENT),
    "no UTF-8": sized(body=b'{"resourceType":"Patient","id":"\xff"}'),
    "NaN": sized(body=b'{"resourceType":"Patient","id":"1","x":NaN}'),
    "a number without end": sized(body=b'{"resourceType":"Patient","id":"1","x":' + b"9" * 5000 + b"}"),
    "half a surrogate": sized(body=b'{"resourceType":"Patient","id":"1","x":"\\ud800"}'),
    "another one's id, second": sized(body=b'{"resourceType":"Patient","id":"1","id":"2"}'),
    "a type that is no text": sized(body=b'{"resourceType":["Patient"],"id":"1"}'),
    "HTML that says it is FHIR": sized("Content-Type: application/fhir+json", body=b"<html>{}</html>"),
    "a redirect to nowhere": b"HTTP/1.1 302 Found\r\nLocation: https://[\r\nContent-Length: 0\r\n\r\n",
    "a redirect to a file": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "a redirect without an aim": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "a wait beyond all time": b"HTTP/1.1 429 Slow\r\nRetry-After: "
    + b"9" * 400
    + b"\r\nContent-Length: 0\r\n\r\n",
    "a wait until a year that is none": (
        b"HTTP/1.1 503 X\r\nRetry-After: Tue, 15 Nov 99999999999999999999 08:12:31 GMT\r\nContent-Length: 0\r\n\r\n"
    ),
}


READ = {
    "a length in superscript": head("Content-Length: \u00b2"),
    "a negative length": head("Content-Length: -1"),
    "no length": head(),
    "a header that is none": sized("no colon here", "Content-Type: x"),
    "an odd charset": sized("Content-Type: application/json; charset=ebcdic"),
}


@pytest.fixture(scope="module")
def raw_server():
    """Answers each connection's request by these bytes, and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))
    answers = [b""]

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                try:
                    peer.recv(65536)
                    peer.sendall(answers[0])
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(65536):
                        pass
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/fhir", answers
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_no_good_answer(raw_server, name):
    """S-14, H-4: a typed error for each; none is taken for the client that was asked for."""
    url, answers = raw_server
    answers[0] = RAW[name]
    budget = Budget(100_000, 1000)
    with (
        FhirClient(url, limits=SMALL, retries=FAST, budget=budget) as client,
        pytest.raises(errors.FhirError) as told,
    ):
        client.read("Patient", "1")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", READ)
def test_bytes_that_are_odd_and_can_be_read(raw_server, name):
    url, answers = raw_server
    answers[0] = READ[name]
    with FhirClient(url, limits=SMALL, retries=FAST) as client:
        assert client.read("Patient", "1")["id"] == "1"


@pytest.mark.parametrize(
    "kind", ["text/html", "application/xml", "image/png", "", "nonsense; ;=", "text/csv"]
)
def test_the_content_type_is_not_what_decides(server, client, kind):
    """Seen in the field: FHIR as text/html. What is in it is looked at, whatever is written above it."""
    server.reply(200, PATIENT, Content_Type=kind)
    assert client.read("Patient", "1")["id"] == "1"


URLS = [
    "https://[",
    "//[x/Task/1",
    "https://ehr.example.org:99999/Task/1",
    "\\\\x\\Task",
    "//[::1]\u00e9/Task/1",
]


@pytest.mark.parametrize("url", URLS)
def test_an_address_that_is_none(server, client, url):
    """Wherever a server writes it: in Location, in a row of a batch, in a reference, in a next link."""
    assert parse_location(url) in (("", "", ""), ("Task", "1", ""))
    server.reply(201, b"", Location=url.encode().decode("latin-1"))
    row = {"response": {"status": "201 Created", "location": url}}
    server.reply(200, {"resourceType": "Bundle", "entry": [row]})
    link = {"relation": "next", "url": url}
    server.reply(200, {"resourceType": "Bundle", "type": "searchset", "link": [link]})
    for ask in (lambda: client.create(TASK), lambda: list(client.search("Task"))):
        try:
            ask()
        except errors.FhirError:
            continue
    server.script = [server.script[-1]]
    with pytest.raises(errors.OriginRefused):
        list(client.search("Task"))
    assert client.local(f"{server.url}//{url}") == ""


@pytest.mark.parametrize("status", ["\u00b2\u00b2\u00b2", "99", "2", " 200", "-20", "2e2"])
def test_a_status_of_a_row_that_is_none(server, client, status):
    """Digits that ``int`` does not read."""
    row = {"response": {"status": status}}
    server.reply(200, {"resourceType": "Bundle", "entry": [row]})
    [result] = client.batch([Create(TASK, "identifier=a|b")])
    assert isinstance(result.error, errors.InvalidAnswer)


@pytest.mark.parametrize("version", ['1"', "1\r\nX-Evil: 1", "\u00e9", "1 2", "x" * 300, ""])
def test_a_version_that_no_header_holds(server, client, version):
    """S-20, S-19: a version comes from the server and goes into a header."""
    with pytest.raises(errors.InputError):
        if_match(version)
    if version:
        with pytest.raises(errors.InputError):
            client.update({**TASK, "id": "1", "meta": {"versionId": version}})
        with pytest.raises(errors.InputError):
            client.update_where(TASK, "identifier=a|b", version=version)
    assert server.seen == []


def test_what_follows_the_compression_costs_nothing():
    """S-14: zlib copies all that follows with each piece that comes: minutes for 32 MB in small pieces."""
    body = Body(Limits(), "gzip")
    body.feed(gzip.compress(PATIENT))
    with pytest.raises(LimitBroken, match="after the end"):
        body.feed(b"x")


def test_a_body_in_tiny_pieces_takes_no_more_than_its_bytes():
    """S-14: two bytes a chunk are twenty times as much where each is an object of its own."""
    body = Body(Limits(), "")
    tracemalloc.start()
    for _ in range(2_000):
        body.feed(bytes(2))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(body.read()) == 4_000
    assert peak < 40_000


@pytest.mark.parametrize("value", ["Tue, 15 Nov 2026 08:12:31 +99999999999999", "\u00b2", "1e5", "-5", "."])
def test_a_wait_that_is_none(clock, value):
    assert retry_after(value, clock.now()) is None


# --- authorisation ---------------------------------------------------------------------------------


@pytest.fixture
def tokens(server, tmp_path, clock):
    """``tokens(answer)``: of a server whose token endpoint answers so."""
    keys = KeyStore(tmp_path / "keys", clock)
    keys.generate("ES384")

    def make(answer):
        place = {"token_endpoint": f"{server.origin}/token", "capabilities": ["permission-v2"]}
        server.script = [lambda seen: answer if seen.path == "/token" else Reply(200, place)]
        return BackendTokens(server.url, "us", keys, {"Patient": "rs"}, clock=clock, sleep=lambda _: None)

    return make


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, {"access_token": "t" * 40_000}),
        Reply(200, b'{"access_token":"t","expires_in":NaN}'),
        Reply(200, b'{"access_token":' + b"[" * 5000 + b"]" * 5000 + b"}"),
        Reply(200, b"x" * 5_000_000),
        Reply(302, b"", {"Location": "https://evil.example/token"}),
        Reply(
            400,
            {"error": "invalid_\u202eclient\r\n"},
            {"Date": "Tue, 15 Nov 99999999999999999999 08:12:31 GMT"},
        ),
        Reply(401, {"error": ["x"]}, {"Date": "Tue, 24 Nov 2026 15:00:00 +99999999999999"}),
    ],
    ids=["long", "NaN", "deep", "5 MB", "redirect", "code", "date"],
)
def test_a_token_answer_that_is_none(tokens, answer):
    """S-3, S-14: one of our errors, in one line, with nothing of the server's words."""
    with pytest.raises((errors.SmartError, errors.FhirError)) as told:
        tokens(answer).token()
    assert "\u202e" not in str(told.value)
    assert "evil" not in str(told.value)


def test_a_life_as_long_as_a_number_can_be(tokens):
    """A lifetime is believed up to a day."""
    assert tokens(Reply(200, {"access_token": "t", "expires_in": "9" * 400})).token() == "t"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:6379/", "https://localhost/token", "https://[::1]/t"])
@pytest.mark.parametrize("place", [".well-known/smart-configuration", "metadata"])
def test_a_server_out_there_does_not_send_us_to_this_machine(respx_requests, endpoint, place):
    """S-13: a signed assertion, posted to whatever listens here."""
    base = "https://ehr.example.org/fhir"
    uris = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    extension = {"url": uris, "extension": [{"url": "token", "valueUri": endpoint}]}
    statement = {"rest": [{"mode": "server", "security": {"extension": [extension]}}]}
    documents = {".well-known/smart-configuration": {"token_endpoint": endpoint}, "metadata": statement}
    for path in documents:
        answer = (
            httpx.Response(200, content=json.dumps(documents[path])) if path == place else httpx.Response(404)
        )
        respx_requests.get(f"{base}/{path}").return_value = answer
    with pytest.raises(errors.SmartError, match="on this machine"):
        discover(base)
