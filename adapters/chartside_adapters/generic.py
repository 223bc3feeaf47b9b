"""Any FHIR R4 server, taken by its word: what the CapabilityStatement says is what it can do."""

from __future__ import annotations

from chartside.adapter import Adapter
from chartside.types import Resource


class Generic(Adapter):
    """Serves where no other adapter recognises the server."""

    name = "generic"
    title = "Any FHIR R4 server"

    @classmethod
    def recognises(cls, statement: Resource) -> bool:
        """Recognises nothing; the host falls back on it."""
        return False
