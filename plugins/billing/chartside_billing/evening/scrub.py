"""The evening scrub: every claim of the last weeks is judged, and the EHR's task list is made to agree.

A second run writes nothing. Killed in between, the next run goes on: Tasks are created by their identifier and changed
with the version that was read. Claims with an open Task are looked at again however old they are, so that a corrected
one closes its Task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from chartside.codes import EFFECT_SYSTEM, TASK_CODE_SYSTEM, TaskCode
from chartside.errors import VersionConflict
from chartside.fhir import Create, Entry, Update
from chartside.jobs.ledger import effect_key
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.types import Resource
from chartside_billing.evening.findings import (
    OPEN,
    Plan,
    Subject,
    fingerprint,
    is_scrub_task,
    plan,
    task_key,
    task_of,
)
from chartside_billing.evening.judge import Evening, judge
from chartside_billing.fhir_claim.gather import CHUNK
from chartside_billing.fhir_claim.pick import reference
from chartside_billing.money import dollars
from chartside_billing.rules.base import ERROR

if TYPE_CHECKING:
    from chartside.context import Context

COLUMNS = ("claim", "errors", "warnings", "at risk", "file by", "rules")


def run(context: Context, options: JobOptions) -> JobReport:
    """The job. Raises FhirError where the EHR cannot be read."""
    report = JobReport(columns=COLUMNS)
    native = keeps_tasks(context)
    held = open_tasks(context) if native else []
    focuses = {reference(task.get("focus")) for task in held} - {""}
    evening = judge(context, also=sorted(focuses), tell=options.progress)
    speaking = ranked(s for s in evening.subjects if s.findings)
    report.rows = [row(subject) for subject in speaking]
    _count(evening, report)
    if native:
        gone = {name for name in focuses if name.partition("/")[0] not in evening.skipped}
        held += _earlier(context, speaking, held)
        made = plan(
            speaking,
            held,
            practice=context.practice.id,
            now=context.clock.now(),
            looked=evening.looked | gone,
        )
        _write(context, made, report, options)
    else:
        _write_once(context, speaking, report, options)
    return report


JOB = Job(
    "scrub", "Look claims over and put what is wrong into the EHR's task list", run, every=timedelta(hours=12)
)


def keeps_tasks(context: Context) -> bool:
    """Whether findings live in Tasks here, which can be changed and closed."""
    return context.tasks.home.type == "Task" and context.tasks.home.where != "nowhere"


def ranked(subjects: Iterable[Subject]) -> list[Subject]:
    """Most money first, then the nearest deadline."""
    return sorted(
        subjects, key=lambda s: (-s.at_risk, s.deadline.toordinal() if s.deadline else 10**7, s.focus)
    )


def row(subject: Subject) -> dict[str, str]:
    """One line of the table: ids, sums and days, no names."""
    errors = sum(f.severity == ERROR for f in subject.findings)
    assumed = " (assumed)" if subject.assumed else ""
    return {
        "claim": subject.focus,
        "errors": str(errors),
        "warnings": str(len(subject.findings) - errors),
        "at risk": dollars(subject.at_risk),
        "file by": f"{subject.deadline.isoformat()}{assumed}" if subject.deadline else "",
        "rules": " ".join(dict.fromkeys(f.rule.id for f in subject.findings)),
    }


def open_tasks(context: Context) -> list[Resource]:
    """The scrub Tasks that are open."""
    asked = {"code": f"{TASK_CODE_SYSTEM}|{TaskCode.CLAIM_SCRUB}", "status": ",".join(sorted(OPEN))}
    found = context.fhir.search("Task", asked).matches()
    return [task for task in found if task.get("status") in OPEN and is_scrub_task(task)]


def _earlier(context: Context, speaking: Sequence[Subject], held: Sequence[Resource]) -> list[Resource]:
    """Closed Tasks of the claims that have findings and no open Task."""
    covered = {reference(task.get("focus")) for task in held}
    keys = [task_key(context.practice.id, s.focus) for s in speaking if s.focus not in covered]
    found: list[Resource] = []
    for start in range(0, len(keys), CHUNK):
        names = ",".join(f"{EFFECT_SYSTEM}|{key}" for key in keys[start : start + CHUNK])
        found += (t for t in context.fhir.search("Task", {"identifier": names}).matches() if is_scrub_task(t))
    return found


def _count(evening: Evening, report: JobReport) -> None:
    report.counts["claims looked at"] = len(evening.reports)
    report.counts["claims without an error"] = sum(r.clean for r in evening.reports)
    if evening.self_pay:
        report.counts["visits without an active coverage (self-pay)"] = len(evening.self_pay)
    failed = sorted({rule for r in evening.reports for rule in r.failed})
    report.set_aside += [
        f"{rule}: the rule itself failed; its claims were judged by the others" for rule in failed
    ]
    if evening.skipped:
        report.notes.append(f"This EHR does not give: {', '.join(sorted(evening.skipped))}.")
    missing = evening.missing()
    loads = [reason for reason in missing if reason.startswith("load ")]
    if loads:
        report.notes += ["Some rules were not checked. To have them checked:", *(f"  {one}" for one in loads)]
    others = {rule for reason, rules in missing.items() if not reason.startswith("load ") for rule in rules}
    if others:
        report.notes.append(f"{len(others)} more rules need what this EHR does not say of every claim.")


def _write(context: Context, made: Plan, report: JobReport, options: JobOptions) -> None:
    report.counts["tasks unchanged"] = made.same
    entries: list[tuple[str, Entry]] = [
        *(("tasks written", Create(t, f"identifier={EFFECT_SYSTEM}|{_key(t)}")) for t in made.new),
        *(("tasks changed", Update(t)) for t in made.changed),
        *(("tasks closed", Update(t)) for t in made.closed),
    ]
    if options.dry_run:
        for name, _ in entries:
            report.counts[f"{name} (would be)"] += 1
        return
    options.progress(0, len(entries), "writing")
    results = context.fhir.execute([entry for _, entry in entries], where=_where(context))
    for (name, entry), result in zip(entries, results, strict=True):
        if result.error is None:
            report.counts[name] += 1
        elif isinstance(result.error, VersionConflict):
            report.counts["tasks changed by somebody meanwhile: next run"] += 1
        else:
            report.counts["tasks refused"] += 1
            report.set_aside.append(f"{_focus(entry)}: {result.error}")
            report.failed = True


def _where(context: Context) -> Literal["ehr", "companion"] | None:
    where = context.tasks.home.where
    return None if where == "nowhere" else where


def _focus(entry: Entry) -> str:
    resource = entry.resource if isinstance(entry, Create | Update) else {}
    return reference(resource.get("focus")) or "Task"


def _key(task: Resource) -> str:
    return str(task["identifier"][0]["value"])


def _write_once(
    context: Context, speaking: Sequence[Subject], report: JobReport, options: JobOptions
) -> None:
    """An EHR without Task: what is found is told once, in the form that it takes, and cannot be closed there."""
    home = context.tasks.home
    report.notes.append(
        f"Findings live in: {home}. They cannot be closed there; the worklist is computed anew."
    )
    tasks = list(_told_once(speaking, context))
    if options.dry_run or home.where == "nowhere":
        report.counts["findings shown only"] = len(tasks)
        return
    for task, result in zip(tasks, context.tasks.put(tasks), strict=True):
        if result.error is None:
            report.counts["findings written" if result.created else "findings unchanged"] += 1
        else:
            report.counts["findings refused"] += 1
            report.set_aside.append(f"{reference(task.get('focus'))}: {result.error}")
            report.failed = True


def _told_once(speaking: Sequence[Subject], context: Context) -> Iterator[Resource]:
    for subject in speaking:
        task = task_of(subject, context.practice.id, context.clock.now())
        key = effect_key(task_key(context.practice.id, subject.focus), fingerprint(subject))
        task["identifier"] = [{"system": EFFECT_SYSTEM, "value": key}]
        yield task
