"""Tasks of what a clearinghouse refused: a file (TA1, 999, a 277CA above the claims) or a claim (277CA). ACK-001.

A refused file's Task names every claim of it (``input``, code ``claim``), so that a biller knows what goes out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from chartside.codes import concept, has_coding
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_billing.fhir_claim.pick import each, part, reference
from chartside_billing.follow_up import task
from chartside_billing.systems import BILLING_SYSTEM, BillingCode
from chartside_billing.x12.acks import ClaimStatus, GroupAnswer, InterchangeAnswer, StatusReport
from chartside_billing.x12.remit import PaidClaim
from chartside_billing.x12.remit_fhir import Matched, match
from chartside_billing.x12.words import CATEGORIES

_REFUSED = frozenset({"R", "M", "W", "X"})
_NAMED = 50
"""Claims that a description names; the inputs name them all."""


@dataclass(frozen=True, slots=True)
class SentClaim:
    """A claim of a file: its reference, and the payer's place (SBR01) where it is not the first."""

    reference: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class SentFile:
    """What is known of a file that went out. ``document``: the DocumentReference that says so."""

    document: str
    claims: tuple[SentClaim, ...]

    def place(self, claim: str) -> str:
        """The payer's place of a claim in it."""
        return next((one.place for one in self.claims if one.reference == claim), "")


Files = Mapping[str, SentFile]
"""Files by interchange number, nine digits (``file_number``)."""


def file_number(control: str) -> str:
    """Our number as it may come back (GS06, ISA13, BHT03 are the same): nine digits, or as it is."""
    text = control.strip()
    return f"{int(text):09}" if text.isascii() and text.isdigit() and len(text) < 10 else text


def batch_of(report: StatusReport) -> str:
    """The file that a 277CA speaks of: BHT03 of ours, in its 2200B TRN02."""
    return file_number(next((i.reference for i in report.items if i.level == "receiver"), report.reference))


def of_interchange(answer: InterchangeAnswer, files: Files, now: datetime) -> Resource:
    """The Task of a TA1 that has something to say."""
    said = f"(TA1 {answer.status}, code {answer.reason})"
    key = effect_key("billing", "ta1", answer.control)
    if answer.status != "R":
        return task(key, f"The clearinghouse took interchange {answer.control} with errors {said}.", now)
    text = f"The clearinghouse did not take interchange {answer.control} {said}."
    return _refused_file(key, text, files.get(file_number(answer.control)), now)


def of_group(answer: GroupAnswer, files: Files, now: datetime) -> Iterator[Resource]:
    """The Tasks of a 999: one for each set that was not simply accepted; one for a group refused without naming any."""
    file = files.get(file_number(answer.control))
    for one in answer.sets:
        if one.status == "A":
            continue
        places = "; ".join(e.place for e in one.errors[:10])
        key = effect_key("billing", "999", answer.control, one.control)
        said = f"Said at: {places or 'no place'}."
        if one.accepted:
            yield task(key, f"File {answer.control}, set {one.control}: accepted with errors. {said}", now)
            continue
        text = f"File {answer.control}, set {one.control}: rejected, nothing of it is with the payer. {said}"
        yield _refused_file(key, text, file, now)
    if answer.status in _REFUSED and all(one.accepted for one in answer.sets):
        text = f"File {answer.control}: rejected as a whole (999 {answer.status}), nothing of it is with the payer."
        yield _refused_file(effect_key("billing", "999", answer.control), text, file, now)


def of_report(
    report: StatusReport,
    claims: Sequence[Matched],
    files: Files,
    now: datetime,
    *,
    later: Set[str] = frozenset(),
) -> Iterator[Resource]:
    """The Tasks of a 277CA: one for each refused claim; one for the file where it was refused above the claims.

    ``later``: claims (references) with a claim to a later payer, too. Where the file is not known, nobody can tell
    which of the two was refused: completing the Task then sends neither.
    """
    number = batch_of(report)
    file = files.get(number)
    for item in report.items:
        if item.level == "claim" and item.rejected:
            made = _refused_claim(item, report, claims, file, now)
            if file is None and reference(made.get("focus")) in later:
                del made["reasonCode"]
                made["description"] = _by_hand(item)
            yield made
    above = [i for i in report.items if i.level in {"payer", "receiver", "provider"} and i.rejected]
    if above and not any(item.rejected for item in report.claims):
        text = f"File {number} was refused above its claims: {_said(above[0])}."
        yield _refused_file(effect_key("billing", "277ca", report.reference, number), text, file, now)


def _said(status: ClaimStatus) -> str:
    return ", ".join(
        f"{CATEGORIES.get(s.category, s.category)} ({s.category}, code {s.code})" for s in status.statuses
    )


def _by_hand(status: ClaimStatus) -> str:
    return (
        f"Claim {status.reference} did not get through: {_said(status)}. It went to more than one payer, and which of"
        " these claims was refused is not known here: ask the clearinghouse, mend it and resend it by hand."
    )


def _refused_claim(
    status: ClaimStatus,
    report: StatusReport,
    claims: Sequence[Matched],
    file: SentFile | None,
    now: datetime,
) -> Resource:
    text = (
        f"Claim {status.reference} did not get through: {_said(status)}."
        " Mend it, then complete this task: it is sent again."
    )
    made = task(effect_key("billing", "277ca", report.reference, status.reference), text, now)
    made["reasonCode"] = concept(BILLING_SYSTEM, BillingCode.REJECTED)
    found = match(PaidClaim(id=status.reference, payer_claim_number=status.payer_claim_number), claims)
    if len(found) == 1:
        made["focus"] = {"reference": found[0].reference}
        if found[0].patient:
            made["for"] = {"reference": found[0].patient}
        if file is not None:
            made["input"] = [_input(SentClaim(found[0].reference, file.place(found[0].reference)))]
    return made


def _refused_file(key: str, text: str, file: SentFile | None, now: datetime) -> Resource:
    """Completing the Task sends its claims again, each once."""
    if file is None:
        return task(
            key, f"{text} Which claims were in it is not known here: ask for the file, mend it, resend.", now
        )
    names = [one.reference for one in file.claims]
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    text = f"{text} Its {len(names)} claim(s): {listed}. Mend them, then complete this task: they are sent again."
    made = task(key, text, now)
    made["reasonCode"] = concept(BILLING_SYSTEM, BillingCode.REJECTED)
    made["focus"] = {"reference": file.document}
    made["input"] = [_input(one) for one in file.claims]
    return made


def _input(claim: SentClaim) -> Resource:
    kind = {
        **concept(BILLING_SYSTEM, BillingCode.CLAIM),
        **({"text": f"payer {claim.place}"} if claim.place else {}),
    }
    return {"type": kind, "valueReference": {"reference": claim.reference}}


def refused_claims(refusal: Resource) -> list[SentClaim]:
    """The claims that a Task of a refusal names; none for any other Task."""
    if not has_coding(part(refusal, "reasonCode").get("coding"), BILLING_SYSTEM, BillingCode.REJECTED):
        return []
    inputs = [
        i
        for i in each(refusal, "input")
        if has_coding(part(i, "type").get("coding"), BILLING_SYSTEM, BillingCode.CLAIM)
    ]
    found = [
        SentClaim(
            reference(i.get("valueReference")), str(part(i, "type").get("text", "")).removeprefix("payer ")
        )
        for i in inputs
    ]
    if not found:
        found = [SentClaim(reference(refusal.get("focus")))]
    return [one for one in found if one.reference]
