"""Types that everybody shares."""

from __future__ import annotations

from typing import Any, TypeAlias

Resource: TypeAlias = dict[str, Any]
"""A FHIR R4 resource as raw JSON: what the server sent, nothing lost."""
