"""The 835 (005010X221A1): what a payer paid, what it took off, and why; read into a plain model and balanced.

oxedi, the library made for 835 files, hands its typed values out through pandas, polars or Arrow only; so the
model is
read here from the segments, and oxedi, where it is installed, is asked for a second opinion (``second_opinion``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from chartside_billing.dates import parse_ccyymmdd
from chartside_billing.model import Adjustment
from chartside_billing.money import ZERO, parse_amount
from chartside_billing.x12.envelope import Interchange, TransactionSet, only_kind
from chartside_billing.x12.segments import Seg, load, refuse

DENIED, REVERSAL = "4", "22"
"""CLP02: denied; reversal of an earlier payment."""
FORWARDED = frozenset({"19", "20", "21"})
"""CLP02: processed, and passed on to the next payer by this one itself."""


@dataclass(slots=True)
class PaidLine:
    """SVC with what follows it."""

    code: str = ""
    modifiers: tuple[str, ...] = ()
    charge: Decimal = ZERO
    paid: Decimal = ZERO
    units: Decimal | None = None
    submitted_code: str = ""
    """SVC06, where the payer paid another code than the one sent."""
    start: date | None = None
    end: date | None = None
    adjustments: list[Adjustment] = field(default_factory=list)
    allowed: Decimal | None = None
    """AMT*B6."""
    control_number: str = ""
    """REF*6R."""
    remarks: list[str] = field(default_factory=list)
    """LQ*HE: RARC, raw."""
    where: str = ""


@dataclass(slots=True)
class PaidClaim:
    """CLP with what follows it."""

    id: str = ""
    """CLP01, our claim number."""
    status: str = ""
    charge: Decimal = ZERO
    paid: Decimal = ZERO
    patient_responsibility: Decimal = ZERO
    filing: str = ""
    payer_claim_number: str = ""
    """CLP07."""
    frequency: str = ""
    member_id: str = ""
    last: str = ""
    first: str = ""
    corrected_member_id: str = ""
    """NM1*74: the payer's own number of the member where ours was wrong."""
    rendering_npi: str = ""
    crossover: str = ""
    """NM1*TT: the payer to which the claim was passed on."""
    received: date | None = None
    start: date | None = None
    end: date | None = None
    adjustments: list[Adjustment] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """MOA and MIA: RARC, raw."""
    lines: list[PaidLine] = field(default_factory=list)
    where: str = ""

    @property
    def all_adjustments(self) -> list[Adjustment]:
        """Those of the claim and of its lines."""
        return [*self.adjustments, *(a for line in self.lines for a in line.adjustments)]

    @property
    def all_remarks(self) -> list[str]:
        """RARC of the claim and of its lines, each once."""
        return list(dict.fromkeys([*self.remarks, *(r for line in self.lines for r in line.remarks)]))


@dataclass(slots=True)
class ProviderAdjustment:
    """One reason of a PLB: money moved outside any claim. A positive amount lowers the payment."""

    provider: str
    period_end: date | None
    reason: str
    reference: str
    amount: Decimal
    where: str = ""


@dataclass(slots=True)
class Remittance:
    """One transaction set: one payment."""

    amount: Decimal = ZERO
    """BPR02."""
    credit_or_debit: str = ""
    method: str = ""
    """BPR04: ACH, CHK, FWT, NON."""
    paid_on: date | None = None
    """BPR16."""
    trace: str = ""
    """TRN02: check or transfer number."""
    payer_tax_id: str = ""
    """TRN03."""
    produced: date | None = None
    """DTM*405."""
    payer_name: str = ""
    payer_id: str = ""
    payee_name: str = ""
    payee_npi: str = ""
    payee_tax_id: str = ""
    claims: list[PaidClaim] = field(default_factory=list)
    provider_adjustments: list[ProviderAdjustment] = field(default_factory=list)
    test: bool = False
    """ISA15 is T."""
    control: str = ""
    interchange: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A sum that does not come out (ERA-001)."""

    where: str
    message: str
    said: Decimal
    computed: Decimal


def read_835(source: bytes | str | Path) -> list[Remittance]:
    """Every payment of a file. Raises InputError naming the segment that cannot be read."""
    return [
        _Reader(interchange, transaction).read() for interchange, _, transaction in only_kind(source, "835")
    ]


class _NoAmount(ValueError):
    """Its text names the element."""


def _money(seg: Seg, position: int) -> Decimal:
    text = seg.get(position).strip()
    value = parse_amount(text) if text else ZERO
    if value is None:
        raise _NoAmount(f"{seg.id}{position:02} is no amount")
    return value


def _cas(seg: Seg) -> list[Adjustment]:
    """Up to six reasons; an empty place is skipped."""
    found = []
    for position in range(2, 20, 3):
        reason, quantity = seg.get(position), seg.get(position + 2)
        if reason or seg.get(position + 1):
            found.append(Adjustment(seg.get(1), reason, _money(seg, position + 1), parse_amount(quantity)))
    return found


class _Reader:
    """Walks one transaction set. ``place`` is where a segment belongs: payment, payer, payee, claim or line."""

    def __init__(self, interchange: Interchange, transaction: TransactionSet) -> None:
        self.body, self.component = transaction.body, interchange.delimiters.component
        self.found = Remittance(
            control=transaction.header.get(2).strip(),
            interchange=interchange.header.get(13).strip(),
            test=interchange.header.get(15) == "T",
            where=transaction.header.where,
        )
        self.claim: PaidClaim | None = None
        self.line: PaidLine | None = None
        self.party = ""

    def read(self) -> Remittance:
        """The payment."""
        for seg in self.body:
            handler = _HANDLERS.get(seg.id)
            if handler is None and seg.id not in _PASSED_OVER:
                raise refuse(seg, "an 835 has no such segment", loop=self._loop(seg))
            try:
                if handler is not None:
                    handler(self, seg)
            except _NoAmount as error:
                raise refuse(seg, str(error), loop=self._loop(seg)) from None
        return self.found

    def _loop(self, seg: Seg) -> str:
        return _LOOPS.get(seg.id) or ("2110" if self.line else "2100" if self.claim else "")

    def bpr(self, seg: Seg) -> None:
        self.found.amount, self.found.credit_or_debit = _money(seg, 2), seg.get(3)
        self.found.method, self.found.paid_on = seg.get(4), parse_ccyymmdd(seg.get(16))
        if self.found.credit_or_debit == "D":
            self.found.amount = -abs(self.found.amount)

    def trn(self, seg: Seg) -> None:
        if not self.found.trace:
            self.found.trace, self.found.payer_tax_id = seg.get(2), seg.get(3)

    def dtm(self, seg: Seg) -> None:
        day, kind = parse_ccyymmdd(seg.get(2)), seg.get(1)
        if self.line is not None and kind in {"472", "150", "151"}:
            self.line.start = day if kind in {"472", "150"} else self.line.start
            self.line.end = day if kind == "151" else self.line.end
        elif self.claim is not None and self.line is None and kind in {"232", "233", "050"}:
            setattr(self.claim, {"232": "start", "233": "end", "050": "received"}[kind], day)
        elif self.claim is None and kind == "405":
            self.found.produced = day

    def n1(self, seg: Seg) -> None:
        self.party = seg.get(1)
        if self.party == "PR":
            self.found.payer_name, self.found.payer_id = seg.get(2), seg.get(4)
        elif self.party == "PE":
            self.found.payee_name = seg.get(2)
            if seg.get(3) == "XX":
                self.found.payee_npi = seg.get(4)
            else:
                self.found.payee_tax_id = seg.get(4)

    def ref(self, seg: Seg) -> None:
        if self.line is not None:
            if seg.get(1) == "6R":
                self.line.control_number = seg.get(2)
        elif self.claim is None and self.party == "PE" and seg.get(1) == "TJ":
            self.found.payee_tax_id = seg.get(2)
        elif (
            self.claim is None
            and self.party == "PR"
            and seg.get(1) in {"2U", "EO"}
            and not self.found.payer_id
        ):
            self.found.payer_id = seg.get(2)

    def clp(self, seg: Seg) -> None:
        self.line = None
        self.claim = PaidClaim(
            id=seg.get(1),
            status=seg.get(2),
            charge=_money(seg, 3),
            paid=_money(seg, 4),
            patient_responsibility=_money(seg, 5),
            filing=seg.get(6),
            payer_claim_number=seg.get(7),
            frequency=seg.get(9),
            where=seg.where,
        )
        self.found.claims.append(self.claim)

    def nm1(self, seg: Seg) -> None:
        claim = self._claim(seg)
        kind = seg.get(1)
        if kind == "QC":
            claim.last, claim.first, claim.member_id = seg.get(3), seg.get(4), seg.get(9) or claim.member_id
        elif kind == "IL" and not claim.member_id:
            claim.member_id = seg.get(9)
        elif kind == "74":
            claim.corrected_member_id = seg.get(9)
        elif kind == "82" and seg.get(8) == "XX":
            claim.rendering_npi = seg.get(9)
        elif kind == "TT":
            claim.crossover = seg.get(3)

    def cas(self, seg: Seg) -> None:
        target = self.line if self.line is not None else self._claim(seg)
        target.adjustments += _cas(seg)

    def amt(self, seg: Seg) -> None:
        value = _money(seg, 2)
        if self.line is not None and seg.get(1) == "B6":
            self.line.allowed = value

    def moa(self, seg: Seg) -> None:
        self._claim(seg).remarks += [seg.get(p) for p in range(3, 8) if seg.get(p)]

    def mia(self, seg: Seg) -> None:
        self._claim(seg).remarks += [seg.get(p) for p in (5, 20, 21, 22, 23) if seg.get(p)]

    def svc(self, seg: Seg) -> None:
        parts = seg.get(1).split(self.component)
        self.line = PaidLine(
            code=parts[1] if len(parts) > 1 else "",
            modifiers=tuple(m for m in parts[2:6] if m),
            charge=_money(seg, 2),
            paid=_money(seg, 3),
            units=parse_amount(seg.get(5)),
            submitted_code=next(iter(seg.get(6).split(self.component)[1:2]), ""),
            where=seg.where,
        )
        self._claim(seg).lines.append(self.line)

    def lq(self, seg: Seg) -> None:
        if self.line is not None and seg.get(1) in {"HE", "RX"}:
            self.line.remarks.append(seg.get(2))

    def plb(self, seg: Seg) -> None:
        self.claim = self.line = None
        for position in range(3, 15, 2):
            if seg.get(position) or seg.get(position + 1):
                reason, _, reference = seg.get(position).partition(self.component)
                amount, day = _money(seg, position + 1), parse_ccyymmdd(seg.get(2))
                entry = ProviderAdjustment(seg.get(1), day, reason, reference, amount, seg.where)
                self.found.provider_adjustments.append(entry)

    def lx(self, seg: Seg) -> None:
        self.claim = self.line = None
        self.party = ""

    def _claim(self, seg: Seg) -> PaidClaim:
        if self.claim is None:
            raise refuse(seg, "it stands outside a claim (no CLP before it)", loop="2100")
        return self.claim


_HANDLERS: dict[str, Callable[[_Reader, Seg], None]] = {
    "BPR": _Reader.bpr,
    "TRN": _Reader.trn,
    "DTM": _Reader.dtm,
    "N1": _Reader.n1,
    "REF": _Reader.ref,
    "LX": _Reader.lx,
    "CLP": _Reader.clp,
    "NM1": _Reader.nm1,
    "CAS": _Reader.cas,
    "AMT": _Reader.amt,
    "MOA": _Reader.moa,
    "MIA": _Reader.mia,
    "SVC": _Reader.svc,
    "LQ": _Reader.lq,
    "PLB": _Reader.plb,
}
_LOOPS = {"N1": "1000", "LX": "2000", "CLP": "2100", "SVC": "2110"}
_PASSED_OVER = frozenset({"CUR", "N2", "N3", "N4", "PER", "RDM", "TS3", "TS2", "QTY", "K3", "NTE"})


def balance(remittance: Remittance) -> list[Imbalance]:
    """The three sums of the guide: BPR02 = CLP04 - PLB; CLP03 - CAS = CLP04; SVC02 - CAS = SVC03 (ERA-001)."""
    found = [problem for claim in remittance.claims for problem in _balance_claim(claim)]
    moved = sum((a.amount for a in remittance.provider_adjustments), ZERO)
    computed = sum((claim.paid for claim in remittance.claims), ZERO) - moved
    if computed != remittance.amount:
        text = "the payment (BPR02) is not the claims' payments less the provider adjustments"
        found.append(Imbalance(remittance.where, text, remittance.amount, computed))
    return found


def _balance_claim(claim: PaidClaim) -> list[Imbalance]:
    found = []
    for line in claim.lines:
        computed = line.charge - sum((a.amount for a in line.adjustments), ZERO)
        if computed != line.paid:
            found.append(
                Imbalance(
                    line.where, "a line's charge less its adjustments is not its payment", line.paid, computed
                )
            )
    computed = claim.charge - sum((a.amount for a in claim.all_adjustments), ZERO)
    if computed != claim.paid:
        text = "the claim's charge less all adjustments is not its payment"
        found.append(Imbalance(claim.where, text, claim.paid, computed))
    return found


def second_opinion(source: bytes | str | Path) -> list[str]:
    """What oxedi reports of the form: rule and segment, without values. Empty too if oxedi is not installed."""
    try:
        import oxedi
    except ImportError:
        return []
    try:
        result = oxedi.parse(load(source).encode("utf-8"))
    except (oxedi.ParseError, ValueError):
        return ["oxedi refuses the file"]
    return [f"segment {(d.segment or 0) + 1}: {d.kind}" for d in result.diagnostics]
