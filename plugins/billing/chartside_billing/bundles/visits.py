"""Visits of a Bundle: linked by day where no item names them, with what notes, instruments and times say inline."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from chartside.types import Resource
from chartside_billing.dates import parse_fhir_date, parse_fhir_instant
from chartside_billing.fhir_claim.pick import codes, each, own, part, reference
from chartside_billing.fhir_claim.visits import icd_of, visit_of
from chartside_billing.model import Claim, Line, Note, Visit
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
_HOME = frozenset({"PTRES", "H", "HOME", "12"})
_MODES = {"VR": "video", "AMB": "in-person", "HH": "in-person"}


def refine(claim: Claim, resource: Resource, graph: Graph) -> None:
    """Give the claim's lines their visits, and the visits what the Bundle says of them."""
    if resource.get("resourceType") == "Claim":
        _link(claim, resource, graph)
    for visit in claim.visits:
        encounter = graph.by_reference.get(visit.ref, {})
        _note(visit, encounter, graph)
        if claim.supervising is not None and visit.note is not None:
            _supervisor(visit, claim.supervising.ref, graph)
        _texts(visit, encounter, graph)
        _place(visit, encounter, graph)
        _people(visit, encounter, graph)
        _appointment(visit, encounter, graph)
        _instruments(visit, graph)
        _conditions(visit, claim, encounter, graph)
    _times(claim, resource, graph)


def _link(claim: Claim, resource: Resource, graph: Graph) -> None:
    """A visit of the same patient and day, for lines whose item names none."""
    patient = reference(resource.get("patient"))
    candidates = [
        e for e in graph.of("Encounter") if reference(e.get("subject")) in {patient, ""} or _grouped(e)
    ]
    for line in claim.lines:
        if line.visit is not None or line.dates.start is None:
            continue
        mine = [e for e in candidates if _day(e) == line.dates.start]
        if not mine and len(candidates) == 1 and _day(candidates[0]) is None:
            mine = candidates
        if len(mine) > 1:
            mine = [e for e in mine if _gives(e, line, claim)] or mine
        if mine and len(mine) == 1:
            _attach(claim, line, mine[0], graph)


def _grouped(encounter: Resource) -> bool:
    return reference(encounter.get("subject")).startswith("Group/")


def _gives(encounter: Resource, line: Line, claim: Claim) -> bool:
    """Whether the Encounter's type or its clinician is the line's."""
    told = {c for concept in each(encounter, "type") for c in codes(concept)}
    if line.code in told:
        return True
    party = line.rendering or claim.rendering or claim.billing
    people = {reference(p.get("individual")) for p in each(encounter, "participant")}
    return bool(party and party.ref in people) and not any(len(c) == 5 for c in told)


def _day(encounter: Resource) -> date | None:
    return parse_fhir_date(str(part(encounter, "period").get("start", "")))


def _attach(claim: Claim, line: Line, encounter: Resource, graph: Graph) -> None:
    known = next((v for v in claim.visits if v.ref == own(encounter)), None)
    visit = known or visit_of(encounter, graph, None)
    if known is None:
        claim.visits.append(visit)
    line.visit = visit


def _documents(visit: Visit, graph: Graph, kind: str) -> list[Resource]:
    found = []
    for document in graph.of(kind):
        context = part(document, "context")
        names = [reference(e) for e in each(context, "encounter")] + [reference(document.get("encounter"))]
        if visit.ref in names and document.get("status") != "entered-in-error":
            found.append(document)
    return found


def _note(visit: Visit, encounter: Resource, graph: Graph) -> None:
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


def _supervisor(visit: Visit, supervisor: str, graph: Graph) -> None:
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


def _texts(visit: Visit, encounter: Resource, graph: Graph) -> None:
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
    if visit.mode == "video" and _AUDIO.search(text):
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


def _place(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """Home or elsewhere, the state, how it was held."""
    for entry in each(encounter, "location"):
        location = graph.get(entry.get("location"), encounter)
        told = {c.upper() for concept in each(location, "type") for c in codes(concept)}
        told |= {c.upper() for c in codes(location.get("physicalType"))} & {"HO"}
        name = f"{location.get('name', '')} {part(entry, 'location').get('display', '')}".lower()
        if told & _HOME or "HO" in told or "home" in name:
            visit.patient_at_home = True
        elif visit.mode in {"video", "audio"} and (told or name.strip()):
            visit.patient_at_home = False
        visit.patient_state = visit.patient_state or str(part(location, "address").get("state", "")) or None
    _virtual(visit, encounter)
    for service in each(encounter, "virtualService"):
        _mode(visit, str(service).lower())


def _virtual(visit: Visit, resource: Resource) -> None:
    """How it was held, by the R5 extension (its channelType is nested) and those of vendors."""
    for extension in each(resource, "extension"):
        url = str(extension.get("url", "")).lower()
        if any(word in url for word in ("virtual", "modality", "telehealth", "channel")):
            _mode(visit, str({k: v for k, v in extension.items() if k != "url"}).lower())


def _mode(visit: Visit, text: str) -> None:
    if "audio" in text or "phone" in text:
        visit.mode = "audio"
    elif "video" in text or "zoom" in text:
        visit.mode = "video"
    elif "in-person" in text or "inperson" in text:
        visit.mode = "in-person"


def _people(visit: Visit, encounter: Resource, graph: Graph) -> None:
    """Size of a group; whether the patient was there."""
    group = graph.by_reference.get(reference(encounter.get("subject")), {})
    if group.get("resourceType") == "Group":
        quantity = group.get("quantity")
        members = len([m for m in each(group, "member") if not m.get("inactive")])
        visit.attendees = quantity if isinstance(quantity, int) else members or visit.attendees
    patients = 0
    for participant in each(encounter, "participant"):
        who = reference(participant.get("individual")) or reference(participant.get("actor"))
        patients += who.startswith("Patient/")
        told = " ".join(str(part({"x": t}, "x").get("text", "")) for t in each(participant, "type")).lower()
        if "absent" in told and ("patient" in told or "client" in told or who.startswith("Patient/")):
            visit.patient_present = False
        elif who.startswith("Patient/") and visit.patient_present is None:
            visit.patient_present = True
    if patients > 1:
        visit.attendees = max(patients, visit.attendees or 0)


def _appointments(visit: Visit, encounter: Resource, graph: Graph) -> list[Resource]:
    """Those that the Encounter names, else the one of the same client and beginning (or day, if it is alone)."""
    named = [a for link in each(encounter, "appointment") if (a := graph.get(link, encounter))]
    if named or visit.start is None:
        return named
    client = reference(encounter.get("subject"))
    mine = [
        (a, begin)
        for a in graph.of("Appointment")
        if client in {reference(p.get("actor")) for p in each(a, "participant")}
        and (begin := parse_fhir_instant(str(a.get("start", ""))))
    ]
    same = [a for a, begin in mine if begin == visit.start]
    return same[:1] or [a for a, begin in mine if begin.date() == visit.start.date()][: len(mine) == 1]


def _appointment(visit: Visit, encounter: Resource, graph: Graph) -> None:
    for appointment in _appointments(visit, encounter, graph):
        minutes = appointment.get("minutesDuration")
        if visit.appointment_minutes is None and isinstance(minutes, int) and not isinstance(minutes, bool):
            visit.appointment_minutes = minutes
        visit.appointment_status = visit.appointment_status or str(appointment.get("status", "")) or None
        _virtual(visit, appointment)
        for participant in each(appointment, "participant"):
            if (
                reference(participant.get("actor")).startswith("Patient/")
                and participant.get("status") == "declined"
            ):
                visit.patient_present = False if visit.patient_present is None else visit.patient_present


def _instruments(visit: Visit, graph: Graph) -> None:
    """Scored instruments: finished QuestionnaireResponses, or else survey Observations, of the visit."""
    answers = [
        r
        for r in graph.of("QuestionnaireResponse")
        if reference(r.get("encounter")) == visit.ref
        and r.get("status", "completed") in {"completed", "amended"}
    ]
    scores = [
        o
        for o in graph.of("Observation")
        if reference(o.get("encounter")) == visit.ref
        and o.get("status", "final") in {"final", "amended", "corrected"}
        and ("valueInteger" in o or _unitless(o))
    ]
    if answers or scores:
        visit.instruments = max(len(answers), len(scores))


def _unitless(observation: Resource) -> bool:
    quantity = part(observation, "valueQuantity")
    unit = str(quantity.get("code") or quantity.get("unit") or "")
    return "value" in quantity and unit in {"", "1", "{score}", "score"}


def _conditions(visit: Visit, claim: Claim, encounter: Resource, graph: Graph) -> None:
    """Conditions recorded in the visit, beside Encounter.diagnosis and reasonCode."""
    found = {
        icd
        for c in graph.of("Condition")
        if reference(c.get("encounter")) == visit.ref and (icd := icd_of(c))
    }
    told = set(visit.diagnoses or ()) | found
    visit.diagnoses = frozenset(told) or visit.diagnoses


def _times(claim: Claim, resource: Resource, graph: Graph) -> None:
    """Time logs: Observations in minutes of the patient, summed by visit, or by the month of a line without one."""
    patient = reference(resource.get("patient") or resource.get("subject"))
    logs = [
        (o, m)
        for o in graph.of("Observation")
        if reference(o.get("subject")) == patient and (m := _logged(o))
    ]
    by_visit: dict[str, int] = {}
    for observation, minutes in logs:
        name = reference(observation.get("encounter"))
        by_visit[name] = by_visit.get(name, 0) + minutes
    for visit in claim.visits:
        if visit.ref in by_visit:
            visit.minutes, visit.minutes_source = by_visit[visit.ref], "Observation"
    loose = [(o, m) for o, m in logs if not reference(o.get("encounter"))]
    for line in claim.lines:
        if line.visit is None and line.dates.start is not None:
            month = line.dates.start.strftime("%Y-%m")
            total = sum(m for o, m in loose if _when(o).startswith(month))
            if total:
                line.visit = Visit(ref="time log", minutes=total, minutes_source="Observation")
                claim.visits.append(line.visit)


def _when(observation: Resource) -> str:
    period = part(observation, "effectivePeriod")
    return str(observation.get("effectiveDateTime") or period.get("start", ""))


def _logged(observation: Resource) -> int:
    quantity = part(observation, "valueQuantity")
    unit = str(quantity.get("code") or quantity.get("unit") or "").lower()
    value = quantity.get("value")
    if unit in {"min", "minute", "minutes"} and isinstance(value, int | float) and 0 <= value < 100_000:
        return round(value)
    return 0


def sessions(graph: Graph, practitioner: str) -> list[tuple[str, datetime, datetime]]:
    """(reference, start, end) of every individual Encounter that a clinician held."""
    found = []
    for encounter in graph.of("Encounter"):
        people = {reference(p.get("individual")) for p in each(encounter, "participant")}
        period: Any = part(encounter, "period")
        start, end = (
            parse_fhir_instant(str(period.get("start", ""))),
            parse_fhir_instant(str(period.get("end", ""))),
        )
        held = practitioner in people and encounter.get("status") not in {"cancelled", "planned"}
        if held and start and end and not _grouped(encounter):
            found.append((own(encounter), start, end))
    return found
