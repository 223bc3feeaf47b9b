"""From a draft to a signed note: filed, changed with its changes kept, swapped, discarded, signed, amended (T-9, T-10).

All writing goes through ``context.ai``: labelled AIAST (DICTAST for a dictation), preliminary, with the Device and
Provenance, and final by a named Practitioner only. Where the EHR takes no drafts they wait in the memory of this
process and are written when they are signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from chartside.ai import Draft as AiDraft
from chartside.ai import Model, in_companion
from chartside.ai.resources import text_of
from chartside.codes import AI_DRAFT_SYSTEM
from chartside.context import Context
from chartside.errors import FhirError, InputError, PolicyRefused, VersionConflict
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_transcription import note
from chartside_transcription.filing import Filing, is_ours, patient_of, require_note, title_of
from chartside_transcription.permit import Permits, Sitting
from chartside_transcription.tracked import Change, changes
from chartside_transcription.waiting import Waiting, WaitingRoom

if TYPE_CHECKING:
    from chartside_transcription.draft import Draft
    from chartside_transcription.transcript import Transcript

_REFERENCE = re.compile(r"DocumentReference/(?!\.+\Z)[A-Za-z0-9.-]{1,64}\Z")
"""Dots alone would lead to another place of the server."""
COMPANION = "companion:"
"""Begins the id of a draft that waits in the companion server."""
LONGEST_NOTE = 200_000
"""Characters."""
SIGNED = ("final", "amended")
TAKEN_BACK = (
    "The client's consent to AI does not hold any more: it was taken back, or has ended. This draft was made while it "
    "held. Sign it only if it may still go into the chart; else discard it, and write your own note."
)
"""A revocation counts from its moment on: nothing more is drafted; what was drafted before a clinician decides on."""


@dataclass(frozen=True, slots=True)
class Open:
    """A draft for the list: ``id`` is its reference, or ``waiting-...``; ``where`` it waits, in words."""

    id: str
    patient: str
    title: str
    marked: int
    where: str


class Review:
    """All drafts of one practice that nobody has signed yet. ``model``: what wrote those of now."""

    def __init__(self, context: Context, model: Callable[[], Model], room: WaitingRoom | None = None) -> None:
        self._context, self._model = context, model
        self._filing = Filing(context, model)
        self._waiting = room if room is not None else WaitingRoom()

    @cached_property
    def _second(self) -> Review | None:
        """The companion server's drafts, where the EHR takes none and there is one that does."""
        moved = None if self._filing.takes_drafts else in_companion(self._context)
        return Review(moved, self._model) if moved else None

    def _at(self, id: str) -> tuple[Review, str]:
        """Which of the two holds a draft, and its id there."""
        if self._second and id.startswith(COMPANION):
            return self._second, id.removeprefix(COMPANION)
        return self, id

    # --- filing and reading

    def file(self, draft: Draft, transcript: Transcript, sitting: Sitting, recording: str) -> str:
        """Put a draft where it waits; its id. ``recording`` names the sitting (filing it twice files it once).

        Raises InputError for an empty one: silence gives no note (T-6).
        """
        if draft.empty:
            raise InputError("no speech was found that belongs in a note", mend="there is nothing to file")
        made = self._filing.made(sitting.client, note.draft_text(draft, transcript), draft.title, recording)
        made = replace(made, dictated=sitting.dictation)
        if self._second:
            return COMPANION + self._second.file(draft, transcript, sitting, recording)
        if not self._filing.takes_drafts:
            return self._waiting.add(made)
        written = self._filing.written(made)
        if self._context.settings.keep_transcript:
            self._filing.keep(transcript, sitting, recording, written)
        return written

    @property
    def keeps_drafts(self) -> bool:
        """Whether a draft outlives this process."""
        return self._filing.takes_drafts or self._second is not None

    def drafts(self, patient: str = "") -> Iterator[Open]:
        """What waits for a clinician; of one client, for an EHR that searches by client only."""
        for one in self._waiting.all():
            if patient in ("", one.draft.patient):
                marked = len(note.marked_words(one.text))
                yield Open(one.id, one.draft.patient, one.draft.title, marked, "in memory until signed")
        if self._second:
            for open_ in self._second.drafts():
                if patient in ("", open_.patient):
                    yield replace(
                        open_, id=COMPANION + open_.id, where="in the companion server until signed"
                    )
        if not self._filing.takes_drafts:
            return  # none can stand there, and such an EHR may refuse to be asked
        params = {"identifier": f"{AI_DRAFT_SYSTEM}|", "status": "current"}
        params |= {"patient": patient} if patient else {}
        for found in self._context.fhir.search("DocumentReference", params).matches():
            if found.get("docStatus") == "preliminary" and is_ours(found):
                yield _open(found)

    def text(self, id: str) -> str:
        """The draft with sources and marks, or the signed text. Raises InputError for an id that is none."""
        waiting = self._waiting.get(id)
        if waiting:
            return waiting.text
        place, id = self._at(id)
        return text_of(_ours(place._read(id)))

    def status(self, id: str) -> str:
        """``docStatus``; ``waiting`` for a draft in memory."""
        place, bare = self._at(id)
        return "waiting" if self._waiting.get(id) else str(place._read(bare).get("docStatus", ""))

    def notice(self, id: str) -> str:
        """What who reads a draft should know of the client's consent by now; empty where it holds, or all is signed."""
        waiting = self._waiting.get(id)
        place, bare = self._at(id)
        found = {} if waiting else place._read(bare)
        if not waiting and found.get("docStatus") != "preliminary":
            return ""
        patient = waiting.draft.patient if waiting else patient_of(found)
        try:
            return TAKEN_BACK if Permits(self._context, Sitting(patient, dictation=True)).taken_back() else ""
        except FhirError:
            return "Whether the client's consent still holds could not be asked just now."

    def changes(self, id: str) -> list[Change]:
        """Tracked changes, oldest first."""
        if waiting := self._waiting.get(id):
            return list(waiting.changes)
        self.text(id)  # only of what is ours: an EHR holds other documents, too
        place, bare = self._at(id)
        return changes(place._context, _reference(bare))

    # --- a clinician's acts

    def edit(self, id: str, text: str, editor: str, version: str = "") -> None:
        """Replace the text by what ``editor`` (``Practitioner/3``) made of it; it stays a draft.

        ``version``: of the text that they had before them (``note.version_of``). Raises VersionConflict where
        another one stands there.
        """
        _check_text(text)
        self._may_sign(editor)
        read = self.text(id)
        _require_version(read, version)
        self._edit(id, read, text, editor)

    def swap(self, id: str, editor: str, version: str = "") -> None:
        """Clinician and client change places, in one act (T-7). ``version`` as in ``edit``."""
        self._may_sign(editor)
        read = self.text(id)
        _require_version(read, version)
        self._edit(id, read, note.swapped(read), editor)

    def _edit(self, id: str, read: str, text: str, editor: str) -> None:
        if self._waiting.get(id):
            with self._waiting.changing(id, read) as waiting:
                waiting.edit(text, editor)
        elif text != read:
            place, bare = self._at(id)
            with self._alone(place):
                place._context.ai.revise(_reference(bare), text, editor, read=read)

    def discard(self, id: str, version: str = "") -> None:
        """Withdraw a draft: one in memory is gone, one in the EHR is marked as entered in error. ``version`` as in
        ``edit``."""
        read = self.text(id)
        _require_version(read, version)
        if self._waiting.get(id):
            self._waiting.drop(id, read)
            return
        place, bare = self._at(id)
        with self._alone(place):
            place._context.ai.discard(_reference(bare), read=read)

    def sign(self, id: str, signer: str, version: str) -> str:
        """``signer`` has read this version (``note.version_of``) and answers for it; the final document's reference.

        Raises VersionConflict where another version stands there or another process was first, PolicyRefused where
        nobody who may sign is named, InputError for an empty note. Signing it again, also after an interruption,
        completes what is missing. Nobody waits while the PDF is typeset: what stands there is compared afterwards.
        """
        self._may_sign(signer)
        if not version:
            raise InputError("a signature names the version that was read", mend="read the note first")
        if waiting := self._waiting.get(id):
            return self._sign_waiting(waiting, signer, version)
        place, _ = self._at(id)
        return (
            self._sign_draft(id, signer, version) if place is self else self._sign_second(id, signer, version)
        )

    def _sign_draft(self, id: str, signer: str, version: str) -> str:
        found = _ours(self._read(id))
        text = text_of(found)
        _require_version(text, version)
        if found.get("docStatus") not in SIGNED:
            require_note(found)
            final = _final(text)
            forms = self._filing.forms(title_of(found), final, signer)
            if final != text or len(found.get("content") or []) < 1 + len(forms):
                self._context.ai.revise(_reference(id), final, signer, forms, read=text)
            text = final
        self._context.ai.sign(_reference(id), signer, read=text)
        return id

    def _sign_second(self, id: str, signer: str, version: str) -> str:
        """Written to the EHR as signed, then withdrawn in the companion server; one process at a time."""
        place, bare = self._at(id)
        found = _ours(place._read(bare))
        text = text_of(found)
        require_note(found)
        _require_version(text, version)
        made = self._finished(place._filing.rebuilt(found), text, signer)
        with self._alone(place):
            now = place._read(bare)
            if now.get("docStatus") != found.get("docStatus") or text_of(now) != text:
                raise VersionConflict("the note was changed or signed since it was read: read it again")
            written = self._context.ai.write_signed(made, signer)
            place._context.ai.discard(bare)
        return str(written.document)

    def _sign_waiting(self, waiting: Waiting, signer: str, version: str) -> str:
        text = waiting.text
        _require_version(text, version)
        made = self._finished(waiting.draft, text, signer)
        with self._waiting.claimed(waiting.id, text):
            return str(self._context.ai.write_signed(made, signer).document)

    def _finished(self, draft: AiDraft, text: str, signer: str) -> AiDraft:
        """As it is signed, in all its forms."""
        final = _final(text)
        return replace(draft, text=final, also=self._filing.forms(draft.title, final, signer))

    def _alone(self, place: Review) -> AbstractContextManager[None]:
        """Where two servers are written to, no server can tell that another process is at the same draft."""
        return nullcontext() if place is self else self._context.alone("drafts")

    def amend(self, id: str, text: str, signer: str, version: str = "") -> str:
        """A signed note is locked; its amendment is a new document that replaces it, signed at once by ``signer``.

        ``version``: of the signed note that they had before them, as in ``edit``.
        """
        self._may_sign(signer)
        _check_text(text)
        old, text = _ours(self._read(id)), _final(text)
        _require_version(text_of(old), version)
        if old.get("docStatus") not in SIGNED:
            raise InputError("only a signed note is amended", mend="edit the draft")
        title = title_of(old)
        made = self._filing.made(patient_of(old), text, title, effect_key(id, text), sources=(id,))
        made = replace(made, replaces=id, also=self._filing.forms(title, text, signer))
        with self._context.alone("drafts"):
            self._require_newest(id, made)
            if not self._filing.takes_drafts:
                return str(self._context.ai.write_signed(made, signer).document)
            written = self._filing.written(made)
            self._context.ai.sign(written, signer, read=text)
        return written

    def _require_newest(self, id: str, made: AiDraft) -> None:
        """Raise InputError for a note that was amended, but by this same amendment: that is completed."""
        if self._read(id).get("status") != "current" and not self._known(made.key, made.patient):
            raise InputError("this note was amended before", mend="amend its newest version")

    def _known(self, key: str, patient: str) -> bool:
        """Whether a document with this key stands in the EHR: then the same amendment is completed."""
        asked = {"identifier": f"{AI_DRAFT_SYSTEM}|{key}", "patient": patient}
        found = self._context.fhir.search("DocumentReference", asked).matches()
        return any(one.get("value") == key for doc in found for one in doc.get("identifier") or [])

    def _may_sign(self, who: str) -> None:
        """Only whom the config names; that they exist in the EHR and are active is asked when it is written."""
        allowed = self._context.settings.may_sign
        if who not in allowed:
            names = ", ".join(sorted(allowed)) or "nobody yet"
            raise PolicyRefused(
                "this practitioner may not change or sign notes here",
                mend=f"name them in plugins.transcription.signers (there: {names})",
            )

    def _read(self, id: str) -> Resource:
        return self._context.fhir.read(*_reference(id).split("/", 1))


def _require_version(text: str, version: str) -> None:
    if version and note.version_of(text) != version:
        raise VersionConflict("the note was changed since it was read: read it again, then decide")


def _final(text: str) -> str:
    """What is signed. Raises InputError where nothing is left of it."""
    final = note.final_text(text)
    _check_text(final)
    if note.empty(text) and len(final.split()) < 5:
        raise InputError("the note is empty", mend="write it, or discard the draft")
    return final


def _open(found: Resource) -> Open:
    marked = len(note.marked_words(text_of(found)))
    reference = f"DocumentReference/{found['id']}"
    return Open(reference, patient_of(found), str(found.get("description", "")), marked, "in the EHR")


def _ours(found: Resource) -> Resource:
    """Raise InputError for a document that this plugin did not write, whatever stands in it."""
    if not is_ours(found):
        raise InputError("no draft has this id", mend="see: chartside transcription list")
    return found


def _reference(id: str) -> str:
    if not _REFERENCE.match(id):
        raise InputError("no draft has this id", mend="see: chartside transcription list")
    return id


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > LONGEST_NOTE or "\0" in text:
        raise InputError("the note is empty or longer than 200,000 characters")
