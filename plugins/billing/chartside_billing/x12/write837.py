"""Claims as an 837P (005010X222A1): the same claims, control numbers and time give the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chartside.errors import InputError
from chartside_billing.model import Claim, Insurance, Party
from chartside_billing.x12.emit import Emitter
from chartside_billing.x12.mend import Mender, Repair
from chartside_billing.x12.required import missing
from chartside_billing.x12.segments import Delimiters, render
from chartside_billing.x12.tidy import tidy
from chartside_billing.x12.write837_claim import write_claim, write_insurance_people, write_party

VERSION = "005010X222A1"
MAX_CLAIMS = 5000
"""Claims in one transaction set, as the guide recommends; more go into further sets of the same group."""
MAX_CLAIMS_OF_ONE = 100
"""Claims (2300) of one patient in one loop; more begin a loop of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What makes an interchange this one: its numbers, its time (as the receiver's clock shows it), its addresses.

    ``interchange`` (ISA13), ``group`` (GS06) and ``transaction`` (the first ST02) count up by the practice's
    own tally.
    ``reference`` is BHT03; the 999 and 277CA repeat it.
    """

    created: datetime
    interchange: int = 1
    group: int = 1
    transaction: int = 1
    reference: str = ""
    sender_qualifier: str = "ZZ"
    sender_id: str = ""
    receiver_qualifier: str = "ZZ"
    receiver_id: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """The file and the format repairs that were made on the way."""

    data: bytes
    repairs: list[Repair] = field(default_factory=list)


def write_837(
    claims: Sequence[Claim],
    *,
    control: Control,
    submitter: Party | None = None,
    receiver: Party | None = None,
    production: bool = False,
    repair: bool = True,
    newline: bool = True,
) -> Written:
    """One interchange with these claims. Submitter and receiver default to those of the first claim, for claims of a
    file to its own: another one begins a transaction set.

    With ``repair`` (the default) the format is mended and each mend reported, and a claim that lacks what the guide
    requires is refused; without it the claims are written as they stand (a file read is written back the same).
    Raises InputError, naming the claim by its place, if it cannot be written.
    """
    if not claims:
        raise InputError("there is no claim to write")
    if repair:
        _refuse_incomplete(claims)
    given = submitter is not None and receiver is not None
    submitter, receiver = submitter or claims[0].submitter, receiver or claims[0].receiver
    if submitter is None or receiver is None:
        raise InputError("who submits or who receives is not known", mend="give a submitter and a receiver")
    mender = Mender(Delimiters(), active=repair)
    emitter = Emitter(mender)
    written = [tidy(claim, mender) for claim in claims] if repair else list(claims)
    sets = [
        (run, run[0].submitter or submitter, run[0].receiver or receiver)
        for run in _runs(written, _same_ends)
    ]
    if given:
        sets = [(written, submitter, receiver)]
    _interchange(emitter, sets, control, production)
    text = render(emitter.segments, mender.delimiters, newline=newline)
    return Written(text.encode("ascii" if repair else "utf-8"), sorted(set(mender.repairs)))


def _refuse_incomplete(claims: Sequence[Claim]) -> None:
    for number, claim in enumerate(claims, 1):
        lacks = missing(claim)
        if lacks:
            place = claim.where or f"claim {number}"
            raise InputError(
                f"{place}: cannot be written, it lacks {'; '.join(lacks)}", mend="scrub it first"
            )


def _refuse_envelope(sender: str, target: str, control: Control) -> None:
    """ISA has fixed widths: what does not fit is refused, never cut."""
    for name, value in (("sender's id (ISA06)", sender), ("receiver's id (ISA08)", target)):
        if not 2 <= len(value) <= 15:
            raise InputError(
                f"the {name} must have 2 to 15 characters", mend="give the ids of your clearinghouse account"
            )
    for number in (control.interchange, control.group, control.transaction):
        if not 0 < number < 1_000_000_000:
            raise InputError("a control number must be between 1 and 999999999")


def _interchange(
    emitter: Emitter, sets: list[tuple[list[Claim], Party, Party]], control: Control, production: bool
) -> None:
    _, submitter, receiver = sets[0]
    d, when = emitter.mender.delimiters, control.created
    sender = emitter.mender.clean(control.sender_id or submitter.id, "ISA", 6, "ISA")
    target = emitter.mender.clean(control.receiver_id or receiver.id, "ISA", 8, "ISA")
    _refuse_envelope(sender, target, control)
    emitter.raw(
        *("ISA", "00", " " * 10, "00", " " * 10, control.sender_qualifier, f"{sender[:15]:<15}"),
        *(
            control.receiver_qualifier,
            f"{target[:15]:<15}",
            f"{when:%y%m%d}",
            f"{when:%H%M}",
            d.repetition,
            "00501",
        ),
        *(f"{control.interchange:09}", "0", "P" if production else "T", d.component),
    )
    emitter.raw(
        "GS", "HC", sender, target, f"{when:%Y%m%d}", f"{when:%H%M}", str(control.group), "X", VERSION
    )
    chunks = [
        (claims[start : start + MAX_CLAIMS], sends, gets)
        for claims, sends, gets in sets
        for start in range(0, len(claims), MAX_CLAIMS)
    ]
    for offset, (chunk, sends, gets) in enumerate(chunks):
        number = f"{control.transaction + offset:04}"
        begin = len(emitter.segments)
        emitter.raw("ST", "837", number, VERSION)
        reference = control.reference or f"{control.interchange:09}"
        kind = chunk[0].envelope.transaction_type if chunk[0].envelope else ""
        emitter.loop = "ST"
        emitter.add(("BHT", "0019", "00", reference, f"{when:%Y%m%d}", f"{when:%H%M}", kind or "CH"))
        _body(emitter, chunk, sends, gets)
        emitter.raw("SE", str(len(emitter.segments) - begin + 1), number)
    emitter.raw("GE", str(len(chunks)), str(control.group))
    emitter.raw("IEA", "1", f"{control.interchange:09}")


def _body(emitter: Emitter, claims: list[Claim], submitter: Party, receiver: Party) -> None:
    write_party(emitter, "1000A", "41", submitter)
    write_party(emitter, "1000B", "40", receiver)
    level = 0
    for provider in _runs(claims, _same_provider):
        level += 1
        _provider(emitter, provider[0], level)
        above = level
        for subscriber in _subscriber_runs(provider):
            level += 1
            level = _subscriber(emitter, subscriber, level, above)


def _runs(claims: Iterable[Claim], alike: Callable[[Claim, Claim], bool]) -> Iterator[list[Claim]]:
    run: list[Claim] = []
    for claim in claims:
        if run and not alike(run[0], claim):
            yield run
            run = []
        run.append(claim)
    if run:
        yield run


def _same_ends(a: Claim, b: Claim) -> bool:
    """Claims of an EHR go as one; claims of files stay under the ends that their file named."""
    if a.envelope is None or b.envelope is None:
        return True
    return (a.submitter, a.receiver) == (b.submitter, b.receiver)


def _same_provider(a: Claim, b: Claim) -> bool:
    return (a.billing, a.pay_to, a.pay_to_plan) == (b.billing, b.pay_to, b.pay_to_plan)


def _subscriber_runs(claims: list[Claim]) -> Iterator[list[Claim]]:
    """Claims of one subscriber and payer; his own before those of his dependants, else a new loop begins."""
    for run in _runs(claims, lambda a, b: a.insurance == b.insurance):
        part: list[Claim] = []
        for claim in run:
            if part and _own(claim) and (not _own(part[-1]) or len(part) >= MAX_CLAIMS_OF_ONE):
                yield part
                part = []
            part.append(claim)
        yield part


def _own(claim: Claim) -> bool:
    return claim.patient is None and not claim.patient_relationship


def _provider(emitter: Emitter, claim: Claim, level: int) -> None:
    emitter.raw("HL", str(level), "", "20", "1")
    billing = claim.billing or Party()
    emitter.loop = "2000A"
    if billing.taxonomy:
        emitter.add(("PRV", "BI", "PXC", billing.taxonomy), emitter.template(billing.extra, "PRV"))
    for segment in billing.extra:
        if segment[0] == "CUR" or (segment[0] == "PRV" and not billing.taxonomy):
            emitter.add(segment)
    rest = [segment for segment in billing.extra if segment[0] not in {"CUR", "PRV"}]
    if claim.billing is not None:
        write_party(emitter, "2010AA", "85", replace(billing, extra=rest, taxonomy=""))
    if claim.pay_to is not None:
        write_party(emitter, "2010AB", "87", claim.pay_to)
    if claim.pay_to_plan is not None:
        write_party(emitter, "2010AC", "PE", claim.pay_to_plan)


def _subscriber(emitter: Emitter, claims: list[Claim], level: int, above: int) -> int:
    """2000B with its claims and its dependants; gives the last HL number used."""
    dependants = any(not _own(claim) for claim in claims)
    emitter.raw("HL", str(level), str(above), "22", "1" if dependants else "0")
    insurance = claims[0].insurance
    _insurance(emitter, insurance)
    own_level = level
    before: Claim | None = None
    of_one = 0
    for claim in claims:
        of_one = of_one + 1 if before is not None and _same_patient(before, claim) else 1
        if not _own(claim) and of_one % MAX_CLAIMS_OF_ONE == 1:
            level += 1
            emitter.raw("HL", str(level), str(own_level), "23", "0")
            _patient(emitter, claim)
        write_claim(emitter, claim)
        before = claim
    return level


def _same_patient(a: Claim, b: Claim) -> bool:
    return (a.patient, a.patient_relationship) == (b.patient, b.patient_relationship)


def _insurance(emitter: Emitter, insurance: Insurance) -> None:
    emitter.loop = "2000B"
    emitter.subscriber_level(insurance)
    write_insurance_people(emitter, insurance, ("2010BA", "2010BB"))


def _patient(emitter: Emitter, claim: Claim) -> None:
    emitter.loop = "2000C"
    emitter.patient_level(claim)
    if claim.patient is not None:
        rest = [segment for segment in claim.patient.extra if segment[0] != "PAT"]
        write_party(emitter, "2010CA", "QC", replace(claim.patient, extra=rest))
