"""The only way of a model's text into the chart: written as a labelled draft, final by a named clinician's signature.

::

    written = context.ai.write(Draft(key=effect_key(...), patient="Patient/12", text=note, model=MODEL,
                                     at=context.clock.now(), title="Draft of a progress note",
                                     sources=("Appointment/7",)))
    ...a clinician reads it...
    context.ai.revise(written.document, corrected, editor="Practitioner/3", read=note)
    context.ai.sign(written.document, signer="Practitioner/3", read=corrected)

Device, DocumentReference and Provenance are written in one transaction where the server has them. Elsewhere they
are written one after the other, and the next ``write`` of the same key completes what was interrupted.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chartside.ai.guard import FEATURE, HOLDS_DRAFTS
from chartside.ai.model import Draft, Model
from chartside.ai.resources import (
    ai_agent,
    contents,
    device,
    document,
    edited,
    finished,
    is_labelled,
    provenance,
    replaced,
    signed,
    text_of,
    verified,
    verifiers,
)
from chartside.ai.shelf import Shelf, identifier, reference_of, versioned
from chartside.audit import Auditor, AuditRecord, Event
from chartside.clock import Clock
from chartside.codes import AI_DEVICE_SYSTEM, AI_DRAFT_SYSTEM
from chartside.errors import FhirError, PolicyRefused, VersionConflict
from chartside.fhir import Create
from chartside.gate.client import GatedFhir
from chartside.manifest import Manifest
from chartside.types import Resource

SIGNED: Final = ("final", "amended")
"""``docStatus`` of what a clinician answers for."""


@dataclass(frozen=True, slots=True)
class Written:
    """References of what was written; ``created`` is False where the draft was there already."""

    document: str
    device: str
    provenance: str
    created: bool


class AiWriter:
    """One plugin's way to write AI text. Its access is the manifest's, as everywhere else.

    The manifest needs ``DocumentReference = "crus"``, ``Device = "crs"``, ``Provenance = "crs"`` and
    ``Practitioner = "r"``, and ``features.writes_ai_text = true``.
    """

    __slots__ = ("__auditor", "__clock", "__fhir", "__manifest", "__route", "__shelf")

    def __init__(self, fhir: GatedFhir, manifest: Manifest, auditor: Auditor, clock: Clock) -> None:
        """The host makes one for each plugin, from the plugin's own client.

        The writer's client has the same access but is not held against the guard, so it is not handed out.
        """
        self.__manifest, self.__auditor, self.__clock = manifest, auditor, clock
        self.__route = fhir._route
        self.__fhir = GatedFhir(
            manifest, self.__route, auditor, clock, lambda _manifest, _fhir, _entries: None
        )
        self.__shelf = Shelf(self.__fhir, self.__route, manifest)

    def write(self, draft: Draft) -> Written:
        """Write the draft, or find it by its key. Raises PolicyRefused, UndeclaredAccess, FhirError.

        PolicyRefused also where the server does not keep ``docStatus`` or the label: the text would pass as
        final there, so it is withdrawn again (entered-in-error).
        """
        self._declared()
        return self._write(draft, "")

    def write_signed(self, draft: Draft, signer: str) -> Written:
        """Write a text that ``signer`` has read already, final from the beginning: only where the EHR takes no drafts.

        There (``Adapter.takes_preliminary``) the draft waits with the caller, in memory. Calling it again after an
        interruption completes it. Raises PolicyRefused where the EHR takes drafts, or somebody else has signed.
        """
        self._declared()
        if self.__route.place(self.__shelf.home(HOLDS_DRAFTS)).adapter.takes_preliminary:
            raise PolicyRefused("this EHR takes drafts (P-3)", mend="write the draft, then let it be signed")
        self._practitioner(signer)
        return self._write(draft, signer)

    def _write(self, draft: Draft, signer: str) -> Written:
        found = self.__shelf.there(HOLDS_DRAFTS, AI_DRAFT_SYSTEM, draft.key, draft.patient)
        if signer:
            self._same_signer(found, signer)
            self._audit({"subject": {"reference": draft.patient}}, HOLDS_DRAFTS, signer)
        if found is None and self.__shelf.together():
            document_, device_, provenance_ = self._transaction(draft, signer)
        else:
            document_, device_, provenance_ = self._in_order(draft, found, signer)
        if found is None:
            self._require_kept(document_, signer)
        if signer and draft.replaces:
            self._supersede(draft.replaces)
        return Written(document_, device_, provenance_, created=found is None)

    def revise(
        self,
        reference: str,
        text: str,
        editor: str,
        also: Sequence[tuple[str, bytes]] = (),
        *,
        read: str | None = None,
    ) -> Resource:
        """Replace the text of a draft by what ``editor`` (a Practitioner) made of it. It stays a draft.

        ``also``: the same text in other forms, as (content type, bytes); those that stood there are dropped.
        ``read``: the text that ``editor`` had before them. Raises VersionConflict where another one stands there.
        """
        draft = self._draft(reference)
        _require_read(draft, read)
        self._practitioner(editor)
        old = draft["content"][0].get("attachment") or {}
        fresh = contents(
            text, old.get("contentType", "text/plain"), old.get("title", ""), old.get("language", "en"), also
        )
        after = {**draft, "content": fresh}
        author = self.__shelf.author(reference)
        who = self.__shelf.seen_from("Provenance", editor)
        made = edited(reference, author, who, self.__clock.now(), draft=versioned(draft))
        return self.__shelf.replace(after, made)

    def sign(self, reference: str, signer: str, *, read: str) -> Resource:
        """Make a draft final: the only way. ``signer`` is the Practitioner who has read it and answers for it.

        The caller vouches that the signer is who acts (a SMART launch with their own login). The label stays, a
        Provenance with the signer as verifier is added, and the audit names who signed what. Calling it
        again after an interruption completes it. ``read``: the text that the signer has read, so that an edit in
        between is not signed unread. Raises VersionConflict where another text stands there.
        """
        found = self._labelled(reference)
        _require_read(found, read)
        self._practitioner(signer)
        author = self.__shelf.author(reference)
        if found.get("docStatus") in SIGNED:
            done = self._signed_before(found, reference, author, signer)
        else:
            self._require_preliminary(found)
            self._audit(found, reference, signer)
            trace = signed(reference, author, signer, self.__clock.now(), draft=versioned(found))
            done = self.__shelf.replace(finished(found, signer), trace)
        for older in replaced(done):
            self._supersede(older)
        return done

    def discard(self, reference: str, *, read: str | None = None) -> Resource:
        """Withdraw a draft: it stays, marked as entered in error. ``read`` as in ``revise``."""
        draft = self._draft(reference)
        _require_read(draft, read)
        return self.__fhir.update({**draft, "status": "entered-in-error", "docStatus": "entered-in-error"})

    def text(self, reference: str) -> str:
        """The text of a draft as it is now."""
        return text_of(self._labelled(reference))

    def outputs(self, model: Model) -> Iterator[str]:
        """References of everything that this model at this version had a hand in (P-5)."""
        where = {"identifier": f"{AI_DEVICE_SYSTEM}|{model.key}"}
        seen: set[str] = set()
        for one in self.__fhir.search("Device", where).matches():
            for trace in self.__fhir.search("Provenance", {"agent": f"Device/{one['id']}"}).matches():
                targets = {str(target.get("reference", "")) for target in trace.get("target", [])}
                yield from sorted(targets - seen - {""})
                seen |= targets

    # --- writing

    def _transaction(self, draft: Draft, signer: str) -> tuple[str, str, str]:
        who, what = f"urn:uuid:{uuid.uuid4()}", f"urn:uuid:{uuid.uuid4()}"
        entries = [
            Create(device(draft.model), identifier(AI_DEVICE_SYSTEM, draft.model.key), who),
            Create(self._document(draft, who, signer), identifier(AI_DRAFT_SYSTEM, draft.key), what),
            Create(_trace(draft, what, who, signer)),
        ]
        made = [result.require() for result in self.__fhir.transaction(entries)]
        return reference_of(made[1]), reference_of(made[0]), reference_of(made[2])

    def _in_order(self, draft: Draft, found: Resource | None, signer: str) -> tuple[str, str, str]:
        who = reference_of(self.__shelf.once(device(draft.model), AI_DEVICE_SYSTEM, draft.model.key))
        if found is None:
            fresh = self._document(draft, self.__shelf.seen_from(HOLDS_DRAFTS, who), signer)
            found = self.__shelf.once(fresh, AI_DRAFT_SYSTEM, draft.key, draft.patient)
            _require_first(found, signer)
        what = reference_of(found)
        trace = next((one for one in self.__shelf.traces(what) if ai_agent(one)), None)
        if trace is None:
            target, agent = (self.__shelf.seen_from("Provenance", one) for one in (what, who))
            trace = self.__fhir.create(_trace(draft, target, agent, signer)).resource
        return what, who, reference_of(trace)

    def _document(self, draft: Draft, device_reference: str, signer: str) -> Resource:
        made = document(draft, device_reference)
        made["subject"] = {"reference": self.__shelf.seen_from(HOLDS_DRAFTS, draft.patient)}
        return finished(made, signer) if signer else made

    def _signed_before(self, found: Resource, reference: str, author: str, signer: str) -> Resource:
        """Signed already: complete the Provenance if the signing was interrupted before it."""
        self._same_signer(found, signer)
        if not any(signer in verifiers(trace) for trace in self.__shelf.traces(reference)):
            self.__fhir.create(signed(reference, author, signer, self.__clock.now(), draft=versioned(found)))
        return found

    def _supersede(self, reference: str) -> None:
        """Mark a signed AI document as superseded by its new version; what stands in it stays."""
        old = self.__fhir.read(*reference.split("/", 1))
        if is_labelled(old) and old.get("status") == "current":
            self.__fhir.update({**old, "status": "superseded"})

    # --- reading and refusing

    @staticmethod
    def _same_signer(found: Resource | None, signer: str) -> None:
        if found is not None and (found.get("authenticator") or {}).get("reference") != signer:
            raise PolicyRefused("the document was signed by somebody else", mend="amend it in the EHR")

    def _declared(self) -> None:
        if not self.__manifest.declares(FEATURE):
            raise PolicyRefused(
                f"plugin {self.__manifest.name} does not declare that it writes AI text (P-1)",
                mend=f"declare features.{FEATURE} = true in its plugin.toml",
            )

    def _labelled(self, reference: str) -> Resource:
        self._declared()
        kind, _, id = reference.partition("/")
        if kind != HOLDS_DRAFTS:
            raise PolicyRefused(
                "only a DocumentReference is an AI draft", mend="hand in what `write` returned"
            )
        found = self.__fhir.read(kind, id)
        if not is_labelled(found):
            raise PolicyRefused("the document is no AI draft: it has no AI label", mend="sign it in the EHR")
        return found

    def _draft(self, reference: str) -> Resource:
        found = self._labelled(reference)
        self._require_preliminary(found)
        return found

    @staticmethod
    def _require_preliminary(found: Resource) -> None:
        if found.get("docStatus") != "preliminary" or found.get("status") != "current":
            raise PolicyRefused(
                "the document is no draft any more", mend="amend a signed document in the EHR"
            )

    def _practitioner(self, reference: str) -> None:
        """Only a person who exists and is active here answers for a text."""
        kind, _, id = reference.partition("/")
        if kind != "Practitioner":
            raise PolicyRefused(
                "only a named Practitioner may do that", mend="hand in a reference Practitioner/..."
            )
        if self.__fhir.read(kind, id).get("active") is False:
            raise PolicyRefused("the Practitioner is not active any more", mend="let another clinician sign")

    def _require_kept(self, reference: str, signer: str) -> None:
        """Servers were seen to store otherwise than they were sent: read back what decides."""
        kept = self.__fhir.read(*reference.split("/", 1))
        _require_first(kept, signer)
        if (signer or kept.get("docStatus") == "preliminary") and is_labelled(kept):
            return
        try:
            self.__fhir.update({**kept, "status": "entered-in-error"})
        except FhirError:
            mend = f"remove {reference} by hand: this server shows AI text as final"
            raise PolicyRefused(
                "the server does not keep drafts, and the draft cannot be withdrawn", mend=mend
            ) from None
        raise PolicyRefused(
            "the server does not keep docStatus and label of a draft, so it was withdrawn (P-3)",
            mend="let drafts live in a companion server",
        )

    def _audit(self, found: Resource, reference: str, signer: str) -> None:
        patient = str((found.get("subject") or {}).get("reference", ""))
        record = AuditRecord(
            Event.SIGNED,
            self.__manifest.name,
            self.__clock.now(),
            patient=patient,
            target=reference,
            user=signer,
            action="sign",
        )
        self.__auditor.record([record])


def _require_read(found: Resource, read: str | None) -> None:
    if read is not None and text_of(found) != read:
        raise VersionConflict(
            "the text was changed since it was read: read it again", resource_type=HOLDS_DRAFTS
        )


def _require_first(found: Resource, signer: str) -> None:
    """Raise PolicyRefused where another process was first to write it as signed, by somebody else."""
    other = str((found.get("authenticator") or {}).get("reference", ""))
    if signer and other and other.split("/")[-2:] != signer.split("/"):
        raise PolicyRefused("the document was signed by somebody else just now", mend="amend it in the EHR")


def _trace(draft: Draft, target: str, device_reference: str, signer: str) -> Resource:
    made = provenance(target, device_reference, draft.at, sources=draft.sources)
    return verified(made, signer) if signer else made
