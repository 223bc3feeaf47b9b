"""CLM: the claim as a whole."""

from __future__ import annotations

import re
from decimal import Decimal

from chartside_billing.money import ZERO, dollars
from chartside_billing.rules.base import NEEDS, OK, WARNING, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import ELSEWHERE_POS, PLACEHOLDERS, PSYCHOTHERAPY
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_ADMITTING = frozenset({"21", "51", "61"})
"""Inpatient places; for 51 and 61 it depends on the payer."""
_FACILITIES = ("282", "283", "273", "31", "32", "251300")
"""Hospitals and their units, nursing and residential facilities, schools: the place is the biller's own."""
_NO_FACILITY = frozenset({"04", "16", "18"})
"""Shelter, lodging, workplace: many payers take such a visit without a facility."""
_SSN = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
_PART_B = "Medicare Part B takes no replacement or void (CLM05-3 other than 1) of a professional claim"
_REOPEN = "Ask the MAC for a reopening or an appeal; what it returned as unprocessable (remark MA130) goes out as 1."
_SINGLE_SESSION = PSYCHOTHERAPY | {"90791", "90792", "90785"}


@check("CLM-001")
def control_number(v: View, k: Loaded) -> Outcome:
    """There, at most 20 characters, once, and without the patient in it."""
    claim, number = v.claim, v.claim.id
    where = claim.where or "2300 CLM01"
    if not number.strip():
        return [hit("The patient control number is missing", where=where)]
    hits: list[Hit] = []
    if len(number) > 20:
        hits.append(hit("The patient control number is longer than 20 characters", where=where))
    if _holds_phi(v, number.upper()):
        hits.append(
            hit("The patient control number holds the patient's name, number or birth date", where=where)
        )
    if v.index is not None and v.index.repeats_id(claim):
        text = "Another claim of this batch has the same patient control number"
        hits.append(
            hit(text, where=where, mend="Give each claim its own number; payments are matched by it.")
        )
    return hits


def _letters(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalpha())


def _holds_phi(v: View, number: str) -> bool:
    member, subscriber = v.member, v.insurance.subscriber
    if _SSN.search(number):
        return True
    if member is None:
        return False
    letters = _letters(number)
    if any(
        len(name := _letters(told)) >= 4 and name in letters
        for told in (member.last, *member.last.split("-"))
    ):
        return True
    if subscriber is not None and len(subscriber.id) >= 6 and subscriber.id.upper() in number:
        return True
    born = member.birth_date
    return born is not None and born.strftime("%Y%m%d") in number


@check("CLM-002")
def total(v: View, k: Loaded) -> Outcome:
    """CLM02 against the lines."""
    claim = v.claim
    if claim.total is None and not v.from_file and not claim.total_raw:  # R4: Claim.total may be left out
        text = "The Claim has no total charge; a claim goes out with one"
        return [hit(text, where=claim.where or "Claim.total", severity="warning")]
    if claim.total is None:
        what = "is no amount" if claim.total_raw else "is missing"
        return [hit(f"The total charge {what}", where=claim.where or "2300 CLM02")]
    charges = [line.charge for line in claim.lines]
    if not charges or any(charge is None for charge in charges):
        return NotChecked("needs service lines that all have a charge, to add them up")
    added = sum((charge for charge in charges if charge is not None), ZERO)
    if added != claim.total:
        return [
            hit(
                f"The total is {dollars(claim.total)}, but the lines add up to {dollars(added)}",
                where=claim.where or "2300 CLM02",
            )
        ]
    return OK


@check("CLM-003")
def above_zero(v: View, k: Loaded) -> Outcome:
    """A chargeable claim charges something."""
    claim = v.claim
    if claim.envelope is not None and claim.envelope.transaction_type not in {"CH", ""}:
        return OK
    if claim.total is not None and claim.total <= 0:
        return [hit("A chargeable claim must have a total above zero", where=claim.where or "2300 CLM02")]
    return OK


@check("CLM-004")
def frequency(v: View, k: Loaded) -> Outcome:  # noqa: PLR0911 - one for each answer
    """1, 7 or 8; the payer's number with 7 and 8; 1 for what was never accepted."""
    claim = v.claim
    where = claim.where or "2300 CLM05-3"
    if claim.frequency not in {"1", "7", "8"}:
        return [hit("The claim frequency code is none of 1, 7, 8", where=where)]
    number = claim.original_claim_number.strip()
    if claim.frequency in {"7", "8"} and not number:
        what = "replaces" if claim.frequency == "7" else "voids"
        return [
            hit(f"The claim {what} an earlier one without the payer's claim number (REF*F8)", where=where)
        ]
    if number.upper() in PLACEHOLDERS or (number and number == claim.id):
        return [hit("REF*F8 holds no number that the payer gave to the earlier claim", where=where)]
    if claim.frequency == "1" and number:
        return [hit("The claim is sent as original (1), but names an earlier claim (REF*F8)", where=where)]
    if claim.frequency in {"7", "8"} and v.medicare:
        return [hit(_PART_B, where=where, severity=WARNING, mend=_REOPEN)]
    history = claim.history
    if claim.frequency in {"7", "8"} and history is not None and v.history_known:
        known = [prior for prior in history.claims if number == prior.claim_number]
        if known and all(prior.status == "rejected" for prior in known):
            return [hit("The earlier claim was never accepted: send this one as original (1)", where=where)]
        return OK if known else NotChecked("needs the payer's answer to the earlier claim (ClaimResponse)")
    return NEEDS["history"] if claim.frequency in {"7", "8"} else OK


@check("CLM-005")
def flags(v: View, k: Loaded) -> Outcome:
    """CLM06 to CLM09."""
    claim = v.claim
    where = claim.where or "2300 CLM"
    table = (
        ("CLM06 (provider's signature)", claim.provider_signature, "YN"),
        ("CLM07 (assignment)", claim.assignment, "ABC"),
        ("CLM08 (benefits assigned)", claim.benefits_assigned, "YNW"),
        ("CLM09 (release of information)", claim.release, "IY"),
    )
    hits = [
        hit(f"{name} is {'missing' if not value else 'none of ' + ', '.join(allowed)}", where=where)
        for name, value, allowed in table
        if len(value) != 1 or value not in allowed
    ]
    history = claim.history
    if history is not None and history.consents is not None:
        if claim.release == "Y" and "no-release" in history.consents:
            hits.append(
                hit("CLM09 says that a signed release is on file, but it was refused or ended", where=where)
            )
        if claim.benefits_assigned == "Y" and "no-assignment" in history.consents:
            text = "CLM08 says that benefits are assigned, but the assignment was refused or ended"
            hits.append(hit(text, where=where))
        return hits
    return hits or NEEDS["consents"]


@check("CLM-006")
def future(v: View, k: Loaded) -> Outcome:
    """No service after the day of submission."""
    hits: list[Hit] = []
    for line in v.lines:
        last = line.line.dates.last
        if last is None:
            what = "is no date" if line.line.dates.raw else "is missing"
            hits.append(hit(f"The date of service {what}", line))
        elif last > v.today:
            hits.append(hit("The date of service is after the day of submission", line))
    return hits


@check("CLM-007")
def ordered(v: View, k: Loaded) -> Outcome:
    """From before to; a single session on a single day."""
    hits: list[Hit] = []
    for line in v.lines:
        span = line.line.dates
        if span.start is None or span.end is None or span.start == span.end:
            continue
        if span.start > span.end:
            hits.append(hit("The date range ends before it begins", line))
        elif line.code in _SINGLE_SESSION:
            hits.append(hit("A single session cannot last from one day to another", line))
    return hits


@check("CLM-008")
def crossing(v: View, k: Loaded) -> Outcome:
    """One calendar year and one coverage a claim."""
    if v.first_day is None or v.last_day is None:
        return OK
    if v.first_day.year != v.last_day.year:
        return [hit("The claim has services of two calendar years", where="2400 DTP*472")]
    facts = v.insurance.coverage
    if v.first_day != v.last_day:
        if facts is None:
            return NEEDS["coverage"]
        for boundary in (facts.start, facts.end):
            if boundary is not None and v.first_day < boundary < v.last_day:
                return [
                    hit(
                        "The coverage changes between the claim's first and last service",
                        where="2400 DTP*472",
                    )
                ]
    return OK


@check("CLM-009")
def accident(v: View, k: Loaded) -> Outcome:
    """Date and state of an accident."""
    claim = v.claim
    where = claim.where or "2300 CLM11"
    if not claim.causes:
        kind = {"WC": "workers' compensation", "AM": "auto insurance"}.get(v.filing)
        text = f"The claim goes to {kind}, but names no accident or employment as cause"
        mend = "Say in CLM11 what the service is related to (EM, AA, OA), with the accident's date."
        return [hit(text, where=where, mend=mend)] if kind else OK
    hits: list[Hit] = []
    if any(cause not in {"AA", "EM", "OA"} for cause in claim.causes):
        hits.append(hit("CLM11 holds a cause that is none of AA, EM, OA", where=where))
    date_given = claim.dates.get("439")
    if date_given is None or date_given.start is None:
        illness = set(claim.causes) == {"EM"}  # an illness from work has no date of an accident
        text = "The claim names an accident or employment as cause, without the accident's date"
        hits.append(hit(text, where=where, severity="warning" if illness else ""))
    elif v.last_day and date_given.start > v.last_day:
        hits.append(
            hit("The accident is dated after the service", where=where, mend="Correct one of the dates.")
        )
    if "AA" in claim.causes and not claim.accident_state and not claim.accident_country:
        hits.append(hit("An auto accident needs the state where it happened", where=where))
    if (
        v.filing not in {"AM", "WC", "LM"}
        and v.insurance.sequence == "P"
        and {"AA", "EM"} & set(claim.causes)
    ):
        hits.append(
            hit(
                "A liability payer (auto, workers' compensation) may have to pay first",
                where=where,
                severity="warning",
            )
        )
    return hits


@check("CLM-010")
def facility(v: View, k: Loaded) -> Outcome:
    """2310C where the service was given elsewhere."""
    hits: list[Hit] = []
    party = v.claim.facility
    own_place = v.billing is not None and v.billing.taxonomy.startswith(_FACILITIES)
    for line in v.lines:
        if line.pos in ELSEWHERE_POS and not own_place and party is None and line.line.facility is None:
            unsure = "warning" if line.pos in _NO_FACILITY else ""
            text = f"POS {line.pos} is not the practice's own address: the service facility is missing"
            hits.append(hit(text, line, severity=unsure))
    if party is not None:
        where = party.where or "2310C N3, N4"
        place = party.address
        if place is None or not (place.line1 and place.city and place.state and place.zip):
            hits.append(hit("The service facility's address is not complete", where=where))
        elif not place.country and not (len(place.zip) == 9 and place.zip.isdigit()):
            text = "The service facility's ZIP code needs all 9 digits"
            hits.append(hit(text, where=where, mend="Look up the four further digits (USPS)."))
        if not party.last:
            hits.append(hit("The service facility's name is missing", where=where))
    return hits


@check("CLM-011")
def admission(v: View, k: Loaded) -> Outcome:
    """The admission date of an inpatient."""
    wanted = v.profile.admission_date_pos if v.profile else _ADMITTING
    given = v.claim.dates.get("435")
    inpatient = [line for line in v.lines if line.pos in wanted]
    if not inpatient:
        return OK
    admitted = (
        given.start if given is not None else next((x.admitted for x in v.claim.visits if x.admitted), None)
    )
    if admitted is None:
        unsure = v.profile is None and inpatient[0].pos != "21"
        text = f"POS {inpatient[0].pos} needs the admission date" + (" for many payers" if unsure else "")
        return [hit(text, *inpatient, where="2300 DTP*435", severity="warning" if unsure else "")]
    if v.first_day and admitted > v.first_day:
        return [hit("The admission date is after the service", *inpatient, where="2300 DTP*435")]
    return OK


@check("CLM-012")
def patient_paid(v: View, k: Loaded) -> Outcome:
    """AMT*F5 against the recorded payments and the total."""
    claim = v.claim
    paid = claim.patient_paid
    history = claim.history
    recorded = history.payments if history is not None else None
    if paid is not None:
        if paid < ZERO:
            return [hit("The patient's paid amount is below zero", where="2300 AMT*F5")]
        if claim.total is not None and paid > claim.total:
            return [hit("The patient's paid amount is above the total charge", where="2300 AMT*F5")]
    if recorded is not None and recorded != (paid or Decimal(0)):
        return [hit("The patient's paid amount differs from the payments recorded", where="2300 AMT*F5")]
    return OK if recorded is not None else NEEDS["payments"]


@check("CLM-013")
def attachments(v: View, k: Loaded) -> Outcome:
    """A PWK where the payer wants records."""
    if v.claim.attachments:
        return OK
    if v.profile is None or v.profile.attachment_codes is None:
        return NEEDS["profile"]
    wanted = v.profile.attachment_codes
    return [
        hit("This payer asks for records with this service: no attachment is announced (PWK)", line)
        for line in v.lines
        if line.code in wanted
    ]
