"""The 270 (005010X279A1): questions about eligibility, many in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chartside.errors import InputError
from chartside_billing.dates import ccyymmdd
from chartside_billing.model import Party, Person
from chartside_billing.x12.emit import Emitter
from chartside_billing.x12.mend import Mender
from chartside_billing.x12.segments import Delimiters, render

VERSION = "005010X279A1"


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question: whether this member has behavioural cover on a day. ``trace`` comes back with the answer."""

    payer: Party
    provider: Party
    subscriber: Person
    day: date
    trace: str
    dependent: Person | None = None

    def lacks(self) -> list[str]:
        """What the guide requires and the question does not have."""
        person = self.dependent or self.subscriber
        needed = {
            "the payer's id": self.payer.id,
            "the provider's NPI": self.provider.npi,
            "the member number": self.subscriber.id,
            "the client's family name": person.last,
            "the client's date of birth": person.birth_date,
        }
        return [name for name, value in needed.items() if not value]


def write_270(
    inquiries: Sequence[Inquiry],
    *,
    created: datetime,
    control: int,
    sender: str = "",
    receiver: str = "",
    production: bool = False,
) -> bytes:
    """One interchange; a transaction set for each question, so that one bad one costs no other.

    ``sender`` and ``receiver``: the ids of the clearinghouse account; default: those of the first provider and payer.
    Raises InputError for a question that lacks what the guide requires.
    """
    for inquiry in inquiries:
        if lacks := inquiry.lacks():
            raise InputError(f"the question lacks {'; '.join(lacks)}")
    if not inquiries:
        raise InputError("there is no question to ask")
    emitter = Emitter(Mender(Delimiters()))
    sends, gets = sender or inquiries[0].provider.id, receiver or inquiries[0].payer.id
    day, hour = f"{created:%Y%m%d}", f"{created:%H%M}"
    emitter.raw(
        *("ISA", "00", " " * 10, "00", " " * 10, "ZZ", f"{sends[:15]:<15}", "ZZ", f"{gets[:15]:<15}"),
        *(f"{created:%y%m%d}", hour, "^", "00501", f"{control:09}", "0", "P" if production else "T", ":"),
    )
    emitter.raw("GS", "HS", sends[:15], gets[:15], day, hour, str(control), "X", VERSION)
    for number, inquiry in enumerate(inquiries, 1):
        begin = len(emitter.segments)
        emitter.raw("ST", "270", f"{number:04}", VERSION)
        emitter.add(("BHT", "0022", "13", f"{control:09}{number:04}", day, hour))
        _question(emitter, inquiry)
        emitter.raw("SE", str(len(emitter.segments) - begin + 1), f"{number:04}")
    emitter.raw("GE", str(len(inquiries)), str(control))
    emitter.raw("IEA", "1", f"{control:09}")
    return render(emitter.segments, emitter.mender.delimiters).encode("ascii")


def _question(emitter: Emitter, inquiry: Inquiry) -> None:
    provider, subscriber, dependent = inquiry.provider, inquiry.subscriber, inquiry.dependent
    trace = ("TRN", "1", inquiry.trace, f"9{(provider.tax_id or '000000000')[:9]}")
    member = ("NM1", "IL", "1", subscriber.last, subscriber.first, "", "", "", "MI", subscriber.id)
    emitter.raw("HL", "1", "", "20", "1")
    emitter.add(("NM1", "PR", "2", inquiry.payer.last, "", "", "", "", "PI", inquiry.payer.id))
    emitter.raw("HL", "2", "1", "21", "1")
    name = (provider.last, provider.first if provider.entity == "1" else "")
    emitter.add(("NM1", "1P", provider.entity or "2", *name, "", "", "", "XX", provider.id))
    emitter.raw("HL", "3", "2", "22", "1" if dependent else "0")
    if dependent is None:
        emitter.add(trace)
        emitter.add(member)
        _about(emitter, subscriber, inquiry.day)
    else:
        emitter.add(member)
        emitter.raw("HL", "4", "3", "23", "0")
        emitter.add(trace)
        emitter.add(("NM1", "03", "1", dependent.last, dependent.first))
        _about(emitter, dependent, inquiry.day)


def _about(emitter: Emitter, person: Person, day: date) -> None:
    if person.birth_date:
        emitter.add(
            ("DMG", "D8", ccyymmdd(person.birth_date), person.sex if person.sex in {"F", "M"} else "")
        )
    emitter.add(("DTP", "291", "D8", ccyymmdd(day)))
    emitter.add(("EQ", "MH"))
