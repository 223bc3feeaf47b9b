"""ADD: add-on codes of psychotherapy."""

from __future__ import annotations

import re

from chartside_billing.rules.base import NEEDS, OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import (
    ABA,
    ADD_ON_THERAPY,
    CRISIS,
    EM,
    EM_FOR_ADD_ON,
    FAMILY,
    INDIVIDUAL,
    INTERACTIVE_PRIMARY,
    MULTI_FAMILY,
    SEPARATE,
    is_prescriber,
)
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View

_ADD_ON = (
    "Psychotherapy beside the same clinician's E/M is the add-on code of its minutes (90833, 90836, 90838); for a"
    " session of its own, show it (59 or XE)."
)
_FACTOR = re.compile(
    r"maladaptive|high(ly)? (anxiety|reactiv)|reactivity|repeated questions|disagreement"
    r"|caregiver (emotion|behavio)"
    r"|guardian|sentinel|mandat\w* report|child protect|third part|play (equipment|therapy|material)|toys"
    r"|physical devices"
    r"|communication (difficult|factor|barrier)|expressive|receptive|not fluent|undeveloped|lost .{0,30}language",
    re.IGNORECASE,
)
"""Words for the four communication factors of the code's definition; a hint for the reviewer, not a proof."""
_PREVENTIVE = frozenset({"G0438", "G0439", "G0402"})


@check("ADD-001", codes=ADD_ON_THERAPY)
def needs_em(v: View, k: Loaded) -> Outcome:
    """An E/M on the same day by the same provider."""
    return [
        hit(f"{line.code} is an add-on to an E/M service, and there is none that day", line)
        for day in v.days
        if not day.codes & EM_FOR_ADD_ON
        for line in day.of(ADD_ON_THERAPY)
        if line.own
    ]


@check("ADD-002", codes=ADD_ON_THERAPY | INDIVIDUAL)
def exclusive(v: View, k: Loaded) -> Outcome:
    """Not beside a standalone service of the same session; and no standalone one beside an E/M."""
    standalone = INDIVIDUAL | CRISIS | FAMILY
    hits: list[Hit] = []
    for day in v.days:
        if not day.codes.isdisjoint(EM_FOR_ADD_ON):
            alone = [x for x in day.of(INDIVIDUAL) if x.own and not SEPARATE & set(x.modifiers)]
            hits.extend(hit(f"{x.code} stands beside an E/M of the same day", x, mend=_ADD_ON) for x in alone)
        others = [x for x in day.of(standalone) if not (x.code in FAMILY and SEPARATE & set(x.modifiers))]
        if others:
            hits.extend(
                hit(
                    f"{line.code} (add-on) and {others[0].code} (standalone) exclude each other",
                    line,
                    others[0],
                )
                for line in day.of(ADD_ON_THERAPY)
                if line.own or others[0].own
            )
        added = day.of(ADD_ON_THERAPY)
        if len({line.code for line in added}) > 1 and any(line.own for line in added):
            hits.append(hit("Two psychotherapy add-ons on one day; a session has one", *added))
    return hits


@check("ADD-003", codes=ADD_ON_THERAPY | {"G2211"})
def modifier_25(v: View, k: Loaded) -> Outcome:
    """25 on the E/M where the payer wants it; never with G2211 for Medicare."""
    hits: list[Hit] = []
    for day in v.days:
        services = [line for line in day.of(EM) if line.own]
        if v.medicare and "G2211" in day.codes and not day.codes & _PREVENTIVE:
            hits.extend(
                hit("Medicare does not pay G2211 beside an E/M with modifier 25", line)
                for line in services
                if "25" in line.modifiers
            )
        if v.profile is not None and v.profile.em_modifier_25 and day.codes & ADD_ON_THERAPY:
            hits.extend(
                hit("This payer wants modifier 25 on the E/M beside psychotherapy", line)
                for line in services
                if "25" not in line.modifiers
            )
    return hits if hits or v.profile is not None or v.medicare else NEEDS["profile"]


@check("ADD-004", codes={"90785"})
def interactive_primary(v: View, k: Loaded) -> Outcome:
    """90785 beside one of its primaries."""
    return [
        hit("90785 (interactive complexity) without a service that it can be added to", line)
        for day in v.days
        if not day.codes & INTERACTIVE_PRIMARY
        for line in day.of({"90785"})
        if line.own
    ]


@check("ADD-005", codes={"90785"})
def interactive_exclusions(v: View, k: Loaded) -> Outcome:
    """90785 not beside crisis, family, multi-family, ABA; one unit."""
    hits: list[Hit] = []
    for day in v.days:
        lines = [line for line in day.of({"90785"}) if line.own]
        if not lines:
            continue
        excluded = day.codes & (CRISIS | ABA)
        if not day.codes & INTERACTIVE_PRIMARY:
            excluded |= day.codes & (FAMILY | MULTI_FAMILY | EM)
        if excluded:
            hits.append(hit(f"90785 is not reported with {', '.join(sorted(excluded))}", *lines))
        if (
            any((line.line.quantity or 1) > 1 for line in lines)
            or len(lines) > len(day.of(INTERACTIVE_PRIMARY)) > 0
        ):
            hits.append(hit("90785 is one unit a session", *lines))
    return hits


@check("ADD-006", codes={"90785"}, needs=("visit",))
def interactive_documented(v: View, k: Loaded) -> Outcome:
    """The note names a communication factor, not an interpreter alone."""
    hits: list[Hit] = []
    known = False
    for line in v.lines:
        note = line.visit.note if line.visit else None
        if line.code != "90785" or note is None or note.text is None:
            continue
        known = True
        if not _FACTOR.search(note.text):
            hits.append(
                hit("The note names no communication factor for 90785 (an interpreter alone is none)", line)
            )
    return hits if known else NEEDS["note"]


@check("ADD-007", codes={"90840"})
def crisis_base(v: View, k: Loaded) -> Outcome:
    """90840 beside 90839."""
    return [
        hit("90840 without 90839 on the same day", line)
        for day in v.days
        if "90839" not in day.codes
        for line in day.of({"90840"})
        if line.own
    ]


@check("ADD-008", codes={"90863"})
def pharmacologic(v: View, k: Loaded) -> Outcome:
    """90863: for prescribing psychologists beside psychotherapy; never Medicare."""
    hits: list[Hit] = []
    known = True
    for day in v.days:
        for line in day.of({"90863"}):
            if not line.own:
                continue
            taxonomy = v.taxonomy_of(line)
            known = known and bool(taxonomy)
            if v.medicare:
                hits.append(hit("Medicare does not accept 90863", line))
            elif day.codes & CRISIS:
                hits.append(hit("90863 is not reported with crisis psychotherapy", line))
            elif not day.codes & INDIVIDUAL:
                hits.append(hit("90863 only goes with 90832, 90834 or 90837", line))
            elif day.codes & EM or is_prescriber(taxonomy):
                hits.append(hit("Who can bill an E/M service bills that, not 90863", line))
    if not hits and not known:
        return NotChecked("needs the clinician's taxonomy code: 90863 is not for those who can bill E/M")
    return hits or OK
