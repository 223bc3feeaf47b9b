"""DUP: sent twice."""

from __future__ import annotations

from chartside_billing.model import Claim, PriorClaim
from chartside_billing.rules.base import NEEDS, OK, WARNING, Hit, Outcome, check, hit
from chartside_billing.rules.codesets import (
    EM,
    EVALUATION,
    FAMILY,
    GROUP,
    INDIVIDUAL,
    REPEAT,
    TESTING_ADMINISTRATION,
)
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import LineView, View

_TWICE = "Remove it if it was given once; else show that it was given again (units, or 76, 77, 59)."
_STANDS = (
    "Once the payer has decided on the earlier claim, send a correction as 7 with its number (REF*F8). If the payer"
    " never took it, cancel the earlier Claim."
)
_DENIED = (
    "If something was mended, send it as 7 with the number of the denied claim in REF*F8 (CLP07 of the 835); if nothing"
    " was, appeal. A new claim (1) is right only where the payer says so."
)
_DENIED_BY_MEDICARE = (
    "Part B takes no replacements: ask the MAC for a reopening, or appeal. Only what it returned as unprocessable"
    " (remark MA130) goes out again as a new claim."
)
_FAMILIES = (INDIVIDUAL, EVALUATION, FAMILY, GROUP, EM, TESTING_ADMINISTRATION)


def _same_service(one: LineView, other: LineView) -> bool:
    return (
        one.code == other.code
        and one.day == other.day
        and one.npi == other.npi
        and sorted(one.modifiers) == sorted(other.modifiers)
        and one.line.quantity == other.line.quantity
    )


@check("DUP-001")
def exact(v: View, k: Loaded) -> Outcome:
    """The same service on another claim, or twice on this one."""
    claim = v.claim
    if claim.frequency == "8":
        return OK
    hits: list[Hit] = []
    lines = v.lines
    for position, line in enumerate(lines):
        if position and not REPEAT & set(line.modifiers):
            twins = [other for other in lines[:position] if _same_service(line, other)]
            if twins:
                hits.append(hit("The same service stands twice on the claim", line, mend=_TWICE))
    if claim.frequency == "1":
        for line in lines:
            others = [o for o in v.others_on(line.day) if _later(v, claim, o)]
            if any(_same_service(line, o) for o in others):
                hits.append(hit("The same service is on another claim of this batch", line))
        prior = _prior_lines(v)
        hits.extend(
            hit("The same service is on an earlier claim that still stands", line, mend=_STANDS)
            for line in lines
            if any(_same_service(line, o) for o in prior)
        )
    return hits if hits or v.history_known else NEEDS["history"]


def _prior_lines(v: View) -> list[LineView]:
    """Lines of earlier claims to the same payer: the claim to the next payer is no duplicate of the first one's."""
    return v.prior_lines(v.same_payer) if v.history_known else []


def _later(v: View, claim: Claim, other: LineView) -> bool:
    """Whether this claim stands after the other one in the batch: only the later one is the duplicate."""
    if v.index is None:
        return False
    for earlier in v.index.by_patient.get(v.key, ()):
        if earlier is claim:
            return False
        if any(line is other.line for line in earlier.lines):
            return True
    return False


@check("DUP-002")
def probable(v: View, k: Loaded) -> Outcome:
    """The same family that day by another provider, or other units or charge."""
    claim = v.claim
    if claim.frequency != "1":
        return OK
    prior = _prior_lines(v)
    hits: list[Hit] = []
    for line in v.lines:
        others = [*v.others_on(line.day), *(o for o in prior if o.day == line.day)]
        if any(_alike(line, other) and not _identical(line, other) for other in others):
            hits.append(hit("A service of the same kind on the same day is on another claim", line))
    return hits if hits or v.history_known else NEEDS["history"]


def _identical(one: LineView, other: LineView) -> bool:
    return _same_service(one, other) and one.line.charge == other.line.charge


def _alike(one: LineView, other: LineView) -> bool:
    if one.code == other.code:
        return not (REPEAT & set(one.modifiers) or REPEAT & set(other.modifiers))
    return any(one.code in family and other.code in family for family in _FAMILIES)


@check("DUP-003")
def resubmission(v: View, k: Loaded) -> Outcome:
    """After the payer decided: 7 with its number, not 1. After a denial of what did not change, and with Medicare, only
    a warning: some payers want a new claim."""
    claim, history = v.claim, v.claim.history
    if claim.frequency != "1":
        return OK
    if history is None or not v.history_known:
        return NEEDS["history"]
    where = "2300 CLM05-3"
    decided = [prior for prior in history.claims if prior.status in {"accepted", "paid"}]
    if any(_billed(v, prior) == "changed" for prior in decided):
        text = "An accepted claim for this visit exists: send the change as 7 with its number"
        return [hit(text, where=where)]
    again = {_billed(v, prior) for prior in history.claims if prior.status == "denied"}
    if again - {""}:
        text = "The payer denied an earlier claim for this visit: most deny a new one (1) as a duplicate"
        severity = "" if "changed" in again and not v.medicare else WARNING
        return [
            hit(text, where=where, severity=severity, mend=_DENIED_BY_MEDICARE if v.medicare else _DENIED)
        ]
    return OK


def _billed(v: View, prior: PriorClaim) -> str:
    """``changed``: it is the same claim by number, or the same day's same code, with something changed; ``same``:
    nothing changed; empty: another visit's, or another payer's."""
    if prior.id and prior.id == v.claim.id:
        return "changed"
    if not v.same_payer(prior):
        return ""
    mine = {(line.code, line.day, line.npi): line for line in v.lines}
    found = ""
    for old in prior.lines:
        line = mine.get(
            (old.code, old.dates.start, old.rendering.npi if old.rendering else prior.rendering_npi)
        )
        if line and (line.line.charge, line.line.quantity, line.modifiers) != (
            old.charge,
            old.quantity,
            old.modifiers,
        ):
            return "changed"
        found = "same" if line else found
    return found
