"""The next payer's claim is put onto the task list, when a payer's decision leaves something to the client.

One Task for each decision, with the 835 beside it (a DocumentReference), so that the claim can be made again every
evening until it goes out (``next_payer``). A payer that takes its decision back closes the Task; where the claim went
out already, a person is asked to send the next payer a replacement.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chartside.codes import TASK_CODE_SYSTEM, TaskCode, concept, has_coding
from chartside.jobs.ledger import effect_key
from chartside.types import Resource
from chartside_billing.clearinghouse.desk import Decided, Worked
from chartside_billing.evening.findings import OPEN
from chartside_billing.evening.invoices import owed, undecided
from chartside_billing.evening.scrub import keeps_tasks
from chartside_billing.fhir_claim.gather import CHUNK, search_softly
from chartside_billing.fhir_claim.payers import payers_after_the_first
from chartside_billing.fhir_claim.pick import each, part, reference
from chartside_billing.follow_up import task
from chartside_billing.money import ZERO, dollars
from chartside_billing.systems import BILLING_SYSTEM, REMITTANCE_SYSTEM, BillingCode
from chartside_billing.x12.remit import REVERSAL, PaidClaim
from chartside_billing.x12.remit_fhir import remittance_key
from chartside_billing.x12.secondary import standing_decision

if TYPE_CHECKING:
    from chartside.context import Context


@dataclass(frozen=True, slots=True)
class Payers:
    """How many payers a claim has after the first, by the claim's reference; 0 where none is known."""

    after: dict[str, int]

    def left(self, decided: Decided) -> bool:
        """Whether another payer comes after the one that decided (CLP02 2 and 3: as second, as third payer)."""
        place = {"2": 1, "3": 2}.get(decided.paid.status, 0)
        return self.after.get(decided.ours.reference, 0) > place


def payers_of(context: Context, decided: Sequence[Decided]) -> Payers:
    """From the Claims (or visits) and the clients' Coverages; a few searches for all."""
    names = sorted({d.ours.reference for d in decided})
    resources: dict[str, Resource] = {}
    for kind in ("Claim", "Encounter"):
        ids = [name.partition("/")[2] for name in names if name.startswith(f"{kind}/")]
        found = context.fhir.read_many(kind, ids) if ids else {}
        resources |= {f"{kind}/{number}": resource for number, resource in found.items()}
    coverages: list[Resource] = []
    clients = sorted({reference(r.get("patient") or r.get("subject")) for r in resources.values()} - {""})
    for start in range(0, len(clients), CHUNK):
        asked = {"beneficiary": ",".join(clients[start : start + CHUNK])}
        coverages += search_softly(context, "Coverage", asked)
    return Payers({name: payers_after_the_first(r, coverages) for name, r in resources.items()})


def tasks_of(context: Context, worked: Worked, payers: Payers) -> list[Resource]:
    """The Tasks of an answer's decisions after which another payer comes. Writes the 835 beside them first."""
    chosen = list(_chosen(worked.decided, payers))
    if not chosen:
        return []
    document = _keep(context, worked)
    return [_task(context, one, document) for one in chosen]


def _chosen(decided: Sequence[Decided], payers: Payers) -> Iterator[Decided]:
    """Of each claim the decision that stands, if it leaves something to the client and is final (no denial)."""
    by_claim: dict[str, list[Decided]] = {}
    for one in decided:
        by_claim.setdefault(one.ours.reference, []).append(one)
    for mine in by_claim.values():
        place = standing_decision([one.paid for one in mine])
        if isinstance(place, str):
            continue
        one = mine[place]
        if payers.left(one) and owed(one.paid) > ZERO and not undecided(one.paid):
            yield one


def _keep(context: Context, worked: Worked) -> str:
    """The 835 in the EHR; empty where it takes none, or where no Task stands that could go on with it."""
    if not keeps_tasks(context) or not context.fhir.supports("DocumentReference", "crs"):
        return ""
    identifier = worked.reconciliations[0]["identifier"]
    document: Resource = {
        "resourceType": "DocumentReference",
        "identifier": identifier,
        "status": "current",
        "type": {"text": "Remittance (X12 835)"},
        "date": worked.reconciliations[0]["created"],
        "description": "Kept for the claims to the next payers",
        "content": [
            {
                "attachment": {
                    "contentType": "application/edi-x12",
                    "data": base64.b64encode(worked.answer.data).decode(),
                }
            }
        ],
    }
    condition = f"identifier={identifier[0]['system']}|{identifier[0]['value']}"
    made = context.fhir.create(document, if_none_exist=condition)
    return f"DocumentReference/{made.resource['id']}"


def _task(context: Context, one: Decided, document: str) -> Resource:
    key = remittance_key(one.remittance)
    money = owed(one.paid)
    text = f"{dollars(money)} of this claim is left to the next payer."
    if one.paid.status != "1":
        text += (
            " The second payer has decided, too: the next claim has to tell what both did, and a person writes it"
            " (`chartside billing secondary`, with the 837P that the second payer got)."
        )
    elif not document:
        text += " Write that payer's claim by hand: `chartside billing secondary`."
    made = task(
        effect_key(context.practice.id, "billing", "secondary", key, one.ours.reference, one.paid.where),
        text,
        context.clock.now(),
    )
    made["identifier"].append({"system": REMITTANCE_SYSTEM, "value": key})
    made["reasonCode"] = concept(BILLING_SYSTEM, BillingCode.NEXT_PAYER)
    made["focus"] = {"reference": one.ours.reference}
    if one.ours.patient:
        made["for"] = {"reference": one.ours.patient}
    made["input"] = [
        {
            "type": concept(BILLING_SYSTEM, BillingCode.AT_RISK),
            "valueMoney": {"value": float(money), "currency": "USD"},
        }
    ]
    if document and one.paid.status == "1":
        kind = concept(BILLING_SYSTEM, BillingCode.DECISION)
        made["input"] += [
            {"type": kind, "valueReference": {"reference": document}},
            {"type": kind, "valueString": one.paid.where},
            {"type": kind, "valueIdentifier": decision_identifier(one.paid)},
        ]
    return made


def decision_identifier(paid: PaidClaim) -> Resource:
    """What tells a decision from any other: our number and the payer's (CLP01, CLP07)."""
    return {"value": f"{paid.id}|{paid.payer_claim_number}"}


def left_to_a_person(task: Resource) -> bool:
    """Whether nothing here makes the next payer's claim: a third payer's, or where the 835 could not be kept."""
    kinds = (part(i, "type").get("coding") for i in each(task, "input"))
    return not any(has_coding(kind, BILLING_SYSTEM, BillingCode.DECISION) for kind in kinds)


def follow_ups(context: Context) -> list[Resource]:
    """All Tasks that somebody follows up, open and closed: of refusals, decisions, next payers."""
    asked = {"code": f"{TASK_CODE_SYSTEM}|{TaskCode.FOLLOW_UP}"}
    return list(context.fhir.search("Task", asked).matches())


def is_next_payer(found: Resource) -> bool:
    """Whether a Task is about the next payer's claim."""
    return has_coding(part(found, "reasonCode").get("coding"), BILLING_SYSTEM, BillingCode.NEXT_PAYER)


def take_back(context: Context, worked: Worked) -> list[Resource]:
    """A payer took decisions back (CLP02 22): the open Tasks of these claims are closed, but for those of this payment.

    Gives the Tasks for claims that went to the next payer already. Called before the payment is written, so that
    nothing is missed when a run is killed; a payment that is known was dealt with.
    """
    taken = {d.ours.reference: d for d in worked.decided if d.paid.status == REVERSAL}
    if not taken or all(_known(context, r) for r in worked.reconciliations):
        return []
    now = context.clock.now()
    told: list[Resource] = []
    for held in (one for one in follow_ups(context) if is_next_payer(one)):
        one = taken.get(reference(held.get("focus")))
        if one is None or _remittance(held) == remittance_key(one.remittance):
            continue
        if held.get("status") in OPEN:
            status = {
                **concept(BILLING_SYSTEM, BillingCode.SUPERSEDED),
                "text": "The payer took its decision back",
            }
            context.fhir.update({**held, "status": "cancelled", "businessStatus": status})
        elif held.get("status") == "completed":
            text = (
                f"The payer took its decision on claim {one.paid.id} back after the next payer's claim had gone out."
                " Tell the next payer: send it a replacement (frequency 7) when the new decision is in."
            )
            key = effect_key("billing", "taken-back", remittance_key(one.remittance), one.ours.reference)
            made = task(key, text, now)
            told.append({**made, "focus": held["focus"], **({"for": held["for"]} if "for" in held else {})})
    return told


def _remittance(held: Resource) -> str:
    return next(
        (str(i.get("value")) for i in each(held, "identifier") if i.get("system") == REMITTANCE_SYSTEM), ""
    )


def _known(context: Context, payment: Resource) -> bool:
    native = context.fhir.supports("PaymentReconciliation", "c")
    identifier = payment["identifier"][0]
    asked = {"identifier": f"{identifier['system']}|{identifier['value']}"}
    kind = "PaymentReconciliation" if native else "DocumentReference"
    return any(True for _ in search_softly(context, kind, asked))
