"""What one entry of the audit says: ids and codes, never a name, a number, a value or a text (S-9).

An entry is checked when it is made. Whoever puts something else than ids into it gets a ValueError
that names the field and not its content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final


class Event(StrEnum):
    """What happened. The first six are the RESTful interactions of IHE BALP."""

    READ = "read"
    SEARCH = "search"
    CREATE = "create"
    UPDATE = "update"
    PATCH = "patch"
    DELETE = "delete"
    OPERATION = "operation"
    DECISION = "decision"  # of the gate: permit or deny
    DISCLOSURE = "disclosure"  # something left for a recipient outside the EHR
    REFUSED = "refused"  # an access that the manifest does not declare, an unlabelled AI text ...
    BREAK_GLASS = "break-glass"
    SIGNED = "signed"  # an AI draft became final by a named clinician


REST: Final = frozenset({Event.READ, Event.SEARCH, Event.CREATE, Event.UPDATE, Event.PATCH, Event.DELETE})


class Result(StrEnum):
    """How it ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    PERMIT = "permit"
    DENY = "deny"


# As wide as `chartside.fhir.paths`: ids with practice prefixes and underscores are seen in the field.
_ID = r"[A-Za-z0-9._~:|=+-]{1,128}"
REFERENCE = re.compile(rf"[A-Z][A-Za-z]{{2,40}}/{_ID}(/_history/{_ID})?\Z")
_TARGET = re.compile(rf"[A-Z][A-Za-z]{{2,40}}(/{_ID}(/_history/{_ID})?)?\Z")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_PURPOSE = re.compile(r"([a-z]+:[A-Za-z0-9:/._-]{1,120}\|)?[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_PARAMETERS = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,79}(&[A-Za-z_][A-Za-z0-9_.:-]{0,79}){0,39}\Z")
_REQUEST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}\Z")
PROVISION: Final = re.compile(r"(policyRule|provision(\.provision\[\d{1,4}\]){0,20})\Z")
"""Where in a consent the provision stands that spoke."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry.

    ``patient``: ``Patient/12``; ``target``: what was touched, ``Appointment`` (a search),
    ``Appointment/7`` or ``Appointment/7/_history/2``; ``consents``: references of the consents that decided;
    ``provisions``: where in each of them it says so (``provision.provision[0]``), in the same order;
    ``rules``: ids of policy rules, or ``default``; ``purpose``: a v3-ActReason or Chartside code, or
    ``system|code``; ``action``: of the gate (``sms``); ``recipient``: the name of an entry of the outbound
    registry, or a reference; ``data_class``: of that registry (``contact``); ``user``: who did it, a
    reference, when it was not the host by itself; ``parameters``: names (never values) of search parameters, joined by
    ``&``; ``request_id``: ours, the same in the log and in ``X-Request-Id``.
    """

    event: Event
    plugin: str
    at: datetime
    outcome: Result = Result.SUCCESS
    patient: str = ""
    target: str = ""
    consents: tuple[str, ...] = ()
    provisions: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    purpose: str = ""
    action: str = ""
    recipient: str = ""
    data_class: str = ""
    user: str = ""
    parameters: str = ""
    request_id: str = ""

    def __post_init__(self) -> None:
        """Refuse what is no id or code (ValueError; the content is not repeated)."""
        if self.at.tzinfo is None:
            raise ValueError("AuditRecord.at: needs a time zone")
        for name, pattern in _PATTERNS:
            value = getattr(self, name)
            for one in value if isinstance(value, tuple) else (value,):
                if one and not pattern.match(one):
                    raise ValueError(f"AuditRecord.{name}: holds something that is no id or code")
        if not self.plugin:
            raise ValueError("AuditRecord.plugin: is empty; write `host` for the host itself")
        if self.event is Event.DISCLOSURE and not self.recipient:
            raise ValueError("AuditRecord.recipient: a disclosure names who received it")

    def as_line(self) -> dict[str, Any]:
        """The record as JSON data without its empty fields, in the order of the fields."""
        data: dict[str, Any] = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value:
                data[name] = list(value) if isinstance(value, tuple) else value
        data["at"] = self.at.astimezone(UTC).isoformat(timespec="milliseconds")
        return data

    @classmethod
    def from_line(cls, data: Mapping[str, Any]) -> AuditRecord:
        """Read what ``as_line`` wrote; keys of the chain are skipped. Raises ValueError, KeyError, TypeError."""
        known = {name: data[name] for name in _NAMES if name in data}
        known["event"], known["outcome"] = Event(data["event"]), Result(data["outcome"])
        known["at"] = datetime.fromisoformat(data["at"])
        for name in ("consents", "provisions", "rules"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


_NAMES: Final = tuple(field.name for field in fields(AuditRecord))
_RECIPIENT = re.compile(f"({REFERENCE.pattern})|({_CODE.pattern})")
_PATTERNS: Final = (
    ("plugin", _CODE),
    ("patient", REFERENCE),
    ("target", _TARGET),
    ("consents", REFERENCE),
    ("provisions", PROVISION),
    ("rules", _CODE),
    ("purpose", _PURPOSE),
    ("action", _CODE),
    ("recipient", _RECIPIENT),
    ("data_class", _CODE),
    ("user", _RECIPIENT),
    ("parameters", _PARAMETERS),
    ("request_id", _REQUEST),
)
