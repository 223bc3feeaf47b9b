"""What is handed to ``context.ai``: a draft as a document, its transcript apart, and the forms of a signed note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from chartside.ai import Draft as AiDraft
from chartside.ai import Model
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

if TYPE_CHECKING:
    from chartside_transcription.permit import Sitting
    from chartside_transcription.transcript import Transcript

MENTAL_HEALTH_NOTE, PROGRESS_NOTE = "34904-3", "11506-3"
"""LOINC: mental health progress note; progress note, for an EHR that does not know the first (T-10)."""
_NAMES = {MENTAL_HEALTH_NOTE: "Mental health Progress note", PROGRESS_NOTE: "Progress note"}
PSYCHOTHERAPY_NOTE = coding(ACT_CODE_SYSTEM, "PSYTHPN", "psychotherapy note information sensitivity")
TRANSCRIPT_TITLE = "Transcript of a session, not part of the progress note"


class Filing:
    """``model``: what wrote the drafts of now."""

    def __init__(self, context: Context, model: Callable[[], Model]) -> None:
        self._context, self._model = context, model

    @property
    def takes_drafts(self) -> bool:
        """By the adapter: Oracle Health takes only final and amended documents (T-10)."""
        route = self._context.fhir.route
        home = route.home("DocumentReference", self._context.plugin.access.get("DocumentReference", ""))
        return route.place(home).adapter.takes_preliminary

    def made(
        self, patient: str, text: str, title: str, recording: str, *, sources: tuple[str, ...] = ()
    ) -> AiDraft:
        """A draft whose key depends on the client and the recording."""
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

    def written(self, made: AiDraft) -> str:
        """Written as a mental health progress note; as a progress note where the EHR does not know the first."""
        try:
            return self._context.ai.write(made).document
        except Rejected:
            general = concept(LOINC_SYSTEM, PROGRESS_NOTE, _NAMES[PROGRESS_NOTE])
            return self._context.ai.write(replace(made, type=general)).document

    def keep(self, transcript: Transcript, sitting: Sitting, recording: str, about: str) -> None:
        """The transcript as a document of its own, labelled as a psychotherapy note (45 CFR 164.501, T-12)."""
        text = note.transcript_text(transcript)
        made = self.made(sitting.client, text, TRANSCRIPT_TITLE, f"{recording}#transcript", sources=(about,))
        self._context.ai.write(replace(made, type={"text": "Transcript"}, labels=(PSYCHOTHERAPY_NOTE,)))

    def rebuilt(self, found: Resource) -> AiDraft:
        """A stored draft as it was handed in, so that signing it elsewhere keeps its key, its label and its model."""
        if found.get("docStatus") != "preliminary":
            raise PolicyRefused("the document is no draft any more", mend="amend the signed note")
        key = next(str(one["value"]) for one in found["identifier"] if one.get("system") == AI_DRAFT_SYSTEM)
        dictated = has_coding(found["meta"]["security"], OBSERVATION_VALUE_SYSTEM, DICTATION_ASSERTED)
        device = self._context.fhir.read("Device", str(found["author"][0]["reference"]).rpartition("/")[2])
        at = datetime.fromisoformat(str(found["date"]))
        made = self.made(patient_of(found), text_of(found), title_of(found), key)
        return replace(made, key=key, dictated=dictated, at=at, model=model_in(device))

    def forms(self, title: str, text: str, signer: str) -> tuple[tuple[str, bytes], ...]:
        """What stands beside the plain text of a signed note."""
        if not self._context.settings.pdf:
            return ()
        return (("application/pdf", pdf_of(title, text, f"Signed by {signer}. {note.HOW_MADE}")),)


def is_ours(found: Resource) -> bool:
    """Whether a document is a note or a transcript that this plugin wrote."""
    kind = (found.get("type") or {}).get("coding")
    note_like = any(has_coding(kind, LOINC_SYSTEM, code) for code in _NAMES)
    return is_labelled(found) and (note_like or found.get("description") == TRANSCRIPT_TITLE)


def require_note(found: Resource) -> None:
    """Raise InputError for a transcript: it is never signed (T-12)."""
    if found.get("description") == TRANSCRIPT_TITLE:
        raise InputError("a transcript is no note", mend="discard it, or leave it as it is")


def title_of(found: Resource) -> str:
    """The title of a document."""
    return str(found.get("description") or "Progress note")


def patient_of(found: Resource) -> str:
    """As ``Patient/12``, also where the reference is whole."""
    whole = str((found.get("subject") or {}).get("reference", ""))
    return "/".join(whole.split("/")[-2:])
