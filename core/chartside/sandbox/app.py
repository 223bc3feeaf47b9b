"""The server as an ASGI application: HTTP in front of the engine."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chartside.sandbox.engine import Engine
from chartside.sandbox.exchange import Answer, Ask, split_url
from chartside.sandbox.outcome import Refusal

PREFIX = "/fhir"
FHIR_JSON = "application/fhir+json"
MAX_BODY = 64 * 1024 * 1024

log = logging.getLogger("chartside.sandbox")


class FhirEndpoint:
    """Everything under ``/fhir``. ``latency`` in seconds is added to every answer."""

    def __init__(self, engine: Engine, *, latency: float = 0.0) -> None:
        self.engine, self.latency = engine, latency
        self.seen: deque[tuple[str, str, int]] = deque(maxlen=200_000)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if self.latency:
            await asyncio.sleep(self.latency)
        base = f"{request.url.scheme}://{request.url.netloc}{PREFIX}"
        self.engine.store.bases.add(base)
        try:
            answer = self.engine.answer(await self._ask(request, base))
            response = _respond(answer, base)
        except Refusal as refusal:
            response = Response(refusal.body(), refusal.status, refusal.headers, media_type=FHIR_JSON)
        except Exception:  # a defect of the server: told as such, without a trace that could show content
            log.exception("the sandbox failed on %s", request.method)
            refusal = Refusal(500, "exception", "the server failed; this is a defect of the sandbox")
            response = Response(refusal.body(), 500, media_type=FHIR_JSON)
        self.seen.append((request.method, request.url.path.removeprefix(PREFIX), response.status_code))
        return response

    async def _ask(self, request: Request, base: str) -> Ask:
        path, _ = split_url(request.url.path.removeprefix(PREFIX))
        query = list(request.query_params.multi_items())
        headers = request.headers
        _check_accept(headers.get("accept", ""), dict(query).get("_format", ""))
        content_type = headers.get("content-type", "")
        body = None
        if request.method in ("POST", "PUT", "PATCH"):
            raw = await request.body()
            if path[1:] == ("_search",) and "form" in content_type:
                query += parse_qsl(raw.decode(), keep_blank_values=True)
            else:
                body = _json(raw, content_type)
        return Ask(
            method="GET" if request.method == "HEAD" else request.method,
            path=path,
            query=query,
            body=body,
            content_type=content_type,
            if_match=headers.get("if-match", ""),
            if_none_match=headers.get("if-none-match", ""),
            if_none_exist=headers.get("if-none-exist", ""),
            prefer=headers.get("prefer", ""),
            base=base,
        )


def _check_accept(accept: str, wanted: str) -> None:
    asked = wanted or accept
    if asked and "json" not in asked and "*" not in asked:
        raise Refusal(406, "not-supported", "this server speaks JSON only")


def _json(raw: bytes, content_type: str) -> Any:
    if len(raw) > MAX_BODY:
        raise Refusal(413, "too-costly", "the body is too long")
    if content_type and "json" not in content_type:
        raise Refusal(415, "not-supported", "this server reads JSON only")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Refusal(400, "structure", "the body is no JSON") from None


def _respond(answer: Answer, base: str) -> Response:
    return Response(answer.body, answer.status, answer.http_headers(base), media_type=FHIR_JSON)


def build_app(endpoint: FhirEndpoint) -> Starlette:
    """Return the ASGI application."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[Route(f"{PREFIX}{rest}", endpoint.__call__, methods=methods) for rest in ("", "/{path:path}")]
    )
