# ruff: noqa: S608 - the SQL is made of our own words; what comes from outside is always an argument
"""Resources in SQLite: the bytes as they are sent, every version, and the tables by which they are found.

The JSON is stored once, complete with id and meta, so that an answer is put together from stored bytes. One
connection, one lock: every interaction is one critical section, which makes conditional interactions atomic.
"""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

import orjson

from chartside.clock import Clock, SystemClock
from chartside.errors import ConfigError
from chartside.sandbox import parameters
from chartside.sandbox.dates import iso, to_ms
from chartside.sandbox.indexing import Indexer, Rows, empty_rows, localiser
from chartside.sandbox.parameters import Param
from chartside.types import Resource

_TABLES = """
CREATE TABLE IF NOT EXISTS resource(
    pk INTEGER PRIMARY KEY, type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, seq INTEGER NOT NULL,
    updated INTEGER NOT NULL, method TEXT NOT NULL, deleted INTEGER NOT NULL, body BLOB);
CREATE UNIQUE INDEX IF NOT EXISTS resource_id ON resource(type, id);
CREATE INDEX IF NOT EXISTS resource_updated ON resource(type, updated);
CREATE TABLE IF NOT EXISTS version(
    pk INTEGER NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, seq INTEGER NOT NULL,
    updated INTEGER NOT NULL, method TEXT NOT NULL, body BLOB, PRIMARY KEY(pk, version)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS version_seq ON version(type, seq);
CREATE TABLE IF NOT EXISTS param(number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS pending(type TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token(
    p INTEGER, code TEXT, rid INTEGER, system TEXT, PRIMARY KEY(p, code, rid, system)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS string(p INTEGER, value TEXT, rid INTEGER, PRIMARY KEY(p, value, rid)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reference(p INTEGER, target TEXT, rid INTEGER, PRIMARY KEY(p, target, rid)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS reference_rid ON reference(rid, p);
CREATE TABLE IF NOT EXISTS date(
    p INTEGER, low INTEGER, high INTEGER, rid INTEGER, PRIMARY KEY(p, low, high, rid)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS date_rid ON date(rid, p);
"""

_ROW = "pk, type, id, version, seq, updated, method, body"


class Row(NamedTuple):
    """One version of one resource. ``body`` is None where this version is a deletion; times in ms since 1970."""

    pk: int
    type: str
    id: str
    version: int
    seq: int
    updated: int
    method: str
    body: bytes | None

    @property
    def deleted(self) -> bool:
        """Whether this version is the deletion."""
        return self.body is None

    def resource(self) -> Resource:
        """Return the resource as a new dict."""
        found: Resource = orjson.loads(self.body or b"{}")
        return found


def _opened(path: str) -> sqlite3.Connection:
    """The database, its tables made. Raises ConfigError for a file that is none, or cannot be written."""
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        db.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY;" + _TABLES
        )
    except sqlite3.DatabaseError as error:
        mend = "name a file of an earlier sandbox, or a new one in a folder that is there"
        raise ConfigError(path, f"cannot be used ({error})", mend=mend) from None
    return db


class Store:
    """The sandbox's database: in memory, or in a file that a later run opens again.

    ``bases`` holds the base URLs under which this server is reached; references that begin with one are its own.
    ``content``: what ``content()`` of another store gave; a store in memory begins with it.
    """

    def __init__(self, path: str = ":memory:", *, clock: Clock | None = None, content: bytes = b"") -> None:
        self.lock = threading.RLock()
        self.clock = clock or SystemClock()
        self.bases: set[str] = set()
        self._db = _opened(path)
        if content:
            self._db.deserialize(content)
        self._numbers: dict[str, int] = dict(self._db.execute("SELECT key, number FROM param"))
        self._number_all()
        self.localise = localiser(self.bases)
        self.indexer = Indexer(self.number, self.localise)
        self.spans: dict[int, int] = dict(self._db.execute("SELECT p, MAX(high - low) FROM date GROUP BY p"))
        self._seq = self._one(
            "SELECT MAX(MAX(seq), (SELECT COALESCE(MAX(seq), 0) FROM version)) FROM resource"
        )
        self._pk = self._one("SELECT MAX(pk) FROM resource")
        self._deferred = bool(self._one("SELECT COUNT(*) FROM pending"))

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self._db.close()

    def content(self) -> bytes:
        """Return the whole database, for another store to begin with."""
        with self.lock:
            return self._db.serialize()

    def _one(self, sql: str) -> int:
        return int(self._db.execute(sql).fetchone()[0] or 0)

    def _number_all(self) -> None:
        """Give a number to every parameter that has none yet."""
        new = [key for key in parameters.index_keys() if key not in self._numbers]
        numbered = [(number, key) for number, key in enumerate(new, len(self._numbers) + 1)]
        with self.atomic():
            self._db.executemany("INSERT INTO param(number, key) VALUES (?, ?)", numbered)
        self._numbers |= {key: number for number, key in numbered}

    def number(self, key: str) -> int:
        """Return the number of a search parameter in the index tables."""
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
            self._db.execute("INSERT INTO param(number, key) VALUES (?, ?)", (self._numbers[key], key))
        return self._numbers[key]

    def searched(self, param: Param, suffix: str = "") -> int:
        """Return the number of a parameter that is about to be searched for, and see that its type is indexed."""
        if self._deferred:
            with self.atomic():
                self._index_pending(param.type)
        return self.number(param.key + suffix)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Do all that happens inside, or nothing. May be nested."""
        with self.lock:
            name = f"s{self._depth()}"
            self._db.execute(f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                self._db.execute(f"ROLLBACK TO {name}")
                self._db.execute(f"RELEASE {name}")
                raise
            self._db.execute(f"RELEASE {name}")

    def _depth(self) -> int:
        return 1 if self._db.in_transaction else 0

    def query(self, sql: str, args: Sequence[object] = ()) -> list[tuple[int, ...]]:
        """Run a SELECT of numbers."""
        with self.lock:
            return self._db.execute(sql, args).fetchall()

    def read(self, resource_type: str, resource_id: str) -> Row | None:
        """Return the current version, which may be a deletion; None if there never was one."""
        with self.lock:
            row = self._db.execute(
                f"SELECT {_ROW} FROM resource WHERE type=? AND id=?", (resource_type, resource_id)
            ).fetchone()
        return Row(*row) if row else None

    def rows(self, pks: Sequence[int]) -> list[Row]:
        """Return the current versions of these resources in this order, deleted ones left out."""
        with self.lock:
            found: dict[int, Row] = {}
            for part in _parts(pks, 500):
                marks = ",".join("?" * len(part))
                for row in self._db.execute(
                    f"SELECT {_ROW} FROM resource WHERE pk IN ({marks}) AND deleted=0", part
                ):
                    found[row[0]] = Row(*row)
        return [found[pk] for pk in pks if pk in found]

    def history(self, resource_type: str, resource_id: str | None = None) -> list[Row]:
        """Return all versions of a resource, or of all resources of a type: newest first."""
        where, args = "type=?", [resource_type]
        if resource_id is not None:
            where, args = "type=? AND id=?", [resource_type, resource_id]
        sql = (
            f"SELECT * FROM (SELECT {_ROW} FROM resource WHERE {where} UNION ALL "
            "SELECT v.pk, v.type, r.id, v.version, v.seq, v.updated, v.method, v.body "
            f"FROM version v JOIN resource r ON r.pk=v.pk WHERE r.{where.replace('AND ', 'AND r.')}) ORDER BY seq DESC"
        )
        with self.lock:
            return [Row(*row) for row in self._db.execute(sql, args * 2)]

    def put(self, resource: Resource, method: str) -> Row:
        """Store a resource, whose ``id`` is set, as its next version; ``meta`` is completed in place."""
        with self.atomic():
            old = self.read(resource["resourceType"], resource["id"])
            row = self._next(old, resource["resourceType"], resource["id"], method)
            self._stamp(resource, row)
            row = row._replace(body=orjson.dumps(resource))
            self._write(old, row)
            rows = empty_rows()
            self.indexer.add(resource, row.pk, rows)
            self._insert(rows)
        return row

    def delete(self, old: Row) -> Row:
        """Store the deletion of a resource as its next version."""
        with self.atomic():
            row = self._next(old, old.type, old.id, "DELETE")
            self._write(old, row)
        return row

    def bulk(self, resources: Iterable[Resource], *, index: bool = True) -> int:
        """Store many new resources quickly, each with its own id, as first versions; return how many.

        Nothing is checked but that no id is used twice (sqlite3.IntegrityError). Without ``index`` a type is indexed
        by the first search that needs it, which then takes longer.
        """
        count = 0
        source = iter(resources)
        with self.atomic(), _no_garbage_collection():
            while part := list(islice(source, 10_000)):
                self._bulk_part(part, index)
                count += len(part)
        return count

    def _bulk_part(self, resources: Sequence[Resource], index: bool) -> None:
        rows = empty_rows()
        bodies = []
        for resource in resources:
            row = self._next(None, resource["resourceType"], resource["id"], "POST")
            self._stamp(resource, row)
            bodies.append((*row[:7], 0, orjson.dumps(resource)))
            if index:
                self.indexer.add(resource, row.pk, rows)
        self._db.executemany("INSERT INTO resource VALUES (?,?,?,?,?,?,?,?,?)", bodies)
        if index:
            self._insert_sorted(rows)
        else:
            kinds = {resource["resourceType"] for resource in resources}
            self._db.executemany("INSERT OR IGNORE INTO pending VALUES (?)", [(kind,) for kind in kinds])
            self._deferred = True

    def _index_pending(self, resource_type: str) -> None:
        """Index a type that was loaded without. In one transaction with its mark, so neither stands alone."""
        if not self._db.execute("DELETE FROM pending WHERE type=?", (resource_type,)).rowcount:
            return
        rows = empty_rows()
        sql = "SELECT pk, body FROM resource WHERE type=? AND deleted=0"
        with _no_garbage_collection():
            for pk, body in self._db.execute(sql, (resource_type,)):
                self.indexer.add(orjson.loads(body), pk, rows)
            self._insert_sorted(rows)

    def _insert_sorted(self, rows: Rows) -> None:
        for part in rows:
            part.sort()  # in the order of the tables' keys: fast
        self._insert(rows)

    def _next(self, old: Row | None, resource_type: str, resource_id: str, method: str) -> Row:
        self._seq += 1
        if old is None:
            self._pk += 1
        pk, version = (old.pk, old.version + 1) if old else (self._pk, 1)
        return Row(pk, resource_type, resource_id, version, self._seq, to_ms(self.clock.now()), method, None)

    @staticmethod
    def _stamp(resource: Resource, row: Row) -> None:
        meta = resource.get("meta")
        kept = meta if isinstance(meta, dict) else {}
        resource["meta"] = {**kept, "versionId": str(row.version), "lastUpdated": iso(row.updated)}

    def _write(self, old: Row | None, row: Row) -> None:
        if old is not None:
            self._db.execute(
                "INSERT INTO version(pk, version, type, seq, updated, method, body) VALUES (?,?,?,?,?,?,?)",
                (old.pk, old.version, old.type, old.seq, old.updated, old.method, old.body),
            )
            self._unindex(old)
        self._db.execute(
            "INSERT OR REPLACE INTO resource(pk, type, id, version, seq, updated, method, deleted, body) "
            "VALUES (?,?,?,?,?,?,?,?,?)",
            (*row[:7], int(row.deleted), row.body),
        )

    def _unindex(self, old: Row) -> None:
        if old.deleted:
            return
        rows = empty_rows()
        self.indexer.add(old.resource(), old.pk, rows)
        self._db.executemany("DELETE FROM token WHERE p=? AND code=? AND rid=? AND system=?", rows.token)
        self._db.executemany("DELETE FROM string WHERE p=? AND value=? AND rid=?", rows.string)
        self._db.executemany("DELETE FROM reference WHERE p=? AND target=? AND rid=?", rows.reference)
        self._db.executemany("DELETE FROM date WHERE p=? AND low=? AND high=? AND rid=?", rows.date)

    def _insert(self, rows: Rows) -> None:
        self._db.executemany("INSERT OR IGNORE INTO token VALUES (?,?,?,?)", rows.token)
        self._db.executemany("INSERT OR IGNORE INTO string VALUES (?,?,?)", rows.string)
        self._db.executemany("INSERT OR IGNORE INTO reference VALUES (?,?,?)", rows.reference)
        self._db.executemany("INSERT OR IGNORE INTO date VALUES (?,?,?,?)", rows.date)
        for number, low, high, _ in rows.date:
            if high - low > self.spans.get(number, -1):
                self.spans[number] = high - low


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Hold the collector off: walking a million new tuples again and again takes a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _parts(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
