"""Answers to a submitted file: TA1 and 999 (was the file understood?), 277CA and 277 (was the claim taken?).

Our own reader, because pyx12 flags every public 277CA. Bad values that an answer quotes are not kept: they may be
names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from chartside_billing.dates import parse_ccyymmdd
from chartside_billing.money import parse_amount
from chartside_billing.x12.envelope import TransactionSet, only_kind, read_interchanges
from chartside_billing.x12.segments import Seg, refuse


@dataclass(slots=True)
class SegmentError:
    """IK3 with its IK4: what the receiver refused. ``codes`` are raw (IK304, and IK403 by element place)."""

    segment: str
    position: int | None
    loop: str
    code: str
    elements: list[tuple[str, str]] = field(default_factory=list)
    claim_number: str = ""
    """CTX*CLM01, where the receiver names the claim."""

    @property
    def place(self) -> str:
        """Where in our own file: segment, loop and elements, with the codes of what is wrong."""
        at = f"segment {self.position or '?'} {self.segment}" + (f", loop {self.loop}" if self.loop else "")
        parts = [f"element {place} (code {code})" for place, code in self.elements]
        return ", ".join([at, *(parts or [f"code {self.code}"])])


@dataclass(slots=True)
class SetAnswer:
    """AK2 to IK5: one transaction set of ours."""

    kind: str
    control: str
    status: str = ""
    """IK501: A accepted, E accepted with errors, M, R, W or X rejected; empty if it was not said."""
    reasons: list[str] = field(default_factory=list)
    errors: list[SegmentError] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether the set went on its way."""
        return self.status in {"A", "E"}


@dataclass(slots=True)
class GroupAnswer:
    """One 999: our group, and each set of it."""

    kind: str
    control: str
    """AK102: our GS06."""
    version: str
    status: str = ""
    """AK901: A, E, P (partly), R, M, W or X."""
    sent: int | None = None
    received: int | None = None
    accepted: int | None = None
    reasons: list[str] = field(default_factory=list)
    sets: list[SetAnswer] = field(default_factory=list)
    where: str = ""


@dataclass(slots=True)
class InterchangeAnswer:
    """TA1: our interchange. ``status`` A, E or R; ``reason`` 000 is none."""

    control: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """One composite of an STC: category (A1 ... F4), status code, entity code."""

    category: str
    code: str
    entity: str = ""


@dataclass(slots=True)
class ClaimStatus:
    """What a 277CA or 277 says at one level. ``level``: payer, receiver, provider, claim or line."""

    level: str
    reference: str = ""
    """TRN02: at claim level our claim number."""
    statuses: list[Status] = field(default_factory=list)
    action: str = ""
    """STC03: WQ accepted, U rejected (277CA)."""
    on: date | None = None
    amount: Decimal | None = None
    payer_claim_number: str = ""
    """REF*1K."""
    service_from: date | None = None
    where: str = ""

    @property
    def rejected(self) -> bool:
        """Whether this is an answer that needs work (ACK-001): A3, A4, A6, A7, A8, D0 or E-categories."""
        return any(s.category in _REJECTING or s.category[:1] == "E" for s in self.statuses)


_REJECTING = frozenset({"A3", "A4", "A6", "A7", "A8", "D0"})


@dataclass(slots=True)
class StatusReport:
    """One 277CA (X214) or 277 (X212)."""

    acknowledgement: bool
    reference: str = ""
    """BHT03."""
    items: list[ClaimStatus] = field(default_factory=list)
    where: str = ""

    @property
    def claims(self) -> list[ClaimStatus]:
        """The items at claim level."""
        return [item for item in self.items if item.level == "claim"]


def read_ta1(source: bytes | str | Path) -> list[InterchangeAnswer]:
    """The TA1 segments of a file."""
    segments = [seg for interchange in read_interchanges(source) for seg in interchange.acknowledgements]
    return [InterchangeAnswer(s.get(1), s.get(4), s.get(5)) for s in segments if s.id == "TA1"]


def read_999(source: bytes | str | Path) -> list[GroupAnswer]:
    """Every 999 of a file. Raises InputError naming the segment that cannot be read."""
    return [_read_999(transaction) for _, _, transaction in only_kind(source, "999")]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _read_999(transaction: TransactionSet) -> GroupAnswer:
    found = GroupAnswer("", "", "", where=transaction.header.where)
    for seg in transaction.body:
        _step_999(seg, found)
    if not found.control:
        raise refuse(transaction.header, "a 999 without AK1 answers nothing")
    return found


def _step_999(seg: Seg, found: GroupAnswer) -> None:
    last = found.sets[-1] if found.sets else None
    if seg.id == "AK1":
        found.kind, found.control, found.version = seg.get(1).strip(), seg.get(2), seg.get(3)
    elif seg.id == "AK2":
        found.sets.append(SetAnswer(seg.get(1), seg.get(2)))
    elif seg.id == "AK9":
        found.status = seg.get(1)
        found.sent, found.received, found.accepted = (
            _number(seg.get(2)),
            _number(seg.get(3)),
            _number(seg.get(4)),
        )
        found.reasons = [code for code in seg.elements[5:10] if code]
    elif seg.id not in {"IK3", "IK4", "IK5", "CTX"}:
        raise refuse(seg, "a 999 has no such segment", loop="2000" if last else "")
    elif last is None:
        raise refuse(seg, "it stands before the transaction set that it speaks of (no AK2)", loop="2000")
    else:
        _step_set(seg, last)


def _step_set(seg: Seg, answer: SetAnswer) -> None:
    if seg.id == "IK5":
        answer.status = seg.get(1)
        answer.reasons = [code for code in seg.elements[2:7] if code]
    elif seg.id == "IK3":
        answer.errors.append(SegmentError(seg.get(1), _number(seg.get(2)), seg.get(3), seg.get(4)))
    elif not answer.errors:
        raise refuse(seg, "it stands before the segment error that it belongs to (no IK3)", loop="2100")
    elif seg.id == "IK4":
        answer.errors[-1].elements.append((seg.get(1), seg.get(3)))
    elif seg.get(1).startswith("CLM01"):
        answer.errors[-1].claim_number = seg.get(1)[6:]


_LOOPS = {"payer": "2200A", "receiver": "2200B", "provider": "2200C", "claim": "2200D", "line": "2220D"}
"""Loops of a 277CA; those of a 277 have other letters (its claims are in 2200D or E)."""
_LEVELS = {"20": "payer", "21": "receiver", "19": "provider", "22": "claim", "23": "claim", "PT": "claim"}


def read_277(source: bytes | str | Path) -> list[StatusReport]:
    """Every 277CA and 277 of a file. Raises InputError naming the segment that cannot be read."""
    found = []
    for interchange, group, transaction in only_kind(source, "277"):
        version = group.version or transaction.header.get(3)
        found.append(
            _read_277(transaction, version.startswith("005010X214"), interchange.delimiters.component)
        )
    return found


def _read_277(transaction: TransactionSet, acknowledgement: bool, component: str) -> StatusReport:
    report = StatusReport(acknowledgement, where=transaction.header.where)
    level: ClaimStatus | None = None
    current: ClaimStatus | None = None
    for seg in transaction.body:
        if seg.id == "BHT":
            report.reference = seg.get(3)
        elif seg.id == "HL":
            if seg.get(3) not in _LEVELS:
                raise refuse(seg, "HL03 is no level of a 277", loop="2000")
            level = current = ClaimStatus(_LEVELS[seg.get(3)], where=seg.where)
            report.items.append(level)
        elif current is not None and level is not None:
            current = _step_277(seg, report, level, current, component)
        elif seg.id not in {"NM1", "PER", "REF", "N3", "N4"}:
            raise refuse(seg, "it stands before the first level (HL)")
    report.items = [
        item for item in report.items if item.statuses or (item.level == "claim" and item.reference)
    ]
    return report


def _step_277(
    seg: Seg, report: StatusReport, level: ClaimStatus, current: ClaimStatus, component: str
) -> ClaimStatus:
    """One segment below an HL; gives the item that the next one belongs to."""
    if seg.id == "TRN" and level.reference and level.level == "claim" and level.statuses:
        current = ClaimStatus("claim", seg.get(2), where=seg.where)
        report.items.append(current)
    elif seg.id == "TRN":
        level.reference = seg.get(2)
    elif seg.id == "SVC":
        current = ClaimStatus("line", level.reference, where=seg.where)
        report.items.append(current)
    elif seg.id == "STC":
        current.where = f"{seg.where}, loop {_LOOPS[current.level]}" if report.acknowledgement else seg.where
        composites = (seg.get(position).split(component) for position in (1, 10, 11) if seg.get(position))
        current.statuses += [Status(*[*parts, "", "", ""][:3]) for parts in composites]
        current.on, current.action = parse_ccyymmdd(seg.get(2)), seg.get(3)
        current.amount = parse_amount(seg.get(4))
    elif seg.id == "REF" and seg.get(1) == "1K":
        current.payer_claim_number = seg.get(2)
    elif seg.id == "DTP" and seg.get(1) == "472":
        current.service_from = parse_ccyymmdd(seg.get(3)[:8])
    return current
