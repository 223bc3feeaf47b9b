"""The parts of this plugin for one practice: engine, permits, sessions, review."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cached_property
from typing import Any

from chartside.ai import Model
from chartside.context import Context
from chartside.errors import InputError
from chartside_transcription.chart import chart_hotwords
from chartside_transcription.dictation import dictated
from chartside_transcription.draft import Drafter, load_template, make_draft
from chartside_transcription.draft.pronouns import in_record
from chartside_transcription.engines import Engine, find_engine
from chartside_transcription.engines.registry import find_drafter
from chartside_transcription.modelcard import model_of
from chartside_transcription.permit import Permits, Sitting
from chartside_transcription.pipeline import Options, Progress, Source, Tell, transcribe
from chartside_transcription.review import Review
from chartside_transcription.session import Session
from chartside_transcription.transcript import Transcript

MOST_SESSIONS = 4
"""At once; each takes a core."""
MOST_REMEMBERED = 64
"""Ended recordings whose state can still be asked for."""
AUDIO = "audio"


def make_engine(context: Context) -> Engine:
    """The engine that the config names, imported only now; sound that leaves goes where the registry says (S-18)."""
    return find_engine(context.settings.engine)(
        context.settings, lambda kind, name, data: context.outlet.recipient(kind, name, data).address
    )


def reviewer(context: Context, drafter: type[Drafter] | None = None) -> Review:
    """Review without recording: nothing of the engine is loaded but its name and version."""

    def model() -> Model:
        return model_of(make_engine(context), drafter or find_drafter(context.settings.drafter))

    return Review(context, model)


class Service:
    """One practice's transcription. Nothing in it outlives the process."""

    def __init__(
        self, context: Context, *, engine: Engine | None = None, drafter: Drafter | None = None
    ) -> None:
        self.context = context
        self.engine = engine or make_engine(context)
        self.drafter = drafter or find_drafter(context.settings.drafter)()
        self.review = Review(context, lambda: model_of(self.engine, self.drafter))
        self.sessions: dict[str, Session] = {}
        self.filed: dict[str, str] = {}
        self._lock = threading.Lock()

    @cached_property
    def template(self) -> Any:
        """The practice's template. Raises InputError for one that cannot be used."""
        return load_template(self.context.settings.template)

    def note(self, source: Source, sitting: Sitting, options: Options, recording: str, tell: Tell) -> str:
        """A whole recording into a draft; its id. Raises ConsentRefused before anything is read."""
        permits = self._opened(sitting)
        full = self._with_chart(options, sitting)

        def each(progress: Progress) -> None:
            permits.require()
            tell(progress)

        return self.file(transcribe(source, self.engine, full, each), sitting, recording)

    def file(self, transcript: Transcript, sitting: Sitting, recording: str) -> str:
        """Draft, and put the draft where it waits. Raises ConsentRefused where a permit was taken back by now."""
        Permits(self.context, sitting).require()
        said = dictated(transcript) if sitting.dictation else transcript
        pronouns = in_record(self.context.fhir.read(*sitting.client.split("/", 1)))
        draft = make_draft(said, self.template, self.drafter, pronouns)
        return self.review.file(draft, said, sitting, recording)

    def start(self, sitting: Sitting, options: Options, owner: str = "") -> Session:
        """A recording that comes in by chunks. Raises ConsentRefused: then nothing has started."""
        self.sweep()
        permits = self._opened(sitting)
        full = self._with_chart(options, sitting)

        def finished(transcript: Transcript) -> None:
            self.filed[session.id] = self.file(transcript, sitting, session.id)

        session = Session(self.engine, full, permits.require, self.context.clock, finished, owner)
        with self._lock:
            if sum(one.running for one in self.sessions.values()) >= MOST_SESSIONS:
                raise InputError("too many recordings at once", mend="end one of them first")
            session.start()
            self.sessions[session.id] = session
        return session

    def _opened(self, sitting: Sitting) -> Permits:
        """Permits first; then what the note will need, so that nobody records in vain; then the disclosure."""
        permits = Permits(self.context, sitting)
        permits.require()
        _ = self.template
        self.engine.prepare()
        if self.engine.outbound_kind:
            settings = self.context.settings
            about = [(who, who) for who in (sitting.recorded or (sitting.client,))]
            self.context.outlet.disclose(
                self.engine.outbound_kind, settings.recipient, AUDIO, about, purpose=permits.purpose
            )
        return permits

    def sweep(self) -> int:
        """Auto-stop: end the recordings that were forgotten; how many. Old ones are forgotten altogether."""
        now = self.context.clock.now()
        ended = sum(session.end_if_forgotten(now) for session in list(self.sessions.values()))
        done = [id for id, session in list(self.sessions.items()) if not session.running]
        for id in done[: max(0, len(done) - MOST_REMEMBERED)]:
            self.sessions.pop(id, None)
            self.filed.pop(id, None)
        return ended

    def _with_chart(self, options: Options, sitting: Sitting) -> Options:
        words = chart_hotwords(self.context, sitting.client)
        return replace(options, hotwords=tuple(dict.fromkeys((*options.hotwords, *words))))
