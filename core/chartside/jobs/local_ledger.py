"""The ledger's last rung, for an EHR that is read-only by API and a practice without a companion server.

A SQLite file that holds, for each effect, an HMAC of its key, a state, a claim token and a time: nothing that
names a client or a visit, and nothing that can be computed back without the key, which stands outside the
data folder. The guarantees are those of ``Ledger``, for all workers that share the file.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chartside.clock import Clock
from chartside.jobs.ledger import Claim, Effect, Ledger, Result, State

_SCHEMA = """
CREATE TABLE IF NOT EXISTS effect (
    mac TEXT PRIMARY KEY, state TEXT NOT NULL, worker TEXT NOT NULL, until REAL NOT NULL,
    since REAL NOT NULL, reason TEXT NOT NULL DEFAULT '', recipient TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID
"""


class LocalLedger(Ledger):
    """``path``: the SQLite file; ``key``: at least 32 secret bytes; ``worker``: unique to this process's run."""

    home = "local opaque ledger (HMACs, states and times; no PHI)"

    def __init__(self, path: Path, key: bytes, *, worker: str, clock: Clock, lease: timedelta) -> None:
        if len(key) < 32:
            raise ValueError("the ledger's key is too short")
        self._key, self._worker, self._clock, self._lease = key, worker, clock, lease
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # a claim must survive the power cut, or it is none
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def claim(self, effects: Sequence[Effect]) -> list[Claim]:
        """See Ledger."""
        with self._transaction():
            return [self._claim(effect) for effect in effects]

    def begin(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger."""
        with self._transaction():
            return [self._move(claim, State.CLAIMED, State.BEGUN) for claim in claims]

    def reopen(self, claims: Sequence[Claim]) -> list[Claim]:
        """See Ledger."""
        with self._transaction():
            return [self._reopen(claim) for claim in claims]

    def finish(self, results: Sequence[Result]) -> list[Claim]:
        """See Ledger."""
        with self._transaction():
            return [self._finish(result) for result in results]

    def release(self, claims: Sequence[Claim]) -> None:
        """See Ledger."""
        with self._transaction():
            self._db.executemany(
                "DELETE FROM effect WHERE mac=? AND worker=? AND state IN (?,?)",
                [(self._mac(c.effect.key), self._worker, State.CLAIMED, State.BEGUN) for c in claims],
            )

    def recent(self, recipients: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
        """See Ledger."""
        found: dict[str, list[datetime]] = {}
        for name in set(recipients):
            with self._lock:
                rows = self._db.execute(
                    "SELECT since FROM effect WHERE recipient=? AND since>=? AND state IN (?,?)",
                    (self._mac(name), since.timestamp(), State.BEGUN, State.DONE),
                ).fetchall()
            found[name] = [_time(at) for (at,) in rows]
        return found

    def undecided(self) -> Iterator[Claim]:
        """See Ledger. The effects' keys are hidden here, so each comes with an empty resource."""
        with self._lock:
            rows = self._db.execute(
                "SELECT mac, since FROM effect WHERE state=? AND until<=?", (State.BEGUN, self._now())
            ).fetchall()
        for mac, since in rows:
            yield Claim(Effect(mac, {}), State.UNDECIDED, "local", since=_time(since))

    def _claim(self, effect: Effect) -> Claim:
        mac, now = self._mac(effect.key), self._now()
        row = self._db.execute(
            "SELECT state, worker, until, since FROM effect WHERE mac=?", (mac,)
        ).fetchone()
        if row is None or (row[0] == State.CLAIMED and (row[1] == self._worker or row[2] <= now)):
            self._write(effect, State.CLAIMED)
            return Claim(effect, State.CLAIMED, "local", since=_time(now))
        return Claim(effect, self._seen(*row[:3]), "local", since=_time(row[3]))

    def _seen(self, state: str, worker: str, until: float) -> State:
        if state in (State.DONE, State.NOT_DONE):
            return State(state)
        if worker == self._worker and state == State.BEGUN:
            return State.BEGUN
        return State.UNDECIDED if state == State.BEGUN and until <= self._now() else State.HELD

    def _move(self, claim: Claim, old: State, new: State) -> Claim:
        """Ours in state ``old`` becomes ``new``; anybody else's stays as it is found."""
        mac = self._mac(claim.effect.key)
        row = self._db.execute("SELECT state, worker, until FROM effect WHERE mac=?", (mac,)).fetchone()
        if row is None:
            return replace(claim, state=State.HELD)
        if row[0] == old and row[1] == self._worker:
            self._write(claim.effect, new)
            return replace(claim, state=new)
        return replace(claim, state=self._seen(*row))

    def _reopen(self, claim: Claim) -> Claim:
        mac = self._mac(claim.effect.key)
        row = self._db.execute("SELECT state, worker, until FROM effect WHERE mac=?", (mac,)).fetchone()
        if row is None or self._seen(*row) is not State.UNDECIDED:
            return replace(claim, state=State.HELD if row is None else self._seen(*row))
        self._write(claim.effect, State.BEGUN)
        return replace(claim, state=State.BEGUN)

    def _finish(self, result: Result) -> Claim:
        state = State.DONE if result.done else State.NOT_DONE
        self._write(result.claim.effect, state, result.reason)
        return replace(result.claim, state=state)

    def _write(self, effect: Effect, state: State, reason: str = "") -> None:
        now, recipient = self._now(), self._mac(effect.recipient) if effect.recipient else ""
        until = now + self._lease.total_seconds()
        row = (self._mac(effect.key), state, self._worker, until, now, reason, recipient)
        self._db.execute("INSERT OR REPLACE INTO effect VALUES (?,?,?,?,?,?,?)", row)

    def _mac(self, key: str) -> str:
        return hmac.new(self._key, key.encode(), hashlib.sha256).hexdigest()

    def _now(self) -> float:
        return self._clock.now().timestamp()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
