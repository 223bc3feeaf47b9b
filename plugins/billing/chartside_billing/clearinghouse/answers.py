"""Answers as a clearinghouse writes them: 999, 277CA and 835, for the local one and for tests of the readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from chartside_billing.dates import ccyymmdd
from chartside_billing.model import Adjustment, Claim
from chartside_billing.money import x12_amount
from chartside_billing.x12 import parts
from chartside_billing.x12.envelope import read_interchanges
from chartside_billing.x12.mend import transliterate
from chartside_billing.x12.remit import PaidClaim, PaidLine, Remittance
from chartside_billing.x12.segments import Delimiters, render

_D = Delimiters()
Body = list[tuple[str, ...]]
_FILING = frozenset(
    [
        "12",
        "13",
        "14",
        "15",
        "16",
        "17",
        "AM",
        "CH",
        "DS",
        "HM",
        "LM",
        "MA",
        "MB",
        "MC",
        "OF",
        "TV",
        "VA",
        "WC",
        "ZZ",
    ]
)
"""CLP06; shorter than the list of SBR09: commercial (CI) and Blue (BL) have no code there."""


def _wrap(kind: str, group: str, version: str, body: Body, created: datetime, control: str = "0001") -> bytes:
    """Envelopes around one transaction set."""
    number = f"{created:%H%M%S}000"[:9]
    isa = (
        *("ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{'LOCALHOUSE':<15}", "ZZ", f"{'PRACTICE':<15}"),
        *(f"{created:%y%m%d}", f"{created:%H%M}", "^", "00501", number, "0", "T", ":"),
    )
    gs = ("GS", group, "LOCALHOUSE", "PRACTICE", f"{created:%Y%m%d}", f"{created:%H%M}", "1", "X", version)
    st = ("ST", kind, control) if kind == "835" else ("ST", kind, control, version)
    se = ("SE", str(len(body) + 2), control)
    text = render([isa, gs, st, *body, se, ("GE", "1", "1"), ("IEA", "1", number)], _D)
    return transliterate_file(text).encode("ascii")


def transliterate_file(text: str) -> str:
    """Line by line, so that line ends stay."""
    return "\n".join(transliterate(line) for line in text.split("\n"))


def write_999(data: bytes, *, accepted: bool, created: datetime) -> bytes:
    """The 999 to a file of ours: every set accepted, or every set rejected."""
    body: Body = []
    for interchange in read_interchanges(data):
        for group in interchange.groups:
            body.append(("AK1", group.header.get(1), group.header.get(6), group.version))
            for transaction in group.sets:
                body.append(("AK2", transaction.kind, transaction.header.get(2), group.version))
                body.append(("IK5", "A") if accepted else ("IK5", "R", "5"))
            count = str(len(group.sets))
            body.append(("AK9", "A" if accepted else "R", count, count, count if accepted else "0"))
    return _wrap("999", "FA", "005010X231A1", body, created)


def write_277ca(claims: Sequence[Claim], taken: set[int], *, created: datetime) -> bytes:
    """The 277CA: one status for each claim. ``taken``: the ids of the claim objects that were accepted."""
    day = f"{created:%Y%m%d}"
    reference = claims[0].envelope.reference if claims and claims[0].envelope else "0"
    body: Body = [
        ("BHT", "0085", "08", reference or "0", day, f"{created:%H%M}", "TH"),
        ("HL", "1", "", "20", "1"),
        ("NM1", "PR", "2", "LOCAL CLEARINGHOUSE", "", "", "", "", "PI", "LOCALHOUSE"),
        ("TRN", "1", reference or "0"),
        ("DTP", "050", "D8", day),
        ("DTP", "009", "D8", day),
        ("HL", "2", "1", "21", "1"),
        ("NM1", "41", "2", "SUBMITTER", "", "", "", "", "46", "PRACTICE"),
        ("TRN", "2", reference or "0"),
        ("STC", "A1:20", day, "WQ", x12_amount(sum((c.total or Decimal(0) for c in claims), Decimal(0)))),
        ("HL", "3", "2", "19", "1"),
        (
            "NM1",
            "85",
            "2",
            "BILLING PROVIDER",
            "",
            "",
            "",
            "",
            "XX",
            claims[0].billing.npi if claims[0].billing else "",
        ),
    ]
    for number, claim in enumerate(claims, 4):
        body += _claim_status(number, claim, id(claim) in taken, day)
    return _wrap("277", "HN", "005010X214", body, created)


def _claim_status(number: int, claim: Claim, taken: bool, day: str) -> Iterator[tuple[str, ...]]:
    member = claim.member
    yield ("HL", str(number), "3", "PT")
    if member is not None:
        yield ("NM1", "QC", "1", member.last, member.first, "", "", "", "MI", member.id or "UNKNOWN")
    yield ("TRN", "2", claim.id)
    status = ("A2:20", day, "WQ") if taken else ("A7:562:85", day, "U")
    yield ("STC", *status, x12_amount(claim.total or Decimal(0)))


def write_835(remittance: Remittance, *, created: datetime) -> bytes:
    """An 835 (005010X221A1) from the model; what was read from one is written back with all the model holds."""
    r = remittance
    paid_on = ccyymmdd(r.paid_on) if r.paid_on else f"{created:%Y%m%d}"
    bank = ("CCP", "01", "999999992", "DA", "123456", r.payer_tax_id, "", "01", "999988880", "DA", "98765")
    transfer = bank if r.method == "ACH" else ("",) * 11
    body: Body = [
        (
            "BPR",
            "I",
            x12_amount(abs(r.amount)),
            r.credit_or_debit or "C",
            r.method or "CHK",
            *transfer,
            paid_on,
        ),
        ("TRN", "1", r.trace, r.payer_tax_id),
        ("DTM", "405", ccyymmdd(r.produced or created.date())),
        ("N1", "PR", r.payer_name),
        ("N3", "1 PAYER WAY"),
        ("N4", "CHICAGO", "IL", "60601"),
        ("REF", "2U", r.payer_id),
        ("PER", "BL", "PROVIDER SERVICES", "TE", "8005550100"),
        ("N1", "PE", r.payee_name, "XX", r.payee_npi),
        *([("REF", "TJ", r.payee_tax_id)] if r.payee_tax_id else []),
        ("LX", "1"),
    ]
    for claim in r.claims:
        body += _claim_payment(claim)
    for moved in r.provider_adjustments:
        end = ccyymmdd(moved.period_end) if moved.period_end else f"{created.year}1231"
        reason = f"{moved.reason}:{moved.reference}".rstrip(":")
        body.append(("PLB", moved.provider, end, reason, x12_amount(moved.amount)))
    return _wrap("835", "HP", "005010X221A1", body, created, r.control or "0001")


def _claim_payment(claim: PaidClaim) -> Iterator[tuple[str, ...]]:
    amounts = (x12_amount(claim.charge), x12_amount(claim.paid), x12_amount(claim.patient_responsibility))
    tail = (
        claim.filing if claim.filing in _FILING else "ZZ",
        claim.payer_claim_number or "0",
        "11",
        claim.frequency or "1",
    )
    yield ("CLP", claim.id, claim.status, *amounts, *tail)
    yield from _cas(claim.adjustments)
    yield ("NM1", "QC", "1", claim.last, claim.first, "", "", "", "MI", claim.member_id)
    if claim.crossover:
        yield ("NM1", "TT", "2", claim.crossover, "", "", "", "", "PI", "NEXTPAYER")
    if claim.remarks:
        yield ("MOA", "", "", *claim.remarks[:5])
    for line in claim.lines:
        yield from _line_payment(line)


def _cas(adjustments: list[Adjustment]) -> Iterator[tuple[str, ...]]:
    yield from (tuple(str(e) for e in elements) for elements in parts.cas(adjustments))


def _line_payment(line: PaidLine) -> Iterator[tuple[str, ...]]:
    service = ":".join(("HC", line.code, *line.modifiers))
    units = x12_amount(line.units) if line.units is not None else ""
    yield tuple(
        str(e)
        for e in parts.trim(("SVC", service, x12_amount(line.charge), x12_amount(line.paid), "", units))
    )
    if line.start:
        yield ("DTM", "472", ccyymmdd(line.start))
    yield from _cas(line.adjustments)
    if line.control_number:
        yield ("REF", "6R", line.control_number)
    if line.allowed is not None:
        yield ("AMT", "B6", x12_amount(line.allowed))
    yield from (("LQ", "HE", code) for code in line.remarks)


def write_271(data: bytes, *, created: datetime, active: Callable[[str], bool]) -> bytes:
    """A 271 to a 270: each question's own hierarchy and trace, and whether the member (number) has cover.

    ``active`` decides by the member number; cover includes behavioural health and a copayment of $20.
    """
    body: Body = [("BHT", "0022", "11", "271", f"{created:%Y%m%d}", f"{created:%H%M}")]
    member = ""
    level = 0
    for interchange in read_interchanges(data):
        for transaction in (t for group in interchange.groups for t in group.sets):
            shift = level
            for seg in transaction.body:
                if seg.id == "HL":
                    level += 1
                    above = str(int(seg.get(2)) + shift) if seg.get(2) else ""
                    body.append(("HL", str(level), above, *seg.elements[3:]))
                elif seg.id == "TRN":
                    body.append(("TRN", "2", *seg.elements[2:]))
                elif seg.id == "EQ":
                    body += _benefits(active(member))
                elif seg.id != "BHT":
                    member = seg.get(9) if seg.id == "NM1" and seg.get(1) == "IL" else member
                    body.append(seg.elements)
    return _wrap("271", "HB", "005010X279A1", body, created)


def _benefits(active: bool) -> Body:
    if not active:
        return [("EB", "6", "", "30")]
    return [("EB", "1", "", "30"), ("EB", "1", "", "MH"), ("EB", "B", "", "MH", "", "", "27", "20")]
