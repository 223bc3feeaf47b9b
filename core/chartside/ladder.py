"""The write ladder: where something that a plugin must remember finds its home (host.md, "What the EHRs really allow").

The native resource; else Task; else Communication to the staff pool; else DocumentReference; else Basic, all in
the EHR; else the native resource in the companion server; else it is only shown, and computed again on opening.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from chartside.adapter import Adapter

RUNGS = ("Task", "Communication", "DocumentReference", "Basic")

Where = Literal["ehr", "companion", "nowhere"]


@dataclass(frozen=True, slots=True)
class Rung:
    """A place for a kind of resource: ``type`` at ``where``. ``native`` when it is the type that was wanted."""

    where: Where
    type: str
    native: bool

    def __str__(self) -> str:
        if self.where == "nowhere":
            return "shown only, computed again on opening"
        place = "the EHR" if self.where == "ehr" else "the companion server"
        return f"{self.type} in {place}"


def choose(
    wanted: str,
    letters: str,
    ehr: Adapter,
    companion: Adapter | None,
    *,
    shapes: bool = True,
    may: Callable[[str, str], bool] = lambda kind, letters: True,
) -> Rung:
    """The first rung that takes ``letters`` (SMART) of the type. ``shapes=False``: only the native type will do.

    ``may``: whether who writes may write another type (a plugin's manifest says); the host itself may.
    """
    if ehr.supports_all(wanted, letters):
        return Rung("ehr", wanted, native=True)
    for other in RUNGS if shapes else ():
        if other != wanted and may(other, "cs") and ehr.supports_all(other, "cs"):
            return Rung("ehr", other, native=False)
    if companion and companion.supports_all(wanted, letters):
        return Rung("companion", wanted, native=True)
    return Rung("nowhere", wanted, native=False)
