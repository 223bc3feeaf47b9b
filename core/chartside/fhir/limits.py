"""How much of a server's answer is believed: bytes, decompressed bytes, ratio, depth, pages, time (S-14).

The figures are generous for a therapy practice (a page of 200 Appointments with their Patients is under
1 MB) and far below what would hurt the host.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from urllib3 import Timeout

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_CHUNK = 64 * 1024
# A few kilobytes of repeated text may well shrink a thousandfold; only a big answer of that kind is a bomb.
_RATIO_FREE_BYTES = 1024 * 1024


class LimitBroken(ValueError):
    """A limit was passed; the text names the limit, never the content."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one client. Bytes are counted on the wire and after decompression; times in seconds."""

    wire_bytes: int = 32 * 1024 * 1024
    body_bytes: int = 64 * 1024 * 1024
    ratio: int = 200
    depth: int = 64
    pages: int = 1000
    exchange_seconds: float = 120.0
    search_seconds: float = 900.0
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    redirects: int = 3
    ids_per_search: int = 50
    batch_entries: int = 100
    parallel: int = 8

    def timeout(self) -> Any:  # a urllib3.Timeout, which types-requests does not know that requests takes
        """For one exchange through a session of ``chartside.fhir.session``, which keeps ``total``."""
        return Timeout(self.exchange_seconds, self.connect_timeout, self.read_timeout)


class Body:
    """Collects an answer's bytes, decompressing as they come and counting both sides."""

    def __init__(self, limits: Limits, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise LimitBroken("an encoding that was not asked for")
        self._limits, self._wire = limits, 0
        self._body = bytearray()  # a list of tiny pieces would take many times their bytes
        # 32: gzip or zlib by the header; 15: the largest window
        self._inflate = zlib.decompressobj(32 + 15) if encoding not in ("", "identity") else None

    def feed(self, chunk: bytes) -> None:
        """Take what came off the wire. Raises LimitBroken."""
        self._wire += len(chunk)
        if self._wire > self._limits.wire_bytes:
            raise LimitBroken("more bytes than allowed")
        for part in self._plain(chunk):
            self._body += part
            if len(self._body) > self._limits.body_bytes:
                raise LimitBroken("more decompressed bytes than allowed")
            if len(self._body) > max(_RATIO_FREE_BYTES, self._limits.ratio * self._wire):
                raise LimitBroken("compressed more densely than allowed")

    def _plain(self, chunk: bytes) -> Iterator[bytes]:
        if self._inflate is None:
            yield chunk
            return
        if self._inflate.eof:
            raise LimitBroken("more bytes after the end of the compression")
        try:
            while chunk:
                yield self._inflate.decompress(chunk, _CHUNK)
                chunk = self._inflate.unconsumed_tail
        except zlib.error:
            raise LimitBroken("broken compression") from None

    def read(self) -> bytes:
        """All of it. Raises LimitBroken where a compressed body was cut."""
        if self._inflate is not None and self._wire:
            self._body += self._inflate.flush()
            if not self._inflate.eof:
                raise LimitBroken("cut compression")
        return bytes(self._body)


def parse(body: bytes, depth: int) -> Any:
    """JSON of at most ``depth`` levels. Raises LimitBroken when deeper, ValueError when it is no JSON."""
    value = orjson.loads(body)  # stops at 1024 levels by itself
    if not _surely_shallow(body, depth):
        check_depth(value, depth)
    return value


def _surely_shallow(body: bytes, depth: int) -> bool:
    """Whether peeling empty brackets off empties the body in time: a walk at the speed of C.

    Each round removes at most two levels ("[{}]" at once), so ``depth // 2`` rounds prove the limit.
    Brackets inside strings may leave a rest; then the exact walk decides.
    """
    brackets = body.translate(None, _NOT_BRACKETS)
    for _ in range(depth // 2):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if not brackets:
            return True
    return False


def check_depth(value: Any, depth: int) -> None:
    """Raise LimitBroken when ``value`` is nested deeper than ``depth``. No recursion."""
    level = [value]
    for _ in range(depth):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise LimitBroken("nested more deeply than allowed")
