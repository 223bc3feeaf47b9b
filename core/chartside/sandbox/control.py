"""The sandbox's own controls, at ``/_sandbox``: faults over HTTP, and what was asked of it so far.

``GET /_sandbox/faults``, ``POST`` a rule (``{"kind": "429", "path": "/Task", "times": 3}``), ``DELETE`` to stop;
``GET /_sandbox/requests`` counts requests by method, type and status. No FHIR and no part of any EHR.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chartside.sandbox.faults import Faults, Rule

_FIELDS = {field.name for field in fields(Rule)} - {"met", "done"}


def control_routes(faults: Faults, seen: Callable[[], Sequence[tuple[str, str, int]]]) -> list[Route]:
    """Return the routes."""

    async def change(request: Request) -> Response:
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            try:
                faults.rules.append(_rule(await request.json()))
            except (ValueError, TypeError) as error:
                return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(
            {"rules": [asdict(rule) for rule in faults.rules], "injected": dict(faults.injected)}
        )

    async def requests(request: Request) -> Response:
        counts = Counter(f"{method} {_place(path)} {status}" for method, path, status in seen())
        return JSONResponse({"total": counts.total(), "by": dict(counts)})

    return [
        Route("/_sandbox/faults", change, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/requests", requests, methods=["GET"]),
    ]


def _place(path: str) -> str:
    """Return what was asked for, without ids: ``Patient``, ``Patient/_search``, ``/`` for a bundle."""
    parts = path.split("/")[2:]
    return "/".join(part for index, part in enumerate(parts) if index == 0 or part.startswith("_")) or "/"


def _rule(body: object) -> Rule:
    if not isinstance(body, dict) or not set(body) <= _FIELDS:
        raise ValueError(f"a fault has: {', '.join(sorted(_FIELDS))}")
    return Rule(**body)
