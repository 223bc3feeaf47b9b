"""The consents' part of ``chartside demo``: who lacks what for the next visit, and one decision explained."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from chartside.gate.model import Action

from .answering import ask
from .coverage import COLUMNS, coverage, rows, summary

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.demo import Stage

_ROWS = 12


def show(context: Context, stage: Stage) -> None:
    """Read only: nothing is written."""
    found = coverage(context)
    lacking = [covered for covered in found if covered.lacking]
    zone = ZoneInfo(context.practice.time_zone)
    title = f"Consent coverage of the next 7 days ({min(_ROWS, len(lacking))} of {len(lacking)} who lack something)"
    stage.table(COLUMNS, rows(lacking[:_ROWS], zone), title)
    for what, count in summary(found).items():
        stage.say(f"  {count:>4}  {what}")
    refused = [c for c in lacking if "revoked" in c.standing.values() or "refused" in c.standing.values()]
    for covered in [*refused, *lacking][:1]:
        patient = covered.visit.patient
        stage.say(f"\n$ chartside consent explain --patient {patient} --action sms --purpose REMIND")
        for line in ask(context, patient, Action.SMS, purpose="REMIND", category="reminder").lines():
            stage.say(line)
