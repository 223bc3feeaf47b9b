"""A clearinghouse and payer in a folder, for the demo, plugin authors and tests: it answers 999, 277CA and 835.

Whether a file is understood is pyx12's verdict, where it is installed. How claims are paid is made up, and the
same for
the same claim: 80 % allowed, a copayment of $20, and denials where a claim
number says so (see ``decide``).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from chartside.clock import Clock
from chartside.errors import ConfigError, InputError, MessageRejected
from chartside_billing.clearinghouse.answers import write_271, write_277ca, write_835, write_999
from chartside_billing.clearinghouse.base import Answer, Clearinghouse
from chartside_billing.codes.npi import npi_valid
from chartside_billing.model import Adjustment, Claim, Line
from chartside_billing.money import CENT, ZERO
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.remit import PaidClaim, PaidLine, Remittance

_ZONE = ZoneInfo("Pacific/Honolulu")
"""Where the payer sits: its day is never ahead of a practice's in another state."""
COPAY = Decimal(20)
ALLOWED = Decimal("0.8")
_DENIALS = (("197", "N54"), ("27", ""), ("29", ""))
"""CARC and RARC of the made-up denials: no authorisation, coverage ended, too late."""


def decide(claim: Claim) -> tuple[str, str]:
    """The denial of a claim (CARC, RARC), or two empty strings: one claim in eight, by its number."""
    number = zlib.crc32(claim.id.encode("utf-8"))
    return _DENIALS[number // 8 % len(_DENIALS)] if number % 8 == 0 else ("", "")


class LocalClearinghouse(Clearinghouse):
    """Answers lie in ``folder/out`` until ``done``. A file submitted again under its name is answered once."""

    name = "local"

    def __init__(
        self, folder: Path, clock: Clock, decision: Callable[[Claim], tuple[str, str]] = decide
    ) -> None:
        self._in, self._out, self._clock, self._decide = folder / "in", folder / "out", clock, decision
        for place in (self._in, self._out):
            place.mkdir(parents=True, exist_ok=True)

    def submit(self, name: str, data: bytes) -> None:
        """Take the file and answer it at once. Raises MessageRejected for another file under a name that is taken."""
        target = self._in / Path(name).name
        if target.exists():
            if target.read_bytes() != data:
                raise MessageRejected("another file was submitted under this name")
            return
        target.write_bytes(data)
        for kind, answer in self._answers(data):
            (self._out / f"{target.stem}.{kind}").write_bytes(answer)

    def fetch(self) -> Iterator[Answer]:
        """The waiting answers by name: 999 before 277CA before 835 of each file."""
        for path in sorted(self._out.iterdir()):
            yield Answer(path.name, path.read_bytes())

    def done(self, answer: Answer) -> None:
        """Take it away."""
        (self._out / Path(answer.name).name).unlink(missing_ok=True)

    def _answers(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        now = self._clock.now()
        if b"ST*270*" in data[:1000]:
            yield (
                "0.271",
                write_271(data, created=now, active=lambda member: zlib.crc32(member.encode()) % 16 != 0),
            )
            return
        try:
            claims = read_837(data)
        except InputError:
            claims = []
        accepted = bool(claims) and _understood(data)
        yield "1.999", write_999(data, accepted=accepted, created=now)
        if not accepted:
            return
        taken = [claim for claim in claims if _routable(claim)]
        yield "2.277ca", write_277ca(claims, {id(c) for c in taken}, created=now)
        payers = dict.fromkeys(claim.insurance.payer.id for claim in taken if claim.insurance.payer)
        for number, payer in enumerate(payers, 1):
            mine = [c for c in taken if c.insurance.payer and c.insurance.payer.id == payer]
            yield f"3-{number}.835", write_835(self._pay(payer, mine, number), created=now)

    def _pay(self, payer: str, claims: list[Claim], number: int) -> Remittance:
        first, day = claims[0], self._clock.now().astimezone(_ZONE).date()
        envelope = first.envelope
        paid = [self._paid(claim) for claim in claims]
        billing, insurer = first.billing, first.insurance.payer
        return Remittance(
            amount=sum((claim.paid for claim in paid), ZERO),
            credit_or_debit="C",
            method="ACH",
            paid_on=day + timedelta(days=14),
            trace=f"{envelope.isa_control if envelope else '0'}{number:03}",
            payer_tax_id="1999999999",
            produced=day,
            payer_name=insurer.last if insurer else payer,
            payer_id=payer,
            payee_name=billing.last if billing else "",
            payee_npi=billing.npi if billing else "",
            claims=paid,
            control=f"{number:04}",
        )

    def _paid(self, claim: Claim) -> PaidClaim:
        carc, rarc = self._decide(claim)
        lines = [
            _pay_line(line.code, line.modifiers, line.charge or ZERO, carc, rarc) for line in claim.lines
        ]
        for mine, theirs in zip(lines, claim.lines, strict=True):
            mine.units, mine.start, mine.control_number = (
                theirs.quantity,
                theirs.dates.start,
                theirs.control_number,
            )
        later = any(line.adjudications for line in claim.lines)
        if later:
            for mine, theirs in zip(lines, claim.lines, strict=True):
                _pay_rest(mine, theirs)
        else:
            _share(lines)
        member, subscriber = claim.member, claim.insurance.subscriber
        total = sum((line.charge for line in lines), ZERO)
        return PaidClaim(
            id=claim.id,
            status="4" if carc else "2" if later else "1",
            charge=total,
            paid=sum((line.paid for line in lines), ZERO),
            patient_responsibility=sum(
                (a.amount for x in lines for a in x.adjustments if a.group == "PR"), ZERO
            ),
            filing=claim.insurance.filing or "CI",
            payer_claim_number=f"L{zlib.crc32(claim.id.encode()):010}",
            frequency=claim.frequency,
            last=member.last if member else "",
            first=member.first if member else "",
            member_id=subscriber.id if subscriber else "",
            lines=lines,
        )


def _pay_line(code: str, modifiers: tuple[str, ...], charge: Decimal, carc: str, rarc: str) -> PaidLine:
    """Allowed share less contract; a denied line pays nothing."""
    line = PaidLine(code=code, modifiers=modifiers, charge=charge)
    if carc:
        line.adjustments = [Adjustment("CO", carc, charge)]
        line.remarks = [rarc] if rarc else []
        return line
    allowed = (charge * ALLOWED).quantize(CENT)
    line.adjustments = [Adjustment("CO", "45", charge - allowed)] if charge != allowed else []
    line.paid = line.allowed = allowed
    return line


def _pay_rest(mine: PaidLine, line: Line) -> None:
    """A later payer pays what an earlier one left to the client; what that one dealt with is CARC 23."""
    left = sum((a.amount for d in line.adjudications for a in d.adjustments if a.group == "PR"), ZERO)
    if not mine.paid:
        return
    mine.paid = mine.allowed = min(left, mine.charge)
    mine.adjustments = [Adjustment("OA", "23", mine.charge - mine.paid)] if mine.charge != mine.paid else []


def _share(lines: list[PaidLine]) -> None:
    """The copayment comes off the first paid line."""
    for line in lines:
        if line.paid > ZERO:
            copay = min(COPAY, line.paid)
            line.paid -= copay
            line.adjustments.append(Adjustment("PR", "3", copay))
            return


def _understood(data: bytes) -> bool:
    from chartside_billing.x12.validate import check_pyx12

    try:
        return not [problem for problem in check_pyx12(data) if not problem.false_alarm]
    except ConfigError:
        return True


def _routable(claim: Claim) -> bool:
    billing = claim.billing
    return billing is not None and npi_valid(billing.npi)
