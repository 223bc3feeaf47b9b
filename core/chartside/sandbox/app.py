"""The server as an ASGI application: HTTP in front of the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chartside.sandbox.auth import Authority, Guard, TokenError
from chartside.sandbox.engine import Engine
from chartside.sandbox.exchange import Answer, Ask, Permit, permit_all, split_url
from chartside.sandbox.outcome import Refusal

PREFIX = "/fhir"
FHIR_JSON = "application/fhir+json"
MAX_BODY = 64 * 1024 * 1024

log = logging.getLogger("chartside.sandbox")


class FhirEndpoint:
    """Everything under ``/fhir``. ``latency`` in seconds is added to every answer."""

    def __init__(self, engine: Engine, *, guard: Guard | None = None, latency: float = 0.0) -> None:
        self.engine, self.guard, self.latency = engine, guard, latency

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
            defect = Refusal(500, "exception", "the server failed; this is a defect of the sandbox")
            response = Response(defect.body(), 500, media_type=FHIR_JSON)
        return response

    async def _ask(self, request: Request, base: str) -> Ask:
        path, _ = split_url(request.url.path.removeprefix(PREFIX))
        open_to_all = self.guard is None or path == ("metadata",)
        permit = permit_all if open_to_all else self._permit(request)
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
            permit=permit,
        )

    def _permit(self, request: Request) -> Permit:
        return self.guard.permit(request.headers.get("authorization", "")) if self.guard else permit_all

    async def configuration(self, request: Request) -> Response:
        """Answer the SMART discovery."""
        if self.guard is None:
            refusal = Refusal(404, "not-found", "this server asks for no token")
            return Response(refusal.body(), 404, media_type=FHIR_JSON)
        return JSONResponse(self.guard.configuration(_root(request)))

    async def token(self, request: Request) -> Response:
        """Answer the token endpoint."""
        if not isinstance(self.guard, Authority):
            return JSONResponse({"error": "invalid_request"}, 404)
        raw = await request.body()
        form = dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
        headers = {"Cache-Control": "no-store"}
        try:
            return JSONResponse(self.guard.token(form, f"{_root(request)}/auth/token"), headers=headers)
        except TokenError as error:
            return JSONResponse(error.body, error.status, headers)


def _root(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


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


def build_app(endpoint: FhirEndpoint, more: Sequence[Route] = ()) -> Starlette:
    """Return the ASGI application."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    fixed = [
        Route(f"{PREFIX}/.well-known/smart-configuration", endpoint.configuration, methods=["GET"]),
        Route("/auth/token", endpoint.token, methods=["POST"]),
    ]
    rest = [Route(f"{PREFIX}{tail}", endpoint.__call__, methods=methods) for tail in ("", "/{path:path}")]
    return Starlette(routes=[*fixed, *more, *rest])
