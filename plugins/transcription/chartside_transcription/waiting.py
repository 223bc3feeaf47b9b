"""Drafts for an EHR that takes none before they are signed: in the memory of this process, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chartside.ai import Draft
from chartside.errors import InputError, VersionConflict
from chartside_transcription.tracked import Change, diff

MOST = 200
"""Drafts at once: what nobody signs must not fill the memory."""


@dataclass
class Waiting:
    """One draft, its text of now and how it came to be."""

    id: str
    draft: Draft
    text: str
    changes: list[Change] = field(default_factory=list)

    def edit(self, text: str, editor: str) -> None:
        """Replace the text; the change is kept."""
        if text != self.text:
            self.changes.append(Change(editor, diff(self.text, text)))
            self.text = text


class WaitingRoom:
    """All of them, by id. Its lock is held for moments only; who signs claims one draft for as long as that takes."""

    def __init__(self) -> None:
        self._drafts: dict[str, Waiting] = {}
        self._claimed: set[str] = set()
        self._lock = threading.RLock()

    def add(self, draft: Draft) -> str:
        """Its id; a draft with the same key stays as it is. Raises InputError when too many wait."""
        id = f"waiting-{draft.key}"
        with self._lock:
            if id not in self._drafts and len(self._drafts) >= MOST:
                raise InputError("too many drafts wait for a signature", mend="sign or discard some")
            self._drafts.setdefault(id, Waiting(id, draft, draft.text))
        return id

    def all(self) -> list[Waiting]:
        """In the order in which they came."""
        return list(self._drafts.values())

    def get(self, id: str) -> Waiting | None:
        """One of them."""
        return self._drafts.get(id)

    @contextmanager
    def changing(self, id: str, read: str) -> Iterator[Waiting]:
        """To edit it: nobody else does so meanwhile. Raises VersionConflict unless its text is the one ``read``."""
        with self._lock:
            waiting = self._drafts.get(id)
            if waiting is None or waiting.text != read:
                raise VersionConflict("the note was changed or signed since it was read: read it again")
            if id in self._claimed:
                raise VersionConflict("somebody signs this note just now: read it again in a moment")
            yield waiting

    @contextmanager
    def claimed(self, id: str, read: str) -> Iterator[None]:
        """To sign it: for one at a time, who has ``read`` its text; gone afterwards. Raises as ``changing``."""
        with self.changing(id, read):
            self._claimed.add(id)
        try:
            yield
            self._drafts.pop(id, None)
        finally:
            self._claimed.discard(id)

    def drop(self, id: str, read: str) -> None:
        """Forget one. Raises as ``changing``."""
        with self.changing(id, read):
            self._drafts.pop(id)
