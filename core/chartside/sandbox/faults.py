"""Faults on demand: what real servers were seen to do, done here when asked.

::

    faults = Faults(rate=0.1, kinds=["429", "500-before", "500-after", "cut-after", "slow"], seed=1)
    faults.add("412", method="PUT", path=r"/Communication/", nth=2)
    sandbox = Sandbox(faults=faults)

``-before`` and ``-after`` speak of the write: ``500-after`` has done it and denies it.
"""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, get_args

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chartside.sandbox import mutations
from chartside.sandbox.outcome import outcome_bytes

Kind = Literal[
    "401",
    "403",
    "403-empty",
    "404-empty",
    "404-html",
    "410",
    "412",
    "429",
    "500-before",
    "500-after",
    "503",
    "html-error",
    "slow",
    "cut-before",
    "cut-after",
    "cut-body",
    "invalid-resource",
    "not-fhir",
    "broken-json",
    "next-elsewhere",
    "next-loop",
    "collection",
    "outcome-entry",
    "no-total",
    "version-1",
    "no-etag",
    "ignore-if-match",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))

_HTML = (
    b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Something went wrong</h1></body></html>"
)
_FHIR = b"application/fhir+json"

_INSTEAD: dict[str, tuple[int, bytes, bytes]] = {
    "401": (401, _FHIR, outcome_bytes("login", "the token is no longer good")),
    "403": (403, _FHIR, outcome_bytes("forbidden", "not allowed")),
    "403-empty": (403, b"", b""),
    "404-empty": (404, b"", b""),
    "404-html": (404, b"text/html; charset=utf-8", _HTML),
    "410": (410, _FHIR, outcome_bytes("deleted", "deleted")),
    "412": (412, _FHIR, outcome_bytes("conflict", "the resource has another version by now")),
    "429": (429, _FHIR, outcome_bytes("throttled", "too many requests")),
    "500-before": (500, _FHIR, outcome_bytes("exception", "the server failed")),
    "500-after": (500, _FHIR, outcome_bytes("exception", "the server failed")),
    "503": (503, _FHIR, outcome_bytes("transient", "the server is being updated")),
    "html-error": (502, b"text/html; charset=utf-8", _HTML),
}


@dataclass(slots=True)
class Rule:
    """Which requests a fault meets. ``path``: a regular expression searched in the path.

    ``nth``: only the n-th request that fits (from 1); 0: every one. ``times``: at most so many; 0: no limit.
    ``delay``: seconds, for ``slow``. ``retry_after``: seconds, for ``429`` and ``503``.
    """

    kind: str
    method: str = ""
    path: str = ""
    nth: int = 0
    times: int = 0
    delay: float = 2.0
    retry_after: int | None = 1
    met: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        """Refuse a kind that does not exist: a rule that never fires would make a test that cannot fail."""
        if self.kind not in KINDS:
            raise ValueError(f"no such fault: {self.kind}; there are {', '.join(sorted(KINDS))}")

    def meets(self, method: str, path: str) -> bool:
        """Whether this request is to fail; counts it."""
        if (self.method and self.method != method) or not re.search(self.path, path):
            return False
        self.met += 1
        if (self.nth and self.met != self.nth) or (self.times and self.done >= self.times):
            return False
        self.done += 1
        return True


@dataclass(slots=True)
class Faults:
    """Targeted rules, and a seeded share of all other requests under ``path``. ``injected`` counts what was done."""

    rate: float = 0.0
    kinds: Sequence[str] = ("429", "500-before", "500-after", "cut-before", "cut-after", "slow")
    seed: int = 0
    path: str = r"^/fhir/"
    delay: float = 0.2
    retry_after: int | None = 0
    rules: list[Rule] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    _random: random.Random = field(init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist."""
        for kind in self.kinds:
            Rule(kind)
        self._random = random.Random(self.seed)  # noqa: S311 - a reproducible nuisance, no secret

    def add(self, kind: Kind, **where: object) -> Rule:
        """Add a rule: ``method``, ``path``, ``nth``, ``times``, ``delay``, ``retry_after``."""
        rule = Rule(kind, **where)  # type: ignore[arg-type]
        with self._lock:
            self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Stop all faults; what was counted stays."""
        with self._lock:
            self.rules.clear()
            self.rate = 0.0

    def pick(self, method: str, path: str) -> list[Rule]:
        """Return the faults that this request meets."""
        with self._lock:
            found = [rule for rule in self.rules if rule.meets(method, path)]
            if not found and self.rate and re.search(self.path, path) and self._random.random() < self.rate:
                kind = self._random.choice(list(self.kinds))
                found = [Rule(kind, delay=self.delay, retry_after=self.retry_after)]
            self.injected.update(rule.kind for rule in found)
        return found


class FaultyApp:
    """An ASGI application that does faults in front of another.

    ``seen``: method, path and status of every request, whatever came of it; 0 where the connection was cut.
    """

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app, self.faults = app, faults
        self.seen: deque[tuple[str, str, int]] = deque(maxlen=200_000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, perhaps wrongly."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox"):
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send, self.seen)
        rules = {rule.kind: rule for rule in self.faults.pick(scope["method"], scope["path"])}
        if rules:
            with suppress(asyncio.CancelledError):  # the server ends while a slow answer waits
                await self._fail(rules, exchange)
        else:
            await self.app(scope, receive, exchange.send)

    async def _fail(self, rules: dict[str, Rule], exchange: _Exchange) -> None:
        if "slow" in rules:
            await asyncio.sleep(rules["slow"].delay)
        early = next((kind for kind in rules if kind in _INSTEAD and not kind.endswith("-after")), None)
        if "cut-before" in rules:
            await exchange.cut()
        elif early is not None:
            await _send_instead(early, rules[early], exchange.send)
        else:
            await self._fail_late(rules, exchange)

    async def _fail_late(self, rules: dict[str, Rule], exchange: _Exchange) -> None:
        scope = exchange.scope
        if "ignore-if-match" in rules:
            scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"if-match"]}
        messages: list[Message] = []
        await self.app(scope, exchange.receive, _keeper(messages))
        if "cut-after" in rules:
            await exchange.cut()
        elif "500-after" in rules:
            await _send_instead("500-after", rules["500-after"], exchange.send)
        else:
            await _send_changed(messages, list(rules), exchange)


class _Exchange:
    """One request and its answer. It is noted in ``seen`` before the client can know of the answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, seen: deque[tuple[str, str, int]]) -> None:
        self.scope, self.receive, self._send, self._seen = scope, receive, send, seen
        self._noted = False

    def note(self, status: int) -> None:
        """Note the status, once."""
        if not self._noted:
            self._seen.append((self.scope["method"], self.scope["path"], status))
            self._noted = True

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.note(message["status"])
        await self._send(message)

    async def cut(self) -> None:
        """Cut the connection. ASGI has no word for that, so this reaches for uvicorn's transport behind ``send``."""
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError("cutting a connection needs uvicorn")
        self.note(0)
        transport.abort()
        await asyncio.sleep(0.01)  # uvicorn learns of it, and does not complain that no answer was given


def _keeper(messages: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        messages.append(message)

    return keep


async def _send_instead(kind: str, rule: Rule, send: Send) -> None:
    status, content_type, body = _INSTEAD[kind]
    headers = [(b"content-length", str(len(body)).encode())]
    if content_type:
        headers.append((b"content-type", content_type))
    if kind in ("429", "503") and rule.retry_after is not None:
        headers.append((b"retry-after", str(rule.retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_changed(messages: list[Message], kinds: list[str], exchange: _Exchange) -> None:
    start = messages[0]
    body = b"".join(message.get("body", b"") for message in messages[1:])
    headers = [pair for pair in start["headers"] if pair[0] != b"content-length"]
    for kind in kinds:
        body, headers = mutations.change(kind, body, headers, exchange.scope["path"])
    headers.append((b"content-length", str(len(body)).encode()))
    if "cut-body" in kinds:
        exchange.note(0)
    await exchange.send({**start, "headers": headers})
    if "cut-body" in kinds:
        await exchange.send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0.05)  # let the first half leave before the connection goes
        await exchange.cut()
    else:
        await exchange.send({"type": "http.response.body", "body": body})
