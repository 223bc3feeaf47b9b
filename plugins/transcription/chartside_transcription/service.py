"""The parts of this plugin for one practice: engine, permits, sessions, review."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chartside.context import Context
from chartside.errors import InputError, OutboundRefused
from chartside.gate.outbound import OutboundRegistry
from chartside_transcription.chart import chart_hotwords
from chartside_transcription.draft import Drafter, load_template, make_draft
from chartside_transcription.draft.rules import Rules
from chartside_transcription.engines import Engine, find_engine
from chartside_transcription.engines.base import Recipient
from chartside_transcription.permit import Sitting, require_permits
from chartside_transcription.pipeline import Options, Source, Tell, transcribe
from chartside_transcription.review import Review
from chartside_transcription.session import Session
from chartside_transcription.settings import Settings
from chartside_transcription.transcript import Transcript

MOST_SESSIONS = 4
"""At once; each takes a core."""


def make_engine(settings: Settings, registry: OutboundRegistry | None, now: Callable[[], datetime]) -> Engine:
    """The engine that the config names, imported only now."""
    return find_engine(settings.engine)(settings, _recipient(registry, now))


def _recipient(registry: OutboundRegistry | None, now: Callable[[], datetime]) -> Recipient:
    def address(kind: str, name: str, data_class: str) -> str:
        if registry is None:
            raise OutboundRefused(
                "this plugin was not given the outbound registry, so no sound may leave this machine",
                mend="use the embedded engine, or the command: chartside transcription note",
            )
        return registry.check(kind, name, now(), data_class).address

    return address


class Service:
    """One practice's transcription. Nothing in it outlives the process."""

    def __init__(
        self,
        context: Context,
        *,
        registry: OutboundRegistry | None = None,
        engine: Engine | None = None,
        drafter: Drafter | None = None,
    ) -> None:
        self.context = context
        self.engine = engine or make_engine(context.settings, registry, context.clock.now)
        self.drafter = drafter or Rules()
        self.review = Review(context, self.engine)
        self.sessions: dict[str, Session] = {}
        self.filed: dict[str, str] = {}

    def note(self, source: Source, sitting: Sitting, options: Options, recording: str, tell: Tell) -> str:
        """A whole recording into a draft; its id. Raises ConsentRefused before anything is read."""
        require_permits(self.context, sitting)
        full = self._with_chart(options, sitting)

        def each(progress: object) -> None:
            require_permits(self.context, sitting)
            tell(progress)  # type: ignore[arg-type]

        return self.file(transcribe(source, self.engine, full, each), sitting, recording)

    def file(self, transcript: Transcript, sitting: Sitting, recording: str) -> str:
        """Draft, and put the draft where it waits."""
        template = load_template(self.context.settings.template)
        draft = make_draft(transcript, template, self.drafter)
        return self.review.file(draft, transcript, sitting, recording)

    def start(self, sitting: Sitting, options: Options) -> Session:
        """A recording that comes in by chunks. Raises ConsentRefused: then nothing has started."""
        self.sweep()
        if (
            sum(1 for s in self.sessions.values() if s.state in ("recording", "paused", "ending"))
            >= MOST_SESSIONS
        ):
            raise InputError("too many recordings at once", mend="end one of them first")
        require_permits(self.context, sitting)

        def finished(transcript: Transcript) -> None:
            self.filed[session.id] = self.file(transcript, sitting, session.id)

        session = Session(
            self.engine,
            self._with_chart(options, sitting),
            lambda: require_permits(self.context, sitting),
            self.context.clock,
            finished,
        )
        session.start()
        self.sessions[session.id] = session
        return session

    def sweep(self) -> int:
        """Auto-stop: end the recordings that were forgotten; how many."""
        now = self.context.clock.now()
        return sum(session.end_if_forgotten(now) for session in self.sessions.values())

    def _with_chart(self, options: Options, sitting: Sitting) -> Options:
        from dataclasses import replace

        words = chart_hotwords(self.context, sitting.client)
        return replace(options, hotwords=tuple(dict.fromkeys((*options.hotwords, *words))))
