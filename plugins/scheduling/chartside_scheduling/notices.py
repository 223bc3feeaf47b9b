"""Cancelled visits: whoever got a calendar entry by e-mail is told once, and the entry is taken back (R-20)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from chartside.codes import EFFECT_SYSTEM, MessageCategory, Purpose
from chartside.errors import FhirError
from chartside.messaging.model import Intent, Way
from chartside.types import Resource
from chartside_scheduling.people import Reach
from chartside_scheduling.texts import Texts
from chartside_scheduling.visits import Visit

if TYPE_CHECKING:
    from chartside.context import Context

STEP = "cancelled"
"""Stands in the place of ``24h`` in an intent's parts."""

_CHUNK = 50
_KIND = "email"


def is_notice(intent: Intent) -> bool:
    """Whether an intent tells of a cancelled visit."""
    return intent.parts[-1] == STEP


def intents(context: Context, texts: Texts, found: Iterable[tuple[Visit, str, Reach]]) -> Iterator[Intent]:
    """One for each client of a cancelled visit whom an e-mail reminder reached before, by the EHR's own record.

    ``found``: cancelled visit, the client's reference, whom to write to. All are looked up together.
    """
    made = []
    for visit, patient, reach in found if context.settings.calendar else ():
        if _KIND in reach.addresses:
            intent = _intent(context, texts, visit, patient, reach)
            made.append((intent, _reminders(context, intent, visit)))
    sent = recorded(context, [key for _, keys in made for key in keys], ("completed",))
    yield from (intent for intent, keys in made if not sent.keys().isdisjoint(keys))


def recorded(context: Context, keys: Sequence[str], statuses: Collection[str]) -> dict[str, str]:
    """Key -> reference of the EHR's record, for effects in one of these statuses. Empty where it keeps none."""
    homes: dict[str, str] = {}
    try:
        for start in range(0, len(keys), _CHUNK):
            wanted = ",".join(f"{EFFECT_SYSTEM}|{key}" for key in keys[start : start + _CHUNK])
            for found in context.fhir.search("Communication", {"identifier": wanted}).matches():
                if found.get("status") in statuses:
                    homes |= dict.fromkeys(_keys(found), f"Communication/{found.get('id', '')}")
    except FhirError:  # read-only EHRs keep no such record
        return {}
    return homes


def _intent(context: Context, texts: Texts, visit: Visit, patient: str, reach: Reach) -> Intent:
    language = texts.language(reach.language)
    render = partial(texts.render, STEP, language, visit, reach.zone, context.clock)
    zones = reach.zones(_KIND, context.practice.time_zone)
    return Intent(
        parts=("reminder", *visit.version, STEP),
        patient=patient,
        ways=(Way(_KIND, reach.addresses[_KIND], zones, render),),
        until=visit.start,
        category=MessageCategory.REMINDER,  # so that it needs the consent that the reminder had
        purpose=Purpose.REMIND,
        about=visit.reference,
        location=reach.state,
        language=language,
        recipient=reach.recipient,
        corrects=True,
    )


def _reminders(context: Context, intent: Intent, visit: Visit) -> list[str]:
    """The keys of the e-mail reminders that this person may have got of this visit, one for each step."""
    steps = [f"{step}h" for step in context.settings.rules.steps(visit.types)]
    parts = [(*intent.parts[:-1], step) for step in steps]
    return [context.messages.key(replace(intent, parts=each), _KIND) for each in parts]


def _keys(found: Resource) -> list[str]:
    listed = found.get("identifier")
    own = [i for i in listed if isinstance(i, dict)] if isinstance(listed, list) else []
    return [str(i.get("value")) for i in own if i.get("system") == EFFECT_SYSTEM]
