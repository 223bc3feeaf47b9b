"""From a draft to a signed note: filed, changed with its changes kept, swapped, discarded, signed, amended (T-9, T-10).

All writing goes through ``context.ai``: labelled AIAST (DICTAST for a dictation), preliminary, with the Device and
Provenance, and final by a named Practitioner only. Where the EHR takes no drafts they wait in the memory of this
process and are written when they are signed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from chartside.ai import Draft as AiDraft
from chartside.ai import Model, in_companion
from chartside.ai.resources import is_labelled, text_of
from chartside.codes import (
    ACT_CODE_SYSTEM,
    AI_DRAFT_SYSTEM,
    DICTATION_ASSERTED,
    LOINC_SYSTEM,
    OBSERVATION_VALUE_SYSTEM,
    coding,
    concept,
    has_coding,
)
from chartside.context import Context
from chartside.errors import InputError, PolicyRefused, Rejected
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_transcription import note
from chartside_transcription.modelcard import model_in
from chartside_transcription.pdf import pdf_of
from chartside_transcription.tracked import Change, changes
from chartside_transcription.waiting import Waiting, WaitingRoom

if TYPE_CHECKING:
    from chartside_transcription.draft import Draft
    from chartside_transcription.permit import Sitting
    from chartside_transcription.transcript import Transcript

MENTAL_HEALTH_NOTE, PROGRESS_NOTE = "34904-3", "11506-3"
"""LOINC: mental health progress note; progress note, for an EHR that does not know the first (T-10)."""
_NAMES = {MENTAL_HEALTH_NOTE: "Mental health Progress note", PROGRESS_NOTE: "Progress note"}
PSYCHOTHERAPY_NOTE = coding(ACT_CODE_SYSTEM, "PSYTHPN", "psychotherapy note information sensitivity")
TRANSCRIPT_TITLE = "Transcript of a session, not part of the progress note"
_REFERENCE = re.compile(r"DocumentReference/[A-Za-z0-9.-]{1,64}\Z")
COMPANION = "companion:"
"""Begins the id of a draft that waits in the companion server."""
LONGEST_NOTE = 200_000
"""Characters."""
SIGNED = ("final", "amended")


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
        self._waiting = room if room is not None else WaitingRoom()

    @cached_property
    def _second(self) -> Review | None:
        """The companion server's drafts, where the EHR takes none and there is one that does."""
        moved = None if self.takes_drafts else in_companion(self._context)
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
        made = self._made(sitting.client, note.draft_text(draft, transcript), draft.title, recording)
        made = replace(made, dictated=sitting.dictation)
        if self._second:
            return COMPANION + self._second.file(draft, transcript, sitting, recording)
        if not self.takes_drafts:
            return self._waiting.add(made)
        written = self._written(made)
        if self._context.settings.keep_transcript:
            self._keep(transcript, sitting, recording, written)
        return written

    def _keep(self, transcript: Transcript, sitting: Sitting, recording: str, about: str) -> None:
        """The transcript as a document of its own, labelled as a psychotherapy note (45 CFR 164.501, T-12)."""
        text = note.transcript_text(transcript)
        made = self._made(sitting.client, text, TRANSCRIPT_TITLE, f"{recording}#transcript", sources=(about,))
        self._context.ai.write(replace(made, type={"text": "Transcript"}, labels=(PSYCHOTHERAPY_NOTE,)))

    def _made(
        self, patient: str, text: str, title: str, recording: str, *, sources: tuple[str, ...] = ()
    ) -> AiDraft:
        return AiDraft(
            key=effect_key(self._context.practice.id, self._context.plugin.name, patient, recording),
            patient=patient,
            text=text,
            model=self._model(),
            at=self._context.clock.now(),
            title=title,
            sources=sources,
            type=concept(LOINC_SYSTEM, MENTAL_HEALTH_NOTE, _NAMES[MENTAL_HEALTH_NOTE]),
        )

    def _written(self, made: AiDraft) -> str:
        """Written as a mental health progress note; as a progress note where the EHR does not know the first."""
        try:
            return str(self._context.ai.write(made).document)
        except Rejected:
            general = concept(LOINC_SYSTEM, PROGRESS_NOTE, _NAMES[PROGRESS_NOTE])
            return str(self._context.ai.write(replace(made, type=general)).document)

    @property
    def takes_drafts(self) -> bool:
        """By the adapter: Oracle Health takes only final and amended documents (T-10)."""
        route = self._context.fhir.route
        home = route.home("DocumentReference", self._context.plugin.access.get("DocumentReference", ""))
        return route.place(home).adapter.takes_preliminary

    @property
    def keeps_drafts(self) -> bool:
        """Whether a draft outlives this process."""
        return self.takes_drafts or self._second is not None

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
        params = {"identifier": f"{AI_DRAFT_SYSTEM}|", "status": "current"}
        params |= {"patient": patient} if patient else {}
        for found in self._context.fhir.search("DocumentReference", params).matches():
            if found.get("docStatus") == "preliminary" and _is_ours(found):
                yield _open(found)

    def text(self, id: str) -> str:
        """The draft with sources and marks, or the signed text. Raises InputError for an id that is none."""
        waiting = self._waiting.get(id)
        if waiting:
            return waiting.text
        place, id = self._at(id)
        return place._context.ai.text(_reference(id))

    def status(self, id: str) -> str:
        """``docStatus``; ``waiting`` for a draft in memory."""
        place, bare = self._at(id)
        return "waiting" if self._waiting.get(id) else str(place._read(bare).get("docStatus", ""))

    def changes(self, id: str) -> list[Change]:
        """Tracked changes, oldest first."""
        waiting = self._waiting.get(id)
        place, bare = self._at(id)
        return list(waiting.changes) if waiting else changes(place._context, _reference(bare))

    # --- a clinician's acts

    def edit(self, id: str, text: str, editor: str) -> None:
        """Replace the text by what ``editor`` (``Practitioner/3``) made of it; it stays a draft."""
        _check_text(text)
        self._may_sign(editor)
        waiting = self._waiting.get(id)
        if waiting:
            waiting.edit(text, editor)
        elif text != self.text(id):
            place, bare = self._at(id)
            place._context.ai.revise(_reference(bare), text, editor)

    def swap(self, id: str, editor: str) -> None:
        """Clinician and client change places, in one act (T-7)."""
        self.edit(id, note.swapped(self.text(id)), editor)

    def discard(self, id: str) -> None:
        """Withdraw a draft: one in memory is gone, one in the EHR is marked as entered in error."""
        if not self._waiting.drop(id):
            place, bare = self._at(id)
            place._context.ai.discard(_reference(bare))

    def sign(self, id: str, signer: str) -> str:
        """``signer`` has read the note and answers for it; the reference of the final document.

        Raises PolicyRefused where nobody who may sign is named, InputError for an empty note. Signing it again, also
        after an interruption, completes what is missing.
        """
        self._may_sign(signer)
        waiting = self._waiting.get(id)
        if waiting:
            return self._sign_waiting(waiting, signer)
        place, bare = self._at(id)
        if place is not self:
            final = self._sign_waiting(Waiting(id, place._rebuilt(bare), place.text(bare)), signer)
            place._context.ai.discard(bare)
            return final
        found = self._read(id)
        if found.get("docStatus") not in SIGNED:
            if (found.get("description") or "") == TRANSCRIPT_TITLE:
                raise InputError("a transcript is no note", mend="discard it, or leave it as it is")
            title, text = str(found.get("description") or "Note"), text_of(found)
            final = _final(text)
            if final != text or len(found.get("content") or []) < 1 + len(self._also(title, final, signer)):
                self._context.ai.revise(_reference(id), final, signer, self._also(title, final, signer))
        self._context.ai.sign(_reference(id), signer)
        return id

    def _sign_waiting(self, waiting: Waiting, signer: str) -> str:
        final = _final(waiting.text)
        made = replace(waiting.draft, text=final, also=self._also(waiting.draft.title, final, signer))
        written = self._context.ai.write_signed(made, signer)
        self._waiting.drop(waiting.id)
        return str(written.document)

    def _rebuilt(self, id: str) -> AiDraft:
        """A stored draft as it was handed in, so that signing it elsewhere keeps its key, its label and its model."""
        found = self._read(id)
        if found.get("docStatus") != "preliminary":
            raise PolicyRefused("the document is no draft any more", mend="amend the signed note")
        keys = [str(one["value"]) for one in found["identifier"] if one.get("system") == AI_DRAFT_SYSTEM]
        labels = found["meta"]["security"]
        made = self._made(_patient(found), text_of(found), str(found.get("description") or "Note"), keys[0])
        return replace(
            made,
            key=keys[0],
            dictated=has_coding(labels, OBSERVATION_VALUE_SYSTEM, DICTATION_ASSERTED),
            at=datetime.fromisoformat(str(found["date"])),
            model=model_in(self._context.fhir.read("Device", _id(str(found["author"][0]["reference"])))),
        )

    def amend(self, id: str, text: str, signer: str) -> str:
        """A signed note is locked; its amendment is a new document that replaces it, signed at once by ``signer``."""
        self._may_sign(signer)
        _check_text(text)
        old = self._read(id)
        version = effect_key(id, text)
        if old.get("docStatus") not in SIGNED or not is_labelled(old):
            raise InputError("only a signed note is amended", mend="edit the draft")
        patient, title = _patient(old), str(old.get("description") or "Progress note")
        made = replace(self._made(patient, text, title, version, sources=(id,)), replaces=id)
        if old.get("status") != "current" and not self._known(made.key):
            raise InputError("this note was amended before", mend="amend its newest version")
        if not self.takes_drafts:
            also = self._also(title, text, signer)
            return str(self._context.ai.write_signed(replace(made, also=also), signer).document)
        return self.sign(self._written(made), signer)

    def _known(self, key: str) -> bool:
        """Whether a document with this key stands in the EHR: then the same amendment is completed."""
        found = self._context.fhir.search("DocumentReference", {"identifier": f"{AI_DRAFT_SYSTEM}|{key}"})
        return found.first() is not None

    def _also(self, title: str, text: str, signer: str) -> tuple[tuple[str, bytes], ...]:
        if not self._context.settings.pdf:
            return ()
        return (("application/pdf", pdf_of(title, text, f"Signed by {signer}. {note.HOW_MADE}")),)

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


def _final(text: str) -> str:
    """What is signed. Raises InputError where nothing is left of it."""
    final = note.final_text(text)
    _check_text(final)
    if note.empty(text) and len(final.split()) < 5:
        raise InputError("the note is empty", mend="write it, or discard the draft")
    return final


def _is_ours(found: Resource) -> bool:
    kind = (found.get("type") or {}).get("coding")
    note_like = any(has_coding(kind, LOINC_SYSTEM, code) for code in _NAMES)
    return is_labelled(found) and (note_like or found.get("description") == TRANSCRIPT_TITLE)


def _open(found: Resource) -> Open:
    marked = len(note.marked_words(text_of(found)))
    reference = f"DocumentReference/{found['id']}"
    return Open(reference, _patient(found), str(found.get("description", "")), marked, "in the EHR")


def _patient(found: Resource) -> str:
    """As ``Patient/12``, also where the reference is whole."""
    whole = str((found.get("subject") or {}).get("reference", ""))
    return "/".join(whole.split("/")[-2:])


def _id(reference: str) -> str:
    return reference.rpartition("/")[2]


def _reference(id: str) -> str:
    if not _REFERENCE.match(id):
        raise InputError("no draft has this id", mend="see: chartside transcription list")
    return id


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > LONGEST_NOTE or "\0" in text:
        raise InputError("the note is empty or longer than 200,000 characters")
