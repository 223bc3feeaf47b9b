"""A request from a file, in any of the ways in which people write one down.

One JSON object; a FHIR ``Parameters`` resource with the same names; or an object that holds the request under
``request`` or ``context`` (as a CDS Hooks consult does). Case, ``_`` and ``-`` in the names do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from chartside.errors import InputError
from chartside.gate.model import Action, DecisionRequest
from chartside.types import Resource

from . import references
from .dates import moment
from .files import Pile, parsed, read_text
from .vocabulary import labelled

CONSENT_ACTIONS: Final = frozenset({"access", "collect", "use", "correct"})
"""Codes of HL7 consentaction that are a kind of reading here; ``disclose`` is an action of the gate's own."""

_WORDS: Final = {
    **dict.fromkeys(("text", "text-message", "textmessage", "message"), Action.SMS),
    **dict.fromkeys(("mail", "e-mail"), Action.EMAIL),
    **dict.fromkeys(("phone", "phone-call"), Action.CALL),
    **dict.fromkeys(("recording", "record-audio"), Action.RECORD),
    **dict.fromkeys(("transcription", "transcribing"), Action.TRANSCRIBE),
    **dict.fromkeys(("share", "send", "disclosure", "release"), Action.DISCLOSE),
    **dict.fromkeys(("view", "search", "query"), Action.READ),
}

# What each part of a request may be called, the name of the documentation first.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "patient": ("patient", "subject", "patientid", "client"),
    "action": ("action", "operation"),
    "purpose": ("purpose", "purposes", "purposeofuse", "purposeofevent", "pou"),
    "actor": ("actor", "recipient", "requester", "requestor", "user", "practitioner", "grantee"),
    "actor_role": ("actorrole", "role"),
    "actor_groups": ("actorgroups", "groups"),
    "date": ("date", "at", "when", "datetime", "requestdate", "time", "timestamp"),
    "zone": ("zone", "timezone"),
    "category": ("category", "messagecategory"),
    "location": ("location", "state", "clientlocation"),
    "resource": ("resource", "data", "content", "target"),
    "class": ("class", "resourceclass"),
    "label": ("securitylabel", "securitylabels", "label", "labels", "security"),
    "code": ("code",),
}
_ALL: Final = frozenset(name for names in _NAMES.values() for name in names)
_PASSED_OVER: Final = frozenset(
    {
        "resourcetype",
        "id",
        "meta",
        "hook",
        "hookinstance",
        "fhirserver",
        "comment",
        "description",
        "note",
        "name",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it stands in a file, ready for the engine: one question for each of its purposes.

    ``ignored``: names in it that mean nothing here.
    """

    requests: tuple[DecisionRequest, ...]
    codes: frozenset[str] | None
    zone: tzinfo | None
    groups: tuple[str, ...]
    ignored: tuple[str, ...] = ()


def read_request(path: Path, pile: Pile, resource: Resource | None, now: datetime) -> Asked:
    """Read a request file (see ``chartside consent decide --help``). Raises InputError that names the key.

    ``pile``: what the other files hold. ``resource``: the data, where a file of its own gives it.
    """
    data = _plain(parsed(read_text(path), path.name), path.name)
    zone = _zone(data)
    action, codes = _action(_code(data, "action") or "access")
    asked = DecisionRequest(
        patient=_patient(data, pile),
        action=action,
        at=_when(data, zone, now),
        category=_code(data, "category"),
        actor=_reference(data, "actor"),
        resource=resource or _resource(data, pile),
        location=_code(data, "location"),
    )
    requests = tuple(replace(asked, purpose=purpose) for purpose in _purposes(data))
    return Asked(requests, codes, zone, tuple(_groups(data)), tuple(sorted(set(data) - _ALL - _PASSED_OVER)))


def _purposes(data: Mapping[str, Any]) -> list[str]:
    """Every purpose of the request, once each; treatment where it names none."""
    value = _first(data, "purpose")
    found = [_coded(one) for one in (value if isinstance(value, list) else [value])]
    if None in found:
        raise InputError("request: purpose is no code", mend="write each as TREAT or system|code")
    return list(dict.fromkeys(one or "TREAT" for one in found))


def _plain(data: Any, place: str) -> dict[str, Any]:
    """The request's own parts, their names made plain."""
    if not isinstance(data, Mapping):
        raise InputError(f"{place}: must hold one JSON object", mend="see `chartside consent decide --help`")
    if data.get("resourceType") == "Parameters":
        given: dict[str, list[Any]] = {}
        for name, value in _parameters(data):
            given.setdefault(name, []).append(value)
        data = {name: values if len(values) > 1 else values[0] for name, values in given.items()}
    for wrapper in ("request", "context"):
        inner = data.get(wrapper)
        if isinstance(inner, Mapping) and "reference" not in inner:
            data = inner
    return {str(key).replace("_", "").replace("-", "").lower(): value for key, value in data.items()}


def _parameters(resource: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    parts = resource.get("parameter")
    for part in parts if isinstance(parts, list) else []:
        values = [v for k, v in part.items() if k.startswith("value") or k == "resource"]
        if part.get("name") and values:
            yield str(part["name"]), values[0]


def _first(data: Mapping[str, Any], name: str) -> Any:
    value = next((data[key] for key in _NAMES[name] if data.get(key) not in (None, "", [])), None)
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _code(data: Mapping[str, Any], name: str) -> str:
    """A code: plain, ``system|code``, a Coding or a CodeableConcept; the first of a list of one."""
    value = _coded(_first(data, name))
    if value is None:
        raise InputError(f"request: {name} is no code", mend=f"give one {name} for each request")
    return value


def _coded(value: Any) -> str | None:
    if isinstance(value, Mapping) and isinstance(value.get("coding"), list) and value["coding"]:
        value = value["coding"][0]
    if isinstance(value, Mapping) and value.get("code"):
        value = f"{value['system']}|{value['code']}" if value.get("system") else value["code"]
    return "" if value is None else value if isinstance(value, str) else None


def _reference(data: Mapping[str, Any], name: str) -> str:
    value = _first(data, name)
    if isinstance(value, Mapping):
        found = references.of(value) or references.own(value) or references.of({"identifier": value})
        value = found or ("" if value.get("role") else None)
    elif value is None:
        value = ""
    if not isinstance(value, str):
        raise InputError(f"request: {name} is no reference", mend="write it as in Practitioner/12")
    return value


def _groups(data: Mapping[str, Any]) -> Iterator[str]:
    """What the actor belongs to, as the request says: groups by reference, roles as ``role:system|code``."""
    groups = _first(data, "actor_groups") or []
    yield from (str(one) for one in (groups if isinstance(groups, list) else [groups]))
    actor = _first(data, "actor")
    said = (_first(data, "actor_role"), actor.get("role") if isinstance(actor, Mapping) else None)
    for role in said:
        for one in role if isinstance(role, list) else [role]:
            if code := _coded(one):
                yield f"role:{code}"


def _action(code: str) -> tuple[Action, frozenset[str] | None]:
    name = code.rpartition("|")[2].lower()
    if name in CONSENT_ACTIONS:
        return Action.READ, frozenset({name} | ({"read"} if name == "access" else set()))
    try:
        return _WORDS.get(name) or Action(name), None
    except ValueError:
        known = ", ".join([*Action, *sorted(CONSENT_ACTIONS)])
        raise InputError("request: action is not known", mend=f"one of: {known}") from None


def _patient(data: Mapping[str, Any], pile: Pile) -> str:
    """The client asked about; where the request names none, the one that all the consents are of."""
    named = _reference(data, "patient")
    if named:
        return named if "/" in named or "|" in named else f"Patient/{named}"
    whose = {references.of(c.get("patient") or c.get("subject")) for c in pile.consents} - {""}
    if len(whose) != 1:
        raise InputError("request: patient is missing", mend='add "patient": "Patient/12"')
    return whose.pop()


def _zone(data: Mapping[str, Any]) -> ZoneInfo | None:
    name = _first(data, "zone")
    try:
        return ZoneInfo(str(name)) if name else None
    except (KeyError, ValueError, OSError):
        raise InputError(
            "request: zone is no time zone", mend="write an IANA name such as America/Chicago"
        ) from None


def _when(data: Mapping[str, Any], zone: tzinfo | None, now: datetime) -> datetime:
    """The instant asked about; a date alone is noon of that day at the place."""
    text = _first(data, "date")
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
    """The data in question: in the request itself, named there and in a file, or described by class and labels."""
    value = _first(data, "resource")
    if value is None:
        return _described(data)
    if isinstance(value, dict) and "resourceType" in value:
        return value
    name = references.of(value) if isinstance(value, Mapping) else references.plain(str(value))
    if name not in pile.others:
        raise InputError(
            "request: resource is named, but not among the files", mend="give it with --resource FILE"
        )
    return pile.others[name]


def _described(data: Mapping[str, Any]) -> Resource | None:
    """What the request says of the data without having it: all else about it is unknown, and is judged so."""
    kind, codes = _code(data, "class").rpartition("|")[2], _first(data, "code")
    labels = _first(data, "label") or []
    security = [_label(_coded(one) or "") for one in (labels if isinstance(labels, list) else [labels])]
    if not (kind or security or codes):
        return None
    codings = [
        _coding(_coded(one) or "") for one in (codes if isinstance(codes, list) else [codes] if codes else [])
    ]
    return {
        "resourceType": kind,
        **({"meta": {"security": security}} if security else {}),
        **({"code": {"coding": codings}} if codings else {}),
    }


def _label(text: str) -> dict[str, str]:
    """A label; a bare code is one of v3-Confidentiality if it is one there, else of v3-ActCode."""
    found = _coding(text)
    system, code = labelled((found["system"], found["code"]))
    return {"system": system, "code": code}


def _coding(text: str) -> dict[str, str]:
    system, _, code = text.rpartition("|")
    return {"system": system, "code": code}
