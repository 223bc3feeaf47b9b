"""Clients of SMART backend services, with keys made for one test run."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

Jwk = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SmartClient:
    """A registered client. ``alg``: RS384 or ES384; ``private`` and ``public`` are JWKs with kid."""

    client_id: str
    alg: str
    private: Jwk
    public: Jwk

    @property
    def jwks(self) -> dict[str, list[Jwk]]:
        """The public key set. One key only: sekmet fails on a set that mixes RSA and EC."""
        return {"keys": [self.public]}

    @property
    def pem(self) -> str:
        """The private key as PEM (PKCS 8)."""
        return self.key().as_pem(private=True).decode()

    def key(self) -> RSAKey | ECKey:
        """Return the private key for joserfc."""
        return RSAKey.import_key(self.private) if self.alg == "RS384" else ECKey.import_key(self.private)

    def assertion(self, audience: str, **changes: Any) -> str:
        """Return a client assertion for a token endpoint; ``changes`` replace claims (None: leave out)."""
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": audience, "iat": now, "exp": now + 240}
        claims |= {"jti": uuid.uuid4().hex} | changes
        header = {"alg": self.alg, "kid": self.public["kid"], "typ": "JWT"}
        left = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, left, self.key(), algorithms=[self.alg])

    def form(self, audience: str, scope: str, **changes: Any) -> dict[str, str]:
        """Return the form of a token request."""
        return {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion(audience, **changes),
        }


def make_client(client_id: str, alg: str) -> SmartClient:
    """Return a client with a new key for RS384 or ES384."""
    kid = f"{client_id}-1"
    if alg == "RS384":
        key: RSAKey | ECKey = RSAKey.generate_key(2048, {"kid": kid, "alg": alg, "use": "sig"})
    else:
        key = ECKey.generate_key("P-384", {"kid": kid, "alg": alg, "use": "sig"})
    return SmartClient(client_id, alg, dict(key.as_dict(private=True)), dict(key.as_dict(private=False)))
