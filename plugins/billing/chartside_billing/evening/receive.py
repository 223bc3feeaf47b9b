"""What came back is worked into the EHR once: payments, denials, rejections.

Idempotent by identifiers; an answer is taken away at the clearinghouse only after everything of it was written.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chartside.errors import FhirError
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.types import Resource
from chartside_billing.clearinghouse.base import Answer, Clearinghouse
from chartside_billing.clearinghouse.desk import Opened, Worked, read, work_in
from chartside_billing.evening import next_payer, sent
from chartside_billing.evening.account import Parties, open_house
from chartside_billing.evening.invoices import draft_invoices
from chartside_billing.evening.matching import find_claims
from chartside_billing.evening.scrub import keeps_tasks
from chartside_billing.evening.secondary import (
    follow_ups,
    is_next_payer,
    left_to_a_person,
    payers_of,
    take_back,
    tasks_of,
)
from chartside_billing.fhir_claim.pick import reference
from chartside_billing.x12.remit_fhir import Matched

if TYPE_CHECKING:
    from chartside.context import Context


def run(context: Context, options: JobOptions) -> JobReport:
    """The job."""
    house = context.settings.clearinghouse
    if house is None:
        return JobReport(notes=["No clearinghouse is configured: [plugins.billing.clearinghouse]."])
    opened, parties = open_house(context)
    report = receive(context, opened, appeal_days=house.appeal_days, dry_run=options.dry_run)
    if not options.dry_run:
        _next_payers(context, report, parties, send=house.send)
    return report


JOB = Job(
    "answers", "Work in what payers answered: payments, denials, rejections", run, every=timedelta(hours=1)
)


def receive(
    context: Context, house: Clearinghouse, *, appeal_days: int | None = None, dry_run: bool = False
) -> JobReport:
    """Work in every answer that waits: PaymentReconciliations and Tasks, each written once."""
    report = JobReport(columns=("answer", "kind", "claims", "tasks", "problem"))
    opened = [read(answer) for answer in house.fetch()]
    claims = find_claims(context, sorted({number for one in opened for number in one.numbers()}))
    traces = sorted({trace for one in opened for trace in one.traces()})
    requests = context.fhir.read_many("CoverageEligibilityRequest", traces) if traces else {}
    files = sent.read(context, (number for one in opened for number in one.files()))
    later = _to_later_payers(context) if any(n not in files for one in opened for n in one.files()) else set()
    now = context.clock.now()
    for one in opened:
        worked = _worked(
            one, claims, now=now, appeal_days=appeal_days, requests=requests, files=files, later=later
        )
        report.rows.append(_row(worked))
        if worked.problem:
            report.set_aside.append(f"{worked.answer.name}: {worked.problem}")
            report.counts["set aside"] += 1
        elif dry_run:
            report.counts[f"{worked.kind} would be worked in"] += 1
        elif _write(context, worked, report):
            house.done(worked.answer)
    return report


def _to_later_payers(context: Context) -> set[str]:
    """Claims that went, or are to go, to a later payer, too."""
    tasks = follow_ups(context) if keeps_tasks(context) else []
    return {reference(task.get("focus")) for task in tasks if is_next_payer(task)}


def _worked(opened: Opened, claims: Sequence[Matched], **more: Any) -> Worked:
    """One answer that cannot be worked in, however it is made, holds up no other."""
    try:
        return work_in(opened, claims, **more)
    except Exception as error:
        return Worked(opened.answer, opened.kind, problem=f"it cannot be worked in ({type(error).__name__})")


def _next_payers(context: Context, report: JobReport, parties: Parties, *, send: bool) -> None:
    """Judge the next payers' claims; `billing.submit` sends those that are clean."""
    try:
        prepared = next_payer.writable(context, next_payer.prepare(context, report), parties, report)
        next_payer.tell(context, prepared, send=send)
    except FhirError as error:
        report.notes.append(f"the next payers' claims: {error}")
        report.failed = True


def _row(worked: Worked) -> Mapping[str, str]:
    tasks = str(len(worked.tasks))
    return {
        "answer": worked.answer.name,
        "kind": worked.kind,
        "claims": str(worked.claims),
        "tasks": tasks,
        "problem": worked.problem,
    }


def _write(context: Context, worked: Worked, report: JobReport) -> bool:
    """Whether everything of the answer stands in the EHR now."""
    try:
        taken_back = take_back(context, worked)
        if context.tasks.home.where == "nowhere":
            worked.tasks += taken_back
        elif not _put(context, taken_back, report):  # before the payment: a known one is not looked at again
            return False
        payers = payers_of(context, worked.decided)
        later = tasks_of(context, worked, payers)
        report.counts += Counter(
            "next payers' claims that a person writes" for t in later if left_to_a_person(t)
        )
        for resource in _kept(context, worked):
            made = _once(context, resource)
            what = "payments" if worked.reconciliations else "eligibility answers"
            report.counts[what if made else f"{what} known"] += 1
        if context.settings.invoices and context.fhir.supports("Invoice", "cs"):
            for invoice in draft_invoices(context, worked.decided, payers.left, report):
                made = _once(context, invoice)
                report.counts["draft invoices" if made else "draft invoices known"] += 1
        worked.tasks += later
        if worked.tasks and context.tasks.home.where == "nowhere":
            report.notes += [f"{worked.answer.name}: {task['description']}" for task in worked.tasks]
            return False  # nowhere to write it: the answer stays where it is, and is shown again
        if not _put(context, worked.tasks, report):
            return False
    except FhirError as error:
        report.notes.append(f"{worked.answer.name}: {error}")
        report.failed = True
        return False
    report.counts[f"{worked.kind} worked in"] += 1
    return True


def _put(context: Context, tasks: Sequence[Resource], report: JobReport) -> bool:
    """Write Tasks, each once; whether all of them stand."""
    for result in context.tasks.put(tasks):
        known = "tasks" if result.created else "tasks known"
        report.counts[known if result.error is None else "tasks refused"] += 1
        if result.error is not None:
            return False
    return True


def _once(context: Context, resource: Resource) -> bool:
    """Write a resource by its identifier; whether it was not there yet."""
    identifier = resource["identifier"][0]
    condition = f"identifier={identifier['system']}|{identifier['value']}"
    return context.fhir.create(resource, if_none_exist=condition).created


def _kept(context: Context, worked: Worked) -> list[Resource]:
    """The payments as the EHR takes them: PaymentReconciliation, else the answer itself as a DocumentReference."""
    if worked.eligibility:
        return worked.eligibility
    if not worked.reconciliations or context.fhir.supports("PaymentReconciliation", "c"):
        return worked.reconciliations
    return [as_document(worked.reconciliations, worked.answer)]


def as_document(reconciliations: Sequence[Resource], answer: Answer) -> Resource:
    """An 835 for an EHR without PaymentReconciliation; its identifier is that of its first payment."""
    first = reconciliations[0]
    data = base64.b64encode(answer.data).decode("ascii")
    return {
        "resourceType": "DocumentReference",
        "identifier": first["identifier"],
        "status": "current",
        "type": {"text": "Remittance (X12 835)"},
        "date": first["created"],
        "description": f"{len(reconciliations)} payment(s), not posted: the EHR keeps no PaymentReconciliation",
        "content": [{"attachment": {"contentType": "application/edi-x12", "data": data}}],
    }
