"""SMART backend services: ``client_credentials`` with ``private_key_jwt`` (S-3).

::

    keys = KeyStore(Path("keys"), clock)
    tokens = BackendTokens("https://ehr.example.org/fhir", "our-client-id", keys, {"Appointment": "rs"}, clock=clock)
    ehr = FhirClient("https://ehr.example.org/fhir", auth=tokens)
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests
import tenacity
from joserfc import jwt

from chartside.clock import Clock
from chartside.errors import (
    FhirError,
    RateLimited,
    ServerError,
    TokenRefused,
)
from chartside.fhir.answers import http_date, retry_after
from chartside.fhir.session import new_session
from chartside.smart.discovery import SmartConfiguration, discover
from chartside.smart.keys import Algorithm, KeyStore
from chartside.smart.scopes import lacking, scopes
from chartside.smart.web import Reply, exchange, require_endpoint

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_ASSERTION = timedelta(minutes=5)  # SMART App Launch 2.2, asymmetric client authentication
_DEFAULT_LIFE = 300.0  # the longest that SMART recommends, for servers that name none
_LONGEST_LIFE = 86_400.0
# RFC 6750, 2.1, and what is seen beyond it; no space, no line's end; not long, for it goes along with each request.
_TOKEN = re.compile(r"[\x21-\x7e]{1,32768}\Z")
_CODE = re.compile(r"[a-z_]{1,40}\Z")
_log = logging.getLogger("chartside.smart")

_MENDS: dict[str, str] = {
    "invalid_client": "register the present jwks.json with the EHR, and compare the client id; "
    "wait a few minutes after a rotation",
    "invalid_scope": "have the practice grant the scopes that `chartside check` lists, or disable the plugin "
    "that needs them",
    "invalid_request": 'the server may want another algorithm: try auth.algorithm = "RS384" or "ES384"',
    "unauthorized_client": "the EHR has not switched on backend services for this client",
    "unsupported_grant_type": "the EHR has not switched on backend services",
}


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    renew_at: datetime
    dead_at: datetime


class BackendTokens:
    """A TokenSource for one practice's server. Thread-safe; one request in flight however many threads ask.

    ``access``: ``{type: letters}``, from which the scopes follow. ``lifetime`` of an assertion is 5 minutes at
    most; ``skew`` dates it back for a server whose clock is behind. ``token_endpoint`` overrides discovery.
    The token lives in memory only.
    """

    def __init__(  # noqa: PLR0913 - a keyword for each fact of a registration
        self,
        base_url: str,
        client_id: str,
        keys: KeyStore,
        access: Mapping[str, str],
        *,
        clock: Clock,
        algorithm: Algorithm = "ES384",
        token_endpoint: str = "",
        lifetime: timedelta = timedelta(minutes=4),
        skew: timedelta = timedelta(0),
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not timedelta(0) < lifetime <= _LONGEST_ASSERTION:
            raise ValueError("an assertion lives 5 minutes at most")
        self._base, self._client_id, self._keys, self._access = base_url, client_id, keys, dict(access)
        self._clock, self._algorithm, self._lifetime, self._skew = clock, algorithm, lifetime, skew
        self._session = session or new_session(pool=1, user_agent="chartside")
        self._endpoint, self._sleep = token_endpoint, sleep
        self._configuration: SmartConfiguration | None = None
        self._token: _Token | None = None
        self._flight = threading.Lock()
        self.granted = ""

    def token(self) -> str:
        """A token that is valid now. Raises TokenRefused, SmartError; Unreachable, ServerError, RateLimited."""
        token, now = self._token, self._clock.now()
        if token and now < token.renew_at:
            return token.value
        alive = token is not None and now < token.dead_at
        if not self._flight.acquire(blocking=not alive):
            return token.value if token else ""  # somebody renews it already; it is good for a while
        try:
            return self._renewed(token)
        finally:
            self._flight.release()

    def invalidate(self, token: str) -> None:
        """Forget ``token``, unless another one has taken its place already."""
        with self._flight:
            if self._token and self._token.value == token:
                self._token = None

    def configuration(self) -> SmartConfiguration:
        """The server's SMART configuration, asked once. Its token endpoint's origin is pinned by that."""
        if self._configuration is None:
            self._configuration = discover(self._base, session=self._session)
        return self._configuration

    def scopes(self) -> list[str]:
        """The scopes that are asked for."""
        return scopes(self._access, self.configuration())

    def lacking(self) -> list[str]:
        """The scopes that were asked for and not granted with the latest token."""
        return lacking(self.scopes(), self.granted)

    def _renewed(self, seen: _Token | None) -> str:
        """Within the lock: what another thread has fetched meanwhile, or a new token."""
        now = self._clock.now()
        if self._token is not seen and self._token and now < self._token.renew_at:
            return self._token.value
        try:
            self._token = self._fetch()
        except FhirError as error:
            old = self._token
            if old is None or now >= old.dead_at or not error.retryable:
                raise
            _log.warning(
                "early renewal of the token failed: %s; the old one is still good", type(error).__name__
            )
            self._token = _Token(old.value, now + timedelta(seconds=10), old.dead_at)
        return self._token.value

    def _fetch(self) -> _Token:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, FhirError) and e.retryable),
            wait=_wait,
            stop=tenacity.stop_after_attempt(3),
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._ask)

    def _ask(self) -> _Token:
        asked = self._clock.now()
        reply = exchange(self._session, "POST", self.token_endpoint(), what="token", form=self._form(asked))
        if reply.status != 200:
            raise self._refusal(reply)
        value, kind = reply.body.get("access_token"), str(reply.body.get("token_type", "bearer"))
        if not isinstance(value, str) or not _TOKEN.match(value) or kind.lower() != "bearer":
            raise TokenRefused("the token endpoint's answer holds no bearer token")
        self._note_granted(str(reply.body.get("scope", "")))
        return _lived(value, reply.body.get("expires_in"), asked)

    def token_endpoint(self) -> str:
        """Where tokens are asked for. Pinned at first use: a changed discovery document changes nothing."""
        if self._endpoint:
            return require_endpoint(self._endpoint, "token endpoint")
        self._endpoint = self.configuration().token_endpoint
        return self._endpoint

    def _form(self, now: datetime) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "scope": " ".join(self.scopes()),
            "client_assertion_type": _ASSERTION,
            "client_assertion": self.assertion(now),
        }

    def assertion(self, now: datetime) -> str:
        """A signed client assertion, good for one use."""
        key = self._keys.current(self._algorithm)
        issued = now - self._skew
        claims: dict[str, Any] = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self.token_endpoint(),
            "jti": uuid.uuid4().hex,
            "iat": int(issued.timestamp()),
            "exp": int((issued + self._lifetime).timestamp()),
        }
        header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, key.key, algorithms=[key.algorithm])

    def _refusal(self, reply: Reply) -> Exception:
        where: dict[str, Any] = {"method": "POST", "resource_type": "token", "status": reply.status}
        if reply.status == 429:
            wait = retry_after(reply.headers.get("Retry-After", ""), self._clock.now())
            return RateLimited("too many token requests", retry_after=wait, **where)
        if reply.status >= 500:
            return ServerError("the authorisation server failed", **where)
        code = str(reply.body.get("error", ""))
        code = code if _CODE.match(code) else ""
        mend = self._clock_mend(reply) or _MENDS.get(
            code, "check the client id and the key with `chartside check`"
        )
        return TokenRefused(
            f"the authorisation server refused a token ({reply.status} {code or 'without a code'})",
            error=code,
            mend=mend,
        )

    def _clock_mend(self, reply: Reply) -> str:
        """A clock that is off is the most frequent and least told reason for ``invalid_client``."""
        theirs = http_date(reply.headers.get("Date", ""))
        off = (self._clock.now() - theirs).total_seconds() if theirs else 0.0
        if abs(off) < 60:
            return ""
        side = "ahead of" if off > 0 else "behind"
        return f"this machine's clock is {abs(off):.0f} s {side} the server's: set it by NTP"

    def _note_granted(self, granted: str) -> None:
        self.granted = granted or " ".join(self.scopes())  # RFC 6749, 5.1: left out means as asked for
        if missing := self.lacking():
            _log.warning("the practice has not granted: %s", " ".join(missing))


def _lived(value: str, expires_in: Any, asked: datetime) -> _Token:
    """Renew at 80 % of its life, but at the earliest a minute before its end. A life that is none, or that would have
    every call ask for a token of its own, is not believed; nor one of more than a day."""
    try:
        life = float(expires_in)
    except (TypeError, ValueError):
        life = _DEFAULT_LIFE
    life = min(life, _LONGEST_LIFE) if life >= 1 else _DEFAULT_LIFE  # NaN is not >= 1
    renew = max(life * 0.8, life - 60)
    return _Token(value, asked + timedelta(seconds=renew), asked + timedelta(seconds=life))


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return min(float(asked), 30.0) if asked else float(tenacity.wait_random_exponential(0.5, 4)(state))


def backend_services(
    base_url: str,
    *,
    client_id: str,
    keys: Path,
    access: Mapping[str, str],
    clock: Clock,
    algorithm: Algorithm = "ES384",
) -> BackendTokens:
    """BackendTokens with the keys in the folder ``keys``. Nothing is asked or read before the first token."""
    return BackendTokens(base_url, client_id, KeyStore(keys, clock), access, clock=clock, algorithm=algorithm)
