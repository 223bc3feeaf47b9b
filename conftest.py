"""Fixtures for the whole project's tests."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent / "shared" / "data"


gc.set_threshold(50_000, 20, 50)  # walking thousands of tests and models again and again was a fifth of a run


def pytest_collection_finish() -> None:
    """Leave out of later walks what stays to the end."""
    gc.collect()
    gc.freeze()


OTHERS = {"sekmet", "sekmet_smart", "sekmet_cli", "oidc", "medplum"}
"""Fixtures that start servers that others wrote, which takes seconds: tests that ask for one are slow."""


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts such a server."""
    for item in items:
        if not OTHERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that others made: FHIR, X12, consents, audio. Skips where it does not lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("shared/data does not lie beside this checkout: put it there to run this test")
    return SHARED
