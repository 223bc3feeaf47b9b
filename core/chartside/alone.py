"""One at a time, in all processes of a practice on this machine: a lock on a file, which ends with its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from chartside.errors import InputError

PATIENCE = 30.0
"""Seconds that one waits for the other."""


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock ``name`` (no PHI: it names a file); other threads and processes wait.

    Raises InputError where it stays held, and where no file can be made in ``folder``.
    """
    lock = FileLock(folder / f"{name}.lock", timeout=PATIENCE, mode=0o600, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise InputError("another process is at this just now", mend="try again in a moment") from None
    except OSError as error:
        mend = "make room in state.folder, and give this user the right to write there"
        raise InputError(f"the lock cannot be made ({error.strerror})", mend=mend) from None
    try:
        yield
    finally:
        lock.release()
