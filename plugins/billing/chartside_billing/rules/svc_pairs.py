"""SVC-008 to SVC-013: what goes together on a day: units, NCCI pairs, add-on codes, two sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from chartside_billing.rules.base import NEEDS, OK, Hit, Outcome, check, hit
from chartside_billing.rules.codesets import (
    ADD_ON_PRIMARY,
    BEHAVIORAL,
    INDIVIDUAL,
    NCCI_MODIFIERS,
    SEPARATE,
)
from chartside_billing.rules.loaded import Loaded, PairTable
from chartside_billing.rules.view import Day, LineView, View


@check("SVC-008")
def mue(v: View, k: Loaded) -> Outcome:
    """Units a line or a day against the MUE table."""
    if k.units is None:
        return NEEDS["mue"]
    hits: list[Hit] = []
    for day in v.days:
        if day.day is None:
            continue
        totals: dict[str, Decimal] = {}
        for line in day.lines:
            totals[line.code] = totals.get(line.code, Decimal(0)) + _a_day(line)
        for line in day.lines:
            entry = k.units.limit(line.code, day.day) if line.own else None
            if entry is None:
                continue
            value, mai = entry
            counted = _a_day(line) if mai == 1 else totals[line.code]
            if counted > value:
                scope = "on the line" if mai == 1 else "that day"
                hits.append(
                    hit(
                        f"{counted.normalize():f} units of {line.code} {scope}; at most {value} are paid",
                        line,
                    )
                )
    return hits


def _a_day(line: LineView) -> Decimal:
    """Units of one day, where a line spans several (CMS divides)."""
    return (line.line.quantity or Decimal(0)) / line.line.dates.days


def _pairs(day: Day, table: PairTable) -> Iterator[tuple[LineView, LineView, str]]:
    """Active edits among the services of a day: column 1, column 2, indicator; at least one is this claim's."""
    if day.day is None or len(day.codes) < 2:
        return
    for one in day.lines:
        for other in day.lines:
            if one is not other and one.code != other.code and (one.own or other.own):
                indicator = table.indicator(one.code, other.code, day.day)
                if indicator is not None:
                    yield one, other, indicator


def _own(second: LineView, first: LineView) -> LineView:
    """The line that is not paid (column 2), or its partner where that one stands on another claim."""
    return second if second.own else first


@check("SVC-009")
def pair_never(v: View, k: Loaded) -> Outcome:
    """NCCI pairs with indicator 0."""
    if k.pairs is None:
        return NEEDS["ncci"]
    return [
        hit(
            f"{second.code} is part of {first.code} on the same day; no modifier helps (NCCI)",
            _own(second, first),
        )
        for day in v.days
        for first, second, indicator in _pairs(day, k.pairs)
        if indicator == "0"
    ]


@check("SVC-010")
def pair_modifier(v: View, k: Loaded) -> Outcome:
    """NCCI pairs with indicator 1, without a modifier."""
    if k.pairs is None:
        return NEEDS["ncci"]
    return [
        hit(f"{second.code} beside {first.code} on the same day needs a modifier (NCCI)", _own(second, first))
        for day in v.days
        for first, second, indicator in _pairs(day, k.pairs)
        if indicator == "1" and not NCCI_MODIFIERS & {*first.modifiers, *second.modifiers}
    ]


@check("SVC-011")
def needless_modifier(v: View, k: Loaded) -> Outcome:
    """59 or X without an edit to answer."""
    marked = [
        (day, line) for day in v.days for line in day.lines if line.own and SEPARATE & set(line.modifiers)
    ]
    if not marked:
        return OK
    hits: list[Hit] = []
    unknown = False
    for day, line in marked:
        codes = Counter(other.code for other in day.lines)
        if len(day.lines) > 1 and k.pairs is None:
            unknown = True
            continue
        edits = _pairs(day, k.pairs) if k.pairs is not None else iter(())
        paired = any(line in (first, second) for first, second, _ in edits)
        if not paired and codes[line.code] == 1:
            text = "59 or an X modifier, though nothing of that day has to be kept apart (no NCCI pair)"
            hits.append(hit(text, line, about="separate"))
    return hits if hits or not unknown else NEEDS["ncci"]


@check("SVC-012")
def add_on(v: View, k: Loaded) -> Outcome:
    """A primary code on the same day by the same provider."""
    hits: list[Hit] = []
    for day in v.days:
        for line in day.lines:
            if not line.own:
                continue
            kind, primaries = 1, ADD_ON_PRIMARY.get(line.code)
            if k.add_ons is not None and day.day is not None:
                entry = k.add_ons.primaries(line.code, day.day)
                if entry is not None:
                    kind, primaries = entry
            if primaries is None or primaries & day.codes:
                continue
            if primaries or len(day.codes) == 1:
                severity = "" if kind == 1 else "warning"
                hits.append(
                    hit(f"{line.code} is an add-on code without its primary code", line, severity=severity)
                )
    unlisted = k.add_ons is None and any(
        code not in BEHAVIORAL and code not in ADD_ON_PRIMARY for code in v.codes
    )
    return hits if hits or not unlisted else NEEDS["aoc"]


@check("SVC-013", codes=INDIVIDUAL)
def two_sessions(v: View, k: Loaded) -> Outcome:
    """Two individual sessions on one day."""
    hits: list[Hit] = []
    for day in v.days:
        sessions = day.of(INDIVIDUAL)
        if len(sessions) > 1 and any(line.own for line in sessions):
            hits.append(hit("Two individual sessions of the same patient on one day", *sessions))
    return hits
