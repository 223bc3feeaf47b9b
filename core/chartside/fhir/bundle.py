"""Entries of batches and transactions, and what became of each.

>>> Create({"resourceType": "Task", "status": "requested", "intent": "order"}, "identifier=a|b").repeatable
True
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

import orjson

from chartside.errors import FhirError, InputError, InvalidAnswer
from chartside.fhir.answers import Asked, error_for, etag_version
from chartside.fhir.paths import parse_location, require_id, require_type, version_of
from chartside.types import Resource

Condition: TypeAlias = str | Mapping[str, str | Sequence[str]]
"""A search, as ``identifier=system|value`` or as a mapping."""


def query(condition: Condition) -> str:
    """A condition as a query string. Raises InputError where it is empty: that would match everything."""
    text = condition if isinstance(condition, str) else urlencode(condition, doseq=True, safe="|,:/")
    if not text.strip("?& "):
        raise InputError("an empty condition would match every resource", mend="name a search parameter")
    return text.lstrip("?")


@dataclass(frozen=True, slots=True)
class Create:
    """Create ``resource``, unless ``if_none_exist`` (a query) matches one already."""

    resource: Resource = field(repr=False)
    if_none_exist: str = field(default="", repr=False)
    full_url: str = ""

    @property
    def asked(self) -> Asked:
        """See Asked."""
        return Asked("POST", require_type(self.resource.get("resourceType")), bool(self.if_none_exist))

    @property
    def repeatable(self) -> bool:
        """Only a conditional create may be sent again."""
        return bool(self.if_none_exist)

    def request(self) -> Resource:
        """Bundle.entry."""
        condition = {"ifNoneExist": query(self.if_none_exist)} if self.if_none_exist else {}
        return _entry(self.resource, self.full_url, "POST", self.asked.type, condition)


@dataclass(frozen=True, slots=True)
class Update:
    """Replace ``resource``, if it still has the version that it was read with (``meta.versionId``, or ``version``)."""

    resource: Resource = field(repr=False)
    version: str = ""

    @property
    def asked(self) -> Asked:
        """See Asked."""
        return Asked("PUT", require_type(self.resource.get("resourceType")))

    @property
    def repeatable(self) -> bool:
        """Always: the second time the version is another, and the answer is 412."""
        return True

    @property
    def if_match(self) -> str:
        """The ETag. Raises InputError where no version is known: nothing is ever overwritten blindly (S-20)."""
        return if_match(self.version or version_of(self.resource))

    @property
    def path(self) -> str:
        """``Type/id``. Raises InputError for a resource that was read in part: the rest of it would be lost."""
        if _subsetted(self.resource):
            raise InputError(
                "only a part of the resource was read, so that writing it back would lose the rest",
                mend="read it without _elements and _summary",
            )
        return f"{self.asked.type}/{require_id(self.resource.get('id'))}"

    def request(self) -> Resource:
        """Bundle.entry."""
        return _entry(self.resource, "", "PUT", self.path, {"ifMatch": self.if_match})


@dataclass(frozen=True, slots=True)
class Patch:
    """Apply JSON Patch ``operations`` to ``type/id``, if it still has ``version``."""

    type: str
    id: str
    operations: Sequence[Mapping[str, Any]] = field(repr=False)
    version: str

    @property
    def asked(self) -> Asked:
        """See Asked."""
        return Asked("PATCH", require_type(self.type))

    @property
    def repeatable(self) -> bool:
        """Always, by its ``If-Match``."""
        return True

    def request(self) -> Resource:
        """Bundle.entry; the operations travel in a Binary."""
        data = base64.b64encode(orjson.dumps(list(self.operations))).decode()
        binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
        url = f"{self.asked.type}/{require_id(self.id)}"
        return _entry(binary, "", "PATCH", url, {"ifMatch": if_match(self.version)})


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete ``type/id``, if it still has ``version`` where one is given."""

    type: str
    id: str
    version: str = ""

    @property
    def asked(self) -> Asked:
        """See Asked."""
        return Asked("DELETE", require_type(self.type))

    @property
    def repeatable(self) -> bool:
        """Always."""
        return True

    def request(self) -> Resource:
        """Bundle.entry."""
        extra = {"ifMatch": if_match(self.version)} if self.version else {}
        return _entry(None, "", "DELETE", f"{self.asked.type}/{require_id(self.id)}", extra)


@dataclass(frozen=True, slots=True)
class Get:
    """Read ``type/id``, or search with ``condition``."""

    type: str
    id: str = ""
    condition: str = field(default="", repr=False)

    @property
    def asked(self) -> Asked:
        """See Asked."""
        return Asked("GET", require_type(self.type))

    @property
    def repeatable(self) -> bool:
        """Always."""
        return True

    def request(self) -> Resource:
        """Bundle.entry."""
        tail = f"/{require_id(self.id)}" if self.id else f"?{query(self.condition)}"
        return _entry(None, "", "GET", self.asked.type + tail, {})


Entry: TypeAlias = Create | Update | Patch | Delete | Get


@dataclass(frozen=True, slots=True)
class EntryResult:
    """What became of one entry: ``error`` and no ``resource``, or the other way round (None after a delete)."""

    entry: Entry
    status: int = 0
    resource: Resource | None = field(default=None, repr=False)
    error: FhirError | None = None

    @property
    def created(self) -> bool:
        """Whether the server made a new resource (a conditional create that matched did not)."""
        return self.status == 201

    def require(self) -> Resource:
        """The resource. Raises the entry's error."""
        if self.error:
            raise self.error
        return self.resource or {}


def _subsetted(resource: Resource) -> bool:
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return isinstance(tags, list) and any(isinstance(t, dict) and t.get("code") == "SUBSETTED" for t in tags)


_VERSION = re.compile(r"[\x21\x23-\x7e]{1,256}\Z")  # RFC 9110, 8.8.3, without what is no ASCII


def if_match(version: str) -> str:
    """A version as an ``If-Match`` header. Raises InputError for none, and for one that no header holds."""
    if not _VERSION.match(version):
        raise InputError(
            "no version of the resource is known, so that writing might overwrite somebody's work",
            mend="read it from the server first and change what was read; a server that numbers no versions "
            "cannot be written to safely",
        )
    return f'W/"{version}"'


def bundle_of(kind: str, entries: Sequence[Entry]) -> Resource:
    """A Bundle of type ``batch`` or ``transaction``."""
    return {"resourceType": "Bundle", "type": kind, "entry": [entry.request() for entry in entries]}


def results_of(
    entries: Sequence[Entry], answer: Mapping[str, Any], request_id: str = ""
) -> list[EntryResult] | None:
    """Each entry's result from the answer's Bundle; None where the answer does not fit the entries."""
    rows = answer.get("entry", [])
    if not isinstance(rows, list) or len(rows) != len(entries):
        return None
    return [_result(entry, row, request_id) for entry, row in zip(entries, rows, strict=True)]


def _result(entry: Entry, row: Any, request_id: str) -> EntryResult:
    response = row.get("response") if isinstance(row, dict) else None
    status = _status(response)
    if not isinstance(response, dict) or not 200 <= status < 300:
        outcome = response.get("outcome") if isinstance(response, dict) else None
        error = error_for(entry.asked, status, outcome, request_id=request_id)
        return EntryResult(entry, status, error=error)
    stored = _stored(entry, row, response)
    if stored is not None and not _is_of(entry, stored):
        error = InvalidAnswer(
            "answered by another resource than was asked for",
            method=entry.asked.method,
            resource_type=entry.asked.type,
            status=status,
            request_id=request_id,
        )
        return EntryResult(entry, status, error=error)
    return EntryResult(entry, status, stored)


def _is_of(entry: Entry, resource: Resource) -> bool:
    """Whether a row answers its entry: servers that mix them up would hand out another client's resource."""
    if isinstance(entry, Delete):
        return True  # some answer by what was deleted; nobody uses it
    if isinstance(entry, Get) and not entry.id:
        return resource.get("resourceType") == "Bundle"
    asked = entry.resource.get("id") if isinstance(entry, Create | Update) else entry.id
    named = isinstance(entry, Create) or resource.get("id") == asked
    return named and resource.get("resourceType") == entry.asked.type


def _status(response: Any) -> int:
    """The number at the head of ``"201 Created"``; 0 where there is none."""
    text = str(response.get("status", "")) if isinstance(response, dict) else ""
    return int(text[:3]) if re.match("[1-5][0-9][0-9]", text) else 0


def _stored(entry: Entry, row: Mapping[str, Any], response: Mapping[str, Any]) -> Resource | None:
    resource = row.get("resource")
    if isinstance(resource, dict) and resource.get("resourceType") != "OperationOutcome":
        return resource
    if isinstance(entry, Create | Update):
        location = str(response.get("location", ""))
        return as_stored(entry.resource, location, etag_version(str(response.get("etag", ""))))
    return None


def as_stored(sent: Resource, location: str, version: str) -> Resource:
    """What was sent, with the id and version of the answer's headers: some servers send nothing else back."""
    _, found_id, found_version = parse_location(location)
    version = version or found_version
    stored = {**sent, **({"id": found_id} if found_id else {})}
    return {**stored, "meta": {**sent.get("meta", {}), "versionId": version}} if version else stored


def _entry(
    resource: Resource | None, full_url: str, method: str, url: str, extra: Mapping[str, str]
) -> Resource:
    entry: Resource = {"request": {"method": method, "url": url, **extra}}
    if resource is not None:
        entry["resource"] = resource
    if full_url:
        entry["fullUrl"] = full_url
    return entry
