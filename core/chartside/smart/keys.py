"""Signing keys: files of mode 0600 in a folder of their own, outside the data folder (S-5).

One file a key, named by its key id (our own: the RFC 7638 thumbprint): the private JWK, when it was made, and from when
on it signs. Rotation publishes the new key first and signs with it later, so that the EHR has time to fetch
the JWKS; ``retire`` deletes what is not needed any more. Files are written whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeAlias

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from chartside.clock import Clock
from chartside.errors import SmartError

Algorithm: TypeAlias = Literal["ES384", "RS384"]
ALGORITHMS: tuple[Algorithm, ...] = ("ES384", "RS384")
_KINDS: dict[str, type[ECKey] | type[RSAKey]] = {"ES384": ECKey, "RS384": RSAKey}
_RSA_BITS = 3072  # NIST SP 800-57: beyond 2030


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. Its ``repr`` shows the key id and nothing of the key."""

    kid: str
    algorithm: Algorithm
    made: datetime
    signs_from: datetime
    key: ECKey | RSAKey = field(repr=False)

    def public(self) -> dict[str, Any]:
        """The public JWK with ``kid``, ``use`` and ``alg``."""
        return {
            **self.key.as_dict(private=False),
            "kid": self.kid,
            "use": "sig",
            "alg": self.algorithm,
            "key_ops": ["verify"],
        }


class KeyStore:
    """The keys in ``folder``. ``outside``: a folder (the data folder) that they must not lie in."""

    def __init__(self, folder: Path, clock: Clock, *, outside: Path | None = None) -> None:
        if outside is not None and folder.resolve().is_relative_to(outside.resolve()):
            raise SmartError(
                "the folder of the keys lies inside the data folder",
                mend="keep the keys in a folder of their own, so that copying one does not copy the other",
            )
        self._folder, self._clock = folder, clock

    def generate(self, algorithm: Algorithm, *, signs_in: timedelta = timedelta(0)) -> SigningKey:
        """Make a key that signs at once, or after ``signs_in``, and write its file."""
        key = (
            ECKey.generate_key("P-384", private=True)
            if algorithm == "ES384"
            else RSAKey.generate_key(_RSA_BITS, private=True)
        )
        now = self._clock.now()
        return self._write(SigningKey(key.thumbprint(), algorithm, now, now + signs_in, key))

    def add(self, jwk: Mapping[str, Any], algorithm: Algorithm) -> SigningKey:
        """Take in a private JWK that is registered with the EHR already; its ``kid`` is kept. Raises SmartError."""
        try:
            key = _KINDS[algorithm].import_key(dict(jwk))
            private = key.is_private
        except (ValueError, KeyError, TypeError, JoseError):
            private = False
        if not private:
            raise SmartError(f"this is no private JWK for {algorithm}")
        now = self._clock.now()
        return self._write(SigningKey(str(jwk.get("kid") or key.thumbprint()), algorithm, now, now, key))

    def rotate(self, algorithm: Algorithm, *, lead: timedelta = timedelta(hours=24)) -> SigningKey:
        """Publish a new key beside the old; it signs after ``lead``. Then call ``retire``."""
        return self.generate(algorithm, signs_in=lead)

    def retire(self, algorithm: Algorithm, *, grace: timedelta = timedelta(hours=1)) -> list[str]:
        """Delete keys that another one has replaced for longer than ``grace``. Returns their key ids."""
        current = self.current(algorithm)
        if self._clock.now() - current.signs_from < grace:
            return []
        old = [k for k in self.keys(algorithm) if k.signs_from < current.signs_from]
        for key in old:
            self.delete(key.kid)
        return [key.kid for key in old]

    def delete(self, kid: str) -> None:
        """Delete one key's file (S-22)."""
        self._path(kid).unlink(missing_ok=True)

    def keys(self, algorithm: Algorithm | None = None) -> list[SigningKey]:
        """All keys, EC before RSA, the newest first. Raises SmartError for a file that is open to others."""
        found = [key for key in self._read_all() if algorithm in (None, key.algorithm)]
        newest = sorted(found, key=lambda key: key.signs_from, reverse=True)
        return sorted(newest, key=lambda key: ALGORITHMS.index(key.algorithm))

    def current(self, algorithm: Algorithm) -> SigningKey:
        """The key that signs now. Raises SmartError where there is none."""
        found, now = self.keys(algorithm), self._clock.now()
        if found:
            # a clock that was set back must not lock the practice out, so the oldest key stands in
            return next((key for key in found if key.signs_from <= now), found[-1])
        raise SmartError(
            f"there is no {algorithm} key to sign with",
            mend="run `chartside keys new` and register the new jwks.json with the EHR",
        )

    def jwks(self, algorithm: Algorithm | None = None) -> dict[str, Any]:
        """The public JWK set. Name the algorithm where a server stumbles over a key of another kind."""
        return {"keys": [key.public() for key in self.keys(algorithm)]}

    def publish(self, path: Path, algorithm: Algorithm | None = None) -> None:
        """Write ``jwks.json`` for the EHR to read. It holds no secret."""
        _write(path, orjson.dumps(self.jwks(algorithm), option=orjson.OPT_INDENT_2), mode=0o644)

    def _path(self, kid: str) -> Path:
        if not kid.replace("-", "").replace("_", "").isalnum():
            raise SmartError("an impossible key id")
        return self._folder / f"{kid}.key.json"

    def _write(self, key: SigningKey) -> SigningKey:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        record = {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "made": key.made.isoformat(),
            "signs_from": key.signs_from.isoformat(),
            "jwk": key.key.as_dict(private=True),
        }
        _write(self._path(key.kid), orjson.dumps(record), mode=0o600)
        return key

    def _read_all(self) -> Iterator[SigningKey]:
        for path in sorted(self._folder.glob("*.key.json")):
            yield _read(path)


def _read(path: Path) -> SigningKey:
    if path.stat().st_mode & 0o077:
        raise SmartError(f"others can read the key file {path.name}", mend=f"chmod 600 {path}")
    try:
        record = orjson.loads(path.read_bytes())
        algorithm = record["algorithm"]
        key, kid = _KINDS[algorithm].import_key(record["jwk"]), str(record["kid"])
        times = [datetime.fromisoformat(record[name]) for name in ("made", "signs_from")]
    except (ValueError, KeyError, TypeError, JoseError):
        raise SmartError(
            f"the key file {path.name} is damaged", mend="restore it, or delete it and make a new key"
        ) from None
    return SigningKey(kid, algorithm, times[0], times[1], key)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """All or nothing: a torn key file would lock the practice out."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
