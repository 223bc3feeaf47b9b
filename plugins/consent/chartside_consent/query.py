"""A request made ready for many comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from chartside.codes import MESSAGE_CATEGORY_SYSTEM, purpose_coding
from chartside.gate.model import Action, DecisionRequest

from . import references
from .dates import wall
from .directory import Directory
from .facts import Facts
from .vocabulary import Key, broader

ACTION_CODES: Final[Mapping[Action, frozenset[str]]] = {
    Action.READ: frozenset({"read", "access"}),
    Action.SMS: frozenset({"sms", "use", "disclose"}),
    Action.EMAIL: frozenset({"email", "use", "disclose"}),
    Action.CALL: frozenset({"call", "use"}),
    Action.RECORD: frozenset({"record", "collect"}),
    Action.TRANSCRIBE: frozenset({"transcribe", "collect", "use"}),
    Action.AI: frozenset({"ai", "use"}),
    Action.DISCLOSE: frozenset({"disclose"}),
    Action.INSIGHTS: frozenset({"insights", "use"}),
    Action.CRISIS: frozenset(),
}
"""How a provision may name the action: Chartside's own code, or HL7 consentaction's."""

_PURPOSES: dict[str, frozenset[Key]] = {}


def purposes(text: str) -> frozenset[Key]:
    """The purpose and all purposes that include it."""
    found = _PURPOSES.get(text)
    if found is None:
        coding = purpose_coding(text)
        if len(_PURPOSES) > 1000:
            _PURPOSES.clear()
        found = _PURPOSES[text] = frozenset(broader((coding["system"], coding["code"])))
    return found


@dataclass(frozen=True, slots=True)
class Client:
    """What a decision must know of the client.

    ``born``: None when the chart does not say. ``majority``: the age at which a proxy's say ends, from the law
    of the client's place. ``alone_from``: the age from which a minor may sign alone there; None: not asked.
    """

    born: date | None
    majority: int = 18
    zone: tzinfo | None = None
    alone_from: int | None = None


@dataclass(slots=True)
class Query:
    """One request, prepared. ``actors`` is None where the request names nobody.

    Nobody changes it; it is not frozen, for that would cost each decision as much as judging two consents.
    """

    patient: str
    action: Action
    codes: frozenset[str]
    purposes: frozenset[Key]
    actors: frozenset[str] | None
    at: datetime
    wall: datetime
    zone: tzinfo | None
    facts: Facts | None
    category: str
    categories: frozenset[Key]
    directory: Directory
    client: Client | None


_NOBODY = Directory()


def prepare(
    request: DecisionRequest,
    *,
    zone: tzinfo | None = None,
    directory: Directory | None = None,
    client: Client | None = None,
    codes: frozenset[str] | None = None,
) -> Query:
    """Prepare a request. ``zone``: the practice's; the client's own wins; else that of ``request.at``."""
    place = client.zone if client and client.zone else zone
    people = directory or _NOBODY
    category = request.category
    return Query(
        patient=references.identity(request.patient),
        action=request.action,
        codes=ACTION_CODES[request.action] if codes is None else codes,
        purposes=purposes(request.purpose),
        actors=people.all_of(references.plain(request.actor)) if request.actor else None,
        at=request.at,
        wall=wall(request.at, place),
        zone=place,
        facts=Facts(request.resource, place) if request.resource is not None else None,
        category=category,
        categories=frozenset({(MESSAGE_CATEGORY_SYSTEM, category)}) if category else frozenset(),
        directory=people,
        client=client,
    )
