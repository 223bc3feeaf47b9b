"""How a change is written without overwriting anybody's (S-20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chartside.errors import InputError, Rejected, VersionConflict
from chartside.fhir.lossless import guarded_patch
from chartside.fhir.paths import version_of
from chartside.types import Resource

if TYPE_CHECKING:
    from chartside.fhir.client import FhirClient


class Saver:
    """Saves through a client; see ``FhirClient.save``."""

    def __init__(self, client: FhirClient) -> None:
        self._client, self._able = client, client.capabilities()

    def save(self, before: Resource, after: Resource) -> Resource:
        """Write the difference. Raises VersionConflict, InputError where the two are not the same resource."""
        kind, resource_id = str(before.get("resourceType", "")), str(before.get("id", ""))
        if (after.get("resourceType"), after.get("id")) != (kind, resource_id):
            raise InputError("what shall be saved is another resource than the one that was read")
        if not version_of(before) or not self._able.versioned_update(kind):
            before, after = self._looked_again(before, after)
        if self._able.json_patch(kind):
            return self._patch(kind, resource_id, before, after)
        return self._client.update(after, version=version_of(before))

    def _looked_again(self, before: Resource, after: Resource) -> tuple[Resource, Resource]:
        """The server may ignore ``If-Match``, or number nothing: then only a look tells (it narrows the race)."""
        now = self._client.read(str(before["resourceType"]), str(before["id"]))
        if now != before:
            raise VersionConflict(
                "somebody else wrote in between", method="GET", resource_type=before["resourceType"]
            )
        return before, after

    def _patch(self, kind: str, resource_id: str, before: Resource, after: Resource) -> Resource:
        operations = guarded_patch(before, after)
        try:
            return self._client.patch(kind, resource_id, operations, version=version_of(before))
        except Rejected as error:
            refused = error
        # A failed test is answered by 400, 409 or 422, each also used for other reasons: look which it was.
        if self._client.read(kind, resource_id) != before:
            raise VersionConflict("somebody else wrote in between", method="PATCH", resource_type=kind)
        raise refused
