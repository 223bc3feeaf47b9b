"""The form of the hash-chained trail: lines, links, torn ends, and the anchor of the head.

A line is JSON: ``{"n": 7, "prev": "...", ..., "hash": "..."}``. ``hash`` is taken over the line's own bytes
without it, so over its content, its number and the hash of the line before: HMAC-SHA256 with the practice's
key, SHA-256 where no key is given. The *head* file says how far the trail reached and with which hash,
so that lines cut off at the end are missed, too.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

SEAL: Final = "sealed"
"""The event of the line that closes a torn end, which a killed process left behind."""

_MARK: Final = b',"hash":"'
_WHOLE: Final = re.compile(rb',"hash":"[0-9a-f]{64}"\}\n?\Z')


def digest(key: bytes, data: bytes) -> str:
    """HMAC-SHA256 under ``key``; plain SHA-256 without a key. Hexadecimal."""
    if key:
        return hmac.new(key, data, hashlib.sha256).hexdigest()
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """How far a trail reaches: ``n`` lines, ``size`` bytes, the last line's ``hash``; ``trail`` is its own id."""

    trail: str
    n: int
    hash: str
    size: int

    @classmethod
    def new(cls, trail: str, key: bytes) -> Head:
        """The head of an empty trail."""
        return cls(trail, 0, digest(key, b"chartside-audit:" + trail.encode()), 0)

    def dump(self, key: bytes) -> bytes:
        """The anchor file's content, under the key."""
        data = {"trail": self.trail, "n": self.n, "hash": self.hash, "size": self.size}
        return orjson.dumps({**data, "mac": digest(key, orjson.dumps(data))}) + b"\n"

    @classmethod
    def load(cls, raw: bytes, key: bytes) -> Head:
        """Read an anchor file. Raises ValueError when it is not what ``dump`` wrote under this key."""
        data = orjson.loads(raw)
        if not isinstance(data, dict) or not hmac.compare_digest(
            str(data.pop("mac", "")), digest(key, orjson.dumps(data))
        ):
            raise ValueError("the anchor does not fit its key")
        return cls(**data)


def link(data: Mapping[str, Any], n: int, prev: str, key: bytes) -> tuple[bytes, str]:
    """One line of the trail, with its line feed, and its hash."""
    body = orjson.dumps({"n": n, "prev": prev, **data})
    found = digest(key, body)
    return body[:-1] + _MARK + found.encode() + b'"}\n', found


def parse(raw: bytes, key: bytes) -> dict[str, Any] | None:
    """The data of a line whose content fits its hash, else None."""
    body, mark, tail = raw.rpartition(_MARK)
    if not mark or not tail.endswith(b'"}\n'):
        return None
    body += b"}"
    if not hmac.compare_digest(tail[:-3], digest(key, body).encode()):
        return None
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return {**data, "hash": tail[:-3].decode()} if isinstance(data, dict) else None


@dataclass(slots=True)
class Walk:
    """Goes along a trail line by line and notes what does not fit.

    A line whose content does not fit its hash is a *torn end* when the next good line seals exactly its bytes,
    and an alteration otherwise. What a killed process leaves behind has no end: neither a whole hash, nor a line
    feed of its own. A line that has one and does not fit was written by somebody without the key.
    After a fault the walk goes on from the next good line.
    """

    key: bytes
    n: int
    hash: str
    sealed: int = 0
    problems: list[str] = field(default_factory=list)
    line: int = 0
    torn: int = 0
    torn_at: int = 0
    unended: bool = False
    forged: bool = False
    _torn: Any = None

    def feed(self, raw: bytes) -> dict[str, Any] | None:
        """Take the next line; returns its data when the line is good."""
        self.line += 1
        # The line feed alone was lost: the content is whole, and must count on every later walk, too.
        self.unended = not raw.endswith(b"\n")
        data = parse(raw + b"\n" if self.unended else raw, self.key)
        if data is None:
            self._tear(raw)
            return None
        follows = data["n"] == self.n + 1 and data["prev"] == self.hash
        sealed = data.get("torn") or {}
        if self.torn and not (follows and sealed.items() >= self.fragment().items()):
            self.problems.append(f"line {self.torn_at}: was altered, it does not fit its hash")
        elif self.torn and (self.forged or sealed.get("ended")):
            self.problems.append(self.stranger)
        elif self.torn:
            self.sealed += 1
        elif not follows:
            self.problems.append(
                f"line {self.line}: does not follow the line before it (removed, added or moved)"
            )
        self.n, self.hash, self.torn, self._torn = data["n"], data["hash"], 0, None
        self.forged = False
        return data

    @property
    def stranger(self) -> str:
        """What is wrong with a line that no process of ours can have left behind."""
        return f"line {self.torn_at}: was written by somebody who does not have the key"

    def _tear(self, raw: bytes) -> None:
        if self._torn is None:
            self._torn, self.torn_at = hashlib.sha256(), self.line
        self.forged |= bool(_WHOLE.search(raw))
        # A seal is written on a line of its own, so the fragment gets the line feed that it lacks.
        whole = raw if raw.endswith(b"\n") else raw + b"\n"
        self._torn.update(whole)
        self.torn += len(whole)

    def seal(self) -> dict[str, Any]:
        """What the seal of the torn end states; ``ended``: it had a line feed of its own."""
        return {**self.fragment(), **({} if self.unended else {"ended": True})}

    def fragment(self) -> dict[str, Any]:
        """Length and hash of the torn bytes, as a seal states them."""
        return {"bytes": self.torn, "sha256": self._torn.hexdigest()} if self._torn else {}
