"""The note of a Bundle's visit: Composition or DocumentReference, who signed it, what its inline text says."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_instant
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.model import Note, Visit
from chartside_billing.x12.graph import Graph

_TAGS = re.compile(r"<[^>]{0,2000}>")
_MINUTES = re.compile(r"\b(\d{1,3})\s*(?:-\s*)?(?:min(?:ute)?s?)\b", re.IGNORECASE)
_THERAPY = re.compile(
    r"psychotherapy[^.;\n]{0,40}?\b(\d{1,3})\s*min|\b(\d{1,3})\s*min(?:ute)?s?\s+(?:of\s+)?psychotherapy",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b\d{1,2}[:.]\d{2}\s*(?:[ap]\.?m\.?)?\s*(?:-|–|to|until)\s*\d{1,2}[:.]\d{2}", re.IGNORECASE
)
_START = re.compile(r"\b(start|begin|began|from)\w*\b[^.;\n]{0,12}\d{1,2}:\d{2}", re.IGNORECASE)
_ABSENT = re.compile(
    r"(patient|client)\s+(was\s+|is\s+)?(not\s+(present|in\s+attendance)|absent|did\s+not\s+(attend|join))"
    r"|without\s+(the\s+)?(patient|client)(\s+present)?",
    re.IGNORECASE,
)
_PRESENT = re.compile(
    r"(patient|client)\s+(was\s+|is\s+)?(present|attended|participated|joined)", re.IGNORECASE
)
_AUDIO = re.compile(r"audio[\s-]?only|by\s+(tele)?phone|telephone\s+(session|visit|call)", re.IGNORECASE)


def _documents(visit: Visit, graph: Graph, kind: str) -> list[Resource]:
    found = []
    for document in graph.of(kind):
        context = part(document, "context")
        names = [reference(e) for e in each(context, "encounter")] + [reference(document.get("encounter"))]
        if visit.ref in names and document.get("status") != "entered-in-error":
            found.append(document)
    return found


def add_note(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """A Composition as the note, or a DocumentReference that the EHR's way did not find; signatures of both."""
    compositions = _documents(visit, graph, "Composition")
    documents = _documents(visit, graph, "DocumentReference")
    if visit.note is None and documents:
        visit.note = Note(ref=own(documents[0]), status=str(documents[0].get("docStatus", "")) or None)
    if visit.note is not None and visit.note.status == "missing" and compositions:
        visit.note = None
    if visit.note is None and compositions:
        visit.note = _composition(compositions[0], graph)
    if visit.note is None:
        return
    for document in documents:
        _signed(visit.note, document, graph)
    for composition in compositions:
        _attested(visit.note, composition, graph)


def add_supervisor(visit: Visit, supervisor: str, graph: Graph) -> None:
    """Whether the supervisor signed a note that is a DocumentReference."""
    signers = {reference(d.get("authenticator")) for d in _documents(visit, graph, "DocumentReference")} - {
        ""
    }
    if visit.note is not None and signers and not visit.note.cosigned:
        visit.note.cosigned = supervisor in signers


def _composition(composition: Resource, graph: Graph) -> Note:
    note = Note(ref=own(composition), status=str(composition.get("status", "")) or None)
    note.authors = frozenset(reference(a) for a in each(composition, "author")) - {""}
    return note


def _signed(note: Note, document: Resource, graph: Graph) -> None:
    signer = reference(document.get("authenticator"))
    day = parse_fhir_instant(str(document.get("date", "")))
    note.signed_at = note.signed_at or day
    if signer:
        note.signed = True
    for provenance in graph.of("Provenance"):
        if own(document) in {reference(t) for t in each(provenance, "target")}:
            _provenance(note, provenance)
    for related in each(document, "relatesTo"):
        if str(related.get("code")) in {"replaces", "appends", "transforms"}:
            note.amended_at = note.amended_at or day


def _provenance(note: Note, provenance: Resource) -> None:
    when = parse_fhir_instant(str(provenance.get("recorded", "")))
    told = {c.upper() for c in codes(provenance.get("activity"))}
    if told & {"UPDATE", "AMEND", "REVISE", "APPEND"}:
        note.amended_at = max(filter(None, (note.amended_at, when)), default=None)
    signatures = list(each(provenance, "signature"))
    if signatures:
        who = {reference(s.get("who")) for s in signatures}
        note.signed = True
        note.cosigned = note.cosigned or len(who - note.authors - {""}) > 0
        note.signed_at = note.signed_at or when


def _attested(note: Note, composition: Resource, graph: Graph) -> None:
    attesters = list(each(composition, "attester"))
    modes = {str(a.get("mode", "")) for a in attesters}
    who = {reference(a.get("party")) for a in attesters} - {""}
    if attesters:
        note.signed = True
        note.authors |= who
        times = [t for a in attesters if (t := parse_fhir_instant(str(a.get("time", ""))))]
        note.signed_at = note.signed_at or (min(times) if times else None)
    elif note.signed is None:
        note.signed = False
    authors = {reference(a) for a in each(composition, "author")}
    note.cosigned = bool(who - authors) or ("official" in modes and len(who) > 1) or bool(note.cosigned)


def read_texts(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """What the note's inline text says of times, attendance and how the session was held."""
    note = visit.note
    if note is None:
        return
    documents = _documents(visit, graph, "DocumentReference") + _documents(visit, graph, "Composition")
    text = " ".join(piece for document in documents for piece in inline_texts(document))
    if not text.strip():
        return
    note.text = text
    timed = _CLOCK.search(text) or _MINUTES.search(text) or _START.search(text)
    note.has_times = bool(timed) or note.has_times is True or visit.minutes_source.startswith("Document")
    apart = _THERAPY.search(text)
    if apart:
        visit.psychotherapy_minutes = int(apart.group(1) or apart.group(2))
    if note.minutes is None and (whole := _MINUTES.findall(text)) and len(set(whole)) == 1:
        note.minutes = int(whole[0])
        visit.minutes, visit.minutes_source = note.minutes, "note"
    if _ABSENT.search(text):
        visit.patient_present = False
    elif _PRESENT.search(text):
        visit.patient_present = True
    if visit.mode in {"video", "virtual"} and _AUDIO.search(text):
        visit.mode = "audio"


def inline_texts(document: Resource) -> Iterator[str]:
    """The texts that a document carries itself: attachments, sections, its description."""
    for content in each(document, "content"):
        attachment = part(content, "attachment")
        kind = str(attachment.get("contentType", "text/plain"))
        data = attachment.get("data")
        if isinstance(data, str) and kind.startswith(("text", "application/xhtml")) and len(data) < 2_000_000:
            try:
                yield _TAGS.sub(" ", base64.b64decode(data, validate=False).decode("utf-8", "replace"))
            except (binascii.Error, ValueError):
                continue
    yield from _sections(document, 0)
    if isinstance(document.get("description"), str):
        yield document["description"]


def _sections(thing: Resource, depth: int) -> Iterator[str]:
    for section in each(thing, "section"):
        div = part(section, "text").get("div")
        if isinstance(div, str):
            yield _TAGS.sub(" ", div[:500_000])
        if isinstance(section.get("title"), str):
            yield section["title"]
        if depth < 6:
            yield from _sections(section, depth + 1)
