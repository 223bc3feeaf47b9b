"""Many resources by id: ``_id`` lists where the server heeds them, single reads fanned out for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from chartside.errors import NotFound, Rejected, ServerError
from chartside.types import Resource

if TYPE_CHECKING:
    from chartside.fhir.client import FhirClient


class Many:
    """Reads by id through ``client``; single reads run in ``pool``, ``chunk`` ids go into one search."""

    def __init__(self, client: FhirClient, pool: Executor, chunk: int) -> None:
        self._client, self._pool, self._chunk = client, pool, chunk

    def read(self, resource_type: str, ids: Sequence[str]) -> dict[str, Resource]:
        """By id, those that are there. Raises FhirError, but for the single ones that are not found."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Resource] = {}
        by_list = len(wanted) > 1
        for start in range(0, len(wanted), self._chunk):
            chunk = wanted[start : start + self._chunk]
            listed = self._listed(resource_type, chunk) if by_list else {}
            found |= listed
            missing = [each for each in chunk if each not in listed]
            singles = self._singly(resource_type, missing)
            found |= singles
            # A list that lost what single reads find is no list that this server understands.
            by_list = by_list and not singles
        return found

    def _listed(self, resource_type: str, ids: Sequence[str]) -> dict[str, Resource]:
        """What ``_id=a,b,c`` brings. Servers without it answer by 400, 404, 500, or 200 and zero entries."""
        try:
            search = self._client.search(resource_type, {"_id": ",".join(ids)}, count=len(ids))
            return {str(r["id"]): r for r in search.matches() if r.get("id") in ids}
        except (Rejected, NotFound, ServerError):
            return {}

    def _singly(self, resource_type: str, ids: Sequence[str]) -> dict[str, Resource]:
        futures = [self._pool.submit(self._one, resource_type, each) for each in ids]
        return {each: r for each, f in zip(ids, futures, strict=True) if (r := f.result()) is not None}

    def _one(self, resource_type: str, resource_id: str) -> Resource | None:
        try:
            return self._client.read(resource_type, resource_id)
        except NotFound:
            return None
