"""The evening: clean claims go out once, and what came back is worked into the EHR once.

Both steps may be killed at any point and run again. Going out passes the host's ledger: a claim version that was begun
and not finished is *undecided* and is never sent again blindly. Coming in is idempotent by identifiers, and an answer
is taken away at the clearinghouse only after everything of it was written.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from chartside.codes import MESSAGE_CATEGORY_SYSTEM, MessageCategory, concept
from chartside.errors import ChannelUnavailable, FhirError, InputError, MessageRejected
from chartside.jobs.ledger import Claim as LedgerClaim
from chartside.jobs.ledger import Effect, Result, State, effect_key
from chartside.jobs.model import JobReport
from chartside.types import Resource
from chartside_billing.clearinghouse.base import Answer, Clearinghouse, file_name
from chartside_billing.clearinghouse.desk import Worked, work_in
from chartside_billing.model import Claim, Party
from chartside_billing.x12.remit_fhir import Matched
from chartside_billing.x12.required import missing
from chartside_billing.x12.validate import check_all
from chartside_billing.x12.write837 import Control, write_837

if TYPE_CHECKING:
    from chartside.context import Context


@dataclass(frozen=True, slots=True)
class Parties:
    """Who sends, to whom, and whether it is meant (ISA15 P)."""

    submitter: Party
    receiver: Party
    production: bool = False


def submit(
    context: Context,
    house: Clearinghouse,
    claims: Sequence[Claim],
    parties: Parties,
    *,
    dry_run: bool = False,
) -> JobReport:
    """Send the claims that were not sent before, in one file. ``Claim.source`` with its version makes it this claim."""
    report = JobReport(columns=("claim", "state"))
    problems = _problems(context, claims, parties)
    ready = [claim for claim in claims if id(claim) not in problems]
    for claim in claims:
        if id(claim) in problems:
            report.set_aside.append(f"{claim.source or claim.where}: {problems[id(claim)]}")
            report.counts["set aside"] += 1
    if dry_run:
        report.counts["would go out"] = len(ready)
        return report
    held = context.ledger.claim([_effect(context, claim) for claim in ready])
    by_key = {found.effect.key: claim for found, claim in zip(held, ready, strict=True)}
    begun = [
        c
        for c in context.ledger.begin([c for c in held if c.state is State.CLAIMED])
        if c.state is State.BEGUN
    ]
    for state in (c.state for c in held if c.state is not State.CLAIMED):
        report.counts[_STATES.get(state, str(state))] += 1
    if begun:
        _send(context, house, begun, [by_key[c.effect.key] for c in begun], report, parties)
    return report


def _problems(context: Context, claims: Sequence[Claim], parties: Parties) -> dict[int, str]:
    """Why a claim cannot go out, by ``id`` of the object: what it lacks, or what a validator says of it."""
    found: dict[int, str] = {}
    for claim in claims:
        if lacks := missing(claim):
            found[id(claim)] = f"cannot be written, it lacks {'; '.join(lacks)}"
    left = [claim for claim in claims if id(claim) not in found]
    if left and _judged(context, left, parties):
        for claim in left:
            if problem := _judged(context, [claim], parties):
                found[id(claim)] = f"refused before it left: {problem}"
    return found


def _judged(context: Context, claims: list[Claim], parties: Parties) -> str:
    """The first thing that the writer, pyx12 or x12sdk has against a file of these claims; empty if nothing."""
    control = Control(created=context.clock.now())
    try:
        written = write_837(claims, control=control, submitter=parties.submitter, receiver=parties.receiver)
    except InputError as error:
        return str(error)
    for problem in check_all(written.data):
        return f"{problem.validator} {problem.where}: {problem.reason}"
    return ""


_STATES = {
    State.DONE: "sent before",
    State.HELD: "another worker has it",
    State.UNDECIDED: "undecided: ask the clearinghouse whether it arrived",
    State.NOT_DONE: "refused before",
    State.FAILED: "not recorded, so not sent",
}


def _effect(context: Context, claim: Claim) -> Effect:
    """The submission of one version of one claim."""
    reference = claim.source.split("/_history")[0]
    resource: Resource = {
        "resourceType": "Communication",
        "category": [concept(MESSAGE_CATEGORY_SYSTEM, MessageCategory.STAFF)],
        "payload": [{"contentString": "Submission of a claim to the clearinghouse"}],
    }
    if reference.startswith("Claim/"):
        resource["about"] = [{"reference": reference}]
    return Effect(effect_key(context.practice.id, "billing", "submit", claim.source or claim.id), resource)


def _send(
    context: Context,
    house: Clearinghouse,
    begun: list[LedgerClaim],
    claims: list[Claim],
    report: JobReport,
    parties: Parties,
) -> None:
    """One file with these claims. What surely did not leave is given back; what nobody knows stays begun."""
    now = context.clock.now()
    number = int(now.timestamp()) % 1_000_000_000
    control = Control(created=now, interchange=number, group=number, transaction=1, reference=f"{number:09}")
    try:
        written = write_837(
            claims,
            control=control,
            submitter=parties.submitter,
            receiver=parties.receiver,
            production=parties.production,
        )
        house.submit(file_name(number), written.data)
    except (InputError, ChannelUnavailable) as error:
        context.ledger.release(begun)
        report.notes.append(str(error))
        report.failed = True
        return
    except MessageRejected as error:
        context.ledger.finish([Result(c, done=False, reason="rejected", at=now) for c in begun])
        report.notes.append(str(error))
        report.failed = True
        return
    context.ledger.finish([Result(c, done=True, at=now) for c in begun])
    report.counts["sent"] += len(claims)
    report.notes += [f"repaired {repair.where}: {repair.what}" for repair in written.repairs]


def receive(context: Context, house: Clearinghouse, *, appeal_days: int | None = None) -> JobReport:
    """Work in every answer that waits: PaymentReconciliations and Tasks, each written once."""
    report = JobReport(columns=("answer", "kind", "claims", "tasks", "problem"))
    answers = list(house.fetch())
    if not answers:
        return report
    claims = list(matched_claims(context.fhir.search("Claim", {"status": "active"})))
    for worked in work_in(answers, claims, now=context.clock.now(), appeal_days=appeal_days):
        report.rows.append(_row(worked))
        if worked.problem:
            report.set_aside.append(f"{worked.answer.name}: {worked.problem}")
            report.counts["set aside"] += 1
        elif _write(context, worked, report):
            house.done(worked.answer)
    return report


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
        for resource in _kept(context, worked):
            identifier = resource["identifier"][0]
            condition = f"identifier={identifier['system']}|{identifier['value']}"
            made = context.fhir.create(resource, if_none_exist=condition)
            report.counts["payments" if made.created else "payments known"] += 1
        for result in context.tasks.put(worked.tasks):
            known = "tasks" if result.created else "tasks known"
            report.counts[known if result.error is None else "tasks refused"] += 1
            if result.error is not None:
                return False
    except FhirError as error:
        report.notes.append(f"{worked.answer.name}: {error}")
        report.failed = True
        return False
    report.counts[f"{worked.kind} worked in"] += 1
    return True


def _kept(context: Context, worked: Worked) -> list[Resource]:
    """The payments as the EHR takes them: PaymentReconciliation, else the answer itself as a DocumentReference."""
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


def matched_claims(claims: Iterable[Resource]) -> Iterator[Matched]:
    """The EHR's Claims under every number that an 837P may carry for them: their id and their identifiers."""
    for claim in claims:
        patient = claim.get("patient") or {}
        total = claim.get("total") or {}
        numbers = {
            str(claim.get("id", "")),
            *(str(i.get("value", "")) for i in claim.get("identifier") or []),
        }
        for number in sorted(n for n in numbers if n):
            yield Matched(
                f"Claim/{claim.get('id', '')}",
                number,
                str(patient.get("reference", "")) if isinstance(patient, dict) else "",
                Decimal(str(total["value"])) if isinstance(total, dict) and "value" in total else None,
            )
