"""DOC: the record behind the claim."""

from __future__ import annotations

import re
from datetime import timedelta

from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import EM, EVALUATION, PSYCHOTHERAPY
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import LineView, View

_FINAL = frozenset({"final", "amended"})
_PROCESS_NOTE = re.compile(r"\b(PSYCHOTHERAPY|PROCESS|SESSION)\s+NOTE", re.IGNORECASE)
_ONE_DAY = PSYCHOTHERAPY | EVALUATION | EM
_NOT_HELD = frozenset({"cancelled", "noshow", "entered-in-error"})


def _elsewhen(line: LineView) -> bool:
    """More than a day apart: an instant in UTC may stand on the next day."""
    visit, day = line.visit, line.day
    if visit is None or visit.start is None or day is None:
        return False
    last = visit.end or visit.start
    return day < visit.start.date() - timedelta(1) or day > last.date() + timedelta(1)


@check("DOC-001", needs=("visit",))
def final(v: View, k: Loaded) -> Outcome:
    """The visit finished, its note final and signed."""
    hits: list[Hit] = []
    unknown = False
    for visit in v.claim.visits:
        where = visit.where or "Encounter"
        if visit.status is not None and visit.status not in {"finished", "completed", *_NOT_HELD}:
            hits.append(hit(f"The visit is {visit.status}, not finished", where=where))
        note = visit.note
        if note is None or note.status is None:
            unknown = True
        elif note.status == "missing":
            hits.append(hit("The visit has no note", where=where))
        elif note.status not in _FINAL:
            hits.append(hit(f"The note is {note.status}, not final", where=note.ref or where))
        elif note.signed is False:
            hits.append(hit("The note is not signed", where=note.ref or where))
    hits.extend(
        hit(
            "The visit behind this line was on another day than the line says",
            line,
            severity="warning",
            mend="Link the visit of that day, or correct the date of service.",
        )
        for line in v.lines
        if line.code in _ONE_DAY and _elsewhen(line)
    )
    return hits if hits or not unknown else NEEDS["note"]


@check("DOC-002", needs=("visit",))
def co_signature(v: View, k: Loaded) -> Outcome:
    """The supervisor's attestation: a Composition names all who attested, a DocumentReference one signer only."""
    facts = v.rendering.facts if v.rendering else None
    supervised = v.claim.supervising is not None or (facts is not None and bool(facts.pre_licensed))
    if not supervised:
        return OK
    notes = [visit.note for visit in v.claim.visits if visit.note and visit.note.cosigned is not None]
    if not notes:
        return NEEDS["note"]
    return [
        hit(
            "The supervisor has not signed the supervised clinician's note",
            where=note.ref,
            severity="" if note.ref.startswith("Composition") else "warning",
        )
        for note in notes
        if not note.cosigned
    ]


@check("DOC-003", needs=("visit",))
def late(v: View, k: Loaded) -> Outcome:
    """Signed long after the visit, or changed after the claim went out."""
    hits: list[Hit] = []
    known = False
    for visit in v.claim.visits:
        note = visit.note
        if note is None:
            continue
        if note.signed_at is not None and visit.start is not None:
            known = True
            if note.signed_at - visit.start > timedelta(days=k.late_note_days):
                hits.append(
                    hit(
                        f"The note was signed more than {k.late_note_days} days after the visit",
                        where=note.ref,
                    )
                )
        if note.amended_at is not None and v.claim.created is not None:
            known = True
            if note.amended_at.date() > v.claim.created:
                hits.append(hit("The note was changed after the claim was made", where=note.ref))
    return hits if known else NEEDS["note"]


@check("DOC-004")
def plan(v: View, k: Loaded) -> Outcome:
    """An active plan covers the day."""
    history, day = v.claim.history, v.first_day
    if history is None or history.plan_periods is None or day is None:
        return NEEDS["plans"]
    if any(
        (start is None or start <= day) and (end is None or day <= end) for start, end in history.plan_periods
    ):
        return OK
    return [hit("No active treatment plan covers the date of service", where="CarePlan")]


@check("DOC-005", needs=("visit",))
def not_held(v: View, k: Loaded) -> Outcome:
    """No claim for a visit that did not take place."""
    hits: list[Hit] = []
    for visit in v.claim.visits:
        if visit.status in _NOT_HELD or visit.appointment_status in _NOT_HELD:
            what = visit.status if visit.status in _NOT_HELD else visit.appointment_status
            hits.append(hit(f"The visit is recorded as {what}", where=visit.where or "Encounter.status"))
    return hits


@check("DOC-006")
def notes_kept_out(v: View, k: Loaded) -> Outcome:
    """No psychotherapy note in NTE or attached."""
    claim = v.claim
    hits = [
        hit("A psychotherapy note is attached to the claim", where=attachment.where or "2300 PWK")
        for attachment in claim.attachments
        if attachment.is_psychotherapy_note
    ]
    texts = [*claim.notes, *(note for line in claim.lines for note in line.notes)]
    if any(_PROCESS_NOTE.search(text) for _, text in texts):
        hits.append(hit("The claim's note seems to quote a psychotherapy note", where="2300 NTE"))
    if claim.attachments and not hits and all(a.is_psychotherapy_note is None for a in claim.attachments):
        return NotChecked("needs the attached documents' labels (DocumentReference.securityLabel)")
    return hits


@check("DOC-007", needs=("visit",))
def unbilled(v: View, k: Loaded) -> Outcome:
    """A finished visit that no claim was made for."""
    if v.claim.status != "unbilled":
        return OK
    hits: list[Hit] = []
    for visit in v.claim.visits:
        if visit.status == "finished" and visit.start is not None:
            days = (k.today - visit.start.date()).days
            if days > k.unbilled_after_days:
                hits.append(
                    hit(f"The visit was {days} days ago and has neither claim nor invoice", where=visit.where)
                )
    return hits
