"""ISA/GS/ST envelopes: which segments belong to which transaction set, and what headers and trailers say.

Trailers that do not agree with what was counted are issues, not errors: published files are seldom clean, and a
biller wants to see the claims beside the complaint. A segment in a place where none can stand is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from chartside.errors import InputError
from chartside_billing.dates import parse_ccyymmdd
from chartside_billing.model import Envelope, SyntaxIssue
from chartside_billing.x12.segments import Delimiters, Seg, load, read_segments, refuse


@dataclass(slots=True)
class TransactionSet:
    """ST to SE; ``body`` is what stands between. ``trailer`` is None in a cut file."""

    header: Seg
    body: list[Seg] = field(default_factory=list)
    trailer: Seg | None = None

    @property
    def kind(self) -> str:
        """ST01: ``"837"``, ``"835"``, ``"999"`` ..."""
        return self.header.get(1)

    @property
    def counted(self) -> int:
        """What SE01 ought to say."""
        return len(self.body) + (2 if self.trailer else 1)


@dataclass(slots=True)
class Group:
    """GS to GE."""

    header: Seg
    sets: list[TransactionSet] = field(default_factory=list)
    trailer: Seg | None = None

    @property
    def version(self) -> str:
        """GS08, the implementation guide."""
        return self.header.get(8).strip()


@dataclass(slots=True)
class Interchange:
    """ISA to IEA, with the TA1 segments that stand between groups."""

    delimiters: Delimiters
    header: Seg
    groups: list[Group] = field(default_factory=list)
    acknowledgements: list[Seg] = field(default_factory=list)
    trailer: Seg | None = None


def read_interchanges(source: bytes | str | Path) -> list[Interchange]:
    """Every interchange of a file. Raises InputError that names the segment and the reason."""
    found: list[Interchange] = []
    group: Group | None = None
    current: TransactionSet | None = None
    for seg, delimiters in read_segments(load(source)):
        name = seg.id
        if name == "ISA":
            if found and found[-1].trailer is None:
                raise refuse(seg, "a new interchange begins before IEA ended the last one")
            found.append(Interchange(delimiters, seg))
            group, current = None, None
        elif found[-1].trailer is not None:
            raise refuse(seg, "it stands after IEA")
        elif name == "GS":
            group, current = _open_group(found[-1], group, seg), None
        elif name == "ST":
            group, current = _open_set(group, current, seg)
        elif name == "SE" and current is not None:
            current.trailer, current = seg, None
        elif current is not None and name not in {"GE", "IEA"}:
            current.body.append(seg)
        else:
            group, current = _outside(found[-1], group, seg), None
    return found


def _open_group(interchange: Interchange, group: Group | None, seg: Seg) -> Group:
    if group is not None:
        raise refuse(seg, "a new group begins before GE ended the last one")
    interchange.groups.append(Group(seg))
    return interchange.groups[-1]


def _open_set(group: Group | None, current: TransactionSet | None, seg: Seg) -> tuple[Group, TransactionSet]:
    if group is None:
        raise refuse(seg, "a transaction set stands outside a group (no GS)")
    if current is not None:
        raise refuse(seg, "a new transaction set begins before SE ended the last one")
    group.sets.append(TransactionSet(seg))
    return group, group.sets[-1]


def _outside(interchange: Interchange, group: Group | None, seg: Seg) -> Group | None:
    """A segment that belongs to no transaction set: a trailer or an acknowledgement."""
    if seg.id == "GE" and group is not None:
        group.trailer = seg
        return None
    if seg.id == "IEA":
        interchange.trailer = seg
        return None
    if seg.id in {"TA1", "TA3"} and group is None:
        interchange.acknowledgements.append(seg)
        return None
    raise refuse(seg, "it stands outside a transaction set")


def envelope_of(interchange: Interchange, group: Group, transaction: TransactionSet) -> Envelope:
    """The three envelopes of one transaction set, with what was counted."""
    isa, gs, d = interchange.header, group.header, interchange.delimiters
    bht = next((seg for seg in transaction.body[:1] if seg.id == "BHT"), None)
    return Envelope(
        sender_qualifier=isa.get(5).strip(),
        sender_id=isa.get(6).strip(),
        receiver_qualifier=isa.get(7).strip(),
        receiver_id=isa.get(8).strip(),
        usage=isa.get(15).strip(),
        isa_control=isa.get(13).strip(),
        iea_control=interchange.trailer.get(2).strip() if interchange.trailer else "",
        group_sender=gs.get(2).strip(),
        group_receiver=gs.get(3).strip(),
        gs_control=gs.get(6).strip(),
        ge_control=group.trailer.get(2).strip() if group.trailer else "",
        version=group.version,
        st_control=transaction.header.get(2).strip(),
        se_control=transaction.trailer.get(2).strip() if transaction.trailer else "",
        st_version=transaction.header.get(3).strip(),
        segments_said=_count(transaction.trailer),
        segments_counted=transaction.counted,
        sets_said=_count(group.trailer),
        sets_counted=len(group.sets),
        groups_said=_count(interchange.trailer),
        groups_counted=len(interchange.groups),
        claims_counted=sum(seg.id == "CLM" for seg in transaction.body),
        structure=bht.get(1) if bht else "",
        purpose=bht.get(2) if bht else "",
        reference=bht.get(3) if bht else "",
        created=created_on(bht.get(4)) if bht else None,
        created_time=bht.get(5) if bht else "",
        transaction_type=bht.get(6) if bht else "",
        element_separator=d.element,
        component_separator=d.component,
        repetition_separator=d.repetition,
        segment_terminator=d.segment,
    )


def created_on(text: str) -> date | None:
    """BHT04 or another plain D8 date."""
    return parse_ccyymmdd(text.strip())


def _count(trailer: Seg | None) -> int | None:
    said = trailer.get(1).strip() if trailer else ""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 10 else None


_ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
"""ISA is the one segment of fixed width: receivers refuse another one (TA1)."""


def envelope_issues(interchange: Interchange, group: Group, transaction: TransactionSet) -> list[SyntaxIssue]:
    """Missing trailers and headers that no count can show. Counts and numbers are compared by rule EDI-002."""
    issues = [
        SyntaxIssue(
            "isa", f"ISA{n:02} has {len(told)} characters; it must have {width}", interchange.header.where
        )
        for n, width in enumerate(_ISA_WIDTHS, 1)
        if len(told := interchange.header.get(n)) != width
    ]
    for trailer, name, header in (
        (transaction.trailer, "SE", transaction.header),
        (group.trailer, "GE", group.header),
        (interchange.trailer, "IEA", interchange.header),
    ):
        if trailer is None:
            issues.append(SyntaxIssue("control-trailer", f"{name} is missing: the file is cut", header.where))
    return issues


def only_kind(source: bytes | str | Path, *kinds: str) -> list[tuple[Interchange, Group, TransactionSet]]:
    """The transaction sets of a file, of the kinds asked for. Raises InputError on another kind, or none."""
    found = [(i, g, t) for i in read_interchanges(source) for g in i.groups for t in g.sets]
    if not found:
        raise InputError("segment 1 ISA: the interchange holds no transaction set (ST)")
    for _, _, transaction in found:
        if transaction.kind not in kinds:
            raise refuse(transaction.header, f"ST01 is not {' or '.join(kinds)}")
    return found
