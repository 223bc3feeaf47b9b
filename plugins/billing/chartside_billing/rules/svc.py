"""SVC: the service lines."""

from __future__ import annotations

import re

from chartside_billing.money import dollars, has_fractions_of_cents
from chartside_billing.rules.base import NEEDS, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import (
    BEHAVIORAL,
    EM_RANGE,
    EM_VALID,
    EXCLUSIVE_MODIFIERS,
    MODIFIERS,
    NOT_BEFORE,
    PER_DIEM,
    PLACES,
    POS_START,
    PSYCHIATRY_RANGE,
    PSYCHIATRY_VALID,
    PSYCHOTHERAPY,
    REPLACED_BY,
    RETIRED,
    SEPARATE,
    SINGLE_UNIT,
)
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import LineView, View

_QUALITY = re.compile(r"[0-9]{4}F|G[89][0-9]{3}|M1[0-9]{3}")
"""Quality data codes (CPT category II, HCPCS G8-G9 and M1): CMS takes them at $0.00."""
_CODE = re.compile(r"([0-9]{5}|[0-9]{4}[FTUM]|0[0-9]{3}A|[A-Z][0-9]{4})\Z")
_AMBULANCE = re.compile(r"[DEGHIJNPRS][DEGHIJNPRSX]\Z")
"""Origin and destination of an ambulance trip."""
_NOT_OFFICE = {
    **dict.fromkeys(("IMP", "ACUTE", "NONAC"), "an inpatient one"),
    "EMER": "in an emergency room",
    "HH": "at the patient's home",
    "FLD": "in the field",
}
"""Encounter.class (v3-ActCode) of visits that were in no office."""


_NO_25 = PSYCHOTHERAPY | {"90785"}


@check("SVC-001")
def code_format(v: View, k: Loaded) -> Outcome:
    """Five characters with a digit, and a code of the day."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        code = line.code
        if not _CODE.match(code):
            what = "has not the form of a CPT or HCPCS code (12345, 1234T, A1234)" if code else "is missing"
            hits.append(hit(f"The procedure code {what}", line))
        elif code in RETIRED:
            continue
        elif v.medicare and code[0] in "HST":
            text = f"{code}: Medicare takes no codes of state and private payers (H, S, T)"
            mend = "Use the CPT or G code of the service, or bill the plan that asked for this code."
            hits.append(hit(text, line, mend=mend))
        elif (code in PSYCHIATRY_RANGE and code not in PSYCHIATRY_VALID) or (
            code in EM_RANGE and code not in EM_VALID
        ):
            hits.append(hit(f"{code} is no procedure code", line))
        elif line.day and code in NOT_BEFORE and line.day < NOT_BEFORE[code]:
            hits.append(hit(f"{code} began on {NOT_BEFORE[code]}, after the date of service", line))
        elif code not in BEHAVIORAL and line.day:
            active = k.procedures.active(code, line.day) if k.procedures is not None else None
            unknown = unknown or active is None
            if active is False:
                hits.append(hit(f"{code} is not in the loaded code list on the date of service", line))
    return hits if hits or not unknown else NEEDS["hcpcs"]


@check("SVC-002", codes=RETIRED)
def retired(v: View, k: Loaded) -> Outcome:
    """Deleted codes, with what took their place."""
    hits: list[Hit] = []
    for line in v.lines:
        end = RETIRED.get(line.code)
        if end is not None and (line.day is None or line.day >= end):
            heir = REPLACED_BY.get(line.code)
            mend = f"Use {heir}, as the visit was." if heir else ""
            hits.append(hit(f"{line.code} was deleted on {end}", line, mend=mend))
    return hits


@check("SVC-003")
def units(v: View, k: Loaded) -> Outcome:
    """UN and whole; one a session. MJ (minutes) is for anaesthesia codes, which begin with 0."""
    hits: list[Hit] = []
    for line in v.lines:
        quantity, unit = line.line.quantity, line.line.unit
        if unit != "UN" and not (unit == "MJ" and line.code.startswith("0")):
            text = f"The unit of measure is {unit or 'missing'}; these services are counted in UN"
            hits.append(hit(text, line, mend="Send units (UN), not minutes."))
        if quantity is None:
            what = "are no number" if line.line.quantity_raw else "are missing"
            hits.append(hit(f"The units {what}", line))
        elif quantity < 1 or quantity != quantity.to_integral_value():
            hits.append(hit("The units are not a whole number of 1 or more", line))
        elif quantity > 1 and line.code in SINGLE_UNIT:
            hits.append(hit(f"{line.code} is one unit a session, not {quantity.normalize():f}", line))
        elif line.code in PER_DIEM and quantity > line.line.dates.days:
            text = f"{line.code} counts days: {quantity.normalize():f} units for {line.line.dates.days}"
            hits.append(hit(text, line, severity="warning", mend="Send one unit for each day."))
    return hits


@check("SVC-004")
def charge(v: View, k: Loaded) -> Outcome:
    """Above zero, whole cents."""
    free = v.profile.zero_charge_codes if v.profile else frozenset[str]()
    hits: list[Hit] = []
    for line in v.lines:
        amount = line.line.charge
        if amount is None:
            what = "is no amount" if line.line.charge_raw else "is missing"
            hits.append(hit(f"The line's charge {what}", line))
        elif amount < 0:
            mend = "Enter the charge; to take a service back, void the claim (8)."
            hits.append(hit("The line's charge is below zero", line, mend=mend))
        elif amount == 0 and not (line.code in free or _QUALITY.match(line.code)):
            hits.append(hit("The line charges nothing", line))
        elif has_fractions_of_cents(amount):
            hits.append(hit("The line's charge has more than two decimals", line, mend="Round it to cents."))
    return hits


@check("SVC-005")
def fees(v: View, k: Loaded) -> Outcome:
    """The practice's own fee, not below the contract."""
    own = v.claim.history.fees if v.claim.history else {}
    rates = v.profile.contract_rates if v.profile else {}
    if k.fees is None and not own and not rates:
        return NEEDS["fees"]
    hits: list[Hit] = []
    missing = False
    for line in v.lines:
        amount, quantity = line.line.charge, line.line.quantity
        if amount is None or not quantity or line.day is None:
            continue
        fee = k.fees.fee(line.code, line.modifiers, line.pos, line.day) if k.fees else own.get(line.code)
        rate = rates.get(line.code)
        if fee is None:
            missing = True
        elif fee * quantity != amount:
            hits.append(
                hit(f"The charge is {dollars(amount)}; the fee schedule says {dollars(fee * quantity)}", line)
            )
        if rate is not None and amount < rate * quantity:
            hits.append(
                hit(f"The charge is below this payer's contract rate of {dollars(rate * quantity)}", line)
            )
    if missing and not hits:
        if k.fees is None:
            return NEEDS["fees"]
        return NotChecked("load a fee for every code of the claim: `chartside billing import fees FILE`")
    return hits


@check("SVC-006")
def modifiers(v: View, k: Loaded) -> Outcome:
    """Known, once each, not excluding each other."""
    hits: list[Hit] = []
    for line in v.lines:
        given = line.modifiers
        if not given:
            continue
        for modifier in given:
            if modifier not in MODIFIERS and not (line.code.startswith("A0") and _AMBULANCE.match(modifier)):
                hits.append(hit(f"{modifier or 'An empty one'} is no known modifier", line, about=modifier))
        if len(given) > 4:
            hits.append(hit(f"{len(given)} modifiers; a line takes 4", line, about="modifier count"))
        if "25" in given and line.code in _NO_25:
            text = f"Modifier 25 is for evaluation and management, not for {line.code}"
            hits.append(hit(text, line, about="25"))
        present = set(given)
        if len(present) != len(given):
            twice = next(m for m in given if given.count(m) > 1)
            hits.append(hit(f"Modifier {twice} stands twice on the line", line, about=twice))
        hits.extend(
            hit(text[0].upper() + text[1:], line, about=" ".join(sorted(group & present)))
            for group, text in EXCLUSIVE_MODIFIERS
            if len(group & present) > 1
        )
        if "59" in present and present & (SEPARATE - {"59"}):
            text = "59 and an X modifier (XE, XP, XS, XU) say the same: only one is sent"
            hits.append(hit(text, line, about="separate"))
    return hits


@check("SVC-007")
def place(v: View, k: Loaded) -> Outcome:
    """In the CMS list, valid that day, and where the visit was."""
    hits: list[Hit] = []
    claim_pos = v.claim.pos
    if claim_pos not in PLACES:
        what = "is missing" if not claim_pos else "is not in the CMS list"
        hits.append(hit(f"The claim's place of service {what}", where=v.claim.where or "2300 CLM05-1"))
    for line in v.lines:
        pos = line.pos
        if line.line.pos and pos not in PLACES:
            hits.append(hit("The line's place of service is not in the CMS list", line))
        elif line.day and pos in POS_START and line.day < POS_START[pos]:
            hits.append(hit(f"Place of service {pos} was not yet valid on the date of service", line))
        elif line.visit and line.visit.pos and pos in PLACES and pos != line.visit.pos and not _remote(line):
            hits.append(
                hit(f"Place of service {pos}, but the visit's location stands for {line.visit.pos}", line)
            )
        elif pos == "11" and line.visit and (kind := _NOT_OFFICE.get(line.visit.kind or "")):
            hits.append(hit(f"Place of service 11 (office), but the visit was {kind}", line))
    if hits or v.knows("visit"):
        return hits
    return NotChecked("the code is right; whether the visit was there needs the visit (Encounter, Location)")


def _remote(line: LineView) -> bool:
    """Telehealth is judged by TEL-001."""
    return line.pos in {"02", "10"} or (
        line.visit is not None and line.visit.mode in {"video", "audio", "virtual"}
    )
