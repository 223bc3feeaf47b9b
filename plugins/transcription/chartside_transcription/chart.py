"""Words of the client's own chart that may be said: drugs and the names of clinicians (T-4)."""

from __future__ import annotations

from collections.abc import Iterator

from chartside.context import Context
from chartside.errors import FhirError
from chartside.types import Resource
from chartside_transcription.hotwords import MOST, clean
from chartside_transcription.marks import word_set

_FORMS = word_set(
    "mg mcg ml tablet tablets capsule capsules oral solution extended release er xr sr hcl hydrochloride "
    "delayed injection patch spray film daily mouth by for take of the and"
)


def chart_hotwords(context: Context, patient: str) -> tuple[str, ...]:
    """At most ``MOST`` words. An EHR that does not give one kind gives the others: nothing depends on hotwords."""
    words: list[str] = []
    for look in (_drugs, _clinicians):
        try:
            words += look(context, patient)
        except FhirError as error:
            context.log.info("hotwords: %s is not given by this EHR (%s)", look.__name__, error.status)
    return clean(words[:MOST])


def _drugs(context: Context, patient: str) -> Iterator[str]:
    for order in context.fhir.search("MedicationRequest", {"patient": patient}):
        name = order.get("medicationCodeableConcept") or {}
        texts = [
            name.get("text"),
            *(c.get("display") for c in name.get("coding") or [] if isinstance(c, dict)),
        ]
        for text in texts:
            yield from (
                w for w in str(text or "").split() if w.isalpha() and w.lower() not in _FORMS and len(w) > 3
            )


def _clinicians(context: Context, patient: str) -> Iterator[str]:
    del patient
    for person in context.fhir.search("Practitioner", {"active": "true"}):
        yield from _family(person)


def _family(person: Resource) -> Iterator[str]:
    for name in person.get("name") or []:
        if isinstance(name, dict) and isinstance(name.get("family"), str):
            yield name["family"]
