"""GRP: groups."""

from __future__ import annotations

from chartside_billing.rules.base import OK, Hit, NotChecked, Outcome, check, hit
from chartside_billing.rules.codesets import INDIVIDUAL, SEPARATE
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import View


@check("GRP-001", codes={"90853"})
def units(v: View, k: Loaded) -> Outcome:
    """One unit a patient and session; a group of a size that is a group."""
    hits: list[Hit] = []
    known = False
    for line in v.lines:
        if line.code != "90853":
            continue
        if (line.line.quantity or 1) > 1:
            hits.append(hit("90853 is one unit for each patient and session", line))
        attendees = line.visit.attendees if line.visit else None
        known = known or attendees is not None
        if attendees is not None and attendees > k.group_size:
            text = f"{attendees} patients took part; payers pay groups of up to {k.group_size}"
            hits.append(hit(text, line, severity="warning"))
    return (
        hits if hits or known else NotChecked("the units are right; the group's size needs the visit (Group)")
    )


@check("GRP-002", codes={"90853"})
def with_individual(v: View, k: Loaded) -> Outcome:
    """A modifier on the individual code beside a group."""
    hits: list[Hit] = []
    for day in v.days:
        if "90853" in day.codes:
            hits.extend(
                hit(
                    f"{line.code} beside a group session (90853) of the same day without 59 or an X modifier",
                    line,
                )
                for line in day.of(INDIVIDUAL)
                if line.own and not SEPARATE & set(line.modifiers)
            )
    return hits


@check("GRP-003", codes={"90849"})
def multi_family(v: View, k: Loaded) -> Outcome:
    """Once a family; beside 90853 with a modifier."""
    hits: list[Hit] = []
    for day in v.days:
        lines = day.of({"90849"})
        if not any(line.own for line in lines):
            continue
        if len(lines) > 1 or any((line.line.quantity or 1) > 1 for line in lines):
            hits.append(hit("90849 is billed once for each family", *lines))
        groups = day.of({"90853"})
        if groups and not any(SEPARATE & set(line.modifiers) for line in [*lines, *groups]):
            hits.append(hit("90849 and 90853 on the same day without 59 or an X modifier", *lines, *groups))
    return hits or OK
