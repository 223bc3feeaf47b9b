"""COC: collaborative care and care management by the month."""

from __future__ import annotations

from chartside_billing.model import Visit
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import (
    APCM_ADD_ON,
    APCM_BASE,
    CARE_MANAGEMENT_MONTH,
    COCM,
    is_psychologist,
    is_social_worker,
    is_therapist,
)
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import LineView, View

_NOT_WITH_APCM = frozenset({"99492", "99493", "99494", "99484"})
_BASE_MINUTES = {"99492": 36, "99493": 31, "G2214": 16}
_ADD_ON_FROM = {"99492": 86, "99493": 76}
"""Minutes from which one unit of 99494 is reached."""


def _month_minutes(v: View, line: LineView) -> int | None:
    """The minutes of the month's log: the line's visit, or all visits of that month."""
    if line.visit is not None and line.visit.minutes is not None:
        return line.visit.minutes
    minutes = [visit.minutes for visit in _visits_of_month(v, line) if visit.minutes is not None]
    return sum(minutes) if minutes else None


def _visits_of_month(v: View, line: LineView) -> list[Visit]:
    day = line.day
    if day is None:
        return []
    return [x for x in v.claim.visits if x.start and (x.start.year, x.start.month) == (day.year, day.month)]


@check("COC-001", codes=COCM, needs=("visit",))
def thresholds(v: View, k: Loaded) -> Outcome:
    """36 minutes in the first month, 31 later, 16 more for each further half hour."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code not in COCM:
            continue
        minutes = _month_minutes(v, line)
        if minutes is None:
            unknown = True
        elif line.code == "99494":
            base = next((code for code in ("99492", "99493") if code in v.codes), "")
            start = _ADD_ON_FROM.get(base)
            reached = 0 if start is None or minutes < start else (minutes - start) // 30 + 1
            if start is not None and (line.line.quantity or 1) > reached:
                hits.append(hit(f"{minutes} minutes with {base} make {reached} units of 99494", line))
        elif minutes < _BASE_MINUTES[line.code]:
            hits.append(
                hit(
                    f"{line.code} needs {_BASE_MINUTES[line.code]} minutes in the month; {minutes} are logged",
                    line,
                )
            )
    if hits or not unknown:
        return hits
    return NotChecked("needs the month's time log (minutes of the visits)")


@check("COC-002", codes=CARE_MANAGEMENT_MONTH)
def one_a_month(v: View, k: Loaded) -> Outcome:
    """One family a patient and month; the initial month once."""
    own = [line for line in v.lines if line.code in CARE_MANAGEMENT_MONTH]
    others = [line for line in v.other_lines(same_payer=True) if line.code in CARE_MANAGEMENT_MONTH]
    hits: list[Hit] = []
    months: dict[tuple[int, int], list[LineView]] = {}
    for line in [*own, *others]:
        if line.day is not None:
            months.setdefault((line.day.year, line.day.month), []).append(line)
    for lines in months.values():
        mine = [line for line in lines if line.own]
        if mine and len(lines) > 1:
            codes = ", ".join(sorted({line.code for line in lines}))
            hits.append(hit(f"More than one care-management service in one month ({codes})", *mine))
    for line in own:
        if (line.line.quantity or 1) > 1:
            hits.append(hit(f"{line.code} is one unit a month", line))
        elif line.code in {"99492", "G0568"} and any(o.code == line.code for o in others):
            hits.append(hit(f"{line.code} is for the first month of an episode, and was billed before", line))
    return hits if hits or v.history_known else NEEDS["history"]


@check("COC-003", codes={"99484", "G0323"})
def general(v: View, k: Loaded) -> Outcome:
    """20 minutes in the month; G0323 by CP, CSW, MFT, MHC."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code not in {"99484", "G0323"}:
            continue
        minutes = _month_minutes(v, line)
        taxonomy = v.taxonomy_of(line)
        unknown = unknown or minutes is None
        if minutes is not None and minutes < 20:
            hits.append(hit(f"{line.code} needs 20 minutes in the month; {minutes} are logged", line))
        if line.code == "G0323" and taxonomy and not _may_bill_g0323(taxonomy):
            hits.append(hit("G0323 is for psychologists, social workers, MFTs and counsellors", line))
    return hits if hits or not unknown else NotChecked("needs the month's time log (minutes of the visits)")


def _may_bill_g0323(taxonomy: str) -> bool:
    return is_psychologist(taxonomy) or is_social_worker(taxonomy) or taxonomy.startswith(("106H", "101Y"))


@check("COC-004", codes=COCM)
def prerequisites(v: View, k: Loaded) -> Outcome:
    """Consent; billed by the treating medical practitioner."""
    lines = [line for line in v.lines if line.code in COCM]
    hits = [
        hit(f"{line.code} is billed by the treating medical practitioner, not by the therapist", line)
        for line in lines
        if is_therapist(v.taxonomy_of(line))
    ]
    history = v.claim.history
    if history is None or history.consents is None:
        return hits or NEEDS["consents"]
    if "cocm" not in history.consents:
        hits.append(hit("No consent to collaborative care is on file", *lines))
    return hits


@check("COC-005", codes=APCM_ADD_ON)
def apcm(v: View, k: Loaded) -> Outcome:
    """Beside the APCM base of the month; not beside CoCM or 99484."""
    own = [line for line in v.lines if line.code in APCM_ADD_ON]
    others = v.other_lines()
    hits: list[Hit] = []
    for line in own:
        if line.day is None:
            continue
        month = (line.day.year, line.day.month)
        codes = {
            o.code
            for o in [*v.lines, *others]
            if o.day and (o.day.year, o.day.month) == month and o.npi == line.npi
        }
        if not codes & APCM_BASE:
            hits.append(hit(f"{line.code} without G0556, G0557 or G0558 in the same month", line))
        excluded = [
            o for o in v.lines if o.code in _NOT_WITH_APCM and o.day and (o.day.year, o.day.month) == month
        ]
        if codes & _NOT_WITH_APCM:
            hits.append(hit(f"{line.code} is not billed with 99492-99494 or 99484", line, *excluded))
    return hits or OK
