"""Decode a recording in a process of its own and read the samples back block by block (T-2, T-3, T-16).

The parent never parses the recording. What the child refuses, or dies of, becomes an InputError.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import numpy as np
from numpy.typing import NDArray

from chartside.errors import InputError
from chartside_transcription.audio import RATE
from chartside_transcription.audio.child import leave_no_dump

Samples = NDArray[np.int16]
BLOCK = 32_768
"""Bytes read at once: 1.024 s, a whole number of the voice detector's frames."""
FORMATS = "wav, mp3, m4a, ogg, webm or flac"
REFUSALS = {
    "empty": ("the recording is empty", "record again, or choose another file"),
    "unknown": (f"this is no {FORMATS}", f"export it as {FORMATS}"),
    "silent": ("the file holds no sound track", "choose the file with the sound"),
    "broken": ("the recording is damaged", "export it again, or copy it again from the recorder"),
    "cut": ("the recording is cut off: its header says that it is longer", "copy or upload it again, whole"),
    "long": ("the recording is longer than four hours", "cut it into parts, one for each session"),
    "large": ("the recording asks for more memory than a recording needs", "export it again as wav or mp3"),
}
_LIMITS = (
    "the recording could not be decoded within the limits of time and memory",
    "export it again as wav or mp3",
)


class Decoding:
    """One recording being decoded. Iterate for blocks of samples; leave the ``with`` block to stop at any time.

    ``source``: a path, an open file, or an iterable of chunks (an upload), which a thread feeds.
    ``declared`` is the length in seconds that the header gives, or 0.
    """

    def __init__(self, source: Path | IO[bytes] | Iterable[bytes]) -> None:
        self.declared = 0.0
        self._chunks: Iterable[bytes] | None = None
        self._broken_off: Exception | None = None
        self._feeder: threading.Thread | None = None
        leave_no_dump()
        self._process = self._start(source)

    def _start(self, source: Path | IO[bytes] | Iterable[bytes]) -> subprocess.Popen[bytes]:
        if isinstance(source, Path):
            try:
                with source.open("rb") as file:
                    return _child(file)
            except OSError as error:
                raise InputError(f"the recording cannot be read ({error.strerror})") from None
        if hasattr(source, "read"):
            opened = cast("IO[bytes]", source)
            with contextlib.suppress(io.UnsupportedOperation, AttributeError):
                opened.fileno()
                return _child(opened)
            self._chunks = iter(lambda: opened.read(BLOCK), b"")  # held in memory
        else:
            self._chunks = source
        return _child(subprocess.PIPE)

    def __iter__(self) -> Iterator[Samples]:
        if self._chunks is not None:
            self._feeder = threading.Thread(target=self._feed, args=(self._chunks,), daemon=True)
            self._feeder.start()
        output = self._process.stdout
        assert output is not None
        head = output.read(8)
        if len(head) == 8:
            [self.declared] = struct.unpack("<d", head)
        while block := output.read(BLOCK):
            yield np.frombuffer(block[: len(block) // 2 * 2], np.int16)
        self._finish()

    def _feed(self, chunks: Iterable[bytes]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError), self._process.stdin as pipe:
            try:
                for chunk in chunks:
                    pipe.write(chunk)
            except (BrokenPipeError, ValueError):
                raise
            except Exception as error:  # of the upload: half a recording is no recording
                self._broken_off = error

    def _finish(self) -> None:
        assert self._process.stderr is not None
        word = self._process.stderr.read(64).decode("ascii", "replace")
        if self._broken_off is not None:
            raise self._broken_off
        if self._process.wait() == 0:
            return
        message, mend = REFUSALS.get(word, _LIMITS)
        raise InputError(message, mend=mend)

    def close(self) -> None:
        """Stop the child if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        # once it runs, the feeder closes its own pipe: two threads closing one buffer was seen to fail
        fed = self._process.stdin if self._feeder is None else None
        for pipe in (self._process.stdout, self._process.stderr, fed):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _child(stdin: int | IO[bytes]) -> subprocess.Popen[bytes]:
    """``-I``: neither the working directory nor the environment can put other code into the child."""
    script = Path(__file__).with_name("child.py")
    environment = {
        key: os.environ[key] for key in ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH") if key in os.environ
    }
    return subprocess.Popen(  # noqa: S603 - this interpreter and our own script
        [sys.executable, "-I", str(script)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )


def seconds(samples: int) -> float:
    """Samples as seconds."""
    return samples / RATE
