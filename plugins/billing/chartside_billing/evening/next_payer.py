"""The next payer's claims that stand on the task list: made from the EHR and the kept 835, judged by all rules, sent.

Made anew at every run, so that a correction in the chart counts. What a rule finds stands in the Task; what is clean
goes out with the first payers' claims, through the same ledger, gate and setting, once.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside.codes import concept, has_coding
from chartside.errors import InputError
from chartside.jobs.ledger import effect_key
from chartside.jobs.model import JobReport
from chartside.types import Resource
from chartside_billing.clearinghouse.refused import SentClaim, refused_claims
from chartside_billing.evening.findings import OPEN, output_of
from chartside_billing.evening.matching import matched
from chartside_billing.evening.scrub import keeps_tasks
from chartside_billing.evening.secondary import decision_identifier, follow_ups, is_next_payer
from chartside_billing.evening.sending import name_of, problems_of
from chartside_billing.fhir_claim.assemble import Pair, assemble
from chartside_billing.fhir_claim.gather import Gatherer
from chartside_billing.fhir_claim.make import UNBILLED
from chartside_billing.fhir_claim.payers import with_later
from chartside_billing.fhir_claim.pick import each, own, part, reference
from chartside_billing.model import Claim
from chartside_billing.rules.base import ERROR
from chartside_billing.scrub import Finding, Report, Scrubber
from chartside_billing.systems import BILLING_SYSTEM, FINDINGS_SYSTEM, BillingCode
from chartside_billing.x12.graph import Graph
from chartside_billing.x12.remit import PaidClaim, Remittance, balance, read_835
from chartside_billing.x12.secondary import secondary_claim

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside_billing.evening.account import Parties

BY_HAND = "Write that payer's claim by hand: `chartside billing secondary`."
ANEW = (
    "The first payer decided anew after the next payer's claim had gone out: that payer needs a replacement"
    " (frequency 7)."
)
TWICE = "The first payer decided more than once: complete the task of the decision that does not hold."
Decision = tuple[PaidClaim, Remittance]


@dataclass(frozen=True, slots=True)
class Prepared:
    """An open Task with its claim to the next payer; ``claim`` is None where ``problem`` says why there is none."""

    task: Resource
    claim: Claim | None = None
    report: Report | None = None
    problem: str = ""
    refusals: int = 0
    """How often it was refused and mended."""

    @property
    def clean(self) -> bool:
        """Whether it may go out."""
        return self.claim is not None and self.report is not None and self.report.clean


def prepare(context: Context, report: JobReport) -> list[Prepared]:
    """Make and judge the claim of every open Task, and let the Task say what was found. Raises FhirError."""
    if not keeps_tasks(context):
        return []
    followed = follow_ups(context)
    known = [task for task in followed if is_next_payer(task) and _decision_of(task) != ("", "")]
    refusals = _refusals(followed)
    tasks = [task for task in known if _waits(task, refusals)]
    if not tasks:
        return []
    doubtful = _doubtful(tasks, known)
    made = [_made(t, *found, doubt=doubtful.get(own(t), "")) for t, found in _sources(context, tasks)]
    made = [replace(one, refusals=refusals[reference(one.task.get("focus"))]) for one in made]
    made = _judged(context, made)
    report.counts["next payers' claims ready"] += sum(one.clean for one in made)
    report.counts["next payers' claims with errors"] += sum(not one.clean for one in made)
    return made


def writable(
    context: Context, prepared: Sequence[Prepared], parties: Parties, report: JobReport
) -> list[Prepared]:
    """The same; a clean claim that cannot go out, as the writer or a validator says, has that as its ``problem``."""
    problems = problems_of(context, [one.claim for one in prepared if one.clean and one.claim], parties)
    report.counts["next payers' claims ready"] -= len(problems)
    report.counts["next payers' claims with errors"] += len(problems)
    return [
        replace(one, claim=None, report=None, problem=f"The next payer's claim {why}.")
        if (why := problems.get(id(one.claim)))
        else one
        for one in prepared
    ]


def tell(context: Context, prepared: Sequence[Prepared], *, send: bool) -> None:
    """Bring the Tasks up to what was found; one that says so already is left alone."""
    for one in prepared:
        task = _told(one, send=send)
        if task is not None:
            context.fhir.update(task)


def settle(context: Context, prepared: Sequence[Prepared], states: Mapping[SentClaim, str]) -> None:
    """Close the Tasks of what went out, now or in a run that was killed before it closed them."""
    for one in prepared:
        if one.claim is not None and states.get(name_of(one.claim)) in {"sent", "sent before"}:
            kind = concept(BILLING_SYSTEM, BillingCode.SENT)
            status = {**kind, "text": "The claim went to the next payer"}
            closed = {**one.task, "status": "completed", "businessStatus": status}
            context.fhir.update({**closed, "output": [{"type": kind, "valueInteger": one.refusals}]})


def _refusals(tasks: Sequence[Resource]) -> Counter[str]:
    """How often a claim to a later payer was refused and mended (its Task was completed), by the claim."""
    mended = (one for task in tasks if task.get("status") == "completed" for one in refused_claims(task))
    return Counter(one.reference for one in mended if one.place)


def _waits(task: Resource, refusals: Counter[str]) -> bool:
    """Whether its claim is still to go out: it is open, or was refused and mended since it went out."""
    if task.get("status") in OPEN or not _closed_as_sent(task):
        return task.get("status") in OPEN
    told = (o.get("valueInteger") for o in each(task, "output"))
    return refusals[reference(task.get("focus"))] > next((n for n in told if isinstance(n, int)), 0)


def _doubtful(tasks: Sequence[Resource], known: Sequence[Resource]) -> dict[str, str]:
    """Why no claim is made, by Task, where it is not clear which decision holds: nothing is sent on a guess."""
    tasks = [task for task in tasks if not _closed_as_sent(task)]
    focuses = Counter(reference(task.get("focus")) for task in tasks)
    gone = {reference(task.get("focus")) for task in known if _closed_as_sent(task)}
    found: dict[str, str] = {}
    for task in tasks:
        focus = reference(task.get("focus"))
        if focus in gone:
            found[own(task)] = ANEW
        elif focuses[focus] > 1:
            found[own(task)] = TWICE
    return found


def _closed_as_sent(task: Resource) -> bool:
    return has_coding(part(task, "businessStatus").get("coding"), BILLING_SYSTEM, BillingCode.SENT)


def _inputs(task: Resource) -> list[Resource]:
    """What the Task says of the decision."""
    return [
        i
        for i in each(task, "input")
        if has_coding(part(i, "type").get("coding"), BILLING_SYSTEM, BillingCode.DECISION)
    ]


def _decision_of(task: Resource) -> tuple[str, str]:
    """The DocumentReference of the 835, and the place of the CLP in it."""
    found = _inputs(task)
    document = next((name for i in found if (name := reference(i.get("valueReference")))), "")
    place = next((str(i["valueString"]) for i in found if i.get("valueString")), "")
    return document, place


def _sources(
    context: Context, tasks: Sequence[Resource]
) -> list[tuple[Resource, tuple[Pair | None, Decision | str]]]:
    """Each Task with the claim as the chart says it now, and the decision; a sentence where that cannot be read."""
    names = [_decision_of(task) for task in tasks]
    ids = sorted({document.partition("/")[2] for document, _ in names})
    documents = context.fhir.read_many("DocumentReference", ids)
    decisions = {number: _read(document) for number, document in documents.items()}
    pairs = _assembled(context, sorted({reference(task.get("focus")) for task in tasks} - {""}))
    found: list[tuple[Resource, tuple[Pair | None, Decision | str]]] = []
    for task, (document, place) in zip(tasks, names, strict=True):
        kept = decisions.get(document.partition("/")[2], "the kept remittance is not there any more")
        decision = kept if isinstance(kept, str) else kept.get(place, "the kept remittance has no such claim")
        found.append((task, (pairs.get(reference(task.get("focus"))), decision)))
    return found


def _read(document: Resource) -> dict[str, Decision] | str:
    attachment = next((part(c, "attachment") for c in each(document, "content")), {})
    data = attachment.get("data")
    if not isinstance(data, str):
        return "this EHR does not give the kept remittance back"
    try:
        remittances = read_835(base64.b64decode(data, validate=True))
    except (InputError, binascii.Error, ValueError):
        return "the kept remittance cannot be read"
    return {paid.where: (paid, r) for r in remittances for paid in r.claims}


def _assembled(context: Context, names: Sequence[str]) -> dict[str, Pair]:
    """The claims as the first payer got them, with the later Coverages of their clients."""
    settings = context.settings
    found = Gatherer(context).named(names, history_days=settings.history_days)
    coverages = found.of("Coverage")
    graph = Graph(("", with_later(r, coverages)) for r in found.resources.values())
    _, loaded = settings.rule_book(_today(context))
    made = assemble(
        graph,
        wanted=found.wanted,
        zone=context.practice.time_zone,
        fees=loaded.fees,
        video_place=settings.video_place,
    )
    return {own(resource): (claim, resource) for claim, resource in made.claims}


def _today(context: Context) -> date:
    return context.clock.now().astimezone(ZoneInfo(context.practice.time_zone)).date()


def _made(task: Resource, pair: Pair | None, decision: Decision | str, *, doubt: str) -> Prepared:
    if doubt or isinstance(decision, str):
        return Prepared(task, problem=doubt or f"{decision}.")
    if pair is None or pair[0].status not in {"active", UNBILLED}:
        return Prepared(task, problem="The claim is not there any more, or is not active.")
    paid, remittance = decision
    if not _is_of(paid, task, pair[1]):
        return Prepared(task, problem="The kept decision is of another claim.")
    whole = Remittance(amount=paid.paid, claims=[paid])
    if balance(whole):
        return Prepared(task, problem="The decision does not balance: ask the payer.")
    try:
        return Prepared(task, secondary_claim(pair[0], _ours(paid, pair[0]), remittance))
    except InputError as error:
        return Prepared(task, problem=f"{error}.")


def _is_of(paid: PaidClaim, task: Resource, resource: Resource) -> bool:
    """Whether the CLP at the place is the one for which the Task was written, and names the claim that it is about:
    Tasks and documents are the EHR's, and may have been changed or given another focus."""
    told = [i["valueIdentifier"] for i in _inputs(task) if "valueIdentifier" in i]
    numbers = {one.number.upper() for one in matched([resource])}
    return paid.id.upper() in numbers and told in ([], [decision_identifier(paid)])


def _ours(paid: PaidClaim, claim: Claim) -> PaidClaim:
    """The decision under the number that its claim has in an 837P: CLP01 may be another of its numbers (ERA-002)."""
    return replace(paid, id=claim.id)


def _judged(context: Context, prepared: Sequence[Prepared]) -> list[Prepared]:
    book, loaded = context.settings.rule_book(_today(context))
    claims = [one.claim for one in prepared if one.claim is not None]
    reports = iter(Scrubber(book, loaded).claims(claims))
    return [replace(one, report=next(reports)) if one.claim is not None else one for one in prepared]


def _told(one: Prepared, *, send: bool) -> Resource | None:
    """The Task with what was found; None where it says so already."""
    findings: Sequence[Finding] = (
        [f for f in one.report.findings if f.severity == ERROR] if one.report else []
    )
    if one.problem:
        text = one.problem if one.problem == TWICE else f"{one.problem} {BY_HAND}"
    elif findings:
        text = f"The next payer's claim has {len(findings)} error(s) before it can go out."
    elif _closed_as_sent(one.task):
        return None  # refused and mended: it goes out again, and nobody has anything to do
    elif send:
        text = "Secondary claim ready: it goes out with the next run of billing.submit."
    else:
        text = f"Secondary claim ready. Nothing is sent by itself: set send = true. {BY_HAND}"
    print_ = effect_key(text, *(f"{f.rule.id} {f.where} {f.message}" for f in findings))
    held = next(
        (i.get("value") for i in each(one.task, "identifier") if i.get("system") == FINDINGS_SYSTEM), ""
    )
    if held == print_:
        return None
    others = [i for i in each(one.task, "identifier") if i.get("system") != FINDINGS_SYSTEM]
    task = {
        **one.task,
        "identifier": [*others, {"system": FINDINGS_SYSTEM, "value": print_}],
        "description": text,
    }
    task.pop("output", None)
    if _closed_as_sent(task):
        task = {**task, "status": "requested"}
        task.pop("businessStatus", None)
    return {**task, "output": [output_of(f) for f in findings]} if findings else task
