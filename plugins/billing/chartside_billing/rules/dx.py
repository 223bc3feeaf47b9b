"""DX: diagnoses."""

from __future__ import annotations

from datetime import date

from chartside_billing.dates import age
from chartside_billing.model import Diagnosis
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import PSYCHOTHERAPY
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View, normal_icd

ICD10_START = date(2015, 10, 1)
_CIRCUMSTANCES = frozenset(f"Z{number}" for number in range(55, 66))
_MANIFESTATION = ("F02", "F54")
"""Never first; F06 and F07 have a code-first note, which DX-009 judges."""
_UNSPECIFIED = frozenset(
    {
        "F329",
        "F32A",
        "F339",
        "F39",
        "F419",
        "F439",
        "F99",
        "F29",
        "F309",
        "F319",
        "F409",
        "F429",
        "F489",
        "F509",
    }
    | {"F529", "F609", "F639", "F659", "F69", "F79", "F89", "F909", "F919", "F949", "F989", "F449", "F459"}
)
_NAMED_BY_ANOTHER = ("O9931", "O9932", "O9934")
"""Disorders that complicate pregnancy: the tabular list asks for the code of the disorder beside them."""
_UNCERTAIN = frozenset({"provisional", "differential", "refuted", "entered-in-error", "unconfirmed"})
_FEMALE = ("F53", "F5222", "F5231", "F525", "F3281", "O")
_MALE = ("F5221", "F5232", "F524", "N52")
_CHILDHOOD = ("F93", "F980", "F981", "F982", "F983", "F984", "F988", "F989", "F642")


def _place(v: View, position: int) -> str:
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
        hits.append(hit("The first diagnosis is not marked as principal (ABK)", where=_place(v, 0)))
    hits.extend(
        hit("A further diagnosis is not marked as such (ABF)", where=_place(v, position))
        for position, diagnosis in enumerate(diagnoses)
        if position and diagnosis.qualifier not in {"ABF", "BF"}
    )
    hits.extend(
        hit("A diagnosis has no code", where=_place(v, position))
        for position, code in enumerate(v.diagnoses)
        if not code
    )
    return hits


def _is_icd9(diagnosis: Diagnosis) -> bool:
    return diagnosis.qualifier in {"BK", "BF"}


@check("DX-002")
def valid(v: View, k: Loaded) -> Outcome:
    """In the release in force on the day of service."""
    misshapen = [
        hit(
            f"Diagnosis {position + 1} does not have the form of an ICD-10-CM code", where=_place(v, position)
        )
        for position, code in enumerate(v.diagnoses)
        if code and not _is_icd9(v.claim.diagnoses[position]) and not _shaped(code)
    ]
    if k.icd is None or v.first_day is None:
        return misshapen or NEEDS["icd"]
    icd, covered = k.icd, k.icd.covers(v.last_day or v.first_day)
    release = "the ICD-10-CM release of the date of service"
    hits = misshapen + [
        hit(
            f"{dotted(code)} is not in {release if covered else 'the newest ICD-10-CM release loaded'}",
            where=_place(v, position),
            about=code,
        )
        for position, code in enumerate(v.diagnoses)
        if _shaped(code)
        and not _is_icd9(v.claim.diagnoses[position])
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
            where=_place(v, position),
            about=code,
        )
        for position, code in enumerate(v.diagnoses)
        if not _is_icd9(v.claim.diagnoses[position])
        and any(icd.exists(code, day) and not icd.billable(code, day) for day in _days_of(v, position))
    ]
    return hits if hits or icd.covers(v.last_day or v.first_day) else _OLD_RELEASE


@check("DX-004")
def no_dot(v: View, k: Loaded) -> Outcome:
    """No dot, capitals."""
    hits: list[Hit] = []
    for position, diagnosis in enumerate(v.claim.diagnoses):
        if "." in diagnosis.code:
            hits.append(hit("A diagnosis is sent with its decimal point", where=_place(v, position)))
        elif diagnosis.code != diagnosis.code.upper() or diagnosis.code != diagnosis.code.strip():
            hits.append(hit("A diagnosis is not sent in capitals, or with blanks", where=_place(v, position)))
    return hits


@check("DX-005")
def no_duplicate(v: View, k: Loaded) -> Outcome:
    """Each once."""
    if len(set(v.diagnoses)) == len(v.diagnoses):
        return OK
    return [
        hit(f"{dotted(code)} stands twice on the claim", where=_place(v, position))
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


@check("DX-007")
def secondary_only(v: View, k: Loaded) -> Outcome:
    """Circumstances, external causes and manifestations do not stand first."""
    if not v.diagnoses or _is_icd9(v.claim.diagnoses[0]):
        return OK
    first = v.diagnoses[0]
    if first.startswith(_MANIFESTATION):
        what = "needs its cause before it"
    elif first.startswith(("V", "W", "X", "Y")):
        what = "is an external cause"
    elif first[:3] in _CIRCUMSTANCES:
        what = "is a circumstance (Z55-Z65)"
    else:
        return OK
    return [hit(f"{dotted(first)} {what} and cannot be principal", where=_place(v, 0), about=first)]


@check("DX-008")
def excludes1(v: View, k: Loaded) -> Outcome:
    """No two that exclude each other."""
    if k.icd is None:
        return NEEDS["icd"]
    icd, codes = k.icd, v.diagnoses
    return [
        hit(f"{dotted(one)} and {dotted(other)} exclude each other (Excludes1)", where=_place(v, position))
        for position, one in enumerate(codes)
        for other in codes[:position]
        if one != other and (icd.excludes1(one, other) or icd.excludes1(other, one))
    ]


@check("DX-009")
def code_first(v: View, k: Loaded) -> Outcome:
    """Cause before manifestation; the additional code that is required."""
    if k.icd is None:
        return NEEDS["icd"]
    hits: list[Hit] = []
    for position, code in enumerate(v.diagnoses):
        causes = k.icd.code_first(code)
        if causes is None:
            continue
        before = v.diagnoses[:position]
        bodily = [other for other in before if not (code.startswith("F") and other.startswith(("F", "Z")))]
        if not (any(other.startswith(causes) for other in before) if causes else bodily):
            text = f"{dotted(code)} must follow the code of its cause"
            hits.append(hit(text, where=_place(v, position), about=code))
    hits.extend(
        hit(
            f"{dotted(code)} needs a further code that names the disorder (F code)", where=_place(v, position)
        )
        for position, code in enumerate(v.diagnoses)
        if code.startswith(_NAMED_BY_ANOTHER) and not any(other.startswith("F") for other in v.diagnoses)
    )
    return hits


@check("DX-010")
def age_conflict(v: View, k: Loaded) -> Outcome:
    """Age-bound codes."""
    member, day = v.member, v.first_day
    if member is None or member.birth_date is None or day is None:
        return OK
    years = age(member.birth_date, day)
    hits: list[Hit] = []
    for position, code in enumerate(v.diagnoses):
        if code.startswith(("F53", "O906")) and not 10 <= years <= 64:
            hits.append(hit(f"{dotted(code)} does not fit the patient's age", where=_place(v, position)))
        elif code.startswith(_CHILDHOOD) and years >= 18:
            hits.append(
                hit(
                    f"{dotted(code)} is a disorder that begins in childhood, and the patient is an adult",
                    where=_place(v, position),
                )
            )
        elif code.startswith(("F01", "F02", "F03")) and years < 15:
            hits.append(hit(f"{dotted(code)} does not fit the patient's age", where=_place(v, position)))
    return hits


@check("DX-011")
def sex_linked(v: View, k: Loaded) -> Outcome:
    """Inform only: gender is not anatomy."""
    member = v.member
    if member is None or member.sex not in {"F", "M"}:
        return OK
    unusual = _FEMALE if member.sex == "M" else _MALE
    return [
        hit(f"{dotted(code)} is usually sent with another administrative sex", where=_place(v, position))
        for position, code in enumerate(v.diagnoses)
        if code.startswith(unusual)
    ]


@check("DX-012", codes=PSYCHOTHERAPY)
def mental_health(v: View, k: Loaded) -> Outcome:
    """Psychotherapy points first to a mental disorder."""
    return [
        hit(
            f"Psychotherapy points first to {dotted(code)}, which is no mental disorder (F code)",
            line,
            about=code,
        )
        for line in v.lines
        if line.code in PSYCHOTHERAPY
        and (code := v.pointed(line))
        and not code.startswith("F")
        and not (code == v.diagnoses[0] and any(other.startswith(_MANIFESTATION) for other in v.diagnoses))
    ]


@check("DX-013")
def unspecified(v: View, k: Loaded) -> Outcome:
    """An unspecified code on and on."""
    history = v.claim.history
    if history is not None and v.history_known and len(history.claims) < k.unspecified_after_visits:
        return OK
    return [
        hit(
            f"{dotted(code)} is unspecified: after some visits payers ask for a more exact code",
            where=_place(v, position),
        )
        for position, code in enumerate(v.diagnoses)
        if code in _UNSPECIFIED
    ]


@check("DX-014")
def uncertain(v: View, k: Loaded) -> Outcome:
    """No rule-out diagnosis of an outpatient."""
    known = [d for d in v.claim.diagnoses if d.verification is not None]
    if not known:
        return NotChecked("needs the diagnoses' certainty (Condition.verificationStatus)")
    return [
        hit(
            f"{dotted(code)} is recorded as {diagnosis.verification}, not as confirmed",
            where=_place(v, position),
        )
        for position, (code, diagnosis) in enumerate(zip(v.diagnoses, v.claim.diagnoses, strict=True))
        if diagnosis.verification in _UNCERTAIN
    ]


@check("DX-015", needs=("diagnoses",))
def agrees(v: View, k: Loaded) -> Outcome:
    """Each diagnosis is in the visit's record."""
    recorded: set[str] = set()
    known = False
    for visit in v.claim.visits:
        for codes in (visit.diagnoses, visit.note.diagnoses if visit.note else None):
            if codes is not None:
                known = True
                recorded.update(map(normal_icd, codes))
    if not known:
        return NEEDS["diagnoses"]
    return [
        hit(f"{dotted(code)} is not among the diagnoses of the visit", where=_place(v, position))
        for position, code in enumerate(v.diagnoses)
        if code and code not in recorded
    ]


@check("DX-016")
def icd9(v: View, k: Loaded) -> Outcome:
    """No ICD-9 since October 2015."""
    day = v.last_day or v.today
    if day < ICD10_START:
        return OK
    return [
        hit(
            "ICD-9 (BK, BF) is not accepted for services since 2015-10-01",
            where=_place(v, position),
            about=v.diagnoses[position],
        )
        for position, diagnosis in enumerate(v.claim.diagnoses)
        if _is_icd9(diagnosis)
    ]


@check("DX-017")
def part2(v: View, k: Loaded) -> Outcome:
    """A consent before a Part 2 record goes out."""
    codes = [code for code in v.diagnoses if code.startswith("F1") and code[:3] in _SUBSTANCE]
    if not codes or k.part2_programme is False:
        return OK
    known = v.claim.history.consents if v.claim.history else None
    if known is not None and "no-part2" in known:
        return [
            hit("The consent to disclose this substance-use record was refused or has ended", where="2300 HI")
        ]
    if k.part2_programme is None:
        return NotChecked(
            "say in the settings whether the practice is a 42 CFR Part 2 programme (part2_programme)"
        )
    history = v.claim.history
    if history is None or history.consents is None:
        return NEEDS["consents"]
    if "part2" in history.consents:
        return OK
    return [
        hit(
            "A substance-use record of a Part 2 programme without a consent to disclose for payment",
            where="2300 HI",
        )
    ]


_SUBSTANCE = frozenset(f"F{number}" for number in range(10, 20))
