"""Drafts for an EHR that takes none before they are signed: in the memory of this process, and nowhere else."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from chartside.ai import Draft
from chartside.errors import InputError
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
    """All of them, by id."""

    def __init__(self) -> None:
        self._drafts: dict[str, Waiting] = {}
        self._lock = threading.Lock()
        self.changing = threading.RLock()
        """Held while a draft is edited, signed or dropped: one signer, and no edit between reading and writing."""

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

    def drop(self, id: str) -> bool:
        """Forget one; whether there was one."""
        with self.changing:
            return self._drafts.pop(id, None) is not None
