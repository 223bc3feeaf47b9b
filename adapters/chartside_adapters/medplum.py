"""Medplum. Source: its open-source server: takes every resource type; refuses codes outside of required bindings."""

from __future__ import annotations

from chartside.adapter import Adapter, says
from chartside.types import Resource


class Medplum(Adapter):
    """Everything has its native home; also a good companion server."""

    name = "medplum"
    title = "Medplum"

    @classmethod
    def recognises(cls, statement: Resource) -> bool:
        """By software name or publisher."""
        return says(statement, "medplum")
