"""A FHIR Bundle as the scrubber wants it: its claims with all that the Bundle knows beside them, and other documents.

``x12.bundle`` maps what an 837P says, ``fhir_claim`` the chart of an EHR; this adds what only a Bundle that stands for
itself can say: faults that the map would smooth over, texts that it carries inline, and papers without a claim.
"""

from __future__ import annotations

from chartside_billing.bundles.read import Bundled, read_bundle

__all__ = ["Bundled", "read_bundle"]
