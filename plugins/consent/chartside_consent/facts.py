"""What a resource says about itself that consents ask about: kind, codes, labels, time, authors, links."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, overload

from chartside.codes import CONFIDENTIALITY_SYSTEM, LOINC_PSYCHOTHERAPY_NOTE, LOINC_SYSTEM

from . import references
from .dates import Moment, local, moment
from .directory import aliases
from .vocabulary import (
    CONFIDENTIALITY,
    PART_2,
    PSYCHOTHERAPY_NOTE,
    SUD_COUNSELING_NOTE,
    Key,
    broader,
    labelled,
)

# fmt: off
_TIMES = [
    "effectiveDateTime", "effectivePeriod", "effectiveInstant", "performedDateTime", "performedPeriod",
    "occurrenceDateTime", "occurrencePeriod", "onsetDateTime", "onsetPeriod", "period", "servicedDate",
    "servicedPeriod", "billablePeriod", "started", "collectedDateTime", "collectedPeriod", "start",
    "date", "authoredOn", "authored", "dateTime", "created", "recordedDate", "dateRecorded", "issued",
    "sent", "recorded",
]
# fmt: on
"""Elements that say when the data is of, the clinically relevant first."""

# fmt: off
_AUTHORS = [
    "author", "performer", "recorder", "asserter", "requester", "sender", "informationSource", "source",
    "prescriber", "provider", "enterer", "dispenser", "interpreter", "orderer", "resultsInterpreter",
]
# fmt: on
_PROTECTED: Final[Mapping[Key, Key]] = {
    PSYCHOTHERAPY_NOTE: PSYCHOTHERAPY_NOTE,
    (LOINC_SYSTEM, LOINC_PSYCHOTHERAPY_NOTE): PSYCHOTHERAPY_NOTE,
    SUD_COUNSELING_NOTE: SUD_COUNSELING_NOTE,
    **{key: key for key in sorted(PART_2)},
}
"""Marks on data, and the protected class of each; the most protected first."""
_NEVER_LINKS = frozenset({"subject", "patient", "meta", "text", "extension", "contained"})


T = TypeVar("T")


class lazy(Generic[T]):
    """``functools.cached_property`` without the lock that costs more than most of what is read here."""

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read, self._name, self.__doc__ = read, read.__name__, read.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T | lazy[T]:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._read(instance)
        return value


class Facts:
    """A lazily read view of one resource. ``zone``: the place whose wall clock counts."""

    def __init__(self, resource: Mapping[str, Any], zone: tzinfo | None) -> None:
        self.resource, self._zone = resource, zone
        self.kind = str(resource.get("resourceType", ""))

    @lazy
    def own(self) -> str:
        """``Type/id``, or nothing."""
        return references.own(self.resource)

    @lazy
    def labels(self) -> tuple[Key, ...]:
        """``meta.security``."""
        meta = self.resource.get("meta")
        security = meta.get("security") if isinstance(meta, Mapping) else None
        return tuple(map(labelled, _keys(security))) if isinstance(security, list) else ()

    @lazy
    def wide_labels(self) -> frozenset[Key]:
        """The labels and all that include them."""
        return _all_broader(self.labels)

    @lazy
    def level(self) -> int:
        """The highest confidentiality; -1 where there is no such label."""
        levels = [
            CONFIDENTIALITY.get(code, -1) for system, code in self.labels if system == CONFIDENTIALITY_SYSTEM
        ]
        return max(levels, default=-1)

    @lazy
    def codes(self) -> frozenset[Key]:
        """Every coding in the content (R4: "if this code is found in an instance")."""
        content = ((k, v) for k, v in self.resource.items() if k not in {"meta", "text", "contained"})
        return frozenset(key for _, value in content for key in _codings(value))

    @lazy
    def profiles(self) -> frozenset[str]:
        """``meta.profile``, without versions."""
        meta = self.resource.get("meta")
        found = meta.get("profile", ()) if isinstance(meta, Mapping) else ()
        return frozenset(str(url).partition("|")[0] for url in found)

    @lazy
    def media(self) -> frozenset[str] | None:
        """Media types of what a document carries; None where it is no document."""
        if self.kind == "Binary":
            return frozenset({str(self.resource.get("contentType", "")).partition(";")[0]})
        if self.kind not in {"DocumentReference", "Media", "DiagnosticReport"}:
            return None
        return frozenset(str(a["contentType"]).partition(";")[0] for a in _attachments(self.resource))

    @lazy
    def time(self) -> tuple[datetime, datetime] | None:
        """First and (exclusive) last wall-clock time of the data; None where it carries none that can be read."""
        value = self.resource.get(_TIMES[0]) or self._dated()
        if value is None:
            return None
        try:
            return self._interval(value)
        except (ValueError, OverflowError):
            return None

    def _dated(self) -> Any:
        context = self.resource.get("context")
        holders = [self.resource, *([context] if isinstance(context, Mapping) else [])]
        return next((holder[name] for name in _TIMES for holder in holders if holder.get(name)), None)

    def _interval(self, value: Any) -> tuple[datetime, datetime] | None:
        if not isinstance(value, str) and isinstance(value, Mapping):
            start = moment(value["start"]) if value.get("start") else None
            end = moment(value["end"]) if value.get("end") else None
            if start is None and end is None:
                return None
            return (
                self._wall(start, "first") if start else datetime.min,
                self._wall(end, "after") if end else datetime.max,
            )
        point = moment(value)
        if point.wall:
            return point.first, point.after
        return self._wall(point, "first"), self._wall(point, "after")

    def _wall(self, value: Moment, side: str) -> datetime:
        return local(value.first if side == "first" else value.after, self._zone)

    @lazy
    def authors(self) -> tuple[str, ...] | None:
        """References of its authors ("" for one who has none); None where no author stands in it."""
        found = [person for name in _AUTHORS for person in _people(self.resource.get(name))]
        if self.kind == "Provenance":
            found += [references.of(agent.get("who")) for agent in self.resource.get("agent", ())]
        return tuple(found) or None

    @lazy
    def names(self) -> frozenset[str]:
        """What it is called: ``Type/id``, and its identifiers as ``system|value``."""
        return frozenset((self.own, *aliases(self.resource)))

    @lazy
    def links(self) -> frozenset[str]:
        """Everything that the resource refers to, but for whom it is about."""
        parts = (v for k, v in self.resource.items() if k not in _NEVER_LINKS)
        return frozenset(link for part in parts for link in _links(part))

    @lazy
    def special(self) -> Key | None:
        """Which protected class of notes or records it is, the most protected first."""
        marks = [key for key in self.labels if key in _PROTECTED]
        for name in ("type", "category", "code"):  # what kind of document or observation it is
            if name in self.resource:
                marks += _protected(self.resource[name])
        if not marks:
            return None
        return next(kind for kind in _PROTECTED.values() if any(_PROTECTED[mark] == kind for mark in marks))


def _protected(value: Any) -> list[Key]:
    """The codings, in one CodeableConcept or a list of them, that mark a protected class."""
    concepts = [concept for concept in _listed(value) if isinstance(concept, (dict, Mapping))]
    return [key for concept in concepts for key in _keys(concept.get("coding")) if key in _PROTECTED]


@lru_cache(maxsize=4096)
def _all_broader(labels: tuple[Key, ...]) -> frozenset[Key]:
    return frozenset(wide for key in labels for wide in broader(key))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _keys(codings: Any) -> list[Key]:
    found = []
    for coding in codings if isinstance(codings, list) else (codings,):
        if isinstance(coding, (dict, Mapping)) and coding.get("code"):  # a dict is told much faster
            found.append((str(coding.get("system", "")), str(coding["code"])))
    return found


def _codings(value: Any) -> Iterator[Key]:
    """Every coding anywhere inside."""
    if isinstance(value, Mapping):
        if "code" in value and isinstance(value["code"], str):
            yield from _keys(value)
        for part in value.values():
            yield from _codings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _codings(part)


def _links(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("reference"), str) or isinstance(value.get("identifier"), Mapping):
            yield references.of(value)
        for part in value.values():
            yield from _links(part)
    elif isinstance(value, list):
        for part in value:
            yield from _links(part)


def _people(value: Any) -> Iterator[str]:
    """References of people in an element that may be a Reference, or a part that holds one."""
    for part in _listed(value):
        if not isinstance(part, Mapping):
            continue
        inner = next((part[k] for k in ("actor", "agent", "party", "provider") if k in part), part)
        yield references.of(inner)


def _attachments(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    content = resource.get("content")
    for part in _listed(content):
        attachment = part.get("attachment", part) if isinstance(part, Mapping) else None
        if isinstance(attachment, Mapping) and attachment.get("contentType"):
            yield attachment
    for attachment in resource.get("presentedForm", ()):
        if isinstance(attachment, Mapping) and attachment.get("contentType"):
            yield attachment
