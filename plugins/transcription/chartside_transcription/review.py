"""From a draft to a signed note: written, changed with its changes kept, swapped, discarded, signed, amended (T-9).

All writing goes through ``context.ai``: labelled AIAST (DICTAST for a dictation), preliminary, with the Device and
Provenance, and final by a named Practitioner only. The transcript is not written anywhere: it is gone when the
process lets go of it (T-12).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

from chartside.ai import Draft as AiDraft
from chartside.ai import Model
from chartside.ai.resources import text_of
from chartside.codes import LOINC_SYSTEM, concept
from chartside.context import Context
from chartside.errors import InputError, PolicyRefused
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_transcription import note
from chartside_transcription.draft import Draft
from chartside_transcription.engines.base import Engine
from chartside_transcription.modelcard import model_of
from chartside_transcription.permit import Sitting
from chartside_transcription.transcript import Transcript

MENTAL_HEALTH_NOTE, PROGRESS_NOTE = "34904-3", "11506-3"
"""LOINC: mental health progress note; progress note, for an EHR that does not know the first (T-10)."""
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}\Z")
LONGEST_NOTE = 200_000
"""Characters."""


@runtime_checkable
class WritesSigned(Protocol):
    """What ``context.ai`` must offer for an EHR that takes no drafts: final at once, with its signer."""

    def write_signed(self, draft: AiDraft, signer: str) -> Any:
        """Write a text that ``signer`` has read and answers for, final from the beginning."""


@dataclass(frozen=True, slots=True)
class Change:
    """One edit: who, and what changed, as a unified diff without context."""

    editor: str
    lines: tuple[str, ...]


@dataclass
class Waiting:
    """A draft that the EHR does not take before it is signed: in the memory of this process, and nowhere else."""

    id: str
    draft: AiDraft
    text: str
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Open:
    """A draft for the list: ``id`` is its reference, or ``waiting-...``."""

    id: str
    patient: str
    title: str
    marked: int
    where: str


class Review:
    """All drafts of one practice that this plugin wrote and nobody has signed yet."""

    def __init__(self, context: Context, engine: Engine) -> None:
        self._context, self._engine = context, engine
        self._waiting: dict[str, Waiting] = {}

    @property
    def model(self) -> Model:
        """What wrote the drafts of now."""
        return model_of(self._engine)

    # --- writing and reading

    def file(self, draft: Draft, transcript: Transcript, sitting: Sitting, recording: str) -> str:
        """Put a draft where it waits; its id. ``recording`` names the sitting (filing it twice files it once).

        Raises InputError for an empty one: silence gives no note (T-6).
        """
        if draft.empty:
            raise InputError("no speech was found that belongs in a note", mend="there is nothing to file")
        text = note.draft_text(draft, transcript)
        made = self._ai_draft(sitting.client, text, draft.title, recording, dictated=sitting.dictation)
        if self._takes_drafts():
            return str(self._context.ai.write(made).document)
        waiting = Waiting(f"waiting-{made.key}", made, text)
        self._waiting.setdefault(waiting.id, waiting)
        return waiting.id

    def _ai_draft(
        self,
        patient: str,
        text: str,
        title: str,
        recording: str,
        *,
        dictated: bool,
        sources: tuple[str, ...] = (),
    ) -> AiDraft:
        return AiDraft(
            key=effect_key(self._context.practice.id, self._context.plugin.name, patient, recording),
            patient=patient,
            text=text,
            model=self.model,
            at=self._context.clock.now(),
            title=title,
            sources=sources,
            dictated=dictated,
            type=concept(LOINC_SYSTEM, MENTAL_HEALTH_NOTE, "Mental health Progress note"),
        )

    def _takes_drafts(self) -> bool:
        """By the adapter: Oracle Health takes only final and amended documents (T-10)."""
        route = self._context.fhir.route
        home = route.home("DocumentReference", self._context.plugin.access.get("DocumentReference", ""))
        return route.place(home).adapter.takes_preliminary

    def drafts(self) -> Iterator[Open]:
        """What waits for a clinician."""
        for waiting in self._waiting.values():
            marked = len(note.marked_words(waiting.text))
            yield Open(
                waiting.id, waiting.draft.patient, waiting.draft.title, marked, "in memory until signed"
            )
        for reference in sorted(self._context.ai.outputs(self.model)):
            kind, _, id = reference.partition("/")
            if kind != "DocumentReference":
                continue
            found = self._context.fhir.read(kind, id)
            if found.get("docStatus") == "preliminary" and found.get("status") == "current":
                yield _open(found, reference)

    def text(self, id: str) -> str:
        """The draft with sources and marks, or the signed text. Raises InputError for an id that is none."""
        if id in self._waiting:
            return self._waiting[id].text
        return self._context.ai.text(_reference(id))

    def changes(self, id: str) -> list[Change]:
        """Tracked changes: of each version against the one before it, with its editor."""
        if id in self._waiting:
            return list(self._waiting[id].changes)
        kind, _, key = _reference(id).partition("/")
        last = int((self._context.fhir.read(kind, key).get("meta") or {}).get("versionId") or 1)
        texts = [text_of(self._context.fhir.vread(kind, key, str(n))) for n in range(1, last + 1)]
        return [Change("", _diff(a, b)) for a, b in pairwise(texts) if a != b]

    # --- a clinician's acts

    def edit(self, id: str, text: str, editor: str) -> None:
        """Replace the text by what ``editor`` (``Practitioner/3``) made of it; it stays a draft."""
        _check_text(text)
        if id in self._waiting:
            waiting = self._waiting[id]
            waiting.changes.append(Change(editor, _diff(waiting.text, text)))
            waiting.text = text
            return
        self._context.ai.revise(_reference(id), text, editor)

    def swap(self, id: str, editor: str) -> None:
        """Clinician and client change places, in one act (T-7)."""
        self.edit(id, note.swapped(self.text(id)), editor)

    def discard(self, id: str) -> None:
        """Withdraw a draft: one in memory is gone, one in the EHR is marked as entered in error."""
        if self._waiting.pop(id, None) is None:
            self._context.ai.discard(_reference(id))

    def sign(self, id: str, signer: str) -> str:
        """``signer`` has read the note and answers for it; the reference of the final document.

        Raises PolicyRefused where nobody named signs, InputError for an empty note.
        """
        text = self.text(id)
        final = note.final_text(text)
        _check_text(final)
        if note.empty(text) and len(final.split()) < 5:
            raise InputError("the note is empty", mend="write it, or discard the draft")
        if id in self._waiting:
            return self._sign_waiting(id, final, signer)
        reference = _reference(id)
        if final != text and not self._signed(reference):
            self._context.ai.revise(reference, final, signer)
        self._context.ai.sign(reference, signer)
        return reference

    def _signed(self, reference: str) -> bool:
        kind, _, id = reference.partition("/")
        return self._context.fhir.read(kind, id).get("docStatus") == "final"

    def _sign_waiting(self, id: str, final: str, signer: str) -> str:
        ai: object = self._context.ai
        if not isinstance(ai, WritesSigned):
            raise PolicyRefused(
                "this EHR takes no drafts, and this host cannot write a note that is signed at once",
                mend="let drafts live in a companion server, or update chartside",
            )
        waiting = self._waiting[id]
        made = self._ai_draft_again(waiting.draft, final)
        written = ai.write_signed(made, signer)
        del self._waiting[id]
        return str(written.document)

    @staticmethod
    def _ai_draft_again(draft: AiDraft, text: str) -> AiDraft:
        from dataclasses import replace

        return replace(draft, text=text)

    def amend(self, id: str, text: str, signer: str) -> str:
        """A signed note is locked; an amendment is a new document that names it as its source, signed at once."""
        reference = _reference(id)
        kind, _, key = reference.partition("/")
        old = self._context.fhir.read(kind, key)
        if old.get("docStatus") != "final":
            raise InputError("only a signed note is amended", mend="edit the draft")
        _check_text(text)
        title = f"Amendment: {old.get('description') or 'progress note'}"
        version = effect_key(reference, text)
        patient = str((old.get("subject") or {}).get("reference", ""))
        made = self._ai_draft(patient, text, title, version, dictated=False, sources=(reference,))
        if not self._takes_drafts():
            waiting = Waiting(f"waiting-{made.key}", made, text)
            self._waiting[waiting.id] = waiting
            return self._sign_waiting(waiting.id, text, signer)
        written = self._context.ai.write(made)
        self._context.ai.sign(written.document, signer)
        return str(written.document)


def _open(found: Resource, reference: str) -> Open:
    patient = str((found.get("subject") or {}).get("reference", ""))
    return Open(
        reference,
        patient,
        str(found.get("description", "")),
        len(note.marked_words(text_of(found))),
        "in the EHR",
    )


def _reference(id: str) -> str:
    if not _REFERENCE.match(id):
        raise InputError("no draft has this id", mend="see: chartside transcription list")
    return id


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > LONGEST_NOTE:
        raise InputError("the note is empty or longer than 200,000 characters")


def _diff(before: str, after: str) -> tuple[str, ...]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return tuple(line for line in lines if not line.startswith(("---", "+++", "@@")))
