"""Fixtures for the whole project's tests."""

from __future__ import annotations

import functools
import gc
import itertools
import os
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parent.parent / "shared" / "data"


gc.set_threshold(50_000, 20, 50)  # walking thousands of tests and models again and again was a fifth of a run


def pytest_collection_finish() -> None:
    """Leave out of later walks what stays to the end, and out of this process what is dear and proves nothing."""
    _spare()
    gc.collect()
    gc.freeze()


def _spare() -> None:
    """Nobody cuts the power of a test; a command line is built once; RSA keys are made and checked once, then turn up
    again. Programs under test, in processes of their own, do all of it."""
    import typer.testing
    from joserfc._rfc7518.rsa_key import RSABinding

    make, take_in = RSABinding.generate_private_key, RSABinding.import_private_key
    made: dict[tuple[int, int], Any] = {}
    known: dict[str, Any] = {}
    turn = itertools.count()

    def generate(size: int) -> Any:
        which = (size, next(turn) % 6)
        return made.get(which) or made.setdefault(which, make(size))

    def import_(jwk: Any) -> Any:
        content = repr(sorted(jwk.items()))
        return known.get(content) or known.setdefault(content, take_in(jwk))

    os.fsync = lambda fd: None
    typer.testing._get_command = functools.cache(typer.testing._get_command)
    RSABinding.generate_private_key, RSABinding.import_private_key = generate, import_


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
