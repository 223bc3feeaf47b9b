"""The FHIR client that plugin code gets: the manifest's access and no more, each use in the audit trail (S-7, S-9).

The same methods as ``chartside.fhir.FhirClient``. Each resource type has one home, the EHR or the companion
server; the route finds it, so that a plugin asks for ``Communication`` and need not know where that lives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chartside.audit import Auditor, AuditRecord, Event
from chartside.audit.record import Result
from chartside.clock import Clock
from chartside.errors import GateError, InputError
from chartside.fhir import (
    Create,
    Created,
    Delete,
    Entry,
    EntryResult,
    FhirClient,
    Get,
    Page,
    Patch,
    Search,
    Update,
)
from chartside.fhir.bundle import Condition, query
from chartside.fhir.client import Params
from chartside.gate.access import Operation, need, need_condition, need_operation, need_search
from chartside.gate.places import Homes, Place, Route, Where
from chartside.manifest import Manifest
from chartside.overdue import require_wanted
from chartside.types import Resource

__all__ = ["GatedFhir", "GatedSearch", "Guard", "Homes", "Place", "Route", "Where", "patient_of", "reference"]

Guard = Callable[[Manifest, Callable[[str, str], Resource], Sequence[Entry | Operation]], None]
"""Looks at what would be written and raises a GateError; may read what stands on the server that is written to."""

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,79}\Z")


_LETTERS = {Create: "c", Update: "u", Patch: "u", Delete: "d", Get: "r"}


class GatedFhir:
    """One plugin's client. Every method raises UndeclaredAccess, or JobOverdue in a job that ran past its limit, before
    anything is sent; or the FhirError that came."""

    def __init__(
        self, manifest: Manifest, route: Route, auditor: Auditor, clock: Clock, guard: Guard
    ) -> None:
        self._manifest, self._route, self._auditor = manifest, route, auditor
        self._clock, self._guard = clock, guard

    @property
    def route(self) -> Homes:
        """Where things live here; for ladders and dry runs."""
        return Homes(self._route)

    def local(self, reference: str) -> str:
        """A reference as ``Type/id`` of this practice's EHR; empty where it leads anywhere else."""
        return self._route.ehr.client.local(reference)

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """Read one resource."""
        client = self._for("r", resource_type)
        return self._told(Event.READ, client.read(resource_type, resource_id))

    def vread(self, resource_type: str, resource_id: str, version: str) -> Resource:
        """Read one version of a resource."""
        client = self._for("r", resource_type)
        return self._told(Event.READ, client.vread(resource_type, resource_id, version))

    def history(self, resource_type: str, resource_id: str = "") -> GatedSearch:
        """Versions of one resource, newest first, or of a whole type."""
        client = self._for("r", resource_type)
        self._note(Event.READ, target=resource_type)
        return GatedSearch(client.history(resource_type, resource_id), self._manifest)

    def read_many(self, resource_type: str, ids: Sequence[str]) -> dict[str, Resource]:
        """Many resources by id, in few round trips; ids that are not there are left out."""
        client = self._for("r", resource_type)
        self._note(Event.READ, target=resource_type, parameters="_id")
        return client.read_many(resource_type, ids)

    def search(self, resource_type: str, params: Params | None = None, *, count: int = 200) -> GatedSearch:
        """Search lazily; see ``chartside.fhir.Search``. What comes along of undeclared types is dropped."""
        asked = [(k, str(v)) for k, vs in (params or {}).items() for v in _values(vs)]
        self._checked(lambda: need_search(self._manifest, resource_type, asked), resource_type)
        place = self._place(resource_type)
        names = "&".join(sorted({name for name, _ in asked if _PARAMETER.match(name)}))
        self._note(Event.SEARCH, target=resource_type, parameters=names)
        adapted = place.adapter.search_params(resource_type, params or {})
        return GatedSearch(place.client.search(resource_type, adapted, count=count), self._manifest)

    def create(self, resource: Resource, *, if_none_exist: Condition = "") -> Created:
        """Create, or find what matches the condition already."""
        [result] = self.execute([Create(resource, query(if_none_exist) if if_none_exist else "")])
        return Created(result.require(), result.created)

    def update(self, resource: Resource) -> Resource:
        """Update what was read, if nobody changed it since (If-Match). VersionConflict else."""
        return self.execute([Update(resource)])[0].require()

    def save(self, before: Resource, after: Resource) -> Resource:
        """Send only what changed between the resource as read and as it shall be: lossless."""
        kind = str(before.get("resourceType", ""))
        client = self._for("u", kind)
        self._guarded([Update(after)], self._place(kind))
        saved = client.save(before, after)
        return self._told(Event.UPDATE, saved)

    def patch(
        self, resource_type: str, resource_id: str, operations: Sequence[Mapping[str, Any]], *, version: str
    ) -> Resource:
        """JSON Patch with If-Match."""
        client = self._for("u", resource_type)
        self._guarded([Patch(resource_type, resource_id, operations, version)], self._place(resource_type))
        return self._told(Event.PATCH, client.patch(resource_type, resource_id, operations, version=version))

    def delete(self, resource_type: str, resource_id: str, *, version: str = "") -> None:
        """Delete one resource."""
        self.execute([Delete(resource_type, resource_id, version)])[0].require()

    def operation(
        self,
        resource_type: str,
        name: str,
        parameters: Resource | Params | None = None,
        *,
        resource_id: str = "",
    ) -> Resource:
        """Run ``$name`` on a type or one resource."""
        self._checked(lambda: need_operation(self._manifest, resource_type, name), resource_type)
        place = self._place(resource_type)
        self._guarded([Operation(resource_type, name, parameters)], place)
        self._note(Event.OPERATION, target=resource_type)
        return place.client.operation(resource_type, name, parameters, resource_id=resource_id)

    def execute(self, entries: Sequence[Entry], *, where: Where | None = None) -> list[EntryResult]:
        """Many reads and writes in few round trips (transaction or batch where the server has them).

        One result for each entry, in order, each with its resource or its error. All entries go to one server:
        the home of the first one's type, unless ``where`` says it.
        """
        if not entries:
            return []
        for entry in entries:
            self._check_entry(entry)
        place = self._route.place(where) if where else self._place(entries[0].asked.type)
        self._guarded(entries, place)
        results = place.client.execute(entries)
        self._auditor.record([self._record_of(r) for r in results])
        return [self._declared(result) for result in results]

    def transaction(self, entries: Sequence[Entry], *, where: Where | None = None) -> list[EntryResult]:
        """All or nothing. Raises Rejected where the server has no transactions."""
        if not entries:
            return []
        for entry in entries:
            self._check_entry(entry)
        place = self._route.place(where) if where else self._place(entries[0].asked.type)
        self._guarded(entries, place)
        results = place.client.transaction(entries)
        self._auditor.record([self._record_of(r) for r in results])
        return [self._declared(result) for result in results]

    def supports(self, resource_type: str, letters: str) -> bool:
        """Whether the type's home takes these letters, so that a plugin can ask before it tries."""
        return self._place(resource_type).adapter.supports_all(resource_type, letters)

    def _place(self, resource_type: str) -> Place:
        return self._route.place(
            self._route.home(resource_type, self._manifest.access.get(resource_type, ""))
        )

    def _for(self, letter: str, resource_type: str) -> FhirClient:
        self._checked(lambda: need(self._manifest, resource_type, letter), resource_type)
        return self._place(resource_type).client

    def _check_entry(self, entry: Entry) -> None:
        if type(entry) not in _LETTERS:  # a class of the plugin's own would send what it likes
            raise InputError("an entry that is none of Create, Update, Patch, Delete, Get")
        kind = entry.asked.type
        if isinstance(entry, Get) and not entry.id:
            self._checked(lambda: need_condition(self._manifest, kind, entry.condition), kind)
            return
        self._checked(lambda: need(self._manifest, kind, _LETTERS[type(entry)]), kind)
        if isinstance(entry, Create) and (condition := entry.if_none_exist):
            self._checked(lambda: need_condition(self._manifest, kind, condition), kind)

    def _declared(self, result: EntryResult) -> EntryResult:
        """A search's answer without what came along of undeclared types."""
        bundle = result.resource
        if not isinstance(result.entry, Get) or result.entry.id or bundle is None:
            return result
        rows = bundle.get("entry")
        kept = [row for row in rows if self._may_see(row)] if isinstance(rows, list) else []
        return replace(result, resource={**bundle, "entry": kept})

    def _may_see(self, row: Any) -> bool:
        resource = row.get("resource") if isinstance(row, dict) else None
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        return kind == "OperationOutcome" or self._manifest.allows(str(kind), "r")

    def _checked(self, check: Callable[[], None], resource_type: str) -> None:
        """Run a check; a refusal is an entry of the audit, too."""
        require_wanted()
        try:
            check()
        except GateError:
            target = resource_type if resource_type.isalpha() and resource_type[:1].isupper() else ""
            self._note(Event.REFUSED, target=target, outcome=Result.DENY)
            raise

    def _guarded(self, entries: Sequence[Entry | Operation], place: Place) -> None:
        """The guard reads from the server that would be written to, which need not be the type's home."""

        def read(resource_type: str, resource_id: str) -> Resource:
            return self._told(Event.READ, place.client.read(resource_type, resource_id))

        first = entries[0]
        kind = first.type if isinstance(first, Operation) else first.asked.type
        self._checked(lambda: self._guard(self._manifest, read, entries), kind)

    def _note(self, event: Event, **facts: Any) -> None:
        self._auditor.record([AuditRecord(event, self._manifest.name, self._clock.now(), **facts)])

    def _told(self, event: Event, resource: Resource) -> Resource:
        self._note(event, target=reference(resource), patient=patient_of(resource))
        return resource

    def _record_of(self, result: EntryResult) -> AuditRecord:
        events = {
            Create: Event.CREATE,
            Update: Event.UPDATE,
            Patch: Event.PATCH,
            Delete: Event.DELETE,
            Get: Event.READ,
        }
        event = events[type(result.entry)]
        if isinstance(result.entry, Get) and not result.entry.id:
            event = Event.SEARCH
        target = reference(result.resource or {}) or result.entry.asked.type
        outcome = Result.FAILURE if result.error else Result.SUCCESS
        patient = patient_of(result.resource or {})
        return AuditRecord(
            event, self._manifest.name, self._clock.now(), outcome, patient=patient, target=target
        )


class GatedSearch:
    """A search whose includes of undeclared types are dropped. Same use as ``chartside.fhir.Search``."""

    def __init__(self, search: Search, manifest: Manifest) -> None:
        self._search, self._manifest = search, manifest
        self.included: Mapping[str, Resource] = {}

    def __iter__(self) -> Iterator[Resource]:
        for page in self.pages():
            yield from page.matches
            yield from page.extra

    def matches(self) -> Iterator[Resource]:
        """What was searched for, without the includes."""
        for page in self.pages():
            yield from page.matches

    def first(self) -> Resource | None:
        """The first match, or None."""
        return next(self.matches(), None)

    def pages(self) -> Iterator[Page]:
        """Page by page."""
        for page in self._search.pages():
            require_wanted()
            included = {k: r for k, r in page.included.items() if self._may(r)}
            self.included = included
            yield replace(page, included=included, extra=[r for r in page.extra if self._may(r)])

    @property
    def total(self) -> int | None:
        """How many match, where the server says."""
        return self._search.total

    @property
    def set_aside_count(self) -> int:
        """Entries so far that were no resource."""
        return self._search.set_aside_count

    def _may(self, resource: Resource) -> bool:
        return self._manifest.allows(str(resource.get("resourceType", "")), "r")


def reference(resource: Resource) -> str:
    """``Type/id`` where both are of FHIR's form, else the type or nothing: what the trail may hold."""
    kind, id = resource.get("resourceType"), resource.get("id")
    if isinstance(kind, str) and isinstance(id, str) and re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", id):
        return f"{kind}/{id}"
    return kind if isinstance(kind, str) else ""


def patient_of(resource: Resource) -> str:
    """The client that a resource is about, as ``Patient/12``; empty where it does not say plainly."""
    if resource.get("resourceType") == "Patient":
        return reference(resource)
    places = [resource.get(name) for name in ("patient", "subject", "for", "beneficiary")]
    taking_part = resource.get("participant")
    if isinstance(taking_part, list):
        places += [p.get("actor") for p in taking_part if isinstance(p, dict)]
    for place in places:
        found = place.get("reference") if isinstance(place, dict) else None
        if isinstance(found, str) and re.fullmatch(r"Patient/[A-Za-z0-9\-.]{1,64}", found):
            return found
    return ""


def _values(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]
