"""Claims out of an EHR's resources: the 837P's part by ``x12.bundle``, and what only the chart knows beside it."""

from __future__ import annotations

from chartside_billing.fhir_claim.assemble import Assembled, assemble

__all__ = ["Assembled", "assemble"]
