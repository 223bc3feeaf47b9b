"""What the chart says of the clients and staff that consents depend on: age, zone, membership."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from chartside.types import Resource

from .dates import moment
from .directory import GROUPS, Directory
from .query import Client
from .rules import Instrument, Rule

if TYPE_CHECKING:
    from chartside.context import Context

TIMEZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
"""Extension of Patient (HL7): the client's IANA zone."""

_DAY = timedelta(hours=27)
"""Zones differ by at most 26 hours, so only a bound this near to now depends on whose day it is."""


def client_of(patient: Mapping[str, Any], state: str, context: Context) -> Client:
    """Age and zone of a client. ``state``: where the client is; empty means the practice's state."""
    settings, place = context.settings, state or context.practice.state
    return Client(
        born=_born(patient),
        majority=settings.majority.get(place, 18),
        zone=zone_of(patient),
        alone_from=settings.alone_from.get(place),
    )


def _born(patient: Mapping[str, Any]) -> date | None:
    """The birth date; where only a year or month is known, its last day, so that nobody comes of age too early."""
    try:
        return (moment(patient["birthDate"]).after - timedelta(days=1)).date()
    except (KeyError, ValueError):
        return None


def zone_of(patient: Mapping[str, Any]) -> ZoneInfo | None:
    """The client's zone, where the chart tells one that exists."""
    for extension in patient.get("extension", ()):
        if isinstance(extension, Mapping) and extension.get("url") == TIMEZONE:
            try:
                return ZoneInfo(str(extension.get("valueCode") or extension.get("valueString")))
            except (KeyError, ValueError, OSError):
                return None
    return None


def clients(
    context: Context, instruments: Mapping[str, Sequence[Instrument]], places: Mapping[str, str], at: datetime
) -> dict[str, Client]:
    """Those clients whose age or zone a decision depends on, read in few round trips."""
    asked = [patient for patient, own in instruments.items() if any(_depends(i, at, context) for i in own)]
    ids = [patient.partition("/")[2] for patient in asked]
    found: dict[str, Resource] = context.fhir.read_many("Patient", ids) if ids else {}
    by_name = {f"Patient/{resource.get('id')}": resource for resource in found.values()}
    return {p: client_of(by_name.get(p, {}), places.get(p, ""), context) for p in asked}


def _depends(instrument: Instrument, at: datetime, context: Context) -> bool:
    if instrument.proxy or context.settings.alone_from:
        return True
    now = at.replace(tzinfo=None)
    bounds = (bound for p in instrument.periods for bound in (p.start_wall, p.end_wall) if bound)
    return any(abs(bound - now) < _DAY for bound in bounds)


def directory(context: Context, instruments: Iterable[Instrument]) -> Directory:
    """The groups that these consents name, read in few round trips; none where they name none."""
    wanted: dict[str, set[str]] = {}
    for instrument in instruments:
        for name in _groups(instrument.root):
            kind, _, id = name.partition("/")
            wanted.setdefault(kind, set()).add(id)
    found = Directory()
    for kind, ids in wanted.items():
        if kind in GROUPS and context.plugin.allows(kind, "r"):
            for resource in context.fhir.read_many(kind, sorted(ids)).values():
                found.add(resource)
    return found


def _groups(rule: Rule) -> Iterator[str]:
    for who in (rule.who, rule.data and rule.data.authors, rule.data and rule.data.author_role):
        yield from who.groups if who else ()
    for child in rule.children:
        yield from _groups(child)
