"""OpenEMR.

Source: seen on real servers: writes are answered by something that is no FHIR (``{pid, uuid}``), Appointment is
read-only and found by patient only, of the rest DocumentReference alone can be written.
"""

from __future__ import annotations

from chartside.adapter import Adapter, says
from chartside.types import Resource


class OpenEmr(Adapter):
    """Its answers to create are not FHIR, so what it claims to take is not relied upon."""

    name = "openemr"
    title = "OpenEMR"
    refuses = frozenset({("Patient", "create"), ("Organization", "create"), ("Practitioner", "create")})

    @classmethod
    def recognises(cls, statement: Resource) -> bool:
        """By software name or publisher."""
        return says(statement, "openemr")
