"""DX-007 to DX-015, DX-017: whether the diagnoses fit: one another, the client, the service, the note."""

from __future__ import annotations

from chartside_billing.dates import age
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import PSYCHOTHERAPY
from chartside_billing.rules.dx import dotted, is_icd9, place_of
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View, normal_icd

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
_PART2 = "42CFRPart2"
"""The security label of a Part 2 programme's record, which may have come from elsewhere."""
_SUBSTANCE = frozenset(f"F{number}" for number in range(10, 20))


@check("DX-007")
def secondary_only(v: View, k: Loaded) -> Outcome:
    """Circumstances, external causes and manifestations do not stand first."""
    if not v.diagnoses or is_icd9(v.claim.diagnoses[0]):
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
    return [hit(f"{dotted(first)} {what} and cannot be principal", where=place_of(v, 0), about=first)]


@check("DX-008")
def excludes1(v: View, k: Loaded) -> Outcome:
    """No two that exclude each other."""
    if k.icd is None:
        return NEEDS["icd"]
    icd, codes = k.icd, v.diagnoses
    return [
        hit(f"{dotted(one)} and {dotted(other)} exclude each other (Excludes1)", where=place_of(v, position))
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
            hits.append(hit(text, where=place_of(v, position), about=code))
    hits.extend(
        hit(
            f"{dotted(code)} needs a further code that names the disorder (F code)",
            where=place_of(v, position),
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
            hits.append(hit(f"{dotted(code)} does not fit the patient's age", where=place_of(v, position)))
        elif code.startswith(_CHILDHOOD) and years >= 18:
            hits.append(
                hit(
                    f"{dotted(code)} is a disorder that begins in childhood, and the patient is an adult",
                    where=place_of(v, position),
                )
            )
        elif code.startswith(("F01", "F02", "F03")) and years < 15:
            hits.append(hit(f"{dotted(code)} does not fit the patient's age", where=place_of(v, position)))
    return hits


@check("DX-011")
def sex_linked(v: View, k: Loaded) -> Outcome:
    """Inform only: gender is not anatomy."""
    member = v.member
    if member is None or member.sex not in {"F", "M"}:
        return OK
    unusual = _FEMALE if member.sex == "M" else _MALE
    return [
        hit(f"{dotted(code)} is usually sent with another administrative sex", where=place_of(v, position))
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
            where=place_of(v, position),
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
            where=place_of(v, position),
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
        hit(f"{dotted(code)} is not among the diagnoses of the visit", where=place_of(v, position))
        for position, code in enumerate(v.diagnoses)
        if code and code not in recorded
    ]


@check("DX-017")
def part2(v: View, k: Loaded) -> Outcome:
    """A consent before a Part 2 record goes out."""
    codes = [code for code in v.diagnoses if code.startswith("F1") and code[:3] in _SUBSTANCE]
    labelled = any(code == _PART2 for _, code in v.claim.labels)
    if not labelled and (not codes or k.part2_programme is False):
        return OK
    known = v.claim.history.consents if v.claim.history else None
    if known is not None and "no-part2" in known:
        return [
            hit("The consent to disclose this substance-use record was refused or has ended", where="2300 HI")
        ]
    if k.part2_programme is None and not labelled:
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
