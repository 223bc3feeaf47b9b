"""Consents and other resources from files, for deciding without an EHR."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from chartside.errors import InputError
from chartside.types import Resource

from . import references
from .dates import moment
from .directory import Directory
from .people import zone_of
from .query import Client

_TOO_BIG = 256 * 1024 * 1024


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
    """Every resource in a file: one resource, a list, a Bundle, or NDJSON; of a folder, of each such file in it.

    Raises InputError that names the place.
    """
    if path.is_dir():
        for file in sorted(f for f in path.iterdir() if f.suffix in {".json", ".ndjson"}):
            yield from read_resources(file)
        return
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
            yield from _resources(parsed(line, f"{path.name}, line {number}"), path.name)
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


def parsed(text: str, place: str) -> Any:
    """JSON of a text. Raises InputError that names the place."""
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
