"""Code sets: ICD-10-CM as it ships, and what a practice imports (NCCI, HCPCS, taxonomy, payers, fees)."""

from __future__ import annotations

from chartside_billing.codes.sets import CodeSets

__all__ = ["CodeSets"]
