"""DX: diagnoses."""

from __future__ import annotations

from datetime import date

from chartside_billing.model import Diagnosis
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

ICD10_START = date(2015, 10, 1)


def place_of(v: View, position: int) -> str:
    """HI01, HI02 ... of a diagnosis."""
    where = v.claim.diagnoses[position].where or "2300 HI"
    return f"{where}{position + 1:02}" if where.endswith("HI") else where


@check("DX-001")
def principal(v: View, k: Loaded) -> Outcome:
    """At least one code, the first ABK, the others ABF."""
    diagnoses = v.claim.diagnoses
    if not diagnoses:
        return [hit("The claim has no diagnosis", where="2300 HI")]
    hits: list[Hit] = []
    if diagnoses[0].qualifier not in {"ABK", "BK"}:
        hits.append(hit("The first diagnosis is not marked as principal (ABK)", where=place_of(v, 0)))
    hits.extend(
        hit("A further diagnosis is not marked as such (ABF)", where=place_of(v, position))
        for position, diagnosis in enumerate(diagnoses)
        if position and diagnosis.qualifier not in {"ABF", "BF"}
    )
    hits.extend(
        hit("A diagnosis has no code", where=place_of(v, position))
        for position, code in enumerate(v.diagnoses)
        if not code
    )
    return hits


def is_icd9(diagnosis: Diagnosis) -> bool:
    """Whether its qualifier is of ICD-9 (BK, BF)."""
    return diagnosis.qualifier in {"BK", "BF"}


@check("DX-002")
def valid(v: View, k: Loaded) -> Outcome:
    """In the release in force on the day of service."""
    misshapen = [
        hit(
            f"Diagnosis {position + 1} does not have the form of an ICD-10-CM code",
            where=place_of(v, position),
        )
        for position, code in enumerate(v.diagnoses)
        if code and not is_icd9(v.claim.diagnoses[position]) and not _shaped(code)
    ]
    if k.icd is None or v.first_day is None:
        return misshapen or NEEDS["icd"]
    icd, covered = k.icd, k.icd.covers(v.last_day or v.first_day)
    release = "the ICD-10-CM release of the date of service"
    hits = misshapen + [
        hit(
            f"{dotted(code)} is not in {release if covered else 'the newest ICD-10-CM release loaded'}",
            where=place_of(v, position),
            about=code,
        )
        for position, code in enumerate(v.diagnoses)
        if _shaped(code)
        and not is_icd9(v.claim.diagnoses[position])
        and not all(icd.exists(code, day) for day in _days_of(v, position))
    ]
    return hits if hits or covered else _OLD_RELEASE


_OLD_RELEASE = NotChecked(
    "load the ICD-10-CM release of the date of service: `chartside billing import icd10 FILE`"
)


def _days_of(v: View, position: int) -> set[date]:
    """The days of the lines that point to a diagnosis (of all lines, if none does): releases change in a claim."""
    if v.first_day == v.last_day:
        return {v.first_day} if v.first_day else set()
    days = {x.day for x in v.lines if x.day and position + 1 in x.line.pointers}
    return days or {x.day for x in v.lines if x.day}


def _shaped(code: str) -> bool:
    return (
        3 <= len(code) <= 7 and code.isalnum() and code.isascii() and code[0].isalpha() and code[1].isdigit()
    )


def dotted(code: str) -> str:
    """As people write it."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


@check("DX-003")
def billable(v: View, k: Loaded) -> Outcome:
    """A leaf of the tabular list."""
    if k.icd is None or v.first_day is None:
        return NEEDS["icd"]
    icd = k.icd
    hits = [
        hit(
            f"{dotted(code)} is a heading: a more exact code below it must be sent",
            where=place_of(v, position),
            about=code,
        )
        for position, code in enumerate(v.diagnoses)
        if not is_icd9(v.claim.diagnoses[position])
        and any(icd.exists(code, day) and not icd.billable(code, day) for day in _days_of(v, position))
    ]
    return hits if hits or icd.covers(v.last_day or v.first_day) else _OLD_RELEASE


@check("DX-004")
def no_dot(v: View, k: Loaded) -> Outcome:
    """No dot, capitals."""
    hits: list[Hit] = []
    for position, diagnosis in enumerate(v.claim.diagnoses):
        if "." in diagnosis.code:
            hits.append(hit("A diagnosis is sent with its decimal point", where=place_of(v, position)))
        elif diagnosis.code != diagnosis.code.upper() or diagnosis.code != diagnosis.code.strip():
            hits.append(
                hit("A diagnosis is not sent in capitals, or with blanks", where=place_of(v, position))
            )
    return hits


@check("DX-005")
def no_duplicate(v: View, k: Loaded) -> Outcome:
    """Each once."""
    if len(set(v.diagnoses)) == len(v.diagnoses):
        return OK
    return [
        hit(f"{dotted(code)} stands twice on the claim", where=place_of(v, position))
        for position, code in enumerate(v.diagnoses)
        if code and code in v.diagnoses[:position]
    ]


@check("DX-006")
def pointers(v: View, k: Loaded) -> Outcome:
    """One to four, each to a diagnosis that is there."""
    count, hits = len(v.diagnoses), list[Hit]()
    for line in v.lines:
        given = line.line.pointers
        if not given:
            raw = line.line.pointers_raw
            what = "is not a number" if raw else "is missing"
            hits.append(hit(f"The line's diagnosis pointer {what}", line))
        elif any(not 1 <= pointer <= count for pointer in given):
            hits.append(hit("The line points to a diagnosis that the claim does not have", line))
        elif len(set(given)) != len(given):
            hits.append(hit("The line points twice to the same diagnosis", line))
    return hits


@check("DX-016")
def icd9(v: View, k: Loaded) -> Outcome:
    """No ICD-9 since October 2015."""
    day = v.last_day or v.today
    if day < ICD10_START:
        return OK
    return [
        hit(
            "ICD-9 (BK, BF) is not accepted for services since 2015-10-01",
            where=place_of(v, position),
            about=v.diagnoses[position],
        )
        for position, diagnosis in enumerate(v.claim.diagnoses)
        if is_icd9(diagnosis)
    ]
