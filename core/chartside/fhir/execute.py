"""Many writes in few round trips: batch or transaction where the server has them, else the same calls fanned out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor as Pool
from concurrent.futures import Future

import orjson

from chartside.errors import FhirError
from chartside.fhir.answers import Answer, Asked
from chartside.fhir.bundle import (
    Create,
    Delete,
    Entry,
    EntryResult,
    Get,
    Patch,
    Update,
    as_stored,
    bundle_of,
    if_match,
    query,
    results_of,
)
from chartside.fhir.capabilities import Capabilities
from chartside.fhir.paths import parse_location, require_id
from chartside.fhir.transport import JSON, Request
from chartside.types import Resource

_PATCH_JSON = "application/json-patch+json"
Send = Callable[[Request], Answer]


class Executor:
    """Sends entries. ``send`` is the transport's; ``base`` ends with a slash."""

    def __init__(self, send: Send, base: str, pool: Callable[[], Pool], chunk: int) -> None:
        self._send, self._base, self._pool, self._chunk = send, base, pool, chunk

    def together(self, kind: str, entries: Sequence[Entry]) -> list[EntryResult]:
        """One batch or transaction. Raises FhirError where the whole of it was refused."""
        if not entries:
            return []
        answer = self.bundle(kind, bundle_of(kind, entries), repeatable=all(e.repeatable for e in entries))
        results = results_of(entries, answer.resource("Bundle"), answer.request_id)
        if results is None:
            raise answer.invalid(f"the {kind} was answered by another number of entries")
        return results

    def bundle(self, kind: str, bundle: Resource, *, repeatable: bool) -> Answer:
        """Post a whole Bundle."""
        request = Request(
            Asked("POST", f"Bundle({kind})"),
            self._base.rstrip("/"),
            body=orjson.dumps(bundle),
            headers={"Content-Type": JSON, "Prefer": "return=representation"},
            repeatable=repeatable,
        )
        return self._send(request)

    def each(self, entries: Sequence[Entry], able: Capabilities) -> list[EntryResult]:
        """Each entry on its own: an error of one is its result and stops no other."""
        if len(entries) > 1 and able.batch:
            chunks = [entries[n : n + self._chunk] for n in range(0, len(entries), self._chunk)]
            return [result for chunk in chunks for result in self._batch(chunk)]
        return self._fan_out(entries)

    def groups(self, groups: Sequence[Sequence[Entry]], able: Capabilities) -> list[list[EntryResult]]:
        """Each group as one: all of it or nothing where there are transactions, else in order up to the first error."""
        do = self._as_transaction if able.transaction else self._in_order
        return [future.result() for future in [self._pool().submit(do, group) for group in groups]]

    def _batch(self, entries: Sequence[Entry]) -> list[EntryResult]:
        try:
            return self.together("batch", entries)
        except FhirError as error:
            # The whole exchange failed, so each entry did. Whether it was done before is for the caller to see.
            return [EntryResult(entry, error.status, error=error) for entry in entries]

    def _as_transaction(self, entries: Sequence[Entry]) -> list[EntryResult]:
        try:
            return self.together("transaction", entries)
        except FhirError as error:
            return [EntryResult(entry, error.status, error=error) for entry in entries]

    def _in_order(self, entries: Sequence[Entry]) -> list[EntryResult]:
        results: list[EntryResult] = []
        for entry in entries:
            failed = next((r.error for r in results if r.error), None)
            results.append(EntryResult(entry, error=failed) if failed else self.one(entry))
        return results

    def _fan_out(self, entries: Sequence[Entry]) -> list[EntryResult]:
        if len(entries) < 2:
            return [self.one(entry) for entry in entries]
        futures: list[Future[EntryResult]] = [self._pool().submit(self.one, entry) for entry in entries]
        return [future.result() for future in futures]

    def one(self, entry: Entry) -> EntryResult:
        """One entry as a call of its own; a FhirError becomes its result."""
        try:
            answer = self._send(self.request(entry))
            return EntryResult(entry, answer.status, _resource(entry, answer))
        except FhirError as error:
            return EntryResult(entry, error.status, error=error)

    def request(self, entry: Entry) -> Request:
        """The call that does what the entry says."""
        if isinstance(entry, Create):
            path, body, kind = entry.asked.type, orjson.dumps(entry.resource), JSON
            headers = {"If-None-Exist": query(entry.if_none_exist)} if entry.if_none_exist else {}
        elif isinstance(entry, Update):
            path = entry.path
            body, kind, headers = orjson.dumps(entry.resource), JSON, {"If-Match": entry.if_match}
        elif isinstance(entry, Patch):
            path, kind = f"{entry.asked.type}/{require_id(entry.id)}", _PATCH_JSON
            body, headers = orjson.dumps(list(entry.operations)), {"If-Match": if_match(entry.version)}
        else:
            return self._bodiless(entry)
        headers |= {"Content-Type": kind, "Prefer": "return=representation"}
        return Request(entry.asked, self._base + path, (), body, headers, entry.repeatable)

    def _bodiless(self, entry: Delete | Get) -> Request:
        path = f"{entry.asked.type}/{require_id(entry.id)}" if entry.id else entry.asked.type
        if isinstance(entry, Get) and not entry.id:
            path += f"?{query(entry.condition)}"
        headers = {"If-Match": if_match(entry.version)} if isinstance(entry, Delete) and entry.version else {}
        return Request(entry.asked, self._base + path, (), None, headers, entry.repeatable)


def stored(sent: Resource, answer: Answer) -> Resource:
    """What the server keeps now: its own representation, or what was sent with the id and version of the headers.

    Raises InvalidAnswer where the answer is neither: ``{"pid": 1, "uuid": "..."}`` is seen in the field.
    """
    body = answer.body
    updated = sent.get("id", "") if answer.asked.method == "PUT" and not answer.asked.conditional else ""
    if isinstance(body, dict) and body.get("resourceType") == sent.get("resourceType"):
        if updated and body.get("id") != updated:
            raise answer.invalid("a write was answered by another resource")
        return with_version(body, answer)
    location = answer.headers.get("Location") or answer.headers.get("Content-Location") or ""
    outcome = isinstance(body, dict) and body.get("resourceType") == "OperationOutcome"
    if not answer.content.strip() or outcome:
        kept = as_stored(
            sent, location if parse_location(location)[0] == sent["resourceType"] else "", answer.version
        )
        if kept.get("id"):
            return kept
        raise answer.invalid("the server does not say under which id it keeps what was written")
    raise answer.invalid("a write was answered by something that is no FHIR")


def with_version(resource: Resource, answer: Answer) -> Resource:
    """Put the ETag's version into ``meta`` where the server left it out of the body: an update needs it."""
    meta = resource.get("meta")
    version = answer.version
    if version and not (isinstance(meta, dict) and meta.get("versionId")):
        resource["meta"] = {**(meta if isinstance(meta, dict) else {}), "versionId": version}
    return resource


def same(answer: Answer, resource_type: str, resource_id: str) -> Resource:
    """The resource, if it is the one that was asked for: another's would pass for this client's. InvalidAnswer."""
    resource = answer.resource(resource_type)
    if resource.get("id") != resource_id:
        raise answer.invalid("answered by another resource than was asked for")
    return resource


def _resource(entry: Entry, answer: Answer) -> Resource | None:
    if isinstance(entry, Create | Update):
        return stored(entry.resource, answer)
    if isinstance(entry, Delete):
        return None
    if isinstance(entry, Patch) and not answer.content.strip():
        return None
    if entry.id:
        return with_version(same(answer, entry.type, entry.id), answer)
    return with_version(answer.resource("Bundle"), answer)
