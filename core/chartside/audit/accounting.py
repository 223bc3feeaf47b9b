"""An accounting of disclosures (45 CFR 164.528): who received what about one client, when, and why.

The law leaves out disclosures for treatment, payment and health care operations, those to the individual, and those
by the individual's own authorization (164.528 (a)(1)). They are listed here all the same, marked with the reason for
which they need not be accounted for; a practice may hand out the longer or the shorter list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chartside.audit.record import AuditRecord, Event, Result
from chartside.codes import Purpose
from chartside.types import Resource

LOOK_BACK: Final = timedelta(days=6 * 365 + 2)
"""Six years before the request, 164.528 (a)(1), with the most leap days that six years can hold."""

_TPO: Final = {
    "treatment": frozenset({"TREAT", "ETREAT", "BTG", "CAREMGT", Purpose.REMIND, Purpose.SCHEDULE}),
    "payment": frozenset({"HPAYMT", "CLMATTCH", "COVAUTH", "ELIGDTRM", Purpose.SCRUB}),
    "health care operations": frozenset(
        {"HOPERAT", "HCOMPL", "RECORDMGT", Purpose.TRANSCRIBE, Purpose.DRAFT, Purpose.INSIGHT}
    ),
}


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One line of the accounting, 164.528 (b)(2). ``exempt`` says why it need not be accounted for, or is empty."""

    at: datetime
    recipient: str
    address: str
    what: str
    purpose: str
    consents: tuple[str, ...] = ()
    exempt: str = ""


def accounting(
    records: Iterable[AuditRecord | Resource],
    patient: str,
    *,
    since: datetime | None = None,
    recipients: Mapping[str, str] | None = None,
) -> list[Disclosure]:
    """The disclosures about ``patient`` (a reference), oldest first, from the trail, from AuditEvents, or both.

    ``recipients`` gives the address of a recipient by its name in the outbound registry. The same disclosure in
    both sources is listed once. Something that did not leave (a failure) is no disclosure.
    """
    found: dict[tuple[str, str, str], Disclosure] = {}
    for record in _records(records):
        fits = (
            record.event is Event.DISCLOSURE
            and record.outcome is Result.SUCCESS
            and record.patient == patient
        )
        if not fits or (since and record.at < since):
            continue
        key = (
            record.at.isoformat(timespec="milliseconds"),
            record.recipient,
            record.target or record.data_class,
        )
        known = found.get(key)
        if known is None or len(record.consents) > len(known.consents):
            found[key] = _disclosure(record, recipients or {})
    return sorted(found.values(), key=lambda one: one.at)


def _disclosure(record: AuditRecord, recipients: Mapping[str, str]) -> Disclosure:
    what = " ".join(part for part in (record.target, record.data_class and f"({record.data_class})") if part)
    return Disclosure(
        at=record.at,
        recipient=record.recipient,
        address=recipients.get(record.recipient, ""),
        what=what or "not recorded",
        purpose=record.purpose or "not recorded",
        consents=record.consents,
        exempt=_exempt(record),
    )


def _exempt(record: AuditRecord) -> str:
    if record.recipient == record.patient:
        return "to the individual"
    code = record.purpose.rpartition("|")[2]
    for words, codes in _TPO.items():
        if code in codes:
            return words
    return "by the individual's authorization" if record.consents else ""


def _records(records: Iterable[AuditRecord | Resource]) -> Iterator[AuditRecord]:
    for record in records:
        if isinstance(record, AuditRecord):
            yield record
        elif (read := _from_event(record)) is not None:
            yield read


def _from_event(event: Resource) -> AuditRecord | None:
    """A disclosure from an AuditEvent, ours or another system's; None when it is none or cannot be read."""
    try:
        return _disclosed(event)
    except (ValueError, AttributeError, TypeError, LookupError):
        return None


def _disclosed(event: Resource) -> AuditRecord | None:
    codes = [coding.get("code") for coding in _all(event, "subtype")]
    if "disclose" not in codes:
        return None
    agent = next((a for a in _all(event, "agent") if _code(a.get("type")) == "110152"), {})
    patient = next((e for e in _all(event, "entity") if _role(e) == "1"), {})
    data = next((e for e in _all(event, "entity") if _role(e) != "1" and e.get("role")), {})
    return AuditRecord(
        event=Event.DISCLOSURE,
        plugin="ehr",
        at=datetime.fromisoformat(str(event.get("recorded"))),
        outcome=Result.SUCCESS if event.get("outcome") == "0" else Result.FAILURE,
        patient=_who(patient.get("what")),
        target=_who(data.get("what")) or str((data.get("what") or {}).get("type", "")),
        data_class=_class(data.get("what")),
        recipient=_who(agent.get("who")),
        purpose=next((_code(p) for p in _all(event, "purposeOfEvent")), ""),
    )


def _all(event: Resource, name: str) -> list[dict[str, Any]]:
    value = event.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _code(concept: Any) -> str:
    coding = (concept or {}).get("coding") if isinstance(concept, dict) else None
    return str(coding[0].get("code", "")) if coding else ""


def _role(entity: dict[str, Any]) -> str:
    return str((entity.get("role") or {}).get("code", ""))


def _class(what: Any) -> str:
    """A data class of the outbound registry; words that another system put there are none."""
    words = str((what or {}).get("display", ""))
    return "" if " " in words else words


def _who(reference: Any) -> str:
    if not isinstance(reference, dict):
        return ""
    return str(reference.get("reference") or (reference.get("identifier") or {}).get("value") or "")
