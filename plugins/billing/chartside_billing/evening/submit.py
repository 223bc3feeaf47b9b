"""Clean claims go out, each once.

May be killed at any point and run again: going out passes the host's ledger, and a claim that was begun and not
finished is *undecided* and is never sent again blindly (``chartside billing settle``). A new version of a claim that
went out is not sent again by itself: a payer would deny it as a duplicate. Only where it was rejected (277CA) and a
person has closed the Task of the rejection does it go out once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chartside.codes import (
    MESSAGE_CATEGORY_SYSTEM,
    TASK_CODE_SYSTEM,
    MessageCategory,
    TaskCode,
    concept,
)
from chartside.errors import AuditUnavailable, FhirError
from chartside.gate.gate import UNASKED
from chartside.jobs.ledger import Claim as LedgerClaim
from chartside.jobs.ledger import Effect, Result, State, effect_key
from chartside.jobs.model import Job, JobOptions, JobReport
from chartside.types import Resource
from chartside_billing.clearinghouse.base import Clearinghouse
from chartside_billing.clearinghouse.refused import SentClaim, refused_claims
from chartside_billing.dates import parse_fhir_date
from chartside_billing.evening import next_payer
from chartside_billing.evening.account import KIND, Parties, open_house
from chartside_billing.evening.findings import OPEN, is_scrub_task, resolved
from chartside_billing.evening.judge import judge
from chartside_billing.evening.permit import Answer, ask, named, requests_of, with_notice
from chartside_billing.evening.scrub import keeps_tasks
from chartside_billing.evening.secondary import follow_ups
from chartside_billing.evening.sending import name_of, problems_of, send_file
from chartside_billing.evening.sent import place_of
from chartside_billing.fhir_claim.pick import part, reference
from chartside_billing.model import Claim

if TYPE_CHECKING:
    from chartside.context import Context


_WAITS = "rejected before: waits until its task is closed"
_STATES = {
    State.DONE: "sent before",
    State.HELD: "another worker has it",
    State.UNDECIDED: "undecided: ask the clearinghouse whether it arrived, then `chartside billing settle`",
    State.NOT_DONE: "refused before",
    State.FAILED: "not recorded, so not sent",
}


def run(context: Context, options: JobOptions) -> JobReport:
    """The job: judge, and send what has no error. Without ``send = true`` it only says what would go out."""
    house = context.settings.clearinghouse
    if house is None:
        return JobReport(notes=["No clearinghouse is configured: [plugins.billing.clearinghouse]."])
    opened, parties = open_house(context)
    claims = clean_claims(context, options)
    told = JobReport()
    later = _later(context, told)
    states: dict[SentClaim, str] = {}
    all_of_them = [*claims, *(one.claim for one in later if one.claim is not None)]
    dry = options.dry_run or not house.send
    report = submit(context, opened, all_of_them, parties, dry_run=dry, states=states)
    report.counts += told.counts
    report.notes += told.notes
    if not dry:
        _settle_later(context, later, states, report)
    if not house.send:
        report.notes.append(
            "Nothing is sent by itself: set send = true under [plugins.billing.clearinghouse]."
        )
    return report


JOB = Job("submit", "Send clean claims to the clearinghouse, each once", run, every=timedelta(hours=12))


def _later(context: Context, told: JobReport) -> list[next_payer.Prepared]:
    """The next payers' claims that may go out; if they cannot be made now, the first payers' go all the same."""
    try:
        return [one for one in next_payer.prepare(context, told) if one.clean]
    except FhirError as error:
        told.notes.append(f"the next payers' claims cannot be made now: {error}")
        return []


def _settle_later(
    context: Context, later: list[next_payer.Prepared], states: dict[SentClaim, str], report: JobReport
) -> None:
    """What went out is recorded already: a Task that cannot be closed now is closed at the next run."""
    try:
        next_payer.settle(context, later, states)
    except FhirError as error:
        report.notes.append(f"tasks of the next payers' claims are closed at the next run: {error}")


def clean_claims(context: Context, options: JobOptions) -> list[Claim]:
    """Active claims without an error. Where the EHR stores Claims, only stored ones: a visit without one waits for the
    biller."""
    evening = judge(context, also=_released(context), tell=options.progress)
    judged = zip(evening.pairs, evening.reports, strict=True)
    clean = {id(claim) for (claim, _), report in judged if report.clean}
    return [claim for claim, _ in evening.sendable if id(claim) in clean]


def _released(context: Context) -> list[str]:
    """Claims of Tasks, however old: those that a scrub Task holds or held, and those that were refused and mended.

    What was closed longer ago than the window is left out: its claim went out then, or was looked at in vain.
    """
    if not keeps_tasks(context):
        return []
    since = context.clock.now() - timedelta(days=context.settings.days)
    kinds = {"code": f"{TASK_CODE_SYSTEM}|{TaskCode.CLAIM_SCRUB}"}
    scrubbed = [task for task in context.fhir.search("Task", kinds).matches() if is_scrub_task(task)]
    held = [t for t in scrubbed if t.get("status") in OPEN or (resolved(t) and _touched(t, since))]
    mended = [t for t in follow_ups(context) if t.get("status") == "completed" and _touched(t, since)]
    names = {reference(task.get("focus")) for task in held}
    names |= {one.reference for task in mended for one in refused_claims(task) if not one.place}
    return sorted(names - {""})


def _touched(task: Resource, since: datetime) -> bool:
    """Whether it was changed since then, or nobody says when."""
    told = (part(task, "meta").get("lastUpdated"), task.get("lastModified"))
    days = [day for text in told if (day := parse_fhir_date(str(text or "")))]
    return not days or max(days) >= since.date()


def submit(
    context: Context,
    house: Clearinghouse,
    claims: Sequence[Claim],
    parties: Parties,
    *,
    dry_run: bool = False,
    states: dict[SentClaim, str] | None = None,
) -> JobReport:
    """Send the claims that were not sent before, in one file. ``states``: is told what became of each.

    Raises OutcomeUnknown where nobody can tell whether it arrived: the claims then stay undecided.
    """
    report = JobReport(columns=("claim", "state"))
    context.outlet.recipient(KIND, parties.recipient, "claim")
    problems = problems_of(context, claims, parties)
    ready = [claim for claim in claims if id(claim) not in problems]
    for claim in claims:
        if id(claim) in problems:
            report.set_aside.append(f"{claim.source or claim.where}: {problems[id(claim)]}")
            report.counts["set aside"] += 1
    if dry_run:
        answers = ask(context, [requests_of(context, claim) for claim in ready], acting=False)
        told = [_told(claim, answer, report) for claim, answer in zip(ready, answers, strict=True)]
        report.counts["would go out, where not sent before"] = sum(found is not None for found in told)
        return report
    waiting, mended = _rejections(context)
    report.counts += Counter(_WAITS for claim in ready if name_of(claim) in waiting)
    ready = [claim for claim in ready if name_of(claim) not in waiting]
    held = context.ledger.claim([effect_of(context, claim, mended[name_of(claim)]) for claim in ready])
    by_key = {found.effect.key: claim for found, claim in zip(held, ready, strict=True)}
    claimed = _permitted(context, [c for c in held if c.state is State.CLAIMED], by_key, report)
    begun = [c for c in context.ledger.begin(claimed) if c.state is State.BEGUN]
    left = {c.effect.key for c in begun}
    lost = (State.FAILED for c in claimed if c.effect.key not in left)
    ended = [*lost, *(c.state for c in held if c.state is not State.CLAIMED)]
    report.counts += Counter(_STATES.get(state, str(state)) for state in ended)
    gone = (
        send_file(context, house, begun, [by_key[c.effect.key] for c in begun], report, parties)
        if begun
        else False
    )
    if states is not None:
        states |= {name_of(by_key[c.effect.key]): _STATES.get(c.state, "") for c in held}
        states |= {name_of(by_key[c.effect.key]): "sent" for c in begun if gone}
    return report


def _permitted(
    context: Context, claimed: list[LedgerClaim], by_key: dict[str, Claim], report: JobReport
) -> list[LedgerClaim]:
    """Those that the gate lets go out; the others are given back, and shown."""
    groups = [requests_of(context, by_key[c.effect.key]) for c in claimed]
    try:
        answers = ask(context, groups)
    except (AuditUnavailable, FhirError) as error:
        context.ledger.release(claimed)
        report.notes.append(str(error))
        report.failed = True
        return []
    allowed: list[LedgerClaim] = []
    for one, answer in zip(claimed, answers, strict=True):
        found = _told(by_key[one.effect.key], answer, report)
        if found is not None:
            by_key[one.effect.key] = found
            allowed.append(one)
    chosen = {c.effect.key for c in allowed}
    context.ledger.release([c for c in claimed if c.effect.key not in chosen])
    return allowed


def _told(claim: Claim, answer: Answer, report: JobReport) -> Claim | None:
    """The claim as it may go out; else None, and why."""
    found = with_notice(claim) if answer.allowed and answer.notice else claim
    why = answer.why if found is not None else "the notice of 42 CFR 2.32 has no room in its notes"
    if answer.unasked and UNASKED not in report.notes:
        report.notes.append(UNASKED)
    if answer.allowed and found is not None:
        return found
    report.counts["held back"] += 1
    report.set_aside.append(f"{named(claim)}: held back. {why}")
    return None


def settle(context: Context, claims: Sequence[Claim], *, arrived: bool) -> int:
    """Say of the undecided ones among these claims whether the clearinghouse has them; how many there were.

    Those that did not arrive go out with the next run.
    """
    _, mended = _rejections(context)
    held = context.ledger.claim([effect_of(context, claim, mended[name_of(claim)]) for claim in claims])
    context.ledger.release([c for c in held if c.state is State.CLAIMED])
    undecided = [c for c in held if c.state is State.UNDECIDED]
    if arrived:
        context.ledger.finish([Result(c, done=True, at=context.clock.now()) for c in undecided])
    else:
        context.ledger.release(context.ledger.reopen(undecided))
    return len(undecided)


def effect_of(context: Context, claim: Claim, times_rejected: int = 0) -> Effect:
    """The submission of a claim to the payer that it names; another one for each rejection that was mended."""
    reference = claim.source.split("/_history")[0]
    resource: Resource = {
        "resourceType": "Communication",
        "category": [concept(MESSAGE_CATEGORY_SYSTEM, MessageCategory.STAFF)],
        "payload": [{"contentString": "Submission of a claim to the clearinghouse"}],
    }
    if "/" in reference:
        resource["about"] = [{"reference": reference}]
    payer = claim.insurance.payer.id if claim.insurance.payer else ""
    parts = (reference or claim.id, payer, claim.frequency, claim.original_claim_number, str(times_rejected))
    place = [f"payer {p}"] if (p := place_of(claim)) else []
    return Effect(effect_key(context.practice.id, "billing", "submit", *parts, *place), resource)


def _rejections(context: Context) -> tuple[set[SentClaim], Counter[SentClaim]]:
    """Claims with an open Task of a refusal, of them or of their file, and how many closed ones each has. The same
    claim to its next payer is another one."""
    waiting: set[SentClaim] = set()
    mended: Counter[SentClaim] = Counter()
    if keeps_tasks(context):
        asked = {"code": f"{TASK_CODE_SYSTEM}|{TaskCode.FOLLOW_UP}"}
        for task in context.fhir.search("Task", asked).matches():
            if task.get("status") in OPEN:
                waiting.update(refused_claims(task))
            elif task.get("status") == "completed":
                mended.update(refused_claims(task))
    return waiting, mended
