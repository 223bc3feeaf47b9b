"""Types, ids and versions, checked before they become part of a URL."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from chartside.errors import InputError
from chartside.types import Resource

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}\Z")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
# Wider than FHIR's own 64 characters of [A-Za-z0-9.-]: practice prefixes and underscores are seen in the field.
_ID = re.compile(r"[A-Za-z0-9._~:|=+-]{1,128}\Z")
_LOCATION = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([^/?#]+)(?:/_history/([^/?#]+))?$")


def require_type(value: Any) -> str:
    """The resource type. Raises InputError where it is none."""
    if not isinstance(value, str) or not _TYPE.match(value):
        raise InputError("a resource without a resourceType, or with an impossible one")
    return value


def require_id(value: Any) -> str:
    """An id, quoted for a path. Raises InputError where it could lead anywhere else."""
    if not isinstance(value, str) or not _ID.match(value) or not value.strip("."):
        raise InputError("a resource without an id, or with an impossible one")
    return quote(value, safe="~:=+")


def is_reference(value: str) -> bool:
    """Whether this is ``Type/id`` and nothing else."""
    kind, _, found = value.partition("/")
    return bool(_TYPE.match(kind) and _ID.match(found) and found.strip("."))


def require_operation(value: str) -> str:
    """The name of an operation without its ``$``. Raises InputError."""
    name = value.removeprefix("$")
    if not _NAME.match(name):
        raise InputError("an impossible name of an operation")
    return name


def version_of(resource: Resource) -> str:
    """``meta.versionId``, empty where the server gave none."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


def parse_location(location: str) -> tuple[str, str, str]:
    """``(type, id, version)`` of a Location header or reference; empty strings where it holds none."""
    try:
        match = _LOCATION.search(urlsplit(location).path.rstrip("/"))
    except ValueError:  # no URL at all
        match = None
    return (match[1], match[2], match[3] or "") if match else ("", "", "")
