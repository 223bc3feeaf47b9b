"""The sandbox EHR: a small FHIR R4 server for the demo, plugin authors and fault tests.

::

    from chartside.sandbox import Options, Sandbox

    sandbox = Sandbox(Options(no_transaction=True))
    with sandbox.running() as base_url:
        ...
"""

from __future__ import annotations

from chartside.sandbox.auth import Client, TrustedIssuer
from chartside.sandbox.faults import Faults
from chartside.sandbox.likeness import options_like
from chartside.sandbox.options import Options
from chartside.sandbox.server import Sandbox
from chartside.sandbox.store import Store

__all__ = ["Client", "Faults", "Options", "Sandbox", "Store", "TrustedIssuer", "options_like"]
