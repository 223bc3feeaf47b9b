"""COV: who pays."""

from __future__ import annotations

import re
from datetime import date

from chartside_billing.dates import shift
from chartside_billing.model import CoverageFacts, Insurance
from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import FILING, MSP_TYPES, PATIENT_RELATIONSHIPS, PLACEHOLDERS
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_MBI = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]"
    r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}\Z"
)
"""CMS: 11 characters, no S, L, O, I, B, Z."""
_MBI_ONLY = date(2020, 1, 1)
"""Until the end of 2019 CMS took the old numbers (HICN) too."""
_SSN = re.compile(r"[0-9]{9}[A-Z]?[0-9]?\Z")
_MEDICARE_NAME = re.compile(r"MEDICARE( (PART )?B)?( [A-Z]{2})?\Z")
_MEDICARE = re.compile(r"\bMEDICARE\b")
_PRIVATE_MEDICARE = re.compile(
    r"ADVANTAGE|SUPP|MEDIGAP|HMO|PPO|PLUS|COMPLETE|CHOICE|DUAL|SELECT|GOLD|BLUE|PLAN|HEALTH|CARE (?!PART)"
)
"""Words of plans that private insurers run: their numbers and indicators are their own."""
_SEQUENCES = frozenset("PSTABCDEFGHU")


@check("COV-001")
def one_primary(v: View, k: Loaded) -> Outcome:
    """One P; the other places in the order are taken once."""
    sequences = [v.insurance.sequence, *(other.sequence for other in v.claim.others)]
    where = v.insurance.where or "2000B SBR01"
    hits: list[Hit] = []
    primaries = sequences.count("P")
    if any(s not in _SEQUENCES for s in sequences):
        hits.append(hit("SBR01 is missing or no place in an order of payers", where=where))
    elif not primaries:
        hits.append(hit("No payer is primary (SBR01=P)", where=where))
    elif primaries > 1:
        hits.append(hit("More than one payer is primary (SBR01=P)", where=where))
    rest = [s for s in sequences if s not in {"P", "U"}]
    if len(set(rest)) != len(rest):
        hits.append(hit("Two payers have the same place in the order (SBR01)", where=where))
    if _named_twice(v):
        text = "The same payer stands twice with the same member number"
        mend = "Name the other plan with its own payer id and member number, or leave it out."
        hits.append(hit(text, where=where, mend=mend))
    hits.extend(Hit(issue.message, issue.where) for issue in v.claim.issues if issue.code == "payer-order")
    return hits


def _named_twice(v: View) -> bool:
    named = [
        (one.payer.id, one.subscriber.id.upper())
        for one in (v.insurance, *v.claim.others)
        if one.payer and one.subscriber and one.payer.id and one.subscriber.id
    ]
    return len(set(named)) != len(named)


def _covers(facts: CoverageFacts, day: date) -> bool:
    return (facts.start is None or facts.start <= day) and (facts.end is None or day <= facts.end)


@check("COV-002", needs=("coverage",))
def active(v: View, k: Loaded) -> Outcome:
    """Active, and every service date inside the period."""
    facts = v.insurance.coverage
    if facts is None or facts.status is None:
        return NEEDS["coverage"]
    if facts.status != "active":
        return [hit(f"The coverage is {facts.status}, not active", where="Coverage.status")]
    if facts.start is None and facts.end is None:
        return NotChecked("needs the coverage's dates (Coverage.period)")
    return [
        hit("The coverage was not in force on the date of service", line, where="Coverage.period")
        for line in v.lines
        if line.day and not _covers(facts, line.day)
    ]


@check("COV-003", needs=("eligibility",))
def verified(v: View, k: Loaded) -> Outcome:  # noqa: PLR0911 - one for each answer
    """An eligibility answer not older than the practice wants, active, with a mental-health benefit."""
    answer, day = v.insurance.eligibility, v.first_day
    if answer is None or answer.checked is None or day is None:
        return NEEDS["eligibility"]
    where = "CoverageEligibilityResponse"
    if answer.active is False:
        return [hit("The payer's last eligibility answer says that the coverage is not active", where=where)]
    if answer.mental_health is False:
        return [hit("The payer's last eligibility answer shows no mental-health benefit", where=where)]
    if v.filing == "MC" and (answer.checked.year, answer.checked.month) != (day.year, day.month):
        return [hit("Medicaid eligibility was not verified in the month of the service", where=where)]
    if answer.checked < shift(day, -k.eligibility_days):
        return [
            hit(
                f"Eligibility was last verified more than {k.eligibility_days} days before the visit",
                where=where,
            )
        ]
    if answer.active is None or answer.mental_health is None:
        return NotChecked("needs an eligibility answer that says: active, and with mental-health benefits")
    return OK


@check("COV-004")
def member_id(v: View, k: Loaded) -> Outcome:
    """There, without blanks, and an MBI for Medicare."""
    hits = _member_id_hits(v.insurance, v.last_day)
    for other in v.claim.others:
        hits += _member_id_hits(other, v.last_day)
    return hits


def _member_id_hits(insurance: Insurance, day: date | None) -> list[Hit]:  # noqa: PLR0911 - one for each answer
    subscriber = insurance.subscriber
    if subscriber is None:
        return []
    where = subscriber.where or "NM1*IL NM109"
    number = subscriber.id
    if not number:
        return [hit("The member ID is missing", where=where)]
    if number.upper() in PLACEHOLDERS or (len(number) >= 6 and len(set(number)) == 1):
        return [hit("The member ID is a placeholder, not a number", where=where)]
    if any(char.isspace() for char in number) or not 2 <= len(number) <= 80:
        return [hit("The member ID has blanks in it or a wrong length (2 to 80 characters)", where=where)]
    if insurance.filing == "MB" and (day is None or day >= _MBI_ONLY) and not _MBI.match(number):
        if _SSN.match(number.replace("-", "")):
            return [
                hit(
                    "A social security number is used as the Medicare ID; Medicare takes the MBI only",
                    where=where,
                )
            ]
        return [hit("The Medicare ID is not an 11-character MBI", where=where)]
    return []


@check("COV-005")
def payer_id(v: View, k: Loaded) -> Outcome:  # noqa: PLR0911 - one for each answer
    """There, routable, enrolled."""
    payer = v.insurance.payer
    where = (payer.where if payer else "") or "2010BB NM109"
    if payer is None or not payer.id:
        return [hit("The payer ID is missing: the claim cannot be routed", where=where)]
    if not payer.last:
        return [hit("The payer's name is missing", where=where)]
    if payer.id_qualifier not in {"PI", "XV"}:
        return [hit("NM108 of the payer is neither PI nor XV", where=where)]
    if v.profile is not None and v.profile.enrollment_done is False:
        return [hit("The practice is not yet enrolled for electronic claims with this payer", where=where)]
    if k.payers is None:
        return NEEDS["payers"]
    if not k.payers.accepts(payer.id):
        return [hit("The clearinghouse does not list this payer ID for professional claims", where=where)]
    return OK


_PRIVATE = frozenset({"CI", "12", "13", "14", "15", "HM"})
"""Commercial insurance, by payer (CI) or by kind of plan (PPO, POS, EPO, indemnity, HMO): one does not contradict the
other."""


@check("COV-006")
def filing_indicator(v: View, k: Loaded) -> Outcome:
    """SBR09 against what the plan is known to be."""
    where = v.insurance.where or "2000B SBR09"
    if v.filing not in FILING:
        return [hit("SBR09 is missing or no claim filing indicator", where=where)]
    if v.filing == "MA":
        return [hit("SBR09 says Medicare Part A; professional claims go to Part B (MB)", where=where)]
    known, sure = _plan_kind(v)
    if known and v.filing != known and not {known, v.filing} <= _PRIVATE:
        return [hit(f"SBR09 is {v.filing}, but the plan is of kind {known}", where=where)]
    if not sure:
        return NotChecked("needs the plan's type: Coverage.type, or `filing` in the payer's profile")
    return OK


def _is_part_b(insurance: Insurance, name: str) -> bool:
    """A Medicare contractor by its name (Part B), or by its name and a Medicare number (MBI)."""
    if not _MEDICARE.search(name) or _PRIVATE_MEDICARE.search(name):
        return False
    member = insurance.subscriber.id if insurance.subscriber else ""
    return "PART B" in name or (insurance.filing != "MA" and _MBI.match(member) is not None)


def _plan_kind(v: View) -> tuple[str, bool]:
    """The indicator that the plan should have (empty if its name only rules nothing out), and whether that is sure."""
    if v.profile is not None and v.profile.filing:
        return v.profile.filing, True
    name = v.insurance.payer.last.upper() if v.insurance.payer else ""
    if _MEDICARE_NAME.match(name) or _is_part_b(v.insurance, name):
        return "MB", True
    if "TRICARE" in name:
        return "CH", True
    if "MEDICAID" in name and v.filing in {"CI", "BL", "MB", "CH", "VA", "WC", "AM", "ZZ"}:
        return "MC", True
    if ("BLUE CROSS" in name or "BLUE SHIELD" in name) and v.filing in {"MB", "CH", "VA", "WC", "AM", "ZZ"}:
        return "BL", True
    facts = v.insurance.coverage
    return (facts.kind, True) if facts is not None and facts.kind else ("", False)


@check("COV-007")
def dependent_loop(v: View, k: Loaded) -> Outcome:
    """Self without a patient loop, or a patient loop with PAT01."""
    claim, relationship = v.claim, v.insurance.relationship
    where = v.insurance.where or "2000B SBR02"
    told = [Hit(issue.message, issue.where) for issue in claim.issues if issue.code == "relationship"]
    if told:
        return told
    if claim.patient is None:
        if relationship == "18":
            return OK
        what = "is missing" if not relationship else f"is {relationship}, not 18 (self)"
        return [hit(f"No patient loop was sent, but the relationship to the subscriber {what}", where=where)]
    hits: list[Hit] = []
    if v.medicare:
        text = "Medicare has no dependants: the patient is always the subscriber (18), without a patient loop"
        return [hit(text, where=where)]
    if relationship == "18":
        hits.append(hit("The patient is the subscriber (18), but a patient loop was sent too", where=where))
    if claim.patient_relationship == "18":
        hits.append(
            hit(
                "PAT01 says that the patient is the subscriber; then no patient loop is sent",
                where="2000C PAT01",
            )
        )
    elif claim.patient_relationship not in PATIENT_RELATIONSHIPS:
        hits.append(
            hit(
                "PAT01, the patient's relationship to the subscriber, is missing or unknown",
                where="2000C PAT01",
            )
        )
    return hits


@check("COV-008")
def carve_out(v: View, k: Loaded) -> Outcome:
    """The behavioural payer where the plan has one."""
    payer = v.insurance.payer
    answer = v.insurance.eligibility
    if v.profile is None and answer is None:
        return NEEDS["profile"]
    wanted = (answer.behavioral_payer_id if answer else "") or (
        v.profile.behavioral_payer_id if v.profile else ""
    )
    if wanted and payer is not None and payer.id != wanted:
        return [
            hit(
                "Behavioural benefits of this plan are with another payer",
                where=payer.where or "2010BB NM109",
            )
        ]
    return OK


@check("COV-009")
def medicaid_last(v: View, k: Loaded) -> Outcome:
    """Medicaid pays after everybody else."""
    order = {s: place for place, s in enumerate("PSTABCDEFGH")}
    payers = [v.insurance, *v.claim.others]
    if len(payers) == 1:
        return NEEDS["covers"] if v.filing == "MC" else OK
    medicaid = [order.get(p.sequence, 0) for p in payers if p.filing == "MC"]
    others = [order.get(p.sequence, 0) for p in payers if p.filing != "MC"]
    if medicaid and others and min(medicaid) < max(others):
        return [hit("Medicaid stands before another coverage; it is the payer of last resort", where="SBR01")]
    return OK


@check("COV-010")
def secondary_type(v: View, k: Loaded) -> Outcome:
    """SBR05 where Medicare is secondary."""
    if v.insurance.sequence == "P":
        if not (v.medicare and v.insurance.msp_type):
            return OK
        text = "SBR05 says why Medicare is secondary, but Medicare is the primary payer here"
        return [hit(text, where=v.insurance.where or "2000B SBR05", mend="Leave SBR05 out.")]
    if not v.medicare:
        return OK
    if v.insurance.msp_type not in MSP_TYPES:
        return [
            hit("Medicare is secondary, and SBR05 does not say why", where=v.insurance.where or "2000B SBR05")
        ]
    return OK


@check("COV-011")
def group_number(v: View, k: Loaded) -> Outcome:
    """SBR03 where the payer asks for it."""
    if v.insurance.group:
        return OK
    if v.profile is None:
        return NEEDS["profile"]
    if v.profile.group_number_required:
        return [hit("This payer asks for the group number", where=v.insurance.where or "2000B SBR03")]
    return OK


@check("COV-012")
def opted_out(v: View, k: Loaded) -> Outcome:
    """No claim to Medicare for a provider who opted out, but an emergency (GJ)."""
    if not v.medicare:
        return OK
    history = v.claim.history
    if history is not None and history.consents is not None and "private-contract" in history.consents:
        emergency = all("GJ" in line.modifiers for line in v.lines)
        text = "A private contract (opt-out of Medicare) is on file: no claim may be sent"
        return OK if emergency else [hit(text, where="Contract")]
    if k.opted_out_npis is None:
        return NEEDS["opt_out"]
    opted = k.opted_out_npis
    return [
        hit(
            "The rendering provider has opted out of Medicare: no claim may be sent",
            line,
            where="2310B NM109",
        )
        for line in v.lines
        if line.npi in opted and "GJ" not in line.modifiers
    ]
