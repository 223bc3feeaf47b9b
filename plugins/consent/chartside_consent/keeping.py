"""How consents are written: all at once where the server has transactions, else in an order that is safe at any point.

Without transactions a new consent is written first, and names the one that it supersedes; from that moment on the
engine passes the old one over, so that decisions see exactly one. Then the old one is made inactive. Killed in between,
the next record, revocation or watch of that client does the rest (``left_over``).
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from chartside.codes import CONSENT_REPLACES, CONSENT_RESPONSE_SYSTEM, CONSENT_SYSTEM
from chartside.errors import Forbidden, InputError
from chartside.fhir import Create, Update
from chartside.fhir.bundle import Entry
from chartside.types import Resource

from . import references
from .deciding import chunks
from .loose import dicts

if TYPE_CHECKING:
    from chartside.context import Context

TRIES = 4
"""How often somebody else's write in between is answered by reading and deciding anew."""


class Keeper:
    """Writes to the home of Consent. Raises InputError where neither the EHR nor a companion keeps Consents."""

    def __init__(self, context: Context) -> None:
        self._fhir, letters = context.fhir, context.plugin.access["Consent"]
        self._where = context.fhir.route.home("Consent", letters)
        self._place = context.fhir.route.place(self._where)
        if not self._place.adapter.supports_all("Consent", letters):
            raise InputError(
                "neither the EHR nor a companion server keeps Consents",
                mend="set up [companion] in chartside.toml; see `chartside check`",
            )

    def keeps(self, resource_type: str) -> bool:
        """Whether this type can be written beside the Consents."""
        return self._place.adapter.supports(resource_type, "create")

    def put(
        self,
        consent: Resource,
        trace: Resource,
        response: Resource | None = None,
        old: Sequence[Resource] = (),
    ) -> Resource:
        """Write a new consent with its answers, the old ones that it replaces, and who did it. Raises FhirError."""
        if response and not self.keeps("QuestionnaireResponse"):
            consent, response = _with_attachment(consent, response), None
        if self._place.capabilities().transaction:
            try:
                return self._together(consent, trace, response, old)
            except (
                Forbidden
            ):  # a server was seen that lets nobody post a bundle who may not create every type
                pass
        if response:
            answers = self._one(self._create(response))
            consent = _with_source(consent, f"QuestionnaireResponse/{answers['id']}")
        made = self._one(self._create(consent))
        self.retire(old, [f"Consent/{made['id']}"], trace)
        return made

    def retire(self, old: Sequence[Resource], targets: Sequence[str], trace: Resource | None) -> None:
        """Write consents that have changed, those that others replace first, then who did it."""
        entries: list[Entry] = [Update(each) for each in old]
        names = [*targets, *(f"Consent/{each['id']}" for each in old)]
        traces = [Create(_targets(trace, names))] if trace and self.keeps("Provenance") else []
        if self._place.capabilities().transaction and len(entries) + len(traces) > 1:
            try:
                self._all([*entries, *traces])
                return
            except Forbidden:
                pass
        for entry in [*entries, *traces]:
            self._one(entry)

    def traced(self, consent: Resource, activity: str) -> bool:
        """Whether a Provenance tells of this activity; true where none can be kept."""
        if not self.keeps("Provenance"):
            return True
        found = self._fhir.search("Provenance", {"target": f"Consent/{consent['id']}"}).matches()
        activities = dicts([p.get("activity") for p in found])
        codes = [c.get("code") for a in activities for c in dicts(a.get("coding"))]
        return activity in codes

    def _together(
        self, consent: Resource, trace: Resource, response: Resource | None, old: Sequence[Resource]
    ) -> Resource:
        answers, name = f"urn:uuid:{uuid.uuid4()}", f"urn:uuid:{uuid.uuid4()}"
        entries: list[Entry] = []
        if response:
            entries.append(self._create(response, answers))
            consent = _with_source(consent, answers)
        place = len(entries)
        entries += [self._create(consent, name), *(Update(each) for each in old)]
        if self.keeps("Provenance"):
            entries.append(Create(_targets(trace, [name, *(f"Consent/{each['id']}" for each in old)])))
        return self._all(entries)[place]

    def _create(self, resource: Resource, full_url: str = "") -> Create:
        """By a condition where the server heeds one; else what is there was looked up just before."""
        able = self._place.adapter.capabilities.conditional_create(resource["resourceType"])
        return Create(resource, _named(resource) if able else "", full_url)

    def _one(self, entry: Entry) -> Resource:
        return self._fhir.execute([entry], where=self._where)[0].require()

    def _all(self, entries: Sequence[Entry]) -> list[Resource]:
        return [result.require() for result in self._fhir.transaction(entries, where=self._where)]


def _with_source(consent: Resource, reference: str) -> Resource:
    return {**consent, "sourceReference": {"reference": reference}}


def _with_attachment(consent: Resource, response: Resource) -> Resource:
    """The answers inside the Consent, where the server has no QuestionnaireResponse."""
    data = base64.b64encode(json.dumps(response, ensure_ascii=False).encode()).decode()
    title = str(response["questionnaire"])
    return {
        **consent,
        "sourceAttachment": {"contentType": "application/fhir+json", "data": data, "title": title},
    }


def _named(resource: Resource) -> str:
    """A condition by which writing twice writes once."""
    if resource["resourceType"] == "QuestionnaireResponse":
        return f"identifier={CONSENT_RESPONSE_SYSTEM}|{resource['identifier']['value']}"
    value = next(i["value"] for i in resource["identifier"] if i.get("system") == CONSENT_SYSTEM)
    return f"identifier={CONSENT_SYSTEM}|{value}"


def _targets(trace: Resource, names: Sequence[str]) -> Resource:
    return {**trace, "target": [{"reference": name} for name in dict.fromkeys(names)]}


def consents_of(context: Context, patient: str) -> list[Resource]:
    """All Consents of a client, whatever their status."""
    return list(context.fhir.search("Consent", {"patient": patient.partition("/")[2]}, count=500).matches())


def consents_of_many(context: Context, patients: Sequence[str]) -> dict[str, list[Resource]]:
    """The same for many clients, in few searches."""
    found: dict[str, list[Resource]] = {patient: [] for patient in patients}
    for chunk in chunks(list(patients)):
        ids = ",".join(patient.partition("/")[2] for patient in chunk)
        for resource in context.fhir.search("Consent", {"patient": ids}, count=500).matches():
            patient = references.identity(references.of(resource.get("patient")))
            found.setdefault(patient, []).append(resource)
    return found


def replaced_by(consent: Mapping[str, object]) -> list[str]:
    """References of the consents that this one supersedes."""
    found = [e for e in dicts(consent.get("extension")) if e.get("url") == CONSENT_REPLACES]
    return [references.of(e.get("valueReference")) for e in found]


def left_over(consents: Iterable[Resource]) -> list[Resource]:
    """Consents that are still active though another one has replaced them: a run was killed in between."""
    kept = list(consents)
    replaced = {name for c in kept if c.get("status") in ("active", "inactive") for name in replaced_by(c)}
    return [c for c in kept if c.get("status") == "active" and f"Consent/{c.get('id')}" in replaced]


def inactive(consent: Resource) -> Resource:
    """The same, made inactive. Nothing else of it changes, and it is never deleted."""
    return {**consent, "status": "inactive"}
