"""Politeness towards one practice's server: a rate budget and a circuit breaker, never shared between practices."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from chartside.errors import CircuitOpen, RateLimited


class Budget:
    """At most ``rate`` requests a second on average, ``burst`` at once (generic cell rate algorithm)."""

    def __init__(
        self,
        rate: float = 20.0,
        burst: int = 20,
        *,
        longest_wait: float = 60.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._step, self._slack, self._longest = 1 / rate, (burst - 1) / rate, longest_wait
        self._monotonic, self._sleep = monotonic, sleep
        self._full_at = 0.0
        self._lock = threading.Lock()

    def take(self) -> None:
        """Wait for a place. Raises RateLimited where that would take longer than the longest wait."""
        with self._lock:
            now = self._monotonic()
            start = max(self._full_at, now)
            wait = start - self._slack - now
            if wait > self._longest:
                raise RateLimited("the practice's own rate budget is used up", retry_after=wait)
            self._full_at = start + self._step
        if wait > 0:
            self._sleep(wait)

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long: the server asked for it (429 with Retry-After)."""
        with self._lock:
            self._full_at = max(self._full_at, self._monotonic() + seconds + self._slack)


class Breaker:
    """Opens after ``threshold`` exchanges in a row that failed for good; then one probe every ``cooldown`` seconds."""

    def __init__(
        self,
        threshold: int = 5,
        cooldown: float = 30.0,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold, self._cooldown, self._monotonic = threshold, cooldown, monotonic
        self._failures, self._probe_at = 0, 0.0
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Raises CircuitOpen where nothing may be sent now."""
        with self._lock:
            if self._failures < self._threshold:
                return
            wait = self._probe_at - self._monotonic()
            if wait > 0:
                raise CircuitOpen("the server failed again and again; nothing was sent", retry_after=wait)
            self._probe_at = self._monotonic() + self._cooldown  # this one is the probe

    def succeed(self) -> None:
        """The server answered sensibly."""
        with self._lock:
            self._failures = 0

    def fail(self) -> None:
        """An exchange ended in no answer or a 5xx, all repetitions included."""
        with self._lock:
            self._failures += 1
            if self._failures >= self._threshold:
                self._probe_at = self._monotonic() + self._cooldown
