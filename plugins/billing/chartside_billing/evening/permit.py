"""May this go to this payer? The gate is asked about each claim, and about each visit in it, all in one question.

HIPAA lets a claim go out for payment without a consent (45 CFR 164.506(c)). A client who pays out of pocket may
restrict it (45 CFR 164.522(a)(1)(vi)), records of a Part 2 programme need a consent (42 CFR 2.31), and a Consent may
deny it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chartside.codes import ACT_CODE_SYSTEM, coding, concept
from chartside.gate.gate import UNASKED
from chartside.gate.model import PAYMENT, Action, Decision, DecisionRequest, Outcome
from chartside.types import Resource
from chartside_billing.model import Claim, Party, Visit

if TYPE_CHECKING:
    from chartside.context import Context

NOTICE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""The short notice of 42 CFR 2.32(a)(2); it fits into NTE02 (80 characters)."""
_NOTICE_DUTY = "42-cfr-2.32-notice"
_ICD = "http://hl7.org/fhir/sid/icd-10-cm"
_CPT = "http://www.ama-assn.org/go/cpt"


@dataclass(frozen=True, slots=True)
class Answer:
    """``why``: for a refusal, ids and codes only. ``notice``: of 42 CFR 2.32, goes along. ``unasked``: no consent
    plugin is enabled, so nobody looked for a restriction."""

    allowed: bool
    why: str = ""
    notice: bool = False
    unasked: bool = False


def ask(
    context: Context, groups: Sequence[Sequence[DecisionRequest]], *, acting: bool = True
) -> list[Answer]:
    """One answer for each group, which is refused as a whole where one of its requests is.

    ``acting``: the decisions are written down before anything is done (C-8). Raises AuditUnavailable, and a retryable
    FhirError where the consents cannot be read.
    """
    flat = [request for group in groups for request in group]
    decisions = context.decide(flat)
    if acting and flat:
        context.decided(flat, decisions)
    left = iter(decisions)
    return [_joined([next(left) for _ in group]) for group in groups]


def _joined(decisions: Sequence[Decision]) -> Answer:
    if not decisions:
        return Answer(False, "its client is not known in this EHR, so nobody can be asked")
    for decision in decisions:
        if not decision.permitted:
            return Answer(False, _why(decision))
    duties = {duty for decision in decisions for duty in decision.obligations}
    if duties - {_NOTICE_DUTY}:
        return Answer(False, f"a duty goes with it that cannot be done here: {', '.join(sorted(duties))}")
    unasked = any(reason.text.endswith(UNASKED) for decision in decisions for reason in decision.reasons)
    return Answer(True, notice=_NOTICE_DUTY in duties, unasked=unasked)


def _why(decision: Decision) -> str:
    told = [r for r in decision.reasons if r.outcome is Outcome.DENY] or list(decision.reasons)
    text = "; ".join(f"{r.text} [{' '.join(p for p in (r.source, r.path) if p)}]" for r in told)
    return f"{text} It cannot be computed: look at the consent." if decision.review else text


def request(
    context: Context, patient: str, payer: Party | None, state: str, what: Resource
) -> DecisionRequest:
    """Disclosing ``what`` to a payer, for payment."""
    return DecisionRequest(
        patient,
        Action.DISCLOSE,
        context.clock.now(),
        purpose=PAYMENT,
        actor=payer.ref if payer else "",
        resource=what,
        location=state,
        features=frozenset({"bills_payers"}),
    )


def requests_of(context: Context, claim: Claim) -> list[DecisionRequest]:
    """About the claim and each of its visits; none where the client is not one of this EHR."""
    member = claim.member
    if member is None or not member.ref.startswith("Patient/"):
        return []
    labels = [coding(system, code) for system, code in claim.labels]
    if context.settings.part2_programme and any(d.code.upper().startswith("F1") for d in claim.diagnoses):
        labels.append(coding(ACT_CODE_SYSTEM, "42CFRPart2"))
    state = member.address.state if member.address else ""
    things = [_claim(claim, member.ref), *(_visit(visit, claim, member.ref) for visit in claim.visits)]
    meta = {"meta": {"security": labels}} if labels else {}
    return [request(context, member.ref, claim.insurance.payer, state, {**thing, **meta}) for thing in things]


def _claim(claim: Claim, patient: str) -> Resource:
    """What an 837P tells, as a Claim: who, when, codes, visits."""
    kind, _, number = claim.where.partition("/")
    return {
        "resourceType": "Claim",
        **({"id": number} if kind == "Claim" else {}),
        "patient": {"reference": patient},
        **_period(claim),
        "diagnosis": [{"diagnosisCodeableConcept": concept(_ICD, _dotted(d.code))} for d in claim.diagnoses],
        "item": [
            {
                "productOrService": concept(_CPT, line.code),
                **({"encounter": [{"reference": line.visit.ref}]} if line.visit else {}),
            }
            for line in claim.lines
        ],
    }


def _period(claim: Claim) -> Resource:
    days = [day for line in claim.lines for day in (line.dates.start, line.dates.last) if day]
    return {"billablePeriod": {"start": min(days).isoformat(), "end": max(days).isoformat()}} if days else {}


def _dotted(code: str) -> str:
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


def _visit(visit: Visit, claim: Claim, patient: str) -> Resource:
    """An Encounter as far as the claim tells of it."""
    kind, _, number = visit.ref.partition("/")
    period = _period(claim).get("billablePeriod")
    found = {"resourceType": kind, "id": number, "subject": {"reference": patient}}
    return {**found, "period": period} if period else found


def with_notice(claim: Claim) -> Claim | None:
    """The claim with the notice of 42 CFR 2.32 in its note (NTE), else in a line's; None where neither has room."""
    note = ("ADD", NOTICE)
    if not claim.notes:
        return replace(claim, notes=[note])
    free = next((line for line in claim.lines if not line.notes), None)
    if free is None:
        return None
    lines = [replace(line, notes=[note]) if line is free else line for line in claim.lines]
    return replace(claim, lines=lines)


def coverage_request(context: Context, coverage: Resource, claim: Claim, patient: str) -> DecisionRequest:
    """About a question to the payer (270)."""
    member = claim.member
    state = member.address.state if member and member.address else ""
    what = {
        key: value
        for key, value in coverage.items()
        if key in {"resourceType", "id", "meta", "beneficiary", "period", "payor"}
    }
    return request(context, patient, claim.insurance.payer, state, what)


def named(claim: Claim) -> str:
    """``Claim/12``: what a claim is called in a report."""
    return claim.source.split("/_history")[0] or claim.where or claim.id
