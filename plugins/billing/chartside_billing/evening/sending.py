"""The file in which claims leave: whether they can be written, its number, the way out, what is remembered of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chartside.errors import (
    AuditUnavailable,
    ChannelUnavailable,
    FhirError,
    InputError,
    JobOverdue,
    MessageRejected,
)
from chartside.jobs.ledger import Claim as LedgerClaim
from chartside.jobs.ledger import Result
from chartside.jobs.model import JobReport
from chartside_billing.clearinghouse.base import Clearinghouse, file_name, interchange_number
from chartside_billing.clearinghouse.refused import SentClaim
from chartside_billing.evening import sent
from chartside_billing.evening.account import KIND, Parties
from chartside_billing.evening.sent import keep, place_of
from chartside_billing.model import Claim
from chartside_billing.x12.required import missing
from chartside_billing.x12.validate import check_all
from chartside_billing.x12.write837 import Control, write_837

if TYPE_CHECKING:
    from chartside.context import Context


def problems_of(context: Context, claims: Sequence[Claim], parties: Parties) -> dict[int, str]:
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


def send_file(
    context: Context,
    house: Clearinghouse,
    begun: list[LedgerClaim],
    claims: list[Claim],
    report: JobReport,
    parties: Parties,
) -> bool:
    """One file with these claims, and whether it went out. What surely did not leave is given back; what nobody knows
    stays begun."""
    now = context.clock.now()
    try:
        number = _free(context, interchange_number(now))
        control = Control(
            created=now, interchange=number, group=number, transaction=1, reference=f"{number:09}"
        )
        written = write_837(
            claims,
            control=control,
            submitter=parties.submitter,
            receiver=parties.receiver,
            production=parties.production,
        )
        about = [(_patient(claim), claim.source) for claim in claims]
        context.outlet.disclose(KIND, parties.recipient, "claim", about, purpose="HPAYMT")
        house.submit(file_name(number), written.data)
    except (
        InputError,
        FhirError,
        ChannelUnavailable,
        AuditUnavailable,
        MessageRejected,
        JobOverdue,
    ) as error:
        context.ledger.release(begun)  # a file that was refused took none of its claims along
        report.notes.append(str(error))
        report.failed = True
        return False
    _remember(context, number, written.data, claims, report)
    context.ledger.finish([Result(c, done=True, at=now) for c in begun])
    report.counts["sent"] += len(claims)
    report.notes += [f"repaired {repair.where}: {repair.what}" for repair in written.repairs]
    return True


def _free(context: Context, number: int) -> int:
    """The number, or the next even one that no file of ours has: two runs in one second."""
    numbers = range(number, number + 20, 2)
    taken = sent.read(context, [f"{n:09}" for n in numbers])
    return next(n for n in numbers if f"{n:09}" not in taken)


def _remember(context: Context, number: int, data: bytes, claims: Sequence[Claim], report: JobReport) -> None:
    """The file went out, whatever the EHR says now: it is recorded as sent all the same."""
    try:
        keep(context, number, data, claims)
    except (FhirError, JobOverdue) as error:
        told = f"interchange {number:09} was sent, but the EHR has no record of it ({error})"
        report.notes.append(f"{told}: an answer to the whole file cannot name its claims")
        report.failed = True


def name_of(claim: Claim) -> SentClaim:
    """What a claim is called: its reference, and the payer's place where it is not the first."""
    return SentClaim(claim.source.split("/_history")[0], place_of(claim))


def _patient(claim: Claim) -> str:
    return claim.member.ref if claim.member and claim.member.ref.startswith("Patient/") else ""
