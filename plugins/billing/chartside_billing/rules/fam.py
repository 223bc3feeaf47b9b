"""FAM: family and couples."""

from __future__ import annotations

from chartside_billing.rules.base import NEEDS, Hit, Outcome, check, hit
from chartside_billing.rules.codesets import FAMILY, INDIVIDUAL, LEAST_MINUTES, SEPARATE
from chartside_billing.rules.dx import dotted
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.view import LineView, View


@check("FAM-001", codes=FAMILY, needs=("visit",))
def minutes(v: View, k: Loaded) -> Outcome:
    """26 minutes or more."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code in FAMILY:
            unknown = unknown or line.minutes is None
            if line.minutes is not None and line.minutes < LEAST_MINUTES[line.code]:
                hits.append(hit(f"{line.code} needs 26 minutes; the session lasted {line.minutes}", line))
    return hits if hits or not unknown else NEEDS["minutes"]


@check("FAM-002", codes=FAMILY)
def presence(v: View, k: Loaded) -> Outcome:
    """90846 without the patient, 90847 with."""
    hits: list[Hit] = []
    unknown = False
    for line in v.lines:
        if line.code not in FAMILY:
            continue
        claimed = line.code == "90847"
        told = {"HR": True, "HS": False}
        for modifier in line.modifiers:
            if told.get(modifier, claimed) != claimed:
                hits.append(
                    hit(
                        f"Modifier {modifier} says the contrary of {line.code} about the patient's presence",
                        line,
                    )
                )
        present = line.visit.patient_present if line.visit else None
        unknown = unknown or present is None
        if present is not None and present != claimed:
            was = "was there" if present else "was not there"
            hits.append(hit(f"{line.code} is billed, but the patient {was}", line))
    return hits if hits or not unknown else NEEDS["attendance"]


@check("FAM-003", codes=FAMILY)
def both(v: View, k: Loaded) -> Outcome:
    """Not both on one day, unless distinct."""
    hits: list[Hit] = []
    for day in v.days:
        lines = day.of(FAMILY)
        if len({line.code for line in lines}) > 1 and any(line.own for line in lines) and not _marked(lines):
            hits.append(hit("90846 and 90847 on the same day by the same provider", *lines))
    return hits


@check("FAM-004", codes=FAMILY)
def with_individual(v: View, k: Loaded) -> Outcome:
    """Beside an individual session: separate, and marked so."""
    hits: list[Hit] = []
    for day in v.days:
        lines = [*day.of(FAMILY), *day.of(INDIVIDUAL)]
        if (
            day.codes & FAMILY
            and day.codes & INDIVIDUAL
            and any(line.own for line in lines)
            and not _marked(lines)
        ):
            hits.append(
                hit("Individual and family sessions on the same day without 59 or an X modifier", *lines)
            )
    return hits


@check("FAM-005", codes=FAMILY)
def couples(v: View, k: Loaded) -> Outcome:
    """A mental disorder of the identified patient, not Z63.0 alone."""
    return [
        hit(
            f"Family or couples therapy is billed for {dotted(v.pointed(line)) or 'no diagnosis'}, no mental disorder",
            line,
            about=v.pointed(line),
        )
        for line in v.lines
        if line.code in FAMILY
        and (v.pointed(line).startswith("Z63") or not any(code.startswith("F") for code in v.diagnoses))
    ]


def _marked(lines: list[LineView]) -> bool:
    """Whether one of them says that it was a separate service."""
    return any(SEPARATE & set(line.modifiers) for line in lines)
