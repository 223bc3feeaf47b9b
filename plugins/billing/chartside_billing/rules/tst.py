"""TST: psychological testing and screening."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import (
    SEPARATE,
    TECHNICIAN_TESTING,
    TESTING,
    TESTING_ADMINISTRATION,
    TESTING_BASE,
    TESTING_PROFESSIONAL,
)
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import LineView, View


def _needed(lines: Iterable[LineView]) -> dict[int, tuple[LineView, int]]:
    """By visit: the first line and the least minutes that its testing lines claim."""
    needed: dict[int, tuple[LineView, int]] = {}
    for line in lines:
        units = int(line.line.quantity or 1)
        if line.code in {"96130", "96132"}:
            least = 31
        elif line.code in {"96131", "96133"}:
            least = 60 * units
        elif line.code in {"96136", "96138"}:
            least = 16
        elif line.code in {"96137", "96139"}:
            least = 30 * units
        else:
            continue
        key = id(line.visit)
        first, total = needed.get(key, (line, 0))
        needed[key] = (first, total + least)
    return needed


def _time(v: View, own: frozenset[str]) -> Outcome:
    lines = [line for line in v.lines if line.code in TESTING_PROFESSIONAL | TESTING_ADMINISTRATION]
    hits: list[Hit] = []
    unknown = False
    for line, least in _needed(lines).values():
        here = [other for other in lines if other.visit is line.visit and other.code in own]
        if not here:
            continue
        if line.minutes is None:
            unknown = True
        elif line.minutes < least:
            hits.append(hit(f"The units need at least {least} minutes; {line.minutes} are documented", *here))
    return hits if hits or not unknown else NEEDS["minutes" if v.claim.visits else "visit"]


def _base_once(v: View, own: frozenset[str]) -> list[Hit]:
    return [
        hit(f"{line.code} is the first hour or half hour: one unit; further ones have their own code", line)
        for line in v.lines
        if line.code in own and line.code not in TESTING_BASE and (line.line.quantity or 1) > 1
    ]


@check("TST-001", codes=TESTING_PROFESSIONAL)
def evaluation_time(v: View, k: Loaded) -> Outcome:
    """31 minutes for the first hour, 91 for the second, 151 for the third."""
    return _base_once(v, TESTING_PROFESSIONAL) or _time(v, TESTING_PROFESSIONAL)


@check("TST-002", codes=TESTING_ADMINISTRATION)
def administration_time(v: View, k: Loaded) -> Outcome:
    """16 minutes and two tests for the first half hour, 46 for the second."""
    timed = _time(v, TESTING_ADMINISTRATION)
    hits = _base_once(v, TESTING_ADMINISTRATION) + (list(timed) if not isinstance(timed, NotChecked) else [])
    hits.extend(
        hit(f"{line.code} needs two or more tests; {line.visit.instruments} is recorded", line)
        for line in v.lines
        if line.code in {"96136", "96138"}
        and line.visit
        and line.visit.instruments is not None
        and line.visit.instruments < 2
    )
    if hits or isinstance(timed, NotChecked):
        return hits or timed
    first = [line for line in v.lines if line.code in {"96136", "96138"}]
    if any(line.visit is None or line.visit.instruments is None for line in first):
        return NotChecked("the minutes are right; whether there were two tests needs the recorded tests")
    return OK


@check("TST-003", codes=TESTING_BASE)
def base_first(v: View, k: Loaded) -> Outcome:
    """The first hour before the further ones."""
    earlier = (
        frozenset(line.code for line in v.other_lines())
        if v.codes & TESTING_BASE.keys()
        else frozenset[str]()
    )
    return [
        hit(f"{line.code} without {TESTING_BASE[line.code]}", line)
        for line in v.lines
        if line.code in TESTING_BASE and TESTING_BASE[line.code] not in v.codes | earlier
    ]


@check("TST-004", codes=TECHNICIAN_TESTING)
def both_kinds(v: View, k: Loaded) -> Outcome:
    """Professional and technician on one day: 59."""
    hits: list[Hit] = []
    for day in v.days:
        professional, technician = day.of({"96136", "96137"}), day.of(TECHNICIAN_TESTING)
        lines = [*professional, *technician]
        if professional and technician and any(line.own for line in lines) and not _marked(lines):
            hits.append(hit("Testing by the professional and by a technician on one day without 59", *lines))
    return hits


@check("TST-005", codes={"96127"})
def screening(v: View, k: Loaded) -> Outcome:
    """A unit for each scored standard instrument; the payer's cap."""
    cap = v.profile.screening_cap if v.profile else None
    hits: list[Hit] = []
    known = cap is not None
    for day in v.days:
        lines = [line for line in day.of({"96127"}) if line.own]
        units = sum(((line.line.quantity or Decimal(1)) for line in lines), Decimal(0))
        if not lines:
            continue
        if cap is not None and units > cap:
            hits.append(hit(f"{units.normalize():f} units of 96127; this payer pays {cap} a day", *lines))
        scored = lines[0].visit.instruments if lines[0].visit else None
        known = known or scored is not None
        if scored is not None and units > scored:
            hits.append(
                hit(
                    f"{units.normalize():f} units of 96127; scored instruments stored: {scored}",
                    *lines,
                )
            )
    if hits or known:
        return hits
    return NotChecked("needs the scored instruments of the visit, or `screening_cap` in the payer's profile")


@check("TST-006", codes=TESTING)
def authorised(v: View, k: Loaded) -> Outcome:
    """Hours within the authorisation."""
    approved = v.insurance.authorizations
    if approved is None:
        return NEEDS["authorizations"]
    number = v.claim.prior_authorization
    tests = [line for line in v.lines if line.code in TESTING]
    units = sum(((line.line.quantity or Decimal(0)) for line in tests), Decimal(0))
    for one in approved:
        if one.number == number and one.units is not None and units > one.units - (one.used or Decimal(0)):
            return [hit("More testing units than the authorisation has left", *tests, about="units")]
    if any(one.number == number and one.units is not None for one in approved):
        return OK
    return NotChecked("needs the units that were authorised under this claim's number (ClaimResponse)")


def _marked(lines: list[LineView]) -> bool:
    """Whether one of them says that it was a separate service."""
    return any(SEPARATE & set(line.modifiers) for line in lines)
