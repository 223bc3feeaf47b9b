"""ASGI routes under ``/transcription``: upload of a recording by chunks, and a small review API for the page to come.

Who calls is known by a bearer token that belongs to one Practitioner (``reviewers`` in the config); without reviewers
there are no routes. Answers carry ids, states and, to a reviewer, the draft; errors carry no content.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from chartside.errors import ChartsideError, GateError, InputError, NotFound, VersionConflict
from chartside_transcription import note
from chartside_transcription.permit import Sitting
from chartside_transcription.pipeline import Options
from chartside_transcription.service import Service
from chartside_transcription.session import LARGEST_CHUNK, Session, State

LARGEST_TEXT = 1 << 20
_PATIENT = r"^Patient/[A-Za-z0-9.-]{1,64}$"


class Start(BaseModel):
    """``POST /sessions``: whose session, how many speak and who, in the order of first speaking."""

    model_config = ConfigDict(extra="forbid")

    client: str = Field(pattern=_PATIENT)
    participants: list[str] = Field(default_factory=list, max_length=8)
    speakers: int = Field(default=2, ge=1, le=8)
    roles: list[str] = Field(default_factory=list, max_length=8)
    dictation: bool = False


Act = Callable[[Request, str], Awaitable[Response]]


class Api:
    """All routes of one practice."""

    def __init__(self, service: Service, tokens: dict[str, str]) -> None:
        self._service = service
        self._tokens = tokens

    def routes(self) -> list[BaseRoute]:
        """To be mounted by the host."""
        return [
            Route("/sessions", self._for(self.start), methods=["POST"]),
            Route("/sessions/{id}", self._for(self.state), methods=["GET"]),
            Route("/sessions/{id}/chunks", self._for(self.chunk), methods=["POST"]),
            Route("/sessions/{id}/{act:str}", self._for(self.act), methods=["POST"]),
            Route("/drafts", self._for(self.drafts), methods=["GET"]),
            Route("/drafts/{id:path}/text", self._for(self.text), methods=["GET"]),
            Route("/drafts/{id:path}/text", self._for(self.edit), methods=["PUT"]),
            Route("/drafts/{id:path}/changes", self._for(self.changes), methods=["GET"]),
            Route("/drafts/{id:path}/{act:str}", self._for(self.decide), methods=["POST"]),
        ]

    def _for(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """Only for a reviewer; errors as JSON with a fitting status."""

        async def answer(request: Request) -> Response:
            who = self._reviewer(request)
            if not who:
                return JSONResponse({"error": "not signed in"}, 401, {"WWW-Authenticate": "Bearer"})
            try:
                return await act(request, who)
            except ChartsideError as error:
                return JSONResponse({"error": str(error)}, _status(error))

        return answer

    def _reviewer(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        given = token.strip().encode()
        found = ""
        for who, expected in self._tokens.items():  # all of them are compared, so that time tells nothing
            if hmac.compare_digest(given, expected.encode()):
                found = who
        return found if scheme.lower() == "bearer" else ""

    # --- recording

    async def start(self, request: Request, who: str) -> Response:
        """``201`` with the id, or ``403`` that names the missing consent: then nothing has started."""
        del who
        asked = _model(Start, await _body(request, LARGEST_TEXT))
        sitting = Sitting(asked.client, tuple(asked.participants), asked.dictation)
        options = Options(1 if asked.dictation else asked.speakers, tuple(asked.roles))
        session = await run_in_threadpool(self._service.start, sitting, options)
        return JSONResponse({"id": session.id, "state": session.state}, 201)

    async def chunk(self, request: Request, who: str) -> Response:
        """``202``: taken. ``409``: paused or ended."""
        del who
        session = self._session(request)
        data = await _body(request, LARGEST_CHUNK)
        await run_in_threadpool(session.take, data)
        return Response(status_code=202)

    async def act(self, request: Request, who: str) -> Response:
        """``pause``, ``resume``, ``end``, ``discard``."""
        del who
        session, act = self._session(request), request.path_params["act"]
        acts = {"pause": session.pause, "resume": session.resume, "end": session.end, "discard": session.drop}
        if act not in acts:
            raise InputError("no such act", mend=f"one of: {', '.join(acts)}")
        await run_in_threadpool(acts[act])
        return self._told(session)

    async def state(self, request: Request, who: str) -> Response:
        """State, progress, and the draft's id when it is done."""
        del who
        return self._told(self._session(request))

    def _session(self, request: Request) -> Session:
        self._service.sweep()
        session = self._service.sessions.get(request.path_params["id"])
        if session is None:
            raise InputError("no such recording")
        return session

    def _told(self, session: Session) -> Response:
        draft = self._service.filed.get(session.id, "")
        shown = {
            "id": session.id,
            "state": session.state,
            "done": round(session.progress.done, 1),
            "total": round(session.progress.total, 1),
            **({"problem": session.problem} if session.state is State.FAILED else {}),
            **({"draft": draft} if draft else {}),
        }
        return JSONResponse(shown)

    # --- review

    async def drafts(self, request: Request, who: str) -> Response:
        """What waits for a clinician."""
        del request, who
        found = await run_in_threadpool(lambda: list(self._service.review.drafts()))
        rows = [
            {"id": d.id, "patient": d.patient, "title": d.title, "marked": d.marked, "where": d.where}
            for d in found
        ]
        return JSONResponse({"drafts": rows})

    async def text(self, request: Request, who: str) -> Response:
        """The draft with its sources and marked words."""
        del who
        text = await run_in_threadpool(self._service.review.text, request.path_params["id"])
        return JSONResponse({"text": text, "marked": note.marked_words(text)})

    async def edit(self, request: Request, who: str) -> Response:
        """Replace the text; the change is kept with the editor."""
        data = await _body(request, LARGEST_TEXT)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError("the text is no UTF-8") from None
        await run_in_threadpool(self._service.review.edit, request.path_params["id"], text, who)
        return Response(status_code=204)

    async def changes(self, request: Request, who: str) -> Response:
        """Tracked changes."""
        del who
        found = await run_in_threadpool(self._service.review.changes, request.path_params["id"])
        return JSONResponse({"changes": [{"editor": c.editor, "lines": list(c.lines)} for c in found]})

    async def decide(self, request: Request, who: str) -> Response:
        """``sign``, ``swap``, ``discard``; ``amend`` with the new text as the body."""
        id, act, review = request.path_params["id"], request.path_params["act"], self._service.review
        if act == "sign":
            return JSONResponse({"document": await run_in_threadpool(review.sign, id, who)})
        if act == "amend":
            text = (await _body(request, LARGEST_TEXT)).decode("utf-8", "replace")
            return JSONResponse({"document": await run_in_threadpool(review.amend, id, text, who)})
        if act == "swap":
            await run_in_threadpool(review.swap, id, who)
        elif act == "discard":
            await run_in_threadpool(review.discard, id)
        else:
            raise InputError("no such act", mend="one of: sign, swap, discard, amend")
        return Response(status_code=204)


async def _body(request: Request, largest: int) -> bytes:
    """The body, refused as soon as it grows too large."""
    held = bytearray()
    async for part in request.stream():
        held += part
        if len(held) > largest:
            raise InputError(f"the body is larger than {largest} bytes")
    return bytes(held)


def _model(model: type[Start], data: bytes) -> Start:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, e["loc"])) or "body" for e in error.errors()}))
        raise InputError(f"wrong or missing: {places}") from None


def _status(error: Any) -> int:
    """An HTTP status for an error."""
    if isinstance(error, GateError):
        return 403
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, VersionConflict):
        return 409
    if isinstance(error, InputError):
        return 409 if "the recording is" in str(error) else 400
    return 503 if error.retryable else 502
