"""The gate's hook: many requests, one fetch of the Consents of all their clients, no permit kept afterwards."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside.gate.model import Action, Decision, DecisionRequest, Outcome
from chartside.types import Resource

from . import people, references
from .compiling import compile_consent, concerns
from .engine import answer, judge, newest, superseded_by
from .query import Query, prepare
from .rules import Instrument

if TYPE_CHECKING:
    from chartside.context import Context

MOST = 250
"""Clients in one search, and..."""

LONGEST = 6000
"""...characters of their ids: URLs stay under 8 kB."""

_COLLECTIONS = gc.get_threshold()
_SELDOM = 200_000
"""Objects between two runs of the garbage collector while many consents are read: they live, and hold no cycles."""

_AHEAD = 3
"""Searches under way at a time: the EHR works on the next while this one is compiled."""


def decide_all(context: Context, requests: Sequence[DecisionRequest]) -> list[Decision]:
    """One decision for each request, in order, over what stands in the EHR now.

    Raises FhirError where the consents cannot be read: without them there is no permit.
    """
    with _collected_seldom():
        return _decide_all(context, requests)


def _decide_all(context: Context, requests: Sequence[DecisionRequest]) -> list[Decision]:
    asked = [references.plain(r.patient) for r in requests if r.action is not Action.CRISIS]
    instruments = fetch(context, list(dict.fromkeys(asked)), frozenset(r.action for r in requests))
    places = {references.plain(r.patient): r.location for r in requests}
    now = max((r.at for r in requests), default=context.clock.now())
    clients = people.clients(context, instruments, places, now)
    groups = people.directory(context, (i for own in instruments.values() for i in own))
    zone = ZoneInfo(context.practice.time_zone)
    decisions = []
    for request in requests:
        patient = references.plain(request.patient)
        query = prepare(request, zone=zone, directory=groups, client=clients.get(patient))
        own = instruments.get(patient, ())
        decisions.append(_with_taken_back(answer(own, query), own, query))
    return decisions


def _with_taken_back(decision: Decision, own: Sequence[Instrument], query: Query) -> Decision:
    """Where no consent speaks, name those that were taken back: who opted out is told apart from who was never asked.
    The outcome stays what it is."""
    if decision.outcome is not Outcome.NONE:
        return decision
    old = superseded_by(own)
    ended = [i for i in own if i.status == "inactive" and query.action in i.closes]
    kept = [judge(i, query).reason() for i in ended if f"Consent/{i.id}" not in old]
    return replace(decision, reasons=(*decision.reasons, *kept)) if kept else decision


def fetch(
    context: Context, patients: Sequence[str], actions: frozenset[Action]
) -> dict[str, Sequence[Instrument]]:
    """The active Consents of these clients that may speak about these actions, compiled.

    A few searches for all clients, not one for each. Consents about other things are not compiled, unless they
    replace another.
    """
    found: dict[str, list[Instrument]] = {}
    for resources in _ahead(partial(_search, context), list(chunks(patients))):
        for resource in resources:
            if not concerns(resource, actions):
                continue
            instrument = compile_consent(resource)
            found.setdefault(instrument.patient, []).append(instrument)
    return {patient: newest(own) for patient, own in found.items()}


@contextmanager
def _collected_seldom() -> Iterator[None]:
    """The collector would walk all consents that were read so far, again and again: a third of the time."""
    gc.set_threshold(max(_SELDOM, _COLLECTIONS[0]) if _COLLECTIONS[0] else 0, *_COLLECTIONS[1:])
    try:
        yield
    finally:
        gc.set_threshold(*_COLLECTIONS)


def _search(context: Context, patients: Sequence[str]) -> list[Resource]:
    ids = ",".join(patient.partition("/")[2] for patient in patients)
    # Inactive ones for what they replaced: a superseded consent must not come back when the one that replaced it is
    # revoked, though a run that was killed left it active (C-3).
    return list(
        context.fhir.search("Consent", {"patient": ids, "status": "active,inactive"}, count=1000).matches()
    )


def _ahead(
    search: Callable[[Sequence[str]], list[Resource]], pieces: Sequence[Sequence[str]]
) -> Iterator[list[Resource]]:
    """The answers in order, a few searches ahead; the first error ends it."""
    if len(pieces) < 2:
        yield from map(search, pieces)
        return
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting: deque[Future[list[Resource]]] = deque()
        try:
            for piece in pieces:
                waiting.append(pool.submit(search, piece))
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def chunks(patients: Sequence[str]) -> Iterator[Sequence[str]]:
    """The clients in pieces that fit into one search."""
    piece: list[str] = []
    length = 0
    for patient in patients:
        if piece and (len(piece) == MOST or length + len(patient) > LONGEST):
            yield piece
            piece, length = [], 0
        piece.append(patient)
        length += len(patient)
    if piece:
        yield piece


def considered(context: Context, patient: str) -> Mapping[str, Sequence[Instrument]]:
    """All Consents of one client, whatever their status, for an explanation."""
    resources = context.fhir.search("Consent", {"patient": patient.partition("/")[2]}).matches()
    return {patient: newest([compile_consent(r) for r in resources])}
