"""The test kit for plugin authors: fixtures (``chartside.testing.plugin``), an EHR, servers that others wrote.

::

    from chartside.testing import host_for

    def test_job(ehr, clock):
        with host_for(ehr, clock, plugins={"my-plugin": {"enabled": True}}) as host:
            report = host.run("my-plugin.count")
"""

from __future__ import annotations

from chartside.testing.ehr import Ehr
from chartside.testing.hosts import host_for

__all__ = ["Ehr", "host_for"]
