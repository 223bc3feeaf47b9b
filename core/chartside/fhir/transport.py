"""One exchange with the server: token, budget, breaker, retry, limits, origin; and what may be said about it.

Quiet: a log line holds method, type, status, milliseconds and a request id. ``requests`` puts whole URLs, query
values included, into its exceptions and urllib3 into its debug log; neither gets out of here.
"""

from __future__ import annotations

import logging
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import orjson
import requests
import tenacity
import urllib3.exceptions

from chartside.clock import Clock
from chartside.errors import (
    CircuitOpen,
    FhirError,
    LimitExceeded,
    RateLimited,
    ServerError,
    Unreachable,
)
from chartside.fhir.answers import Answer, Asked, NeverSent, error_for, request_id, retry_after
from chartside.fhir.budget import Breaker, Budget
from chartside.fhir.limits import Body, LimitBroken, Limits, parse
from chartside.fhir.origin import Origins

JSON = "application/fhir+json"
_CHUNK = 64 * 1024
_log = logging.getLogger("chartside.fhir")


class TokenSource(Protocol):
    """Gives access tokens, e.g. ``chartside.smart.BackendTokens``. Thread-safe."""

    def token(self) -> str:
        """A token that is valid now. Raises TokenRefused, SmartError."""
        ...

    def invalidate(self, token: str) -> None:
        """The server refused this token: the next ``token()`` is another one."""
        ...


@dataclass(frozen=True, slots=True)
class Retries:
    """Repetitions of what is safe to repeat: ``attempts`` in all, waiting ``first`` to ``most`` seconds, jittered.

    A Retry-After longer than ``longest_retry_after`` is not sat out: RateLimited says how long it is.
    """

    attempts: int = 4
    first: float = 0.5
    most: float = 8.0
    longest_retry_after: float = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """``url`` is absolute and of the server's origin. ``repeatable``: sending it twice does it once."""

    asked: Asked
    url: str
    params: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    authorised: bool = True


class Transport:
    """Carries requests to one practice's server. Thread-safe; one ``requests`` session with a pool."""

    def __init__(
        self,
        origins: Origins,
        session: requests.Session,
        *,
        auth: TokenSource | None,
        limits: Limits,
        retries: Retries,
        budget: Budget,
        breaker: Breaker,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        name: str = FhirError.server,
    ) -> None:
        self.origins, self.limits, self.name = origins, limits, name
        self._session, self._auth, self._clock = session, auth, clock
        self._retries, self._budget, self._breaker, self._sleep = retries, budget, breaker, sleep
        self._jitter = tenacity.wait_random_exponential(multiplier=retries.first, max=retries.most)

    def public(self, session: requests.Session) -> Transport:
        """A transport for other origins: no token, no redirects, a budget and breaker of its own."""
        return Transport(
            self.origins,
            session,
            auth=None,
            limits=replace(self.limits, redirects=0),
            retries=self._retries,
            budget=Budget(),
            breaker=Breaker(),
            clock=self._clock,
            sleep=self._sleep,
        )

    def send(self, request: Request) -> Answer:
        """The answer, of status 2xx. Raises FhirError for all else."""
        try:
            return self._sent(request)
        except FhirError as error:
            error.server = self.name
            raise

    def _sent(self, request: Request) -> Answer:
        self._breaker.enter()
        try:
            answer = self._retrying(request)(self._attempt, request)
        except (Unreachable, ServerError):
            self._breaker.fail()
            raise
        except FhirError:
            self._breaker.succeed()
            raise
        self._breaker.succeed()
        return answer

    def _retrying(self, request: Request) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: self._again(request, error)),
            wait=self._wait,
            stop=tenacity.stop_after_attempt(self._retries.attempts),
            sleep=self._sleep,
            reraise=True,
        )

    def _again(self, request: Request, error: BaseException) -> bool:
        if not isinstance(error, FhirError) or not error.retryable or isinstance(error, CircuitOpen):
            return False
        if (error.retry_after or 0.0) > self._retries.longest_retry_after:
            return False
        if isinstance(error, RateLimited):
            return error.status == 429  # refused before it was done; our own budget has waited already
        return request.repeatable or isinstance(error, NeverSent)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None) or 0.0
        if asked:
            self._budget.pause(asked)
            return 0.0  # the budget makes everybody wait, this request among them
        return float(self._jitter(state))

    def _attempt(self, request: Request) -> Answer:
        token = self._auth.token() if self._auth and request.authorised else ""
        answer = self._exchange(request, token)
        if answer.status == 401 and self._auth and token and not _lacks_scope(answer):
            self._auth.invalidate(token)
            token = self._auth.token()
            answer = self._exchange(request, token)
        answer = self._follow(request, answer, token)
        if 200 <= answer.status < 300:
            return answer
        wait = retry_after(answer.headers.get("Retry-After", ""), self._clock.now())
        raise error_for(
            request.asked,
            403 if answer.status == 401 and _lacks_scope(answer) else answer.status,
            answer.body,
            request_id=answer.request_id,
            wait=wait,
        )

    def _follow(self, request: Request, answer: Answer, token: str) -> Answer:
        """A GET's redirects within the origin, by hand. Raises OriginRefused."""
        for _ in range(self.limits.redirects):
            if answer.status not in (301, 302, 303, 307, 308) or request.asked.method != "GET":
                break
            url = self.origins.resolve(answer.headers.get("Location", ""), answer.url)
            answer = self._exchange(replace(request, url=url, params=()), token)
        return answer

    def _exchange(self, request: Request, token: str) -> Answer:
        self._budget.take()
        own = uuid.uuid4().hex
        headers = {"Accept": JSON, "X-Request-Id": own, **request.headers}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        started = time.monotonic()
        outcome = self._receive(request, headers, own, started)
        took = (time.monotonic() - started) * 1000
        status = outcome.status
        level = logging.DEBUG if 0 < status < 400 else logging.INFO
        name = request_id(outcome.headers, own) if isinstance(outcome, Answer) else own
        _log.log(level, "%s %s %s %.0f ms %s", request.asked.method, request.asked.type, status, took, name)
        if isinstance(outcome, FhirError):
            raise outcome  # outside of any except block, so that it drags no URL along as its context
        return outcome

    def _receive(
        self, request: Request, headers: Mapping[str, str], own: str, started: float
    ) -> Answer | FhirError:

        def failure(kind: type[FhirError], message: str) -> FhirError:
            asked = request.asked
            return kind(message, method=asked.method, resource_type=asked.type, request_id=own)

        try:
            response = self._session.request(
                request.asked.method,
                request.url,
                params=list(request.params) or None,
                data=request.body,
                headers=dict(headers),
                timeout=self.limits.timeout(),
                allow_redirects=False,
                stream=True,
            )
            with response:
                content = read_body(response, self.limits)
                return self._answer(request, response, content, own)
        except LimitBroken as error:
            return failure(LimitExceeded, str(error))
        except requests.ConnectTimeout:
            return failure(NeverSent, "no answer in time")
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if time.monotonic() - started >= self.limits.exchange_seconds:
                return failure(LimitExceeded, "more time than allowed")
            if isinstance(error, requests.Timeout | urllib3.exceptions.ReadTimeoutError):
                return failure(Unreachable, "no answer in time")
            return failure(_unreachable(error), no_connection(error))

    def _answer(self, request: Request, response: requests.Response, content: bytes, own: str) -> Answer:
        headers = response.headers
        parsed = None
        if content.lstrip()[:1] in (b"{", b"["):
            try:
                parsed = parse(content, self.limits.depth)
            except orjson.JSONDecodeError:
                parsed = None  # HTML pages and the like: the status and Answer.resource() speak of them
        return Answer(
            request.asked,
            response.status_code,
            headers,
            parsed,
            content,
            request_id(headers, own),
            response.url or request.url,
        )


def read_body(response: requests.Response, limits: Limits) -> bytes:
    """The answer's bytes, decompressed, within the limits of size. Raises LimitBroken."""
    body = Body(limits, response.headers.get("Content-Encoding", "").strip().lower())
    declared = response.headers.get("Content-Length", "")[:20]  # int() refuses thousands of digits
    if declared.isascii() and declared.isdigit() and int(declared) > limits.wire_bytes:
        raise LimitBroken("more bytes than allowed")
    while chunk := _chunk(response.raw):
        body.feed(chunk)
    return body.read()


def _chunk(raw: object) -> bytes:
    """What has come by now, as it is on the wire. ``read`` would wait for the whole amount, drop by drop."""
    if isinstance(raw, urllib3.BaseHTTPResponse):
        return raw.read1(_CHUNK, decode_content=False)
    return bytes(raw.read(_CHUNK))  # type: ignore[attr-defined]  # a test's adapter


def _lacks_scope(answer: Answer) -> bool:
    """A 401 that another token will not mend (RFC 6750, section 3.1)."""
    return "insufficient_scope" in answer.headers.get("WWW-Authenticate", "")


def no_connection(error: Exception) -> str:
    """What an administrator needs to know of why no answer came; requests' own text would hold the URL."""
    reason = _reason(error)
    inner = reason.args[0] if isinstance(reason, urllib3.exceptions.SSLError) and reason.args else reason
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"the server's TLS certificate is refused ({inner.verify_message})"
    if isinstance(inner, ssl.SSLError):
        return "no TLS connection came about"
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return "no connection: the machine's name is not known"
    return "no connection, or it was cut"


def _reason(error: Exception) -> object:
    return getattr(error.args[0] if error.args else None, "reason", None)


def _unreachable(error: Exception) -> type[Unreachable]:
    return NeverSent if isinstance(_reason(error), urllib3.exceptions.NewConnectionError) else Unreachable
