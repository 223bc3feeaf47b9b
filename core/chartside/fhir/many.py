"""Many resources by id: ``_id`` lists where the server heeds them, single reads fanned out for the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from chartside.errors import NotFound, Rejected, ServerError
from chartside.fhir.search import Search, side_by_side
from chartside.types import Resource

if TYPE_CHECKING:
    from chartside.fhir.client import FhirClient

_AHEAD = 3


class Many:
    """Reads by id through ``client``; single reads run in ``pool``, ``chunk`` ids go into one search.

    Lists are asked for side by side only of a type whose lists were seen to work: a server that answers each by 500
    would else open the breaker.
    """

    def __init__(self, client: FhirClient, pool: Callable[[], Executor], chunk: int) -> None:
        self._client, self._pool, self._chunk = client, pool, chunk
        self._heeded: set[str] = set()

    def read(self, resource_type: str, ids: Sequence[str]) -> dict[str, Resource]:
        """By id, those that are there. Raises FhirError, but for the single ones that are not found."""
        wanted = list(dict.fromkeys(ids))
        chunks = [wanted[start : start + self._chunk] for start in range(0, len(wanted), self._chunk)]
        ahead = _AHEAD if resource_type in self._heeded else 0
        searches = side_by_side((self._search(resource_type, chunk) for chunk in chunks), ahead)
        found: dict[str, Resource] = {}
        by_list = len(wanted) > 1
        for chunk in chunks:
            listed = _listed(next(searches), chunk) if by_list else {}
            found |= listed
            missing = [each for each in chunk if each not in listed]
            singles = self._singly(resource_type, missing)
            found |= singles
            # A list that lost what single reads find is no list that this server understands.
            by_list = by_list and not singles
            if listed and not singles:
                self._heeded.add(resource_type)
        return found

    def _search(self, resource_type: str, ids: Sequence[str]) -> Search:
        return self._client.search(resource_type, {"_id": ",".join(ids)}, count=len(ids))

    def _singly(self, resource_type: str, ids: Sequence[str]) -> dict[str, Resource]:
        pool = self._pool()
        futures = [pool.submit(self._one, resource_type, each) for each in ids]
        return {each: r for each, f in zip(ids, futures, strict=True) if (r := f.result()) is not None}

    def _one(self, resource_type: str, resource_id: str) -> Resource | None:
        try:
            return self._client.read(resource_type, resource_id)
        except NotFound:
            return None


def _listed(search: Search, ids: Sequence[str]) -> dict[str, Resource]:
    """What ``_id=a,b,c`` brings. Servers without it answer by 400, 404, 500, or 200 and zero entries."""
    try:
        return {str(r["id"]): r for r in search.matches() if r.get("id") in ids}
    except (Rejected, NotFound, ServerError):
        return {}
