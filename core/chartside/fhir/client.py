"""The FHIR client: one practice's server, R4, raw JSON in and out.

::

    from chartside.fhir import FhirClient

    with FhirClient("https://ehr.example.org/fhir", auth=tokens) as ehr:
        patient = ehr.read("Patient", "12")
        due = {"date": "ge2026-11-24", "_include": "Appointment:patient"}
        search = ehr.search("Appointment", due)
        for appointment in search.matches():
            who = search.included.get("Patient/12")
        made = ehr.create(task, if_none_exist="identifier=https://example.org|77")
        made.created, made.resource
        ehr.update({**patient, "active": True})     # VersionConflict if somebody else wrote meanwhile

Every method raises the FhirError that fits (``chartside.errors``), and InputError for impossible types and ids.
One client serves all threads of one practice; its budget and breaker are never shared with another practice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from types import TracebackType
from typing import Any, Self

import orjson
from requests.adapters import BaseAdapter

from chartside.clock import Clock, SystemClock
from chartside.errors import FhirError, OriginRefused, Unauthorized
from chartside.fhir.answers import Answer, Asked
from chartside.fhir.attachments import Attachments
from chartside.fhir.budget import Breaker, Budget
from chartside.fhir.bundle import (
    Condition,
    Create,
    Delete,
    Entry,
    EntryResult,
    Patch,
    Update,
    if_match,
    query,
)
from chartside.fhir.capabilities import Capabilities
from chartside.fhir.execute import Executor, same, stored, with_version
from chartside.fhir.foreign import public_session
from chartside.fhir.limits import Limits
from chartside.fhir.many import Many
from chartside.fhir.origin import Origins
from chartside.fhir.params import Params, dict_of, pairs_of
from chartside.fhir.paths import (
    is_reference,
    parse_location,
    require_id,
    require_operation,
    require_type,
)
from chartside.fhir.saving import Saver
from chartside.fhir.search import Search
from chartside.fhir.session import new_session
from chartside.fhir.transport import JSON, Request, Retries, TokenSource, Transport
from chartside.types import Resource


@dataclass(frozen=True, slots=True)
class Created:
    """``created`` is False where a conditional create found a resource that was there already.

    ``altered`` names the elements that the server keeps otherwise than they were sent (an Appointment
    sent as booked and kept as proposed is seen in the field); ids, meta and narrative are not counted.
    """

    resource: Resource = field(repr=False)
    created: bool
    altered: tuple[str, ...] = ()


class FhirClient:
    """One practice's FHIR server.

    ``base_url``: https, or http on this machine. ``auth``: where tokens come from; None asks without one.
    ``budget`` and ``breaker``: made anew for this client if not given. ``allowed_origins``: other places that
    attachments may be fetched from, without the token. ``adapter``: replaces the network (tests). ``name``: in words,
    for errors.
    """

    def __init__(  # noqa: PLR0913 - a keyword for each part that can be replaced
        self,
        base_url: str,
        *,
        auth: TokenSource | None = None,
        limits: Limits | None = None,
        retries: Retries | None = None,
        budget: Budget | None = None,
        breaker: Breaker | None = None,
        clock: Clock | None = None,
        allowed_origins: Sequence[str] = (),
        adapter: BaseAdapter | None = None,
        user_agent: str = "chartside",
        name: str = FhirError.server,
    ) -> None:
        self.limits = limits or Limits()
        origins = Origins(base_url, allowed_origins)
        self.base_url = origins.base.rstrip("/")
        self._base, self._origins = origins.base, origins
        self._session = new_session(pool=self.limits.parallel * 2, user_agent=user_agent, adapter=adapter)
        self._transport = Transport(
            origins,
            self._session,
            auth=auth,
            limits=self.limits,
            retries=retries or Retries(),
            budget=budget or Budget(),
            breaker=breaker or Breaker(),
            clock=clock or SystemClock(),
            name=name,
        )
        self._attachments = Attachments(
            self._transport, lambda: self._transport.public(public_session(user_agent))
        )
        self._lock, self._able = Lock(), None  # type: tuple[Any, Capabilities | None]
        self._pools: dict[str, ThreadPoolExecutor] = {}
        fan_out = partial(self._pool, "fan-out")
        self._executor = Executor(self._transport.send, self._base, fan_out, self.limits.batch_entries)
        self._many = Many(self, fan_out, self.limits.ids_per_search)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back threads and connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.shutdown(wait=True, cancel_futures=True)
            self._pools.clear()
        self._session.close()

    # --- reading ---------------------------------------------------------------------------------

    def read(self, resource_type: str, resource_id: str) -> Resource:
        """The present version. Raises NotFound, Gone."""
        return self._get(resource_type, resource_id)

    def vread(self, resource_type: str, resource_id: str, version: str) -> Resource:
        """A certain version. Raises NotFound, Gone."""
        return self._get(resource_type, resource_id, f"/_history/{require_id(version)}")

    def history(
        self, resource_type: str, resource_id: str = "", params: Params | None = None, *, count: int = 100
    ) -> Search:
        """All versions of a resource, or of a type, the newest first, page by page. Deletions bring no resource
        and stand in ``set_aside``."""
        path = require_type(resource_type) + (f"/{require_id(resource_id)}" if resource_id else "")
        return self._paged(resource_type, f"{path}/_history", {"_count": count, **(params or {})})

    def local(self, reference: str) -> str:
        """``Type/id`` of what a reference leads to at this server, be it relative or absolute; empty for any other:
        the same id at another server is another person."""
        try:
            path = self._origins.reference(reference).partition("/_history/")[0]
        except OriginRefused:
            return ""
        return path if is_reference(path) else ""

    def follow(self, reference: str) -> Resource:
        """What a reference points at: ``Patient/12``, or an absolute URL of this server. Raises OriginRefused."""
        kind, resource_id, version = parse_location(self._origins.reference(reference))
        if version:
            return self.vread(kind, resource_id, version)
        return self.read(kind, resource_id)

    def attachment(self, attachment: Resource) -> bytes:
        """The bytes of an Attachment: its ``data``, or what its ``url`` leads to at this server or at an allowed
        origin (there without the token, and at public addresses only). Raises OriginRefused, LimitExceeded."""
        return self._attachments.fetch(attachment)

    def search(
        self, resource_type: str, params: Params | None = None, *, count: int = 200, by_post: bool = False
    ) -> Search:
        """Search lazily, ``count`` matches a page; see Search for the ways to read it.

        ``by_post`` keeps the query values out of the URL, and so out of everybody's access logs.
        """
        query_params = {"_count": count, **(params or {})}
        return self._paged(resource_type, require_type(resource_type), query_params, by_post=by_post)

    def read_many(self, resource_type: str, ids: Sequence[str]) -> dict[str, Resource]:
        """Many resources by id, in few round trips. What is not there is not in the answer."""
        return self._many.read(resource_type, ids)

    def capabilities(self, *, refresh: bool = False) -> Capabilities:
        """What the server says that it can do, asked once. ``/metadata`` needs no token at most servers."""
        able = self._able
        if able is None or refresh:
            asked = Asked("GET", "CapabilityStatement")
            request = Request(asked, self._base + "metadata", repeatable=True, authorised=False)
            try:
                answer = self._transport.send(request)
            except Unauthorized:
                answer = self._transport.send(Request(asked, self._base + "metadata", repeatable=True))
            able = Capabilities(answer.resource("CapabilityStatement"))
            with self._lock:
                self._able = able
        return able

    # --- writing ---------------------------------------------------------------------------------

    def create(self, resource: Resource, *, if_none_exist: Condition = "") -> Created:
        """Create, or find what is there already by ``if_none_exist``. Raises MultipleMatches, Rejected.

        Only a conditional create is repeated after a lost answer: use one wherever the resource has an identifier.
        """
        entry = Create(resource, query(if_none_exist) if if_none_exist != "" else "")
        return self._made(resource, self._transport.send(self._executor.request(entry)))

    def update(self, resource: Resource, *, version: str = "") -> Resource:
        """Replace, if the server still has the version that was read (``meta.versionId``, or ``version``).

        Raises VersionConflict: read again and decide again (S-20). After a lost answer the repetition may be
        answered by a VersionConflict with our own write: reading again tells. InputError without a version.
        """
        request = self._executor.request(Update(resource, version))
        return stored(resource, self._transport.send(request))

    def save(self, before: Resource, after: Resource) -> Resource:
        """Write what changed between a resource as it was read and as it shall be, and nothing else.

        By JSON Patch where the server takes it, each change with a ``test`` of what stood there; else by a
        whole update. Both only if nobody else wrote since ``before`` was read. Where the server does not promise
        to heed versions, it is read again first and compared. Raises VersionConflict: read again, decide again.
        """
        if before == after:
            return before
        return Saver(self).save(before, after)

    def update_where(self, resource: Resource, condition: Condition, *, version: str = "") -> Created:
        """Conditional update: replace the one match, or create. Raises MultipleMatches, VersionConflict."""
        kind = require_type(resource.get("resourceType"))
        headers = {"If-Match": if_match(version)} if version else {}
        request = Request(
            Asked("PUT", kind, conditional=True),
            f"{self._base}{kind}?{query(condition)}",
            body=orjson.dumps(resource),
            headers={"Content-Type": JSON, "Prefer": "return=representation", **headers},
            repeatable=True,
        )
        return self._made(resource, self._transport.send(request))

    def patch(
        self, resource_type: str, resource_id: str, operations: Sequence[Mapping[str, Any]], *, version: str
    ) -> Resource:
        """JSON Patch on a certain version; the resource as it is then. Raises VersionConflict.

        Some servers take a patch with a stale version: put ``test`` operations in front, as ``save`` does.
        """
        request = self._executor.request(Patch(resource_type, resource_id, operations, version))
        answer = self._transport.send(request)
        if answer.content.strip():
            return with_version(answer.resource(resource_type), answer)
        return self.read(resource_type, resource_id)

    def delete(self, resource_type: str, resource_id: str, *, version: str = "") -> None:
        """Delete. What is gone already is no error."""
        self._transport.send(self._executor.request(Delete(resource_type, resource_id, version)))

    def delete_where(self, resource_type: str, condition: Condition) -> None:
        """Conditional delete of the one match. Raises MultipleMatches."""
        url = f"{self._base}{require_type(resource_type)}?{query(condition)}"
        self._transport.send(Request(Asked("DELETE", resource_type, conditional=True), url, repeatable=True))

    # --- many at once ----------------------------------------------------------------------------

    def transaction(self, entries: Sequence[Entry]) -> list[EntryResult]:
        """All or nothing; results in order. Raises FhirError where it was refused, and then nothing was written.

        It is repeated after a lost answer only if every entry is repeatable: conditional creates, updates
        and patches with a version, deletes. The repetition of an update that was done already is answered by
        VersionConflict: read again to see whose write it was.
        """
        return self._executor.together("transaction", entries)

    def batch(self, entries: Sequence[Entry]) -> list[EntryResult]:
        """Each on its own in one round trip; results in order, errors in them. Raises FhirError for the whole."""
        return self._executor.together("batch", entries)

    def execute(self, entries: Sequence[Entry]) -> list[EntryResult]:
        """Each on its own, in order, by batches where the server has them, else fanned out over threads.

        Never raises for an entry: its ``error`` says what happened, Unreachable among others (it may have
        been written). Entries must not depend on one another.
        """
        return self._executor.each(entries, self.capabilities()) if entries else []

    def execute_groups(self, groups: Sequence[Sequence[Entry]]) -> list[list[EntryResult]]:
        """Each group as one: a transaction where the server has them (all or nothing), else in order up to the
        first error. Groups do not depend on one another. Never raises for an entry."""
        return self._executor.groups(groups, self.capabilities()) if groups else []

    def operation(
        self,
        resource_type: str,
        name: str,
        parameters: Resource | Params | None = None,
        *,
        resource_id: str = "",
    ) -> Resource:
        """Run ``$name`` on the system (empty type), a type or a resource.

        A Parameters resource is posted and never repeated; a plain mapping is sent as a query by GET, which
        FHIR allows for operations that change nothing.
        """
        place = [require_type(resource_type)] if resource_type else []
        place += [require_id(resource_id)] if resource_id else []
        path = "/".join([*place, f"${require_operation(name)}"])
        if isinstance(parameters, Mapping) and parameters.get("resourceType"):
            headers = {"Content-Type": JSON}
            body = orjson.dumps(parameters)
            request = Request(Asked("POST", resource_type), self._base + path, (), body, headers)
        else:
            request = self._query(resource_type, path, parameters or {})
        return self._transport.send(request).resource()

    # --- inside ----------------------------------------------------------------------------------

    def _get(self, resource_type: str, resource_id: str, tail: str = "") -> Resource:
        url = f"{self._base}{require_type(resource_type)}/{require_id(resource_id)}{tail}"
        answer = self._transport.send(Request(Asked("GET", resource_type), url, repeatable=True))
        return with_version(same(answer, resource_type, resource_id), answer)

    def _paged(self, resource_type: str, path: str, params: Params, *, by_post: bool = False) -> Search:
        request = self._query(resource_type, path, params, by_post=by_post)
        return Search(
            resource_type,
            partial(self._transport.send, request),
            self._follow,
            limits=self.limits,
            pool=self._pool("pages"),
        )

    def _follow(self, resource_type: str, link: str, page_url: str) -> Answer:
        """The next page. A relative link stands in relation to the page that it came with."""
        url = self._origins.resolve(link, page_url.removesuffix("/_search"))
        return self._transport.send(Request(Asked("GET", resource_type), url, repeatable=True))

    def _query(self, resource_type: str, path: str, params: Params, *, by_post: bool = False) -> Request:
        pairs = tuple(pairs_of(params))
        if not by_post:
            return Request(Asked("GET", resource_type), self._base + path, pairs, repeatable=True)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = query(dict_of(pairs)).encode()
        asked = Asked("POST", resource_type)
        return Request(asked, f"{self._base}{path}/_search", (), body, headers, repeatable=True)

    def _made(self, sent: Resource, answer: Answer) -> Created:
        kept = stored(sent, answer)
        fresh = answer.status == 201
        return Created(kept, fresh, _altered(sent, kept) if fresh else ())

    def _pool(self, name: str) -> ThreadPoolExecutor:
        """Two pools: pages are fetched ahead in one, single calls in the other, so that neither waits for itself."""
        with self._lock:
            if name not in self._pools:
                self._pools[name] = ThreadPoolExecutor(self.limits.parallel, f"chartside-{name}")
            return self._pools[name]


def _altered(sent: Resource, kept: Resource) -> tuple[str, ...]:
    passed = {"id", "meta", "text"}
    return tuple(sorted(name for name in sent.keys() - passed if kept.get(name) != sent[name]))


__all__ = ["Created", "FhirClient", "Params"]
