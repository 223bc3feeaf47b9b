"""An 837P file as claims: each loop of the tree into its part of the model, and nothing dropped on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from chartside.errors import InputError
from chartside_billing.dates import parse_ccyymmdd
from chartside_billing.model import Claim, Envelope, Insurance, Party, SyntaxIssue
from chartside_billing.x12 import parts
from chartside_billing.x12.envelope import (
    Group,
    Interchange,
    TransactionSet,
    envelope_issues,
    envelope_of,
    only_kind,
)
from chartside_billing.x12.loops import Loop, build_tree, check_levels
from chartside_billing.x12.read837_claim import read_claim
from chartside_billing.x12.read837_parts import keep, read_party, read_person, read_sbr
from chartside_billing.x12.segments import Delimiters, Seg, refuse

_OLD = frozenset({"003051", "004010", "004050"})
"""Versions before 45 CFR 162.1102 (c): other segments, other codes."""
_GUIDES = {"005010X223": "institutional (837I)", "005010X224": "dental (837D)"}


def read_837(source: bytes | str | Path, *, name: str = "") -> list[Claim]:
    """The claims of a professional 837, in the file's order. ``name`` becomes their ``source``.

    Raises InputError, naming the segment and the reason, if the file is no X12, is cut inside a header, holds another
    transaction set (835, 837I ...), or has a segment that belongs nowhere in an 837P. Faults of the envelope and
    of order are ``issues`` of the claims.
    """
    name = name or (source.name if isinstance(source, Path) else "")
    claims: list[Claim] = []
    for interchange, group, transaction in only_kind(source, "837"):
        _refuse_other_guides(group, transaction)
        claims += _read_set(interchange, group, transaction, name)
    return claims


def _refuse_other_guides(group: Group, transaction: TransactionSet) -> None:
    if group.version[:6] in _OLD:
        mend = "ask the sender for 005010X222A1, which HIPAA requires since 2012"
        raise refuse(group.header, f"version {group.version[:12]!r} is out of use", mend=mend)
    for seg, version in ((group.header, group.version), (transaction.header, transaction.header.get(3))):
        guide = _GUIDES.get(version.strip()[:10])
        if guide:
            raise refuse(
                seg, f"this is an {guide} claim file", mend="only professional claims (837P) are read"
            )
    for seg in transaction.body:
        if seg.id in {"SV2", "SV3", "CL1"}:
            raise refuse(seg, "only institutional or dental claims have this segment", mend="give an 837P")


def _read_set(interchange: Interchange, group: Group, transaction: TransactionSet, name: str) -> list[Claim]:
    transaction, clash = _standard_separators(transaction, interchange.delimiters)
    tree = build_tree(transaction.body)
    base = Claim(
        source=name,
        envelope=envelope_of(interchange, group, transaction),
        submitter=_first(tree, "1000A"),
        receiver=_first(tree, "1000B"),
        issues=envelope_issues(interchange, group, transaction)
        + tree.issues
        + clash
        + list(check_levels(tree)),
    )
    base.created = base.envelope.created if base.envelope else None
    claims = [claim for provider in tree.all("2000A") for claim in _read_provider(provider, base)]
    _nothing_lost(claims, base.envelope)
    return claims


def _nothing_lost(claims: list[Claim], envelope: Envelope | None) -> None:
    """Every CLM became a claim; anything else would be a fault of this reader, and must not pass silently."""
    if envelope is not None and envelope.claims_counted != len(claims):
        raise InputError(f"{envelope.claims_counted} CLM segments, but {len(claims)} claims were read")


def _standard_separators(
    transaction: TransactionSet, d: Delimiters
) -> tuple[TransactionSet, list[SyntaxIssue]]:
    """The same segments with ``:`` between components and ``^`` between repetitions."""
    swaps = [(d.component, ":"), *([(d.repetition, "^")] if d.repetition else [])]
    swaps = [(old, new) for old, new in swaps if old != new]
    if not swaps:
        return transaction, []
    issues: list[SyntaxIssue] = []
    body: list[Seg] = []
    for seg in transaction.body:
        elements = seg.elements
        for old, new in swaps:
            if any(new in element and new != d.component for element in elements):
                issues.append(
                    SyntaxIssue(
                        "charset-separator", f"{seg.id} holds a '{new}' as text", seg.where, fatal=False
                    )
                )
                elements = tuple(element.replace(new, " ") for element in elements)
            elements = tuple(element.replace(old, new) for element in elements)
        body.append(Seg(seg.number, elements))
    return replace(transaction, body=body), issues


def _first(loop: Loop, loop_id: str) -> Party | None:
    found = loop.all(loop_id)
    return read_party(found[0]) if found else None


def _read_provider(loop: Loop, base: Claim) -> Iterable[Claim]:
    head = loop.segments[0]
    above = replace(
        base,
        billing=_billing(loop),
        pay_to=_first(loop, "2010AB"),
        pay_to_plan=_first(loop, "2010AC"),
        billing_hl_child=head.get(4),
        issues=[
            *base.issues,
            *loop.issues,
            *(i for inner in loop.loops if inner.id[:4] == "2010" for i in inner.issues),
        ],
    )
    for subscriber in loop.all("2000B"):
        yield from _read_subscriber(subscriber, above)


def _billing(loop: Loop) -> Party | None:
    billing = _first(loop, "2010AA")
    if billing is None:
        return None
    for seg in loop.segments[1:]:
        if seg.id == "PRV" and not billing.taxonomy:
            billing.taxonomy = seg.get(3)
            keep(seg, parts.prv("BI", billing.taxonomy), billing.extra)
        else:
            billing.extra.append(seg.elements)
    return billing


def _read_subscriber(loop: Loop, base: Claim) -> Iterable[Claim]:
    insurance = _insurance(loop)
    above = replace(
        base,
        insurance=insurance,
        subscriber_hl_child=loop.segments[0].get(4),
        issues=[
            *base.issues,
            *loop.issues,
            *(i for inner in loop.loops if inner.id[:4] == "2010" for i in inner.issues),
        ],
    )
    for inner in loop.loops:
        if inner.id == "2300":
            yield read_claim(inner, above)
        elif inner.id == "2000C":
            yield from _read_patient(inner, above)


def _insurance(loop: Loop) -> Insurance:
    insurance = read_sbr(loop.first("SBR"))
    insurance.where = insurance.where or loop.where
    subscribers, payers = loop.all("2010BA"), loop.all("2010BB")
    insurance.subscriber = read_person(subscribers[0]) if subscribers else None
    insurance.payer = read_party(payers[0], tax=False) if payers else None
    spare = [seg for loop_again in subscribers[1:] + payers[1:] for seg in loop_again.segments]
    sbr_seen = False
    for seg in loop.segments[1:]:
        if seg.id == "SBR" and not sbr_seen:
            sbr_seen = True
        elif seg.id == "PAT" and insurance.subscriber is not None:
            insurance.subscriber.death_date = _death(seg)
            keep(seg, parts.pat(insurance.subscriber, ""), insurance.extra)
        else:
            insurance.extra.append(seg.elements)
    insurance.extra += [seg.elements for seg in spare]
    return insurance


def _read_patient(loop: Loop, base: Claim) -> Iterable[Claim]:
    people = loop.all("2010CA")
    patient = read_person(people[0]) if people else None
    above = replace(
        base, patient=patient, patient_hl_child=loop.segments[0].get(4), issues=base.issues + loop.issues
    )
    for seg in loop.segments[1:]:
        if seg.id == "PAT" and not above.patient_relationship:
            above.patient_relationship = seg.get(1)
            if patient is not None:
                patient.death_date = _death(seg)
                keep(seg, parts.pat(patient, seg.get(1)), patient.extra)
    for inner in loop.all("2300"):
        yield read_claim(inner, above)


def _death(seg: Seg) -> date | None:
    return parse_ccyymmdd(seg.get(6)) if seg.get(5) == "D8" else None
