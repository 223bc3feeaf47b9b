"""What plugin code is handed, and all that it gets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chartside.ai import AiWriter
    from chartside.clock import Clock
    from chartside.config import Practice
    from chartside.gate.client import GatedFhir
    from chartside.gate.model import Decision, DecisionRequest
    from chartside.gate.outlet import Outlet
    from chartside.jobs.ledger import Ledger
    from chartside.jobs.tasks import Tasks
    from chartside.manifest import Manifest
    from chartside.messaging.service import Messages


@dataclass(frozen=True, slots=True)
class Context:
    """One plugin's window on the practice. Another plugin's context is another object (S-7).

    ``fhir``: the EHR (and companion server), limited to the manifest's ``[access]``; same methods as
    ``chartside.fhir.FhirClient``. ``messages``: the only way to a person; it asks the gate, the registry,
    the hours, the caps and the ledger. ``ledger``: for any other effect. ``tasks``: work for the staff.
    ``decide``: ask the gate without acting (dry runs); ``decided``: write down what was decided before acting on it
    (C-8; raises AuditUnavailable, then do not act). ``outlet``: the only way to anybody else outside the EHR (a
    clearinghouse): registry, then audit. ``ai``: the only way for text that a model wrote.
    ``alone``: a context manager that one process of the practice holds at a time (the name gets into a file's name).
    ``settings``: the plugin's pydantic settings. ``practice``: name, phone, time zone, state.
    ``clock``: the time. ``log``: a logger for ids and codes; never put PHI into it.
    """

    plugin: Manifest
    practice: Practice
    settings: Any
    fhir: GatedFhir
    messages: Messages
    ledger: Ledger
    tasks: Tasks
    ai: AiWriter
    decide: Callable[[Sequence[DecisionRequest]], list[Decision]]
    decided: Callable[[Sequence[DecisionRequest], Sequence[Decision]], None]
    outlet: Outlet
    alone: Callable[[str], AbstractContextManager[None]]
    clock: Clock
    log: logging.Logger
