"""The local trail: append-only JSON lines, chained by hash, safe among threads and processes (S-9, S-10).

``append_many`` returns when the lines are on the disk (fsync) and the head is anchored; callers that come at
the same time share one write. A process killed in the middle leaves a torn last line at worst, which the
next append seals. ``verify`` finds what was edited, removed, moved or cut off.

What it cannot find, stated plainly: a change by somebody who also has the key; a trail that was replaced
together with its head by an older pair of both (compare the head with a copy kept elsewhere: ``verify(expect=...)``);
lines cut off that a killed process had written and not yet anchored, which nobody was told of either.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from chartside.audit.chain import SEAL, Head, Walk, link, parse
from chartside.audit.record import AuditRecord
from chartside.errors import AuditUnavailable

PATIENCE = 30.0
"""Seconds to wait for the other processes' writes."""

_LOOK = "run `chartside audit verify`; the old trail can be moved aside, with its .head file, for a new one to begin"


@dataclass(frozen=True, slots=True)
class Verification:
    """What ``verify`` found. ``unanchored``: good lines after the head, left by a killed process."""

    records: int
    sealed: int
    unanchored: int
    torn: bool
    problems: tuple[str, ...]
    trail: str
    head: str

    @property
    def ok(self) -> bool:
        """True when nothing was changed after it was written."""
        return not self.problems


class _Ticket:
    """One caller's records on their way through a shared write."""

    __slots__ = ("done", "error", "records")

    def __init__(self, records: Sequence[AuditRecord]) -> None:
        self.records, self.done = tuple(records), False
        self.error: AuditUnavailable | None = None


class Trail:
    """A trail at ``path``, its anchor at ``path.head``, its lock at ``path.lock``.

    ``key`` makes it an HMAC chain; keep the key outside of the trail's folder.
    """

    def __init__(self, path: Path, key: bytes = b"") -> None:
        """Nothing is opened or made before the first append."""
        self.path, self._key = path, key
        self._head_path = path.with_name(path.name + ".head")
        self._lock = FileLock(path.with_name(path.name + ".lock"), timeout=PATIENCE, mode=0o600)
        self._queue: list[_Ticket] = []
        self._queued, self._writing = threading.Lock(), threading.Lock()
        self._known: Head | None = None
        self._seen: Head | None = None  # the furthest head of this process: the trail never gets behind it

    def append(self, record: AuditRecord) -> None:
        """Write one record. Raises AuditUnavailable."""
        self.append_many([record])

    def append_many(self, records: Sequence[AuditRecord]) -> None:
        """Write all records, in order, in one go. Raises AuditUnavailable: then act as if none was written."""
        if not records:
            return
        ticket = _Ticket(records)
        with self._queued:
            self._queue.append(ticket)
        with self._writing:
            if not ticket.done:  # else another caller has taken it along
                self._commit()
        if ticket.error:
            raise ticket.error

    def _commit(self) -> None:
        with self._queued:
            tickets, self._queue = self._queue, []
        # Until it is known to be written it is not: whatever ends the write, nobody who waits takes it for done.
        error: AuditUnavailable | None = AuditUnavailable("the audit trail was not written")
        try:
            self._write([record for ticket in tickets for record in ticket.records])
            error = None
        except (OSError, Timeout) as problem:
            reason = (
                problem.strerror if isinstance(problem, OSError) and problem.strerror else "it stays locked"
            )
            mend = "make room and give this user the right to write there"
            error = AuditUnavailable(f"the audit trail cannot be written ({reason})", mend=mend)
        except AuditUnavailable as problem:
            error = problem
        finally:
            if error:
                self._known = None
            for ticket in tickets:
                ticket.done, ticket.error = True, error

    def _write(self, records: list[AuditRecord]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            head, walk = self._find_end()
            lines = [b"\n"] if walk.unended else []
            n, last = walk.n, walk.hash
            entries = [record.as_line() for record in records]
            if walk.torn:
                entries.insert(0, {"event": SEAL, "at": entries[0]["at"], "torn": walk.seal()})
            for entry in entries:
                n += 1
                line, last = link(entry, n, last, self._key)
                lines.append(line)
            size = _append(self.path, b"".join(lines))
            self._anchor(Head(head.trail, n, last, size))

    def _find_end(self) -> tuple[Head, Walk]:
        """The anchored head and the walk over what stands behind it. Held under the lock."""
        size = self.path.stat().st_size if self.path.exists() else 0
        head = self._known if self._known and self._known.size == size else self._read_head(size)
        if size < head.size:
            raise AuditUnavailable("the audit trail is shorter than its anchor says", mend=_LOOK)
        if self._seen and (head.trail != self._seen.trail or head.n < self._seen.n):
            raise AuditUnavailable("the audit trail was replaced by another or an older one", mend=_LOOK)
        walk = Walk(self._key, head.n, head.hash)
        if size > head.size:
            with self.path.open("rb") as file:
                for raw in _lines(file, head.size, size):
                    walk.feed(raw)
        if walk.problems:
            raise AuditUnavailable("the audit trail was changed", mend=_LOOK)
        return head, walk

    def _read_head(self, size: int) -> Head:
        try:
            return Head.load(self._head_path.read_bytes(), self._key)
        except FileNotFoundError:
            if size or self._seen:
                raise AuditUnavailable("the audit trail's anchor is gone", mend=_LOOK) from None
        except (ValueError, TypeError, KeyError):
            raise AuditUnavailable(
                "the audit trail's anchor was changed, or the key is another", mend=_LOOK
            ) from None
        head = Head.new(secrets.token_hex(16), self._key)
        self._anchor(head)
        return head

    def _anchor(self, head: Head) -> None:
        """Replace the anchor as a whole: a reader sees the old one or the new one."""
        fresh = self._head_path.with_name(self._head_path.name + ".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(head.dump(self._key))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._head_path)
        self._known = self._seen = head

    def verify(self, expect: str = "") -> Verification:
        """Walk the whole trail. ``expect``: a head's hash that was kept elsewhere and must stand in the trail."""
        if not self._head_path.exists() and not self.path.exists():
            return Verification(0, 0, 0, False, _expected(expect, {""}), "", "")
        problems: list[str] = []
        with self._lock:
            size = self.path.stat().st_size if self.path.exists() else 0
            try:
                head = Head.load(self._head_path.read_bytes(), self._key)
            except (OSError, ValueError, TypeError, KeyError):
                problems.append("the anchor is gone, was changed, or the key is another")
                head = Head("", 0, "", size)
        start = Head.new(head.trail, self._key)
        walk, hashes = Walk(self._key, 0, start.hash), {start.hash}
        anchored, records, unanchored = start.hash if not head.size else "", 0, 0
        for end, data in self._walk(walk, size):
            records += data.get("event") != SEAL
            unanchored += end > head.size
            hashes |= {walk.hash} if walk.hash == expect else set()
            anchored = walk.hash if end == head.size else anchored
        problems += walk.problems
        if walk.torn and size <= head.size:
            problems.append(f"line {walk.torn_at}: was altered, it does not fit its hash")
        elif walk.torn and (walk.forged or not walk.unended):
            problems.append(walk.stranger)
        if head.trail and size < head.size:
            problems.append("the end was cut off: the trail is shorter than its anchor says")
        elif head.trail and anchored != head.hash:
            problems.append("the last anchored line is not the one that the anchor names")
        problems += _expected(expect, hashes)
        return Verification(
            records, walk.sealed, unanchored, bool(walk.torn), tuple(problems), head.trail, walk.hash
        )

    def _walk(self, walk: Walk, size: int) -> Iterator[tuple[int, dict[str, object]]]:
        """Good lines with the offset of their end; a trail that is not there has none."""
        if not size:
            return
        end = 0
        with self.path.open("rb") as file:
            for raw in _lines(file, 0, size):
                end += len(raw)
                data = walk.feed(raw)
                if data is not None:
                    yield end, data

    def records(self, *, patient: str = "", since: datetime | None = None) -> Iterator[AuditRecord]:
        """The records whose content fits their hash, oldest first, read lazily; seals are left out."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for raw in file:
                data = parse(raw, self._key)
                if data is None or data["event"] == SEAL or (patient and data.get("patient") != patient):
                    continue
                record = AuditRecord.from_line(data)
                if since is None or record.at >= since:
                    yield record


def _expected(expect: str, hashes: set[str]) -> tuple[str, ...]:
    if not expect or expect in hashes:
        return ()
    return (
        "the head that was kept elsewhere does not stand in this trail: it was replaced by an older or another one",
    )


def _append(path: Path, data: bytes) -> int:
    """Append and fsync; returns the file's new size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def _lines(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """Raw lines between two offsets; the last may lack its line feed."""
    file.seek(start)
    while start < end:
        raw = file.readline(end - start)
        if not raw:
            return
        start += len(raw)
        yield raw
