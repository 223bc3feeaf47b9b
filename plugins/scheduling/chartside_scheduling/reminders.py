"""The job: remind of what is due, tell what became of each, give the undecided to the staff."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside import Job, JobOptions, JobReport, effect_key
from chartside.codes import MESSAGE_CATEGORY_SYSTEM, MessageCategory, TaskCode, has_coding
from chartside.jobs.tasks import StaffTask
from chartside.messaging.model import UNCLEAR, Outcome, Status
from chartside_scheduling import notices
from chartside_scheduling.planning import Plan
from chartside_scheduling.texts import Texts

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.jobs.ledger import Claim

COLUMNS = ("appointment", "client", "step", "by", "outcome", "why", "recorded")
_UNDECIDED = (
    "A reminder may or may not have been sent, and the provider cannot tell. "
    "Please look, and call the client if in doubt."
)


def run(context: Context, options: JobOptions) -> JobReport:
    """Send every reminder that is due, once. Safe to run again and to be killed at any point."""
    report = JobReport(columns=COLUMNS)
    wrong = Texts(context.settings, context.practice).problems()
    if wrong:  # R-2 holds for whoever never runs `check`
        return JobReport(failed=True, notes=[f"nothing was sent: {problem}" for problem in wrong])
    plan = Plan(context, report)
    told = Teller(context, report, plan)
    outcomes: Iterable[Outcome] = context.messages.deliver(
        plan.intents(), plan.recheck, dry_run=options.dry_run
    )
    if options.dry_run:
        outcomes = known(context, list(outcomes))
    for number, outcome in enumerate(outcomes, start=1):
        told.tell(outcome)
        options.progress(number, number, "reminders")
    told.older(context.ledger.undecided())
    if not options.dry_run:
        told.ask_staff()
    report.counts["due"] = sum(report.counts.values())
    return report


class Teller:
    """Writes the report, and keeps what the staff must look at."""

    def __init__(self, context: Context, report: JobReport, plan: Plan) -> None:
        self._context, self._report, self._plan = context, report, plan
        self._zone = ZoneInfo(context.practice.time_zone)
        self._tasks: list[StaffTask] = []
        self._named: set[str] = set()

    def tell(self, outcome: Outcome) -> None:
        """One row and one count."""
        intent = outcome.intent
        reason = self._plan.problem(intent) or outcome.reason
        until = outcome.not_before
        wait = f" until {until.astimezone(self._zone):%m-%d %H:%M}" if until else ""
        cells = (
            intent.about.partition("/")[2],
            intent.patient.partition("/")[2],
            intent.parts[-1],
            outcome.channel,
            outcome.status.value,
            reason + wait,
            outcome.home,
        )
        self._report.rows.append(dict(zip(COLUMNS, cells, strict=True)))
        self._report.counts[f"{outcome.status.value}: {reason}" if reason else outcome.status.value] += 1
        self._named.add(outcome.key)
        if outcome.status is Status.UNDECIDED and outcome.reason != UNCLEAR:
            self._keep(outcome.key, intent.patient, intent.about)

    def older(self, claims: Iterable[Claim]) -> None:
        """Reminders that were begun and never ended, and are no longer due: nobody would come back to them."""
        for claim in claims:
            resource = claim.effect.resource
            category = (resource.get("category") or [resource.get("code") or {}])[0]
            ours = has_coding(category.get("coding"), MESSAGE_CATEGORY_SYSTEM, MessageCategory.REMINDER)
            if claim.effect.key in self._named or (resource and not ours):
                continue
            about = ((resource.get("about") or [resource.get("focus") or {}])[0]).get("reference", "")
            patient = (resource.get("subject") or resource.get("for") or {}).get("reference", "")
            cells = (
                about.partition("/")[2],
                patient.partition("/")[2],
                "",
                "",
                Status.UNDECIDED.value,
                "no longer due",
                claim.home,
            )
            self._report.rows.append(dict(zip(COLUMNS, cells, strict=True)))
            self._report.counts[f"{Status.UNDECIDED.value}: no longer due"] += 1
            self._keep(claim.effect.key, patient, about)

    def ask_staff(self) -> None:
        """One Task for each undecided reminder, asked once however often it is found."""
        home = str(self._context.tasks.home)
        answers = self._context.tasks.ask(self._tasks)
        lost = sum(answer.error is not None for answer in answers)
        if self._tasks:
            note = f"{len(self._tasks)} undecided: the staff is asked to look ({home})"
            self._report.notes.append(f"{note}; {lost} could not be written" if lost else note)

    def _keep(self, key: str, patient: str, about: str) -> None:
        name = effect_key("undecided", key)
        self._tasks.append(
            StaffTask(name, TaskCode.UNDECIDED_EFFECT, _UNDECIDED, patient, about, priority="urgent")
        )


def known(context: Context, outcomes: list[Outcome]) -> Iterable[Outcome]:
    """A dry run claims nothing, so what was sent already is looked up in the EHR's records instead."""
    keys = [outcome.key for outcome in outcomes if outcome.key]
    sent = notices.recorded(context, keys, ("completed", "in-progress", "not-done"))
    for outcome in outcomes:
        home = sent.get(outcome.key)
        yield (
            replace(outcome, status=Status.ALREADY, reason="", home=home, not_before=None)
            if home
            else outcome
        )


JOB = Job("reminders", "Reminds clients of their visits.", run)
