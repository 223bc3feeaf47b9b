"""What leaves this machine for anybody but a client: the registry is asked, the audit written first (S-18, S-9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chartside.audit import Auditor, AuditRecord, Event
from chartside.clock import Clock
from chartside.errors import OutboundRefused
from chartside.gate.outbound import OutboundRegistry, Recipient
from chartside.manifest import Manifest
from chartside.overdue import require_wanted


class Outlet:
    """One plugin's view of the outbound registry: the kinds that its manifest declares, and no other."""

    def __init__(
        self, manifest: Manifest, registry: Callable[[], OutboundRegistry], auditor: Auditor, clock: Clock
    ) -> None:
        self._manifest, self._registry, self._auditor, self._clock = manifest, registry, auditor, clock

    def recipient(self, kind: str, name: str, data_class: str) -> Recipient:
        """The registered recipient, if it may get this class of data now. Raises OutboundRefused with the mend,
        JobOverdue."""
        require_wanted()
        if kind not in self._manifest.outbound.kinds:
            mend = f"declare {kind!r} under [outbound] kinds in its plugin.toml"
            raise OutboundRefused(f"plugin {self._manifest.name} may not send to a {kind!r}", mend=mend)
        return self._registry().check(kind, name, self._clock.now(), data_class)

    def disclose(
        self, kind: str, name: str, data_class: str, about: Iterable[tuple[str, str]], *, purpose: str
    ) -> Recipient:
        """Call it just before something goes out. ``about``: (client, resource) references of all that is in it.

        Raises OutboundRefused, or AuditUnavailable: then nothing may be sent (S-10).
        """
        recipient = self.recipient(kind, name, data_class)
        records = [
            AuditRecord(
                Event.DISCLOSURE,
                self._manifest.name,
                self._clock.now(),
                patient=patient,
                target=target,
                purpose=purpose,
                recipient=name,
                data_class=data_class,
            )
            for patient, target in about
        ]
        self._auditor.record(records)
        return recipient
