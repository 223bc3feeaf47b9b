"""Fixtures for the whole project's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that others made: FHIR, X12, consents, audio. Skips where it does not lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("shared/data does not lie beside this checkout: put it there to run this test")
    return SHARED
