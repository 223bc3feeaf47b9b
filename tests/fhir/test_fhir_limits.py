"""S-14: bombs of every kind end in LimitExceeded, early, and with little memory."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import tracemalloc
import zlib

import pytest
from tests.fhir.conftest import FAST, Reply, bundle

from chartside import errors
from chartside.fhir import Budget, FhirClient, Limits
from chartside.fhir.limits import LimitBroken, check_depth, parse

SMALL = Limits(wire_bytes=200_000, body_bytes=2_000_000, ratio=100, depth=20, pages=5, exchange_seconds=1.0)
PATIENT = {"resourceType": "Patient", "id": "1"}


@pytest.fixture
def wary(server):
    with FhirClient(server.url, limits=SMALL, retries=FAST, budget=Budget(100_000, 1000)) as made:
        yield made


def padded(size: int) -> bytes:
    return json.dumps({**PATIENT, "text": {"div": "x" * size}}).encode()


def test_too_many_bytes_declared(server, wary):
    """S-14: refused by the header, before the body."""
    server.reply(200, padded(300_000))
    with pytest.raises(errors.LimitExceeded):
        wary.read("Patient", "1")


def test_too_many_bytes_undeclared():
    """S-14: an endless chunked answer is cut off."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                peer.sendall(b"2000\r\n" + b" " * 0x2000 + b"\r\n")
        except OSError:
            peer.close()

    threading.Thread(target=serve, daemon=True).start()
    client = FhirClient(f"http://127.0.0.1:{listener.getsockname()[1]}", limits=SMALL, retries=FAST)
    with pytest.raises(errors.LimitExceeded, match="more bytes"):
        client.read("Patient", "1")
    listener.close()


def test_a_slow_drip_is_ended_by_the_total_time():
    """S-14: each read is in time, the whole is not."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        try:
            while not done.wait(0.02):
                peer.sendall(b" ")
        except OSError:
            pass
        peer.close()

    threading.Thread(target=serve, daemon=True).start()
    limits = Limits(exchange_seconds=0.2)
    client = FhirClient(f"http://127.0.0.1:{listener.getsockname()[1]}", limits=limits, retries=FAST)
    with pytest.raises(errors.LimitExceeded, match="time"):
        client.read("Patient", "1")
    done.set()
    listener.close()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compression_bomb_is_not_unpacked(server, wary, encoding):
    """S-14: 100 MB in 100 kB; memory stays far below it."""
    packed = (gzip if encoding == "gzip" else zlib).compress(padded(100_000_000))
    server.reply(200, packed, Content_Encoding=encoding)
    tracemalloc.start()
    with pytest.raises(errors.LimitExceeded, match="compressed"):
        wary.read("Patient", "1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_the_ratio_alone_is_enough(server, client):
    """S-14: below the byte limits, but denser than any chart."""
    server.reply(200, gzip.compress(padded(20_000_000)), Content_Encoding="gzip")
    with pytest.raises(errors.LimitExceeded, match="densely"):
        client.read("Patient", "1")


def test_honest_compression_is_read(server, client):
    server.reply(200, gzip.compress(padded(500_000)), Content_Encoding="gzip")
    assert client.read("Patient", "1")["id"] == "1"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(gzip.compress(padded(1000))[:-20], "gzip"), (b"no gzip", "gzip"), (padded(10), "br")],
    ids=["cut", "broken", "not asked for"],
)
def test_compression_that_cannot_be_trusted(server, client, content, encoding):
    server.reply(200, content, Content_Encoding=encoding)
    with pytest.raises(errors.LimitExceeded):
        client.read("Patient", "1")


@pytest.mark.parametrize("nest", [lambda n: b"[" * n + b"]" * n, lambda n: b'{"a":' * n + b"1" + b"}" * n])
@pytest.mark.parametrize("depth", [21, 500, 2000, 100_000])
def test_deep_json(server, wary, nest, depth):
    """S-14: deeper than allowed, deeper than the parser's own limit, deep enough for a stack overflow."""
    server.reply(200, b'{"resourceType":"Patient","x":' + nest(depth) + b"}")
    with pytest.raises((errors.LimitExceeded, errors.InvalidAnswer)):
        wary.read("Patient", "1")


def test_the_depth_is_exact_and_strings_do_not_count():
    flat = {"a": "[[[[{{{{" * 100, "b": [{"c": [1]}]}
    assert parse(json.dumps(flat).encode(), 4) == flat
    with pytest.raises(LimitBroken):
        parse(json.dumps(flat).encode(), 3)
    check_depth([[[]]], 3)
    with pytest.raises(LimitBroken):
        check_depth([[[]]], 2)


def test_pages_without_end(server, wary):
    """S-14: always another next link."""
    server.script = [lambda seen: Reply(200, bundle(PATIENT, next=f"?page={len(server.seen)}"))]
    with pytest.raises(errors.LimitExceeded, match="pages"):
        list(wary.search("Patient"))
    assert len(server.seen) == SMALL.pages


@pytest.mark.parametrize("cycle", [1, 2, 3])
def test_pages_in_a_circle(server, client, cycle):
    """S-14: a next link that was followed already."""
    server.script = [lambda seen: Reply(200, bundle(PATIENT, next=f"?page={len(server.seen) % cycle}"))]
    with pytest.raises(errors.LimitExceeded, match="circle"):
        list(client.search("Patient"))
    assert len(server.seen) <= cycle + 2


def test_a_search_ends_when_its_time_is_over(server):
    """S-14: only the server's time counts, not the reader's."""
    limits = Limits(search_seconds=-1.0)
    client = FhirClient(server.url, limits=limits, retries=FAST)
    server.reply(200, bundle(PATIENT))
    with pytest.raises(errors.LimitExceeded, match="time"):
        list(client.search("Patient"))


def test_an_entry_list_as_long_as_the_bytes_allow_is_set_aside_without_growing(server, client):
    """S-14: a hundred thousand entries that are nothing keep a thousand notes and a count."""
    server.reply(200, {"resourceType": "Bundle", "type": "searchset", "entry": [None] * 100_000})
    search = client.search("Patient")
    assert list(search) == []
    assert search.set_aside_count == 100_000
    assert len(search.set_aside) == 1000
