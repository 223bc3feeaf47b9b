"""Searches: lazy, page by page, the next page fetched while this one is read.

Memory holds two pages at most. What a page brought that is no resource is set aside and counted.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any, Self

from chartside.errors import LimitExceeded
from chartside.fhir.answers import Answer, issues_of
from chartside.fhir.limits import Limits
from chartside.types import Resource

_KEPT = 1000


@dataclass(frozen=True, slots=True)
class SetAside:
    """An entry that is no resource: where it stood and why, with an OperationOutcome's ``(severity, code)`` pairs."""

    page: int
    entry: int
    reason: str
    issues: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page. ``included`` is keyed by reference (``Patient/12``), and by ``fullUrl`` where that differs."""

    matches: list[Resource] = field(repr=False)
    included: Mapping[str, Resource] = field(repr=False)
    set_aside: list[SetAside]
    total: int | None
    next_url: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    extra: list[Resource] = field(default_factory=list, repr=False)


class Search:
    """The answer to a search. Iterate it once, in one of three ways::

        for resource in search: ...            # every resource: a page's matches, then its includes
        for match in search.matches(): ...     # matches; search.included["Patient/12"] holds this page's includes
        for page in search.pages(): ...        # page.matches, page.included, page.total

    Nothing is asked before the first step. ``set_aside`` and ``set_aside_count`` grow on the way; so does
    ``total``, where the server gives one. The same include may come with several pages.
    Raises on the way: FhirError; LimitExceeded for too many pages or too much time; OriginRefused for a
    next link that leads away.
    """

    def __init__(
        self,
        resource_type: str,
        first: Callable[[], Answer],
        follow: Callable[[str, str, str], Answer],
        *,
        limits: Limits,
        pool: Executor | None,
    ) -> None:
        self._type, self._first, self._follow = resource_type, first, follow
        self._limits, self._pool = limits, pool
        self.included: Mapping[str, Resource] = {}
        self.set_aside: list[SetAside] = []
        self.set_aside_count = 0
        self.total: int | None = None
        self._upcoming: Callable[[], tuple[Page, float]] = lambda: self._fetch(self._first, 0)

    def start(self) -> Self:
        """Ask for the first page now, in the background; what goes wrong is raised where the page is read."""
        if self._pool is not None:
            self._upcoming = self._pool.submit(self._upcoming).result
        return self

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
        seen: set[str] = set()
        spent = 0.0
        upcoming = self._upcoming
        for number in range(self._limits.pages):
            page, took = upcoming()
            spent += took
            if spent > self._limits.search_seconds:
                raise LimitExceeded("more time than allowed", method="GET", resource_type=self._type)
            if page.next_url:
                self._require_new(page.next_url, seen)
                upcoming = self._ahead(page, number + 1)
            self._note(page)
            yield page
            if not page.next_url:
                return
        raise LimitExceeded("more pages than allowed", method="GET", resource_type=self._type)

    def _require_new(self, url: str, seen: set[str]) -> None:
        if url in seen:
            raise LimitExceeded("the pages run in a circle", method="GET", resource_type=self._type)
        seen.add(url)

    def _ahead(self, page: Page, number: int) -> Callable[[], tuple[Page, float]]:
        """Start fetching the next page, where there is a pool; the result is asked for later."""

        def fetch() -> tuple[Page, float]:
            return self._fetch(lambda: self._follow(self._type, page.next_url, page.url), number)

        if self._pool is None or number >= self._limits.pages:
            return fetch
        future: Future[tuple[Page, float]] = self._pool.submit(fetch)
        return future.result

    def _fetch(self, get: Callable[[], Answer], number: int) -> tuple[Page, float]:
        started = time.monotonic()
        page = read_page(get(), self._type, number)
        return page, time.monotonic() - started

    def _note(self, page: Page) -> None:
        self.included = page.included
        self.total = page.total if page.total is not None else self.total
        self.set_aside_count += len(page.set_aside)
        self.set_aside += page.set_aside[: _KEPT - len(self.set_aside)]


def side_by_side(searches: Iterable[Search], ahead: int = 3) -> Iterator[Search]:
    """Each search in its order, some further ones asked already: a round trip for several, not for each."""
    waiting: deque[Search] = deque()
    for search in searches:
        waiting.append(search.start())
        if len(waiting) > ahead:
            yield waiting.popleft()
    yield from waiting


def read_page(answer: Answer, resource_type: str, number: int = 0) -> Page:
    """Sort a Bundle's entries. The Bundle's own type is not asked: ``collection`` is seen in the field."""
    bundle = answer.resource("Bundle")
    matches: list[Resource] = []
    extra: list[Resource] = []
    included: dict[str, Resource] = {}
    aside: list[SetAside] = []
    for index, entry in enumerate(_entries(answer, bundle)):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            aside.append(SetAside(number, index, "no resource"))
        elif resource["resourceType"] == "OperationOutcome" and resource_type != "OperationOutcome":
            aside.append(SetAside(number, index, "OperationOutcome", issues_of(resource)))
        elif _is_match(entry, resource, resource_type):
            matches.append(resource)
        else:
            extra.append(resource)
            _index(included, entry, resource)
    total = bundle.get("total")
    known = total if isinstance(total, int) else None
    return Page(matches, included, aside, known, _next(bundle), answer.url, extra)


def _entries(answer: Answer, bundle: Resource) -> list[Any]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise answer.invalid("a Bundle whose entries are no list")
    return entries


def _is_match(entry: Mapping[str, Any], resource: Resource, resource_type: str) -> bool:
    """By ``search.mode``, and by the type: what is of another type than was searched for is never a match."""
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    return mode != "include" and (not resource_type or resource["resourceType"] == resource_type)


def _index(included: dict[str, Resource], entry: Mapping[str, Any], resource: Resource) -> None:
    own = f"/{resource['resourceType']}/{resource['id']}" if isinstance(resource.get("id"), str) else ""
    if own:
        included[own[1:]] = resource
    full_url = entry.get("fullUrl")
    if isinstance(full_url, str):  # never by a Type/id that the resource itself does not bear
        included[full_url] = resource


def _next(bundle: Resource) -> str:
    links = bundle.get("link", [])
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""
