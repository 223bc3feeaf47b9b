"""Provenance of consents: who recorded, superseded or took back which, when, and whose signature it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chartside.codes import DATA_OPERATION_SYSTEM, PROVENANCE_PARTICIPANT_SYSTEM, coding, concept
from chartside.types import Resource

from .signing import Channel, Signing

_SIGNATURE = coding("urn:iso-astm:E1762-95:2013", "1.2.840.10065.1.12.1.1", "Author's Signature")


def provenance(
    targets: Sequence[str],
    activity: str,
    at: datetime,
    now: datetime,
    signing: Signing | None = None,
    **who: str,
) -> Resource:
    """Who did what to these consents. ``who``: ``author`` (the client, or who acted), ``enterer`` (staff)."""
    people = {**who}
    if signing:
        people = {"author": signing.signer or signing.patient, "enterer": signing.recorder}
    found: Resource = {
        "resourceType": "Provenance",
        "target": [{"reference": target} for target in targets],
        "occurredDateTime": at.isoformat(timespec="seconds"),
        "recorded": now.isoformat(timespec="seconds"),
        "activity": concept(DATA_OPERATION_SYSTEM, activity),
        "agent": [_agent(role, reference) for role, reference in people.items() if reference],
    }
    if signing:
        found |= _signed(signing)
    return found


def _agent(role: str, reference: str) -> Resource:
    return {"type": concept(PROVENANCE_PARTICIPANT_SYSTEM, role), "who": {"reference": reference}}


def _signed(signing: Signing) -> Resource:
    """The signature: whose, when. On paper it stands on the paper; here is who saw it."""
    who = {"reference": signing.signer or signing.patient}
    for_whom = {"onBehalfOf": {"reference": signing.patient}} if signing.signer else {}
    when = signing.at.isoformat(timespec="seconds")
    paper = signing.medium is Channel.PAPER
    return {
        "signature": [{"type": [_SIGNATURE], "when": when, "who": who, **for_whom}],
        "policy": [str(signing.form.questionnaire["url"])],
        **({"reason": [{"text": "signed on paper"}]} if paper else {}),
    }
