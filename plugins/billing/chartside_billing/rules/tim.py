"""TIM: minutes."""

from __future__ import annotations

from decimal import Decimal

from chartside_billing.model import Visit
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import (
    ADD_ON_THERAPY,
    BANDS,
    GROUP,
    INDIVIDUAL,
    LEAST_MINUTES,
    MULTI_FAMILY,
    PROLONGED,
    PSYCHOTHERAPY,
    QUARTER_HOURS,
    TIMED_PSYCHOTHERAPY,
)
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import LineView, View

_NOTE = "Only the clinician may amend the note, and only where its time is wrong."
_SESSIONS = frozenset(LEAST_MINUTES) | GROUP | MULTI_FAMILY


def _minutes(line: LineView) -> int | None:
    """Minutes of psychotherapy: as the note divides them, else of the whole visit."""
    visit = line.visit
    if visit is None:
        return None
    return visit.psychotherapy_minutes if visit.psychotherapy_minutes is not None else visit.minutes


def fitting(minutes: int, codes: frozenset[str] = INDIVIDUAL) -> str:
    """The code whose band holds these minutes; empty if there is none."""
    for code in sorted(codes):
        least, most = BANDS[code]
        if minutes >= least and (most is None or minutes <= most):
            return code
    return ""


def _shared(v: View, line: LineView) -> bool:
    """Whether one visit holds another session too, so that its minutes are not this code's alone."""
    return any(
        other is not line and other.visit is line.visit and other.code in _SESSIONS for other in v.lines
    )


def _band(v: View, code: str) -> Outcome:
    least, most = BANDS[code]
    span = f"{least} to {most} minutes" if most else f"{least} minutes or more"
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code != code:
            continue
        minutes = _minutes(line)
        if minutes is None or (minutes >= least and _shared(v, line)):
            unknown = True
        elif minutes < least or (most is not None and minutes > most):
            right = fitting(minutes)
            mend = f"Use {right}. {_NOTE}" if right else ""
            hits.append(hit(f"{code} takes {span}; the session lasted {minutes}", line, mend=mend))
    return hits if hits or not unknown else NEEDS["minutes"]


@check("TIM-001", codes={"90832"}, needs=("visit",))
def short(v: View, k: Loaded) -> Outcome:
    """90832: 16 to 37 minutes."""
    return _band(v, "90832")


@check("TIM-002", codes={"90834"}, needs=("visit",))
def middle(v: View, k: Loaded) -> Outcome:
    """90834: 38 to 52 minutes."""
    return _band(v, "90834")


@check("TIM-003", codes={"90837"}, needs=("visit",))
def long(v: View, k: Loaded) -> Outcome:
    """90837: 53 minutes or more."""
    return _band(v, "90837")


@check("TIM-004", codes=INDIVIDUAL | ADD_ON_THERAPY, needs=("visit",))
def too_short(v: View, k: Loaded) -> Outcome:
    """Under 16 minutes nothing is reported."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code in BANDS:
            minutes = _minutes(line)
            unknown = unknown or minutes is None
            if minutes is not None and minutes < 16:
                hits.append(hit(f"Psychotherapy of {minutes} minutes is not reported at all", line))
    return hits if hits or not unknown else NEEDS["minutes"]


@check("TIM-005", codes=ADD_ON_THERAPY, needs=("visit",))
def add_on(v: View, k: Loaded) -> Outcome:
    """The add-on's own band, without the E/M's minutes."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code not in ADD_ON_THERAPY:
            continue
        least, most = BANDS[line.code]
        visit = line.visit
        own = visit.psychotherapy_minutes if visit else None
        whole = visit.minutes if visit else None
        if own is not None:
            if own < least or (most is not None and own > most):
                right = fitting(own, ADD_ON_THERAPY)
                mend = f"Use {right}. {_NOTE}" if right else ""
                hits.append(hit(f"{line.code} does not fit {own} minutes of psychotherapy", line, mend=mend))
        elif whole is not None and whole <= least:
            hits.append(
                hit(
                    f"The whole visit lasted {whole} minutes: too short for {line.code} beside an E/M service",
                    line,
                )
            )
        else:
            unknown = True
    if hits or not unknown:
        return hits
    return NotChecked("needs the psychotherapy minutes apart from the E/M's, in the note")


@check("TIM-006", codes=TIMED_PSYCHOTHERAPY, needs=("visit",))
def documented(v: View, k: Loaded) -> Outcome:
    """Times or minutes in the note."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        visit = line.visit
        if line.code not in TIMED_PSYCHOTHERAPY or visit is None:
            continue
        in_note = visit.note.has_times if visit.note else None
        if in_note is False or (in_note is None and visit.minutes is None and visit.start is None):
            hits.append(hit("Neither start and stop times nor total minutes are documented", line))
        elif in_note is None and visit.minutes is None:
            unknown = True
    return hits if hits or not unknown else NEEDS["note"]


@check("TIM-007", needs=("visit",))
def schedule(v: View, k: Loaded) -> Outcome:
    """Minutes against the appointment."""
    hits: list[Hit] = []
    known = False
    for line in v.lines:
        visit = line.visit
        if visit is None or visit.minutes is None or visit.appointment_minutes is None:
            continue
        known = True
        if visit.minutes > visit.appointment_minutes:
            hits.append(hit("More minutes are documented than the appointment was long", line))
        elif visit.appointment_minutes - visit.minutes > k.schedule_tolerance_minutes:
            hits.append(hit("Far fewer minutes are documented than the appointment was long", line))
    return (
        hits
        if known
        else NotChecked("needs the appointment's length (Appointment) and the documented minutes")
    )


def _overlap(one: Visit, other: Visit) -> bool:
    if one.start is None or one.end is None or other.start is None or other.end is None:
        return False
    return one.start < other.end and other.start < one.end


def _overlapping(v: View, line: LineView, mine: Visit) -> int:
    """Sessions of the clinician at the same time: of this batch, and those that came with the claim, billed or not."""
    billed = v.index.sessions_of(line.npi, line.day) if v.index is not None and line.day else []
    found = {x.ref or id(x) for x in billed if x is not mine and x.ref != mine.ref and _overlap(mine, x)}
    for ref, start, end in v.claim.history.sessions if v.claim.history else []:
        if ref != mine.ref and mine.start and mine.end and start < mine.end and mine.start < end:
            found.add(ref)
    return len(found)


@check("TIM-008")
def overlapping(v: View, k: Loaded) -> Outcome:
    """No clinician in two individual sessions at once, nor over 24 hours a day."""
    hits = [
        hit(
            f"{line.line.quantity.normalize():f} units of 15 minutes are more than a day has",
            line,
            mend="Correct the units.",
        )
        for line in v.lines
        if line.code in QUARTER_HOURS
        and line.line.quantity
        and line.line.quantity > 96 * line.line.dates.days
    ]
    if v.index is None:
        return hits or NEEDS["visit"]
    for line in v.lines:
        if line.code not in LEAST_MINUTES or not line.npi or line.day is None:
            continue
        if line.visit is not None and (count := _overlapping(v, line, line.visit)):
            others = "another session overlaps" if count == 1 else f"{count} other sessions overlap"
            hits.append(hit(f"For this clinician {others} this one", line))
        least = v.index.least_minutes_of(line.npi, line.day)
        if least > 24 * 60:
            hits.append(hit("The clinician's services of that day add up to more than 24 hours", line))
        elif least > 12 * 60:
            text = "The clinician's services of that day add up to more than 12 hours"
            hits.append(hit(text, line, severity="warning"))
    if hits:
        return hits
    timed = [line for line in v.lines if line.code in LEAST_MINUTES]
    if all(line.visit and line.visit.start and line.visit.end for line in timed):
        return OK
    return NEEDS["minutes" if v.claim.visits else "visit"]


@check("TIM-009", codes=PROLONGED | {"90837"})
def long_session(v: View, k: Loaded) -> Outcome:
    """One 90837, whatever its length."""
    hits: list[Hit] = []
    for day in v.days:
        prolonged = [line for line in day.of(PROLONGED) if line.own]
        if prolonged and day.codes & PSYCHOTHERAPY:
            hits.append(hit("Prolonged services are not reported with psychotherapy codes", *prolonged))
        longest = day.of({"90837"})
        if len(longest) > 1 and any(line.own for line in longest):
            hits.append(hit("A long session is one 90837, however long", *longest))
    return hits


@check("TIM-010", codes={"90837"})
def share(v: View, k: Loaded) -> Outcome:
    """The share of 90837 among the clinician's sessions."""
    threshold = v.profile.share_90837 if v.profile else None
    if threshold is None or v.index is None:
        return NEEDS["profile"]
    hits: list[Hit] = []
    few = False
    for line in v.lines:
        if line.code == "90837":
            longest, sessions = v.index.sessions_count(line.npi)
            few = few or sessions < 20
            if sessions >= 20 and Decimal(longest) / sessions > threshold:
                hits.append(hit("This clinician's share of 90837 is above the payer's threshold", line))
    return NotChecked("needs 20 sessions of the clinician or more, to tell a share") if few else hits
