"""Signatures of webhooks: HMAC-SHA256 over time and body, a time window, a replay store (S-12, R-18)."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

from chartside.errors import InputError

HEADER = "X-Chartside-Signature"
WINDOW = timedelta(minutes=5)


def sign(secret: bytes, body: bytes, at: datetime) -> str:
    """The header's value: ``t=<seconds since 1970>,v1=<hex>``."""
    seconds = str(int(at.timestamp()))
    return f"t={seconds},v1={_mac(secret, seconds, body)}"


def _mac(secret: bytes, seconds: str, body: bytes) -> str:
    if not secret:
        raise ValueError("an empty secret would let everyone in")
    return hmac.new(secret, seconds.encode() + b"." + body, hashlib.sha256).hexdigest()


class Verifier:
    """Checks signatures; each is good once. Memory holds only those of the last window."""

    def __init__(self, secret: bytes, window: timedelta = WINDOW) -> None:
        """Raise ValueError for an empty secret."""
        _mac(secret, "0", b"")
        self._secret, self._window = secret, window.total_seconds()
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def check(self, header: str, body: bytes, now: datetime) -> None:
        """Raise InputError unless the body was signed with the secret, lately, and never came before."""
        parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
        seconds, given = parts.get("t", ""), parts.get("v1", "")
        right = hmac.compare_digest(_mac(self._secret, seconds, body).encode(), given.encode())
        if not right or not seconds.isdecimal():
            raise InputError("the webhook's signature is wrong")
        if abs(now.timestamp() - int(seconds)) > self._window:
            raise InputError("the webhook is too old, or a clock is wrong")
        self._once(given, now.timestamp())

    def _once(self, mac: str, now: float) -> None:
        with self._lock:
            while self._seen and next(iter(self._seen.values())) < now - 2 * self._window:
                self._seen.popitem(last=False)
            if mac in self._seen:
                raise InputError("the webhook came before")
            self._seen[mac] = now
