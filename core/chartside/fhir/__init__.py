"""FHIR R4 over HTTP, for servers as they really are. Start with ``FhirClient``."""

from __future__ import annotations

from chartside.fhir.answers import NeverSent
from chartside.fhir.budget import Breaker, Budget
from chartside.fhir.bundle import Create, Delete, Entry, EntryResult, Get, Patch, Update
from chartside.fhir.capabilities import Capabilities
from chartside.fhir.client import Created, FhirClient, Params
from chartside.fhir.limits import Limits
from chartside.fhir.models import Models, Typed, typed
from chartside.fhir.search import Page, Search, SetAside
from chartside.fhir.transport import Retries, TokenSource

__all__ = [
    "Breaker",
    "Budget",
    "Capabilities",
    "Create",
    "Created",
    "Delete",
    "Entry",
    "EntryResult",
    "FhirClient",
    "Get",
    "Limits",
    "Models",
    "NeverSent",
    "Page",
    "Params",
    "Patch",
    "Retries",
    "Search",
    "SetAside",
    "TokenSource",
    "Typed",
    "Update",
    "typed",
]
