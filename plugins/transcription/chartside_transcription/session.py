"""A recording as it comes in: started, paused, resumed, ended, or stopped because somebody forgot it (T-1, T-2).

The sound goes from the upload straight into the decoder; what waits for it is at most ``WAITING`` chunks in memory.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from chartside.clock import Clock
from chartside.errors import ChartsideError, InputError
from chartside_transcription.engines.base import Engine
from chartside_transcription.pipeline import Options, Progress, transcribe
from chartside_transcription.transcript import Transcript

WAITING = 8
LARGEST_CHUNK = 1 << 20
"""Bytes: half a minute of uncompressed sound; a browser sends one every few seconds."""
LOOK = 0.5
"""Seconds between two looks whether the recording was forgotten."""
PATIENCE = (1.0, 5.0, 15.0, 30.0, 60.0, 60.0, 60.0)
"""Seconds to wait between tries while the EHR does not answer: an hour of a session is not lost for a bad minute."""
FORGOTTEN = timedelta(minutes=10)
"""Without a chunk for so long, or paused for so long, a recording is ended by itself."""


class State(StrEnum):
    """``filing``: the draft is being written; ``failed``: it ended and everything of it was dropped."""

    RECORDING = "recording"
    PAUSED = "paused"
    ENDING = "ending"
    FILING = "filing"
    DONE = "done"
    FAILED = "failed"


class WrongState(InputError):
    """The recording is in no state for that."""


@dataclass
class Session:
    """One recording. ``allowed`` is asked at the start and at every piece, and raises when it is not any more.

    ``finished`` gets the transcript; ``owner``: who started it and may go on with it.
    """

    engine: Engine
    options: Options
    allowed: Callable[[], object]
    clock: Clock
    finished: Callable[[Transcript], None]
    owner: str = ""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    state: State = State.RECORDING
    progress: Progress = field(default_factory=lambda: Progress(0.0, 0.0))
    problem: str = ""

    def __post_init__(self) -> None:
        self._chunks: queue.Queue[bytes] = queue.Queue(WAITING)
        self._last = self.clock.now()
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._run, name="chartside-transcription", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it still takes sound, or writes down what it took."""
        return self.state in (State.RECORDING, State.PAUSED, State.ENDING, State.FILING)

    def start(self) -> None:
        """Ask for the permits, then listen. Raises ConsentRefused: then nothing has started."""
        self.allowed()
        self._thread.start()

    def take(self, chunk: bytes, *, patience: float = 30.0) -> None:
        """One chunk of the upload, in order. Raises WrongState when the recording takes none now, InputError else."""
        if self.state is not State.RECORDING:
            raise WrongState(f"the recording is {self.state}", mend="resume it, or start another one")
        if len(chunk) > LARGEST_CHUNK:
            raise InputError("the chunk is larger than 1 MB", mend="send smaller chunks")
        self._last = self.clock.now()
        try:
            self._chunks.put(chunk, timeout=patience)
        except queue.Full:
            raise WrongState("recognition cannot keep up", mend="send the chunk again later") from None

    def pause(self) -> None:
        """Take nothing until ``resume``."""
        self._change(State.RECORDING, State.PAUSED)

    def resume(self) -> None:
        """Go on, if it is still permitted."""
        self.allowed()
        self._change(State.PAUSED, State.RECORDING)

    def end(self) -> None:
        """No more chunks come; what came is written down."""
        if self.state in (State.RECORDING, State.PAUSED):
            self.state = State.ENDING

    def drop(self, problem: str = "discarded") -> None:
        """Stop and forget everything. Raises WrongState once the draft is being written."""
        with self._lock:
            if self.state in (State.FILING, State.DONE):
                raise WrongState(f"the recording is {self.state}", mend="discard its draft")
            self._stop.set()
            self._fail(problem)
        self._drain()

    def wait(self, seconds: float) -> bool:
        """Whether it ended within this time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def end_if_forgotten(self, now: datetime) -> bool:
        """Auto-stop: end a recording that nobody feeds any more."""
        idle = self.state in (State.RECORDING, State.PAUSED) and now - self._last > FORGOTTEN
        if idle:
            self.end()
        return idle

    def _change(self, before: State, after: State) -> None:
        if self.state is not before:
            raise WrongState(f"the recording is {self.state}, not {before}")
        self.state, self._last = after, self.clock.now()

    def _run(self) -> None:
        try:
            transcript = transcribe(self._stream(), self.engine, self.options, self._tell)
            self._check()
            with self._lock:
                if self._stop.is_set():
                    raise _Dropped
                self.state = State.FILING
            self._patiently(lambda: self.finished(transcript))
            self.state = State.DONE
        except _Dropped:
            pass
        except ChartsideError as error:
            self._fail(self.problem or str(error))
        except Exception as error:
            self._fail(type(error).__name__)  # the type only: its text may hold what was said
        finally:
            self._drain()

    def _stream(self) -> Iterator[bytes]:
        """Chunks as they come, until it is ended, dropped or forgotten."""
        while self.running:
            try:
                yield self._chunks.get(timeout=LOOK)
            except queue.Empty:
                if self.state is State.ENDING:
                    return
                self.end_if_forgotten(self.clock.now())

    def _tell(self, progress: Progress) -> None:
        self._check()
        self.progress = progress

    def _check(self) -> None:
        self._patiently(self.allowed)
        if self._stop.is_set():
            raise _Dropped

    def _patiently(self, act: Callable[[], object]) -> None:
        """Try again while the EHR cannot be reached; the last error where it stays so."""
        for pause in PATIENCE:
            try:
                act()
                return
            except ChartsideError as error:
                if not error.retryable or self._stop.wait(pause):
                    raise
        act()

    def _fail(self, problem: str) -> None:
        self.state, self.problem = State.FAILED, problem

    def _drain(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._chunks.get_nowait()


class _Dropped(Exception):
    """Ends the thread of a discarded session."""
