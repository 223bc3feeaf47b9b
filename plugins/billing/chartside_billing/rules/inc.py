"""INC: services under supervision."""

from __future__ import annotations

from chartside_billing.rules.base import NEEDS, OK, Hit, Outcome, check, hit
from chartside_billing.rules.codesets import EVALUATION
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.prv_may import is_same_kind
from chartside_billing.rules.view import LineView, View

_FIRST = EVALUATION | {"99202", "99203", "99204", "99205"}
"""The evaluation of a new problem, and E/M of a new patient."""
_FITTING = (
    "Set the modifier of the profession or degree of who gave the service, or correct the taxonomy code."
)
_INSTITUTIONS = frozenset({"21", "22", "23", "31"})
_EDUCATION = frozenset({"AH", "AJ", "SA", "AF", "HM", "HN", "HO", "HP"})


def incident_to(v: View, line: LineView) -> bool | None:
    """Whether somebody else than the rendering provider gave the service; None if not known."""
    if v.claim.supervising is not None:
        return True
    visit, provider = line.visit, line.provider
    if visit is None or visit.practitioners is None or provider is None or not provider.ref:
        return None
    return bool(visit.practitioners) and provider.ref not in visit.practitioners


@check("INC-001")
def conditions(v: View, k: Loaded) -> Outcome:
    """42 CFR 410.26(b): no institution, an established patient with the biller's plan of care."""
    if not v.medicare:
        return OK
    hits: list[Hit] = []
    known = v.claim.supervising is not None
    planless = False
    for line in v.lines:
        given = incident_to(v, line)
        known = known or given is not None
        if not given:
            continue
        if line.pos in _INSTITUTIONS:
            hits.append(hit(f"Incident-to services are not paid in an institution (POS {line.pos})", line))
        history = v.claim.history
        planless = planless or history is None or history.plan_periods is None
        if history is not None and history.plan_periods is not None and not history.plan_periods:
            hits.append(
                hit("Incident-to needs a plan of care by the billing clinician; none is on file", line)
            )
    if hits:
        return hits
    return NEEDS["plans"] if planless else OK if known else NEEDS["visit"]


@check("INC-002", codes=_FIRST)
def new_problem(v: View, k: Loaded) -> Outcome:
    """The first evaluation is not incident-to."""
    if not v.medicare:
        return OK
    found = [line for line in v.lines if line.code in _FIRST]
    answers = [incident_to(v, line) for line in found]
    hits = [
        hit("The evaluation of a new patient or problem is not billed incident-to", line)
        for line, given in zip(found, answers, strict=True)
        if given
    ]
    return hits if hits or None not in answers else NEEDS["visit"]


@check("INC-003")
def supervision_modifier(v: View, k: Loaded) -> Outcome:
    """The modifier of the clinician's profession or level of education."""
    hits: list[Hit] = []
    wanted_by = v.profile.supervision_modifiers if v.profile else {}
    for line in v.lines:
        taxonomy = v.taxonomy_of(line)
        wanted = wanted_by.get(taxonomy)
        if wanted and wanted not in line.modifiers:
            hits.append(hit(f"This payer asks for modifier {wanted} for this kind of clinician", line))
        if taxonomy and v.claim.supervising is None:
            hits.extend(
                hit(f"Modifier {modifier} does not fit the clinician's taxonomy code", line, mend=_FITTING)
                for modifier in line.modifiers
                if modifier in _EDUCATION and not is_same_kind(taxonomy, modifier)
            )
    if not hits and v.profile is None:
        return NEEDS["profile"]
    return hits
