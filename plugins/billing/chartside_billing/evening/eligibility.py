"""Eligibility before the visit: a 270 for each coverage of the coming days whose last answer is too old (COV-003).

Each question is a CoverageEligibilityRequest in the EHR, its id the trace of the 270; the 271 becomes the
CoverageEligibilityResponse (``receive``). A coverage is asked about once a week until there is an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside.codes import EFFECT_SYSTEM, MESSAGE_CATEGORY_SYSTEM, MessageCategory, concept
from chartside.errors import (
    AuditUnavailable,
    ChannelUnavailable,
    FhirError,
    InputError,
    JobOverdue,
    MessageRejected,
)
from chartside.jobs.ledger import Claim as LedgerClaim
from chartside.jobs.ledger import Effect, Result, State, effect_key
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.types import Resource
from chartside_billing.clearinghouse.base import Clearinghouse, file_name, interchange_number
from chartside_billing.dates import parse_fhir_date
from chartside_billing.evening.account import KIND, Parties, open_house
from chartside_billing.evening.permit import ask as ask_the_gate
from chartside_billing.evening.permit import coverage_request
from chartside_billing.fhir_claim.facts import eligibility
from chartside_billing.fhir_claim.gather import Gathered, Gatherer
from chartside_billing.fhir_claim.make import covers
from chartside_billing.fhir_claim.pick import each, own, reference
from chartside_billing.model import Claim
from chartside_billing.x12.bundle import claims_of
from chartside_billing.x12.eligibility import to_request
from chartside_billing.x12.write270 import Inquiry, write_270

if TYPE_CHECKING:
    from chartside.context import Context


@dataclass(frozen=True, slots=True)
class Question:
    """A coverage to ask about, for a visit on ``day``; ``claim``: the parties, as the map of claims reads them."""

    coverage: Resource
    day: date
    claim: Claim
    provider: str


def run(context: Context, options: JobOptions) -> JobReport:
    """The job."""
    house = context.settings.clearinghouse
    if house is None:
        return JobReport(notes=["No clearinghouse is configured: [plugins.billing.clearinghouse]."])
    for kind in ("CoverageEligibilityRequest", "CoverageEligibilityResponse"):
        if not context.fhir.supports(kind, "cs"):
            return JobReport(notes=[f"This EHR keeps no {kind}, so nothing is asked."])
    opened, parties = open_house(context)
    found = Gatherer(context, options.progress).coming(days=context.settings.eligibility_ahead)
    questions = list(_questions(context, found))
    return ask(context, opened, questions, parties, dry_run=options.dry_run or not house.send)


JOB = Job("eligibility", "Ask payers about the cover of coming clients (270)", run, every=timedelta(hours=24))


def _questions(context: Context, found: Gathered) -> Iterator[Question]:
    """One for each coverage of a coming client that no recent answer speaks of."""
    today = context.clock.now().astimezone(ZoneInfo(context.practice.time_zone)).date()
    oldest = today - timedelta(days=context.settings.eligibility_days)
    graph = found.graph()
    responses = found.of("CoverageEligibilityResponse")
    visits = _first_visits(found)
    for coverage in found.of("Coverage"):
        day, practitioner = visits.get(reference(coverage.get("beneficiary")), (None, ""))
        if day is None or not covers(coverage, day):
            continue
        answer = eligibility(own(coverage), responses)
        if answer is not None and answer.checked is not None and answer.checked >= oldest:
            continue
        provider = _organization(found, practitioner) or practitioner
        draft: Resource = {
            "resourceType": "Claim",
            "id": coverage.get("id", ""),
            "patient": coverage.get("beneficiary", {}),
            "provider": {"reference": provider},
            "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": own(coverage)}}],
        }
        ((claim, _),) = claims_of(graph, [draft])
        yield Question(coverage, day, claim, provider)


def _first_visits(found: Gathered) -> dict[str, tuple[date, str]]:
    """By client: the day of the first coming visit, and who gives it."""
    visits: dict[str, tuple[date, str]] = {}
    for appointment in sorted(found.of("Appointment"), key=lambda a: str(a.get("start", ""))):
        actors = [reference(p.get("actor")) for p in each(appointment, "participant")]
        day = parse_fhir_date(str(appointment.get("start", "")))
        practitioner = next((a for a in actors if a.startswith("Practitioner/")), "")
        for client in (a for a in actors if a.startswith("Patient/")):
            if day is not None and practitioner:
                visits.setdefault(client, (day, practitioner))
    return visits


def _organization(found: Gathered, practitioner: str) -> str:
    roles = (r for r in found.of("PractitionerRole") if reference(r.get("practitioner")) == practitioner)
    return next((name for r in roles if (name := reference(r.get("organization")))), "")


def ask(
    context: Context,
    house: Clearinghouse,
    questions: Sequence[Question],
    parties: Parties,
    *,
    dry_run: bool = False,
) -> JobReport:
    """Ask what was not asked this week, in one file. Raises OutcomeUnknown: the questions are asked again next week."""
    report = JobReport(columns=("coverage", "problem"))
    ready: list[Question] = []
    for question in questions:
        lacks = _inquiry(question, "trace").lacks()
        if lacks:
            report.rows.append({"coverage": own(question.coverage), "problem": f"lacks {'; '.join(lacks)}"})
            report.counts["cannot be asked"] += 1
        else:
            ready.append(question)
    ready = _permitted(context, ready, report, acting=not dry_run)
    if dry_run:
        report.counts["would be asked"] = len(ready)
        return report
    held = context.ledger.claim([_effect(context, q) for q in ready])
    report.counts["asked before"] = sum(c.state is not State.CLAIMED for c in held)
    by_key = {c.effect.key: q for c, q in zip(held, ready, strict=True)}
    begun = context.ledger.begin([c for c in held if c.state is State.CLAIMED])
    begun = [c for c in begun if c.state is State.BEGUN]
    if begun:
        _send(context, house, [(c, by_key[c.effect.key]) for c in begun], parties, report)
    return report


def _permitted(
    context: Context, questions: Sequence[Question], report: JobReport, *, acting: bool
) -> list[Question]:
    """Those that the gate lets go out: who restricted what a payer is told is not asked about either."""
    asked = [reference(q.coverage.get("beneficiary")) for q in questions]
    groups = [
        [coverage_request(context, q.coverage, q.claim, patient)] if patient.startswith("Patient/") else []
        for q, patient in zip(questions, asked, strict=True)
    ]
    allowed: list[Question] = []
    for question, answer in zip(questions, ask_the_gate(context, groups, acting=acting), strict=True):
        if answer.allowed:
            allowed.append(question)
        else:
            problem = f"held back. {answer.why}"
            report.rows.append({"coverage": own(question.coverage), "problem": problem})
            report.counts["held back"] += 1
    return allowed


def _send(
    context: Context,
    house: Clearinghouse,
    pairs: Sequence[tuple[LedgerClaim, Question]],
    parties: Parties,
    report: JobReport,
) -> None:
    now = context.clock.now()
    number = interchange_number(now, "270")
    begun = [claim for claim, _ in pairs]
    try:
        inquiries = [_inquiry(q, str(_stored(context, c, q)["id"])) for c, q in pairs]
        data = write_270(
            inquiries,
            created=now,
            control=number,
            sender=parties.submitter.id,
            receiver=parties.receiver.id,
            production=parties.production,
        )
        about = [(reference(q.coverage.get("beneficiary")), own(q.coverage)) for _, q in pairs]
        context.outlet.disclose(KIND, parties.recipient, "claim", about, purpose="HPAYMT")
        house.submit(file_name(number, "270"), data)
    except (
        InputError,
        ChannelUnavailable,
        MessageRejected,
        AuditUnavailable,
        FhirError,
        JobOverdue,
    ) as error:
        context.ledger.release(begun)
        report.notes.append(str(error))
        report.failed = True
        return
    context.ledger.finish([Result(c, done=True, at=now) for c in begun])
    report.counts["asked"] += len(begun)


def _stored(context: Context, claim: LedgerClaim, question: Question) -> Resource:
    """The CoverageEligibilityRequest, made once."""
    payors = [reference(p) for p in each(question.coverage, "payor")]
    request = to_request(
        reference(question.coverage.get("beneficiary")),
        question.provider,
        next((p for p in payors if p), ""),
        own(question.coverage),
        created=context.clock.now(),
        day=question.day,
    )
    request["identifier"] = [{"system": EFFECT_SYSTEM, "value": claim.effect.key}]
    made = context.fhir.create(request, if_none_exist=f"identifier={EFFECT_SYSTEM}|{claim.effect.key}")
    return made.resource


def _inquiry(question: Question, trace: str) -> Inquiry:
    from chartside_billing.model import Party, Person

    claim = question.claim
    return Inquiry(
        payer=claim.insurance.payer or Party(),
        provider=claim.billing or Party(),
        subscriber=claim.insurance.subscriber or Person(),
        day=question.day,
        trace=trace,
        dependent=claim.patient,
    )


def _effect(context: Context, question: Question) -> Effect:
    year, week, _ = context.clock.now().isocalendar()
    resource: Resource = {
        "resourceType": "Communication",
        "category": [concept(MESSAGE_CATEGORY_SYSTEM, MessageCategory.STAFF)],
        "about": [{"reference": own(question.coverage)}],
        "payload": [{"contentString": "Question to the payer about eligibility"}],
    }
    key = effect_key(context.practice.id, "billing", "270", own(question.coverage), f"{year}-{week}")
    return Effect(key, resource)
