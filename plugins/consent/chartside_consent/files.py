"""Consents, requests and resources from files, for deciding without an EHR."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from chartside.errors import InputError
from chartside.gate.model import Action, DecisionRequest
from chartside.types import Resource

from . import references
from .dates import moment
from .directory import Directory
from .people import zone_of
from .query import Client

_TOO_BIG = 256 * 1024 * 1024

CONSENT_ACTIONS = {"access", "collect", "use", "correct"}
"""Codes of HL7 consentaction that are a kind of reading here; ``disclose`` is an action of the gate's own."""


@dataclass(slots=True)
class Pile:
    """What the files held: the Consents, and all other resources by reference."""

    consents: list[Resource] = field(default_factory=list)
    others: dict[str, Resource] = field(default_factory=dict)

    def add(self, resources: Iterable[Resource]) -> None:
        """Sort resources in."""
        for resource in resources:
            if resource.get("resourceType") == "Consent":
                self.consents.append(resource)
            elif name := references.own(resource):
                self.others[name] = resource

    def directory(self) -> Directory:
        """Who belongs to what, as far as the files say."""
        return Directory(self.others.values())

    def client(self, patient: str, majority: int) -> Client | None:
        """Age and zone of a client whose Patient resource is among the files."""
        resource = self.others.get(patient)
        if resource is None:
            return None
        try:
            born = (moment(resource["birthDate"]).after - timedelta(days=1)).date()
        except (KeyError, ValueError):
            born = None
        return Client(born=born, majority=majority, zone=zone_of(resource))


def read_resources(path: Path) -> Iterator[Resource]:
    """Every resource in a file: one resource, a list, a Bundle, or NDJSON. Raises InputError that names the place."""
    text = read_text(path)
    try:
        yield from _resources(json.loads(text), path.name)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise InputError(
                f"{path.name}: no JSON (line {error.lineno}, column {error.colno})",
                mend="give FHIR JSON or NDJSON",
            ) from None
        for number, line in enumerate(lines, 1):
            yield from _resources(_parsed(line, f"{path.name}, line {number}"), path.name)
    except RecursionError:
        raise InputError(f"{path.name}: nested too deeply", mend="no FHIR resource is that deep") from None


def read_text(path: Path) -> str:
    """A file's text. Raises InputError where it cannot be read."""
    try:
        if path.stat().st_size > _TOO_BIG:
            raise InputError(f"{path.name}: too big", mend="split it; 256 MB is the most that is read")
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name}: cannot be read ({type(error).__name__})", mend="check the path"
        ) from None


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place}: no JSON (column {error.colno})", mend="give FHIR JSON or NDJSON"
        ) from None


def _resources(value: Any, place: str) -> Iterator[Resource]:
    if isinstance(value, list):
        for part in value:
            yield from _resources(part, place)
    elif isinstance(value, dict) and value.get("resourceType") == "Bundle":
        for entry in value.get("entry", ()):
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict):
                yield from _resources(entry["resource"], place)
    elif isinstance(value, dict) and isinstance(value.get("resourceType"), str):
        yield value
    else:
        raise InputError(
            f"{place}: holds something that is no FHIR resource", mend="give FHIR JSON or NDJSON"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it stands in a file, ready for the engine."""

    request: DecisionRequest
    codes: frozenset[str] | None
    zone: tzinfo | None
    groups: tuple[str, ...]


def read_request(path: Path, pile: Pile, resource: Resource | None, now: datetime) -> Asked:
    """Read a request file (see ``chartside consent decide --help``). Raises InputError that names the key."""
    data = _parsed(read_text(path), path.name)
    if not isinstance(data, Mapping):
        raise InputError(
            f"{path.name}: must hold one JSON object", mend="see `chartside consent decide --help`"
        )
    zone = _zone(data)
    action, codes = _action(_code(data, "action") or "access")
    request = DecisionRequest(
        patient=_patient(data, pile),
        action=action,
        at=_when(data, zone, now),
        purpose=_code(data, "purpose", "purposeOfUse", "purpose_of_use") or "TREAT",
        category=_code(data, "category"),
        actor=_reference(data, "actor", "recipient"),
        resource=resource or _resource(data, pile),
        location=_code(data, "location", "state"),
    )
    return Asked(request, codes, zone, tuple(map(str, data.get("actor_groups", ()))))


def _first(data: Mapping[str, Any], *names: str) -> Any:
    return next((data[name] for name in names if data.get(name) not in (None, "", [])), None)


def _code(data: Mapping[str, Any], *names: str) -> str:
    """A code: plain, ``system|code``, a Coding or a CodeableConcept; the first of a list of one."""
    value = _first(data, *names)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping) and isinstance(value.get("coding"), list) and value["coding"]:
        value = value["coding"][0]
    if isinstance(value, Mapping) and value.get("code"):
        value = f"{value['system']}|{value['code']}" if value.get("system") else value["code"]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"request: {names[0]} is no code", mend=f"give one {names[0]} for each request")
    return value


def _reference(data: Mapping[str, Any], *names: str) -> str:
    value = _first(data, *names)
    if isinstance(value, Mapping):
        value = references.of(value) or references.own(value)
    if value is not None and not isinstance(value, str):
        raise InputError(f"request: {names[0]} is no reference", mend="write it as in Practitioner/12")
    return value or ""


def _action(code: str) -> tuple[Action, frozenset[str] | None]:
    name = code.rpartition("|")[2]
    if name in CONSENT_ACTIONS:
        return Action.READ, frozenset({name} | ({"read"} if name == "access" else set()))
    try:
        return Action(name), None
    except ValueError:
        known = ", ".join([*Action, *sorted(CONSENT_ACTIONS)])
        raise InputError("request: action is not known", mend=f"one of: {known}") from None


def _patient(data: Mapping[str, Any], pile: Pile) -> str:
    """The client asked about; where the request names none, the one that all the consents are of."""
    named = _reference(data, "patient", "subject")
    if named:
        return named if "/" in named else f"Patient/{named}"
    whose = {references.of(c.get("patient") or c.get("subject")) for c in pile.consents} - {""}
    if len(whose) != 1:
        raise InputError("request: patient is missing", mend='add "patient": "Patient/12"')
    return whose.pop()


def _zone(data: Mapping[str, Any]) -> ZoneInfo | None:
    name = _first(data, "zone", "time_zone", "timezone")
    try:
        return ZoneInfo(str(name)) if name else None
    except (KeyError, ValueError, OSError):
        raise InputError(
            "request: zone is no time zone", mend="write an IANA name such as America/Chicago"
        ) from None


def _when(data: Mapping[str, Any], zone: tzinfo | None, now: datetime) -> datetime:
    """The instant asked about; a date alone is noon of that day at the place."""
    text = _first(data, "date", "at", "request_date", "dateTime", "time")
    if text is None:
        return now
    try:
        found = moment(text)
    except ValueError:
        raise InputError(
            "request: date is no FHIR date", mend="write 2026-11-24 or 2026-11-24T15:00:00-06:00"
        ) from None
    at = found.first
    if found.wall and found.after - found.first >= timedelta(days=1):
        at = at + timedelta(hours=12)
    return at.replace(tzinfo=zone or now.tzinfo) if found.wall else at


def _resource(data: Mapping[str, Any], pile: Pile) -> Resource | None:
    """The data in question: in the request itself, or named there and among the files."""
    value = _first(data, "resource", "data")
    if value is None or (isinstance(value, dict) and "resourceType" in value):
        return value
    name = references.of(value) if isinstance(value, Mapping) else str(value)
    if name not in pile.others:
        raise InputError(
            "request: resource is named, but not among the files", mend="give it with --resource FILE"
        )
    return pile.others[name]
