"""Where AuditEvents live: in the EHR, in the companion server, or, those of messages, in the local trail alone.

Every message has two AuditEvents, its decision and its disclosure. A server that takes no Bundle would get a request
for each, which doubles what a reminder costs it, so there they are not written unless the practice says so. The trail
has every record in any case, and ``chartside audit`` reads no other; but then it is the only copy, and a disk that is
lost takes the accounting of these messages along. So ``chartside check`` asks for a backup of it. What a person causes
(a broken glass, a signature, a refused access, what is handed to a third party) is rare and is always written.

One AuditEvent for many clients would need fewer requests, too. It would name one client in the record of another.
"""

from __future__ import annotations

from dataclasses import dataclass

from chartside.gate.places import Place, Route


@dataclass(frozen=True, slots=True)
class AuditHome:
    """``place``: the server, None where none takes AuditEvents. ``bundles``: it takes many in one request;
    ``singly``: the practice wants those of messages written one by one."""

    place: Place | None
    name: str
    bundles: bool
    singly: bool

    @property
    def each_message(self) -> bool:
        """Whether the AuditEvents of messages are written there, too."""
        return self.place is not None and (self.bundles or self.singly)

    def __str__(self) -> str:
        if self.place is None:
            return "the local trail alone: no server takes them"
        if self.bundles:
            return f"{self.name}, many in one request"
        if self.singly:
            return f"{self.name}, one request each"
        return f"{self.name}; those of messages in the local trail alone, for it takes one in a request"


def audit_home(route: Route, *, singly: bool) -> AuditHome:
    """The EHR where it takes Bundles, else a companion that does, else the first that takes AuditEvents at all."""
    able: list[tuple[str, Place]] = []
    for name, place in (("the EHR", route.ehr), ("the companion server", route.companion)):
        if place and place.adapter.supports("AuditEvent", "create"):
            able.append((name, place))
            if _bundles(place):  # a server further down is not even asked
                return AuditHome(place, name, bundles=True, singly=singly)
    return AuditHome(able[0][1], able[0][0], False, singly) if able else AuditHome(None, "", False, singly)


def _bundles(place: Place) -> bool:
    able = place.client.capabilities()
    return able.batch or able.transaction
