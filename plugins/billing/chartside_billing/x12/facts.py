"""Answers as the facts that the rules judge (``documents``): remittances for ERA, acknowledgements for ACK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chartside_billing import documents
from chartside_billing.x12.acks import GroupAnswer, InterchangeAnswer, StatusReport
from chartside_billing.x12.remit import Remittance
from chartside_billing.x12.remit_fhir import Matched, remittance_key


def remittance_facts(
    remittance: Remittance, matches: Mapping[str, list[Matched]] | None = None
) -> documents.Remittance:
    """An 835 for the rules ERA-001 to ERA-004. Without ``matches`` nothing was looked up."""
    return documents.Remittance(
        id=remittance_key(remittance),
        paid=remittance.amount,
        claims=[
            documents.RemittanceClaim(
                id=claim.id,
                status=claim.status,
                charge=claim.charge,
                paid=claim.paid,
                payer_claim_number=claim.payer_claim_number,
                adjustments=claim.adjustments,
                remarks=tuple(claim.all_remarks),
                lines=[
                    documents.RemittanceLine(x.code, x.charge, x.paid, x.adjustments, _at(x.where, "2110"))
                    for x in claim.lines
                ],
                matches=None if matches is None else len(matches.get(claim.where, [])),
                where=_at(claim.where, "2100"),
            )
            for claim in remittance.claims
        ],
        provider_adjustments=[
            documents.ProviderAdjustment(moved.reason, moved.amount)
            for moved in remittance.provider_adjustments
        ],
        where=remittance.where,
    )


def _at(where: str, loop: str) -> str:
    return f"{where}, loop {loop}" if where else ""


def interchange_facts(answer: InterchangeAnswer) -> documents.Acknowledgement:
    """A TA1, for ACK-001."""
    accepted = answer.status in {"A", "E"}
    where = f"TA1 of interchange {answer.control}, code {answer.reason}"
    return documents.Acknowledgement(id=answer.control, received=True, accepted=accepted, where=where)


def acknowledgement_facts(
    control: str,
    groups: Sequence[GroupAnswer],
    reports: Sequence[StatusReport],
    *,
    hours_waiting: int | None = None,
) -> documents.Acknowledgement:
    """What came back for one interchange of ours, for ACK-001. ``control``: our group's number (AK102)."""
    own = [group for group in groups if group.control == control]
    statuses = [
        (item.reference, status.category, item.where)
        for report in reports
        for item in report.claims
        for status in item.statuses
    ]
    return documents.Acknowledgement(
        id=control,
        hours_waiting=hours_waiting,
        received=bool(own or statuses),
        accepted=all(group.status in {"A", "E"} for group in own) if own else None,
        places=[
            error.place for group in own for one in group.sets if not one.accepted for error in one.errors
        ],
        claim_statuses=statuses,
        where=own[0].where if own else "",
    )
