"""The gate's hook: many requests, one fetch of the Consents of all their clients, no permit kept afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside.gate.model import Action, Decision, DecisionRequest

from . import people, references
from .compiling import compile_consent
from .engine import answer, newest
from .query import prepare
from .rules import Instrument

if TYPE_CHECKING:
    from chartside.context import Context

CHUNK = 100
"""Clients in one search. Ids may be 64 characters long, and URLs should stay under 8 kB."""


def decide_all(context: Context, requests: Sequence[DecisionRequest]) -> list[Decision]:
    """One decision for each request, in order, over what stands in the EHR now.

    Raises FhirError where the consents cannot be read: without them there is no permit.
    """
    asked = [references.plain(r.patient) for r in requests if r.action is not Action.CRISIS]
    instruments = fetch(context, list(dict.fromkeys(asked)))
    places = {references.plain(r.patient): r.location for r in requests}
    now = max((r.at for r in requests), default=context.clock.now())
    clients = people.clients(context, instruments, places, now)
    groups = people.directory(context, (i for own in instruments.values() for i in own))
    zone = ZoneInfo(context.practice.time_zone)
    decisions = []
    for request in requests:
        patient = references.plain(request.patient)
        query = prepare(request, zone=zone, directory=groups, client=clients.get(patient))
        decisions.append(answer(instruments.get(patient, ()), query))
    return decisions


def fetch(context: Context, patients: Sequence[str]) -> dict[str, Sequence[Instrument]]:
    """The active Consents of these clients, compiled; a few searches for all of them, not one for each."""
    found: dict[str, list[Instrument]] = {}
    for chunk in chunks(patients):
        ids = ",".join(patient.partition("/")[2] for patient in chunk)
        for resource in context.fhir.search(
            "Consent", {"patient": ids, "status": "active"}, count=500
        ).matches():
            instrument = compile_consent(resource)
            found.setdefault(instrument.patient, []).append(instrument)
    return {patient: newest(own) for patient, own in found.items()}


def chunks(patients: Sequence[str]) -> Iterator[Sequence[str]]:
    """The clients in pieces that fit into one search."""
    for start in range(0, len(patients), CHUNK):
        yield patients[start : start + CHUNK]


def considered(context: Context, patient: str) -> Mapping[str, Sequence[Instrument]]:
    """All Consents of one client, whatever their status, for an explanation."""
    resources = context.fhir.search("Consent", {"patient": patient.partition("/")[2]}).matches()
    return {patient: newest([compile_consent(r) for r in resources])}
