"""The evening's mail: answers of a clearinghouse become resources for the EHR. Nothing is written here, and
twice is once.

999 and 277CA rejections become Tasks (ACK-001); each 835 payment a PaymentReconciliation and the Tasks of what needs a
person. All carry deterministic identifiers. An answer that cannot be read is set aside and named; the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from chartside.errors import InputError
from chartside.types import Resource
from chartside_billing.clearinghouse.base import Answer
from chartside_billing.clearinghouse.refused import (
    Files,
    batch_of,
    file_number,
    of_group,
    of_interchange,
    of_report,
)
from chartside_billing.x12.acks import GroupAnswer, InterchangeAnswer, StatusReport
from chartside_billing.x12.eligibility import EligibilityAnswer, to_response
from chartside_billing.x12.reading import read_document
from chartside_billing.x12.remit import PaidClaim, Remittance
from chartside_billing.x12.remit_fhir import Matched, match, payment_reconciliation, work_items

_ANSWERS = frozenset({"835", "999", "TA1", "277", "271"})


@dataclass(frozen=True, slots=True)
class Decided:
    """A payer's decision on a claim of ours, and the remittance in which it stands."""

    paid: PaidClaim
    ours: Matched
    remittance: Remittance


@dataclass(slots=True)
class Worked:
    """What one answer comes to. ``problem``: why it could not be read; it stays with the clearinghouse."""

    answer: Answer
    kind: str = ""
    reconciliations: list[Resource] = field(default_factory=list)
    tasks: list[Resource] = field(default_factory=list)
    eligibility: list[Resource] = field(default_factory=list)
    """CoverageEligibilityResponses."""
    decided: list[Decided] = field(default_factory=list)
    """What payers decided on claims of ours, those that match exactly one."""
    claims: int = 0
    """Claims that the answer speaks of."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer with what was read from it; ``problem`` says why it could not be read."""

    answer: Answer
    kind: str = ""
    items: Sequence[object] = ()
    problem: str = ""

    def numbers(self) -> Iterator[str]:
        """The claim numbers (CLM01) that it speaks of."""
        for item in self.items:
            if isinstance(item, Remittance):
                yield from (paid.id for paid in item.claims if paid.id)
            elif isinstance(item, StatusReport):
                yield from (status.reference for status in item.claims if status.reference)

    def files(self) -> Iterator[str]:
        """The files of ours that it speaks of as a whole, or whose claims it speaks of."""
        for item in self.items:
            if isinstance(item, GroupAnswer | InterchangeAnswer):
                yield file_number(item.control)
            elif isinstance(item, StatusReport):
                yield batch_of(item)

    def traces(self) -> Iterator[str]:
        """The questions (TRN02 of our 270) that it answers."""
        yield from (item.trace for item in self.items if isinstance(item, EligibilityAnswer) and item.trace)


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of what went out: files by number, and the claims that have a later payer's claim, too."""

    files: Files
    later: Set[str]


def read(answer: Answer) -> Opened:
    """Read an answer; never raises for what is in it."""
    if answer.problem:
        return Opened(answer, problem=answer.problem)
    try:
        document = read_document(answer.data)
    except InputError as error:
        return Opened(answer, problem=str(error))
    return Opened(answer, document.kind, document.items)


def work_in(
    opened: Opened,
    claims: Sequence[Matched],
    *,
    now: datetime,
    appeal_days: int | None = None,
    requests: Mapping[str, Resource] = MappingProxyType({}),
    files: Files = MappingProxyType({}),
    later: Set[str] = frozenset(),
) -> Worked:
    """What an answer comes to. ``claims``: those of ours that it may speak of; ``requests``: our stored
    CoverageEligibilityRequests by id, which is the trace of a 270; ``files``: those of ours that it may speak of;
    ``later``: our claims (references) that have a later payer's claim, too."""
    worked = Worked(opened.answer, opened.kind, problem=opened.problem)
    if not opened.problem and opened.kind not in _ANSWERS:
        worked.problem = f"a {opened.kind} is no answer"
        return worked
    for item in opened.items:
        if isinstance(item, EligibilityAnswer):
            _eligibility(item, worked, requests, now)
        else:
            _work(item, worked, claims, Sent(files, later), now, appeal_days)
    return worked


def _eligibility(
    item: EligibilityAnswer, worked: Worked, requests: Mapping[str, Resource], now: datetime
) -> None:
    worked.claims += 1
    request = requests.get(item.trace, {})
    if all(request.get(key) for key in ("id", "patient", "insurer", "insurance")):
        worked.eligibility.append(to_response(item, request, created=now))
    else:
        worked.problem = "it answers a question that does not stand in the EHR"


def _work(
    item: object,
    worked: Worked,
    claims: Sequence[Matched],
    sent: Sent,
    now: datetime,
    appeal_days: int | None,
) -> None:
    if isinstance(item, Remittance):
        found = {paid.where: match(paid, claims) for paid in item.claims}
        worked.claims += len(item.claims)
        worked.decided += [
            Decided(paid, ours[0], item) for paid in item.claims if len(ours := found[paid.where]) == 1
        ]
        worked.reconciliations.append(payment_reconciliation(item, found, created=now))
        worked.tasks += work_items(item, found, now=now, appeal_days=appeal_days)
    elif isinstance(item, StatusReport):
        worked.claims += len(item.claims)
        worked.tasks += of_report(item, claims, sent.files, now, later=sent.later)
    elif isinstance(item, GroupAnswer) and item.status != "A":
        worked.tasks += of_group(item, sent.files, now)
    elif isinstance(item, InterchangeAnswer) and item.status != "A":
        worked.tasks.append(of_interchange(item, sent.files, now))
