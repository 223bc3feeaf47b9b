"""Where drafts, the Devices that wrote them, and their Provenances stand: on one server or two, with transactions or
without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chartside.ai.guard import HOLDS_DRAFTS
from chartside.ai.resources import ai_agent
from chartside.errors import PolicyRefused, Rejected
from chartside.fhir import Create, Update
from chartside.gate.client import GatedFhir
from chartside.gate.places import Route, Where
from chartside.manifest import Manifest
from chartside.types import Resource

_OTHERS: Final = ("Device", "Provenance")


class Shelf:
    """``fhir``: a client that is not held against the guard; it stays in here and in the writer."""

    def __init__(self, fhir: GatedFhir, route: Route, manifest: Manifest) -> None:
        self._fhir, self._route, self._manifest = fhir, route, manifest

    def together(self) -> bool:
        """Whether one transaction can hold all three: one home, and a server that has transactions."""
        homes = {self.home(kind) for kind in (HOLDS_DRAFTS, *_OTHERS)}
        able = self._route.place(self.home(HOLDS_DRAFTS)).client.capabilities()
        return len(homes) == 1 and able.transaction and able.conditional_create(HOLDS_DRAFTS)

    def once(self, resource: Resource, system: str, value: str, patient: str = "") -> Resource:
        """Create it unless it is there: by the server's own condition; where it has none, by looking first."""
        kind = str(resource["resourceType"])
        able = self._route.place(self.home(kind)).client.capabilities()
        if able.conditional_create(kind):
            return self._fhir.create(resource, if_none_exist=identifier(system, value)).resource
        return self.there(kind, system, value, patient) or self._fhir.create(resource).resource

    def there(self, kind: str, system: str, value: str, patient: str = "") -> Resource | None:
        """What stands there under the identifier. A server that does not know this search and answers all is no proof.

        ``patient`` narrows it where the client lives on the same server: some search documents by client only.
        """
        asked = {"identifier": f"{system}|{value}"}
        if patient and self.seen_from(kind, patient) == patient:
            asked["patient"] = patient
        wanted = {"system": system, "value": value}
        found = self._fhir.search(kind, asked).matches()
        return next((one for one in found if _holds(one.get("identifier"), wanted)), None)

    def replace(self, after: Resource, trace: Resource) -> Resource:
        """Update the document and add the Provenance: together where possible, else in this order."""
        if self.together():
            results = [result.require() for result in self._fhir.transaction([Update(after), Create(trace)])]
            return results[0]
        updated = self._fhir.update(after)
        self._fhir.create(trace)
        return updated

    def author(self, reference: str) -> str:
        """The Device that wrote it: a draft without its Provenance cannot be changed or signed (P-4)."""
        for trace in self.traces(reference):
            if author := ai_agent(trace):
                return author
        raise PolicyRefused(
            "the draft has no Provenance of its model (P-4)", mend="write it again with its key"
        )

    def traces(self, reference: str) -> Iterator[Resource]:
        """The Provenances of a document."""
        return self._fhir.search("Provenance", {"target": self.seen_from("Provenance", reference)}).matches()

    def home(self, kind: str) -> Where:
        """The server where this type lives for this plugin."""
        return self._route.home(kind, self._manifest.access.get(kind, ""))

    def seen_from(self, kind: str, reference: str) -> str:
        """The reference as the home of ``kind`` has to write it: whole, where the two live on different servers."""
        home = self.home(reference.partition("/")[0])
        if home == self.home(kind):
            return reference
        return f"{self._route.place(home).client.base_url}/{reference}"


def _holds(identifiers: object, wanted: dict[str, str]) -> bool:
    rows = [row for row in identifiers if isinstance(row, dict)] if isinstance(identifiers, list) else []
    return any(wanted.items() <= row.items() for row in rows)


def identifier(system: str, value: str) -> str:
    """The search for it, as a condition."""
    return f"identifier={system}|{value}"


def reference_of(resource: Resource) -> str:
    """``Type/id`` of what was stored. Raises Rejected where the server does not say it."""
    if not resource.get("id"):
        raise Rejected(
            "the server does not say under which id it was stored",
            resource_type=str(resource.get("resourceType")),
        )
    return f"{resource['resourceType']}/{resource['id']}"


def versioned(resource: Resource) -> str:
    """The reference of this very version, where the server gives versions."""
    version = (resource.get("meta") or {}).get("versionId")
    return f"{reference_of(resource)}/_history/{version}" if version else reference_of(resource)
