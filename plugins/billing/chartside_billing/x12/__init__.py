"""X12 005010: claims (837P), remittances (835), acknowledgements (999, 277CA), claim status and eligibility."""

from __future__ import annotations

from chartside_billing.x12.read837 import read_837

__all__ = ["read_837"]
