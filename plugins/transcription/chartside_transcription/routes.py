"""ASGI routes under ``/transcription``: upload of a recording by chunks, and a small review API for the page to come.

Who calls is known by a bearer token that belongs to one Practitioner (``reviewers`` in the config); without reviewers
there are no routes. Bodies are read from the stream into memory, never into a file. Answers carry ids, states and, to a
reviewer, the draft; errors carry no content.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from chartside.errors import ChartsideError, GateError, InputError, NotFound, VersionConflict
from chartside_transcription import note
from chartside_transcription.bodies import (
    LARGEST_TEXT,
    NotRead,
    Start,
    TooLarge,
    TooSlow,
    Wanted,
    body,
    read_as,
    text_of,
)
from chartside_transcription.permit import Permits, Sitting
from chartside_transcription.pipeline import Options
from chartside_transcription.service import Service
from chartside_transcription.session import LARGEST_CHUNK, Session, State, WrongState

PRIVATE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""With every answer: nothing of it is kept, framed, run, or read by another page."""
FOREIGN = frozenset({"cross-site", "same-site"})
"""``Sec-Fetch-Site`` of what another site's page made a browser send; behind a proxy it tells more than ``Origin``."""
Act = Callable[[Request, str], Awaitable[Response]]
_log = logging.getLogger("chartside.plugin.transcription")


class Api:
    """All routes of one practice."""

    def __init__(self, service: Service, tokens: Mapping[str, str]) -> None:
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
            Route("/drafts/search", self._for(self.search), methods=["POST"]),
            Route("/drafts/{id:path}/text", self._for(self.text), methods=["GET"]),
            Route("/drafts/{id:path}/text", self._for(self.edit), methods=["PUT"]),
            Route("/drafts/{id:path}/changes", self._for(self.changes), methods=["GET"]),
            Route("/drafts/{id:path}/{act:str}", self._for(self.decide), methods=["POST"]),
        ]

    def _for(self, act: Act) -> Callable[[Request], Awaitable[Response]]:
        """Only for a reviewer; errors as JSON with a fitting status."""

        async def answer(request: Request) -> Response:
            made = await answered(request)
            made.headers.update(PRIVATE)
            return made

        async def answered(request: Request) -> Response:
            who = self._reviewer(request)
            if not who:
                return _json({"error": "not signed in"}, 401, {"WWW-Authenticate": "Bearer"})
            if request.headers.get("sec-fetch-site", "").lower() in FOREIGN:
                return _json({"error": "another site's page asked for this"}, 403)
            try:
                return await act(request, who)
            except ChartsideError as error:
                return _json({"error": str(error)}, _status(error))
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                _log.error("a request failed: %s", type(error).__name__)  # its text may hold what was said
                return _json({"error": "this failed; see the log of chartside serve"}, 500)

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
        """``201`` with the id and the duties, or ``403`` that names the missing consent: then nothing has started."""
        asked = read_as(Start, await body(request, LARGEST_TEXT))
        session, duties = await run_in_threadpool(self._start, asked, who)
        return _json({"id": session.id, "state": session.state, "duties": list(duties)}, 201)

    def _start(self, asked: Start, who: str) -> tuple[Session, tuple[str, ...]]:
        sitting = Sitting(asked.client, tuple(asked.participants), asked.dictation)
        options = Options(1 if asked.dictation else asked.speakers, tuple(asked.roles))
        return self._service.start(sitting, options, who), Permits(self._service.context, sitting).require()

    async def chunk(self, request: Request, who: str) -> Response:
        """``202``: taken. ``409``: paused or ended."""
        session = self._session(request, who)
        await run_in_threadpool(session.take, await body(request, LARGEST_CHUNK))
        return Response(status_code=202)

    async def act(self, request: Request, who: str) -> Response:
        """``pause``, ``resume``, ``end``, ``discard``."""
        session, act = self._session(request, who), request.path_params["act"]
        acts = {"pause": session.pause, "resume": session.resume, "end": session.end, "discard": session.drop}
        if act not in acts:
            raise InputError("no such act", mend=f"one of: {', '.join(acts)}")
        await run_in_threadpool(acts[act])
        return self._told(session)

    async def state(self, request: Request, who: str) -> Response:
        """State, progress, and the draft's id when it is done."""
        return self._told(self._session(request, who))

    def _session(self, request: Request, who: str) -> Session:
        """Only who started a recording may go on with it."""
        self._service.sweep()
        session = self._service.sessions.get(request.path_params["id"])
        if session is None or session.owner != who:
            raise NotFound("no such recording of yours", status=404)
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
        return _json(shown)

    # --- review

    async def drafts(self, request: Request, who: str) -> Response:
        """What waits for a clinician."""
        if request.query_params:
            raise InputError(
                "an address names no client", mend="POST /drafts/search with the client in the body"
            )
        return await self._listed("")

    async def search(self, request: Request, who: str) -> Response:
        """The same of one client, for an EHR that searches by client only: ``{"patient": "Patient/12"}``."""
        return await self._listed(read_as(Wanted, await body(request, LARGEST_TEXT)).patient)

    async def _listed(self, patient: str) -> Response:
        found = await run_in_threadpool(lambda: list(self._service.review.drafts(patient)))
        rows = [
            {"id": d.id, "patient": d.patient, "title": d.title, "marked": d.marked, "where": d.where}
            for d in found
        ]
        return _json({"drafts": rows})

    async def text(self, request: Request, who: str) -> Response:
        """The draft with its sources, marked words and a notice; its ``ETag`` names the version, for ``If-Match``."""
        id, review = request.path_params["id"], self._service.review
        text = await run_in_threadpool(review.text, id)
        notice = await run_in_threadpool(review.notice, id)
        tag = {"ETag": f'"{note.version_of(text)}"'}
        return _json({"text": text, "marked": note.marked_words(text), "notice": notice}, headers=tag)

    async def edit(self, request: Request, who: str) -> Response:
        """Replace the text; the change is kept with the editor. ``If-Match`` as for every change: what was read."""
        version, id = _version(request), request.path_params["id"]
        text = text_of(await body(request, LARGEST_TEXT))
        await run_in_threadpool(self._service.review.edit, id, text, who, version)
        return Response(status_code=204)

    async def changes(self, request: Request, who: str) -> Response:
        """Tracked changes."""
        found = await run_in_threadpool(self._service.review.changes, request.path_params["id"])
        return _json({"changes": [{"editor": c.editor, "lines": list(c.lines)} for c in found]})

    async def decide(self, request: Request, who: str) -> Response:
        """``sign``, ``swap``, ``discard``; ``amend`` with the new text as the body. Each of the version read."""
        id, act, review = request.path_params["id"], request.path_params["act"], self._service.review
        if act not in ("sign", "amend", "swap", "discard"):
            raise InputError("no such act", mend="one of: sign, swap, discard, amend")
        version = _version(request)
        if act == "sign":
            return _json({"document": await run_in_threadpool(review.sign, id, who, version)})
        if act == "amend":
            text = text_of(await body(request, LARGEST_TEXT))
            return _json({"document": await run_in_threadpool(review.amend, id, text, who, version)})
        acts = {"swap": lambda: review.swap(id, who, version), "discard": lambda: review.discard(id, version)}
        await run_in_threadpool(acts[act])
        return Response(status_code=204)


def _json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(content, status, headers)


def _version(request: Request) -> str:
    """What ``If-Match`` names; a proxy that packs the answer may have made it weak. Raises NotRead without one."""
    given = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if given in ("", "*"):
        raise NotRead(
            "nothing is changed or signed unread", mend="send the ETag of GET /drafts/ID/text as If-Match"
        )
    return given


def _status(error: ChartsideError) -> int:
    """An HTTP status for an error."""
    kinds: list[tuple[type[ChartsideError], int]] = [
        (GateError, 403),
        (NotFound, 404),
        (VersionConflict, 412),
        (NotRead, 428),
        (WrongState, 409),
        (TooLarge, 413),
        (TooSlow, 408),
        (InputError, 400),
    ]
    return next(
        (status for kind, status in kinds if isinstance(error, kind)), 503 if error.retryable else 502
    )
