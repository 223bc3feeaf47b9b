"""The adapters that Chartside brings, registered through the same hook as anybody's."""

from __future__ import annotations

from collections.abc import Iterable

from chartside import hookimpl
from chartside.adapter import Adapter


class Plugin:
    """What the host calls."""

    @hookimpl
    def chartside_adapters(self) -> Iterable[type[Adapter]]:
        """See chartside.hookspecs. The generic one recognises nothing: it serves where no other does."""
        from chartside_adapters.athenahealth import Athenahealth
        from chartside_adapters.canvas import Canvas
        from chartside_adapters.epic import Epic
        from chartside_adapters.generic import Generic
        from chartside_adapters.medplum import Medplum
        from chartside_adapters.openemr import OpenEmr
        from chartside_adapters.oracle_health import OracleHealth

        return [Epic, OracleHealth, Athenahealth, Canvas, Medplum, OpenEmr, Generic]


plugin = Plugin()
