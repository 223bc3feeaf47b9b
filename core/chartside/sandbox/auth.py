"""SMART backend services: tokens for registered clients, and what a token's scopes reach.

As SMART App Launch 2.2 has it: ``client_credentials`` with ``private_key_jwt``, RS384 or ES384, checked in full.
Tokens are opaque and live in memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chartside.clock import Clock, SystemClock
from chartside.sandbox.exchange import Permit
from chartside.sandbox.outcome import Refusal
from chartside.sandbox.scopes import Scope, covers, parse

ALGORITHMS = ["RS384", "ES384"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION_SECONDS = 300
LEEWAY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client: its public keys, and the scopes that the practice granted it (space-separated)."""

    client_id: str
    jwks: Mapping[str, Any]
    scopes: str = "system/*.cruds"


@dataclass(frozen=True, slots=True)
class _Grant:
    client_id: str
    scopes: tuple[Scope, ...]
    expires: float


class TokenError(Exception):
    """A refused token request: an OAuth error code (RFC 6749, 5.2)."""

    def __init__(self, error: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status, self.body = status, {"error": error, "error_description": text}


class Guard(Protocol):
    """Decides what a request may do."""

    def permit(self, authorization: str) -> Permit:
        """Return the check for the bearer of this ``Authorization`` header; Refusal 401 if it is no good."""
        ...

    def configuration(self, root: str) -> dict[str, Any]:
        """Return the SMART configuration of a server at ``root``."""
        ...


@dataclass(slots=True)
class Authority:
    """The sandbox's own authorisation server. ``lifetime``: seconds that a token holds."""

    clients: tuple[Client, ...]
    lifetime: int = 300
    clock: Clock = field(default_factory=SystemClock)
    issued: int = 0
    _grants: dict[str, _Grant] = field(default_factory=dict)
    _used: dict[tuple[str, str], float] = field(default_factory=dict)

    def configuration(self, root: str) -> dict[str, Any]:
        """Return the SMART configuration (SMART App Launch 2.2, conformance)."""
        return {
            "token_endpoint": f"{root}/auth/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
            "scopes_supported": ["system/*.cruds", "system/*.rs", "system/*.read", "system/*.write"],
            "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
        }

    def token(self, form: Mapping[str, str], audience: str) -> dict[str, Any]:
        """Answer a token request; TokenError if it is refused. ``audience``: this token endpoint's URL."""
        if form.get("grant_type") != "client_credentials":
            raise TokenError("unsupported_grant_type", "only client_credentials")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise TokenError("invalid_request", "client_assertion_type is not jwt-bearer")
        client = self._authenticated(form.get("client_assertion", ""), audience)
        granted = _granted(client, form.get("scope", ""))
        return self._issue(client, granted)

    def register(self, client: Client) -> None:
        """Register a client; one of the same id is replaced."""
        self.clients = (*(known for known in self.clients if known.client_id != client.client_id), client)

    def revoke_all(self) -> None:
        """Make every token worthless, as an EHR does that restarts."""
        self._grants.clear()

    def permit(self, authorization: str) -> Permit:
        """Return the check for the bearer of this token."""
        scheme, _, token = authorization.partition(" ")
        grant = self._grants.get(token) if scheme.lower() == "bearer" else None
        if grant is None:
            raise unauthorised("login", "this server wants a token")
        if grant.expires <= self._now():
            raise unauthorised("expired", "the token has expired")
        return check_scopes(grant.scopes)

    def _now(self) -> float:
        return self.clock.now().timestamp()

    def _authenticated(self, assertion: str, audience: str) -> Client:
        client_id, kid = _named(assertion)
        client = next((client for client in self.clients if client.client_id == client_id), None)
        if client is None:
            raise TokenError("invalid_client", "unknown client", 401)
        self._check_claims(client, _verified(client, assertion, kid), audience)
        return client

    def _check_claims(self, client: Client, claims: Mapping[str, Any], audience: str) -> None:
        audiences, exp, jti = claims.get("aud"), claims.get("exp"), claims.get("jti")
        if {claims.get("iss"), claims.get("sub")} != {client.client_id}:
            raise TokenError("invalid_client", "iss and sub are not both the client_id", 401)
        if audience not in (audiences if isinstance(audiences, list) else [audiences]):
            raise TokenError("invalid_client", "aud is not this token endpoint", 401)
        if not isinstance(exp, int | float) or not isinstance(jti, str) or not jti:
            raise TokenError("invalid_client", "exp or jti is absent", 401)
        now = self._now()
        if exp <= now - LEEWAY_SECONDS:
            raise TokenError("invalid_client", "exp is past", 401)
        if exp > now + MAX_ASSERTION_SECONDS + LEEWAY_SECONDS:
            raise TokenError("invalid_client", "exp is more than 5 minutes away", 401)
        self._use(client.client_id, jti, float(exp), now)

    def _use(self, client_id: str, jti: str, exp: float, now: float) -> None:
        self._used = {key: until for key, until in self._used.items() if until > now - LEEWAY_SECONDS}
        if (client_id, jti) in self._used:
            raise TokenError("invalid_client", "jti was used before", 401)
        self._used[client_id, jti] = exp

    def _issue(self, client: Client, granted: list[str]) -> dict[str, Any]:
        token = secrets.token_urlsafe(32)
        scopes = tuple(scope for text in granted if (scope := parse(text)) is not None)
        self._grants = {key: grant for key, grant in self._grants.items() if grant.expires > self._now()}
        self._grants[token] = _Grant(client.client_id, scopes, self._now() + self.lifetime)
        self.issued += 1
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self.lifetime,
            "scope": " ".join(granted),
        }


@dataclass(slots=True)
class TrustedIssuer:
    """Tokens of another authorisation server: JWTs that it signed for ``audience``.

    ``configure``: its own SMART configuration, handed on to clients. ``jwks``: its public keys.
    """

    issuer: str
    audience: str
    jwks: Mapping[str, Any]
    configure: Mapping[str, Any]
    clock: Clock = field(default_factory=SystemClock)

    def configuration(self, root: str) -> dict[str, Any]:
        """Return the other server's configuration."""
        return dict(self.configure)

    def permit(self, authorization: str) -> Permit:
        """Return the check for the bearer of this token."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise unauthorised("login", "this server wants a token")
        try:
            keys = KeySet.import_key_set(dict(self.jwks))  # type: ignore[arg-type]
            claims = jwt.decode(token, keys, algorithms=["RS256", "ES256", *ALGORITHMS]).claims
        except (JoseError, ValueError):
            raise unauthorised(
                "login", "the token is not signed by the issuer that this server trusts"
            ) from None
        audiences = claims.get("aud")
        fits = self.audience in (audiences if isinstance(audiences, list) else [audiences])
        if claims.get("iss") != self.issuer or not fits:
            raise unauthorised("login", "the token is for somebody else")
        if float(claims.get("exp", 0)) <= self.clock.now().timestamp():
            raise unauthorised("expired", "the token has expired")
        return check_scopes(
            tuple(s for text in str(claims.get("scope", "")).split() if (s := parse(text)) is not None)
        )


def check_scopes(scopes: tuple[Scope, ...]) -> Permit:
    """Return the check of a request against scopes; Refusal 403 where they do not reach."""

    def permit(resource_type: str, letter: str) -> None:
        if not any(scope.type in ("*", resource_type) and letter in scope.letters for scope in scopes):
            raise Refusal(403, "forbidden", f"the token's scopes do not reach {resource_type}.{letter}")

    return permit


def unauthorised(code: str, text: str) -> Refusal:
    """Return a refusal 401."""
    return Refusal(401, code, text, headers={"WWW-Authenticate": 'Bearer realm="sandbox"'})


def _named(assertion: str) -> tuple[str, str]:
    """Return who the assertion says it is from, and the key it names; nothing is trusted yet."""
    try:
        parsed = jws.extract_compact(assertion.encode())
        header = parsed.headers()
        claims = orjson.loads(parsed.payload)
    except (JoseError, ValueError):
        raise TokenError("invalid_request", "the client_assertion is no JWT") from None
    if header.get("alg") not in ALGORITHMS:
        raise TokenError("invalid_client", "the algorithm is neither RS384 nor ES384", 401)
    if not header.get("kid"):
        raise TokenError("invalid_client", "the header has no kid", 401)
    return str(claims.get("iss", "") if isinstance(claims, dict) else ""), str(header["kid"])


def _verified(client: Client, assertion: str, kid: str) -> Mapping[str, Any]:
    keys = [key for key in client.jwks.get("keys", []) if key.get("kid") == kid]
    if not keys:
        raise TokenError("invalid_client", "no registered key has this kid", 401)
    try:
        return jwt.decode(assertion, KeySet.import_key_set({"keys": keys}), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError):
        raise TokenError("invalid_client", "the signature is not that of the registered key", 401) from None


def _granted(client: Client, requested: str) -> list[str]:
    allowed = [scope for text in client.scopes.split() if (scope := parse(text)) is not None]
    granted = []
    for text in requested.split():
        scope = parse(text)
        if scope is not None and covers(allowed, scope):
            granted.append(text)
    if not granted:
        raise TokenError("invalid_scope", "none of the requested scopes is granted to this client")
    return granted
