"""Fixtures for the whole project's tests."""

from __future__ import annotations

import functools
import gc
import itertools
import os
from collections.abc import Callable, Iterable, Mapping
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


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Leave what is left out of the walks with which pytest ends, ten over everything."""
    gc.collect()
    gc.freeze()


def _spare() -> None:
    """Nobody cuts the power of a test, and a command line is built once. Programs under test, in processes of their
    own, do all of it."""
    import typer.testing

    os.fsync = lambda fd: None
    typer.testing._get_command = functools.cache(typer.testing._get_command)
    _spare_keys()


def _spare_keys() -> None:
    """RSA keys are made and checked once, then turn up again."""
    try:
        from joserfc._rfc7518.rsa_key import RSABinding
    except ImportError:  # an older one, which makes and checks them elsewhere
        return
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
def each() -> Callable[..., None]:
    """``each(cases, check)`` calls ``check(*case)`` for every case, then fails with all that failed, by name.

    So a table of hundreds of cases is one test: as tests of their own, pytest takes longer than they. The cases of a
    dictionary have its keys as names. All share the test's fixtures: for checks that leave these as they are.
    """

    def run(
        cases: Mapping[Any, tuple[Any, ...]] | Iterable[tuple[Any, ...]], check: Callable[..., None]
    ) -> None:
        __tracebackhide__ = True
        named = list(cases.items() if isinstance(cases, Mapping) else ((case, case) for case in cases))
        assert named, "a table without cases proves nothing"
        wrong = []
        for name, case in named:
            try:
                check(*case)
            except (Exception, pytest.fail.Exception) as error:
                error.add_note(f"case: {name!r}")
                wrong.append((name, error))
        if wrong:
            names = ", ".join(repr(name) for name, _ in wrong)
            raise BaseExceptionGroup(f"{len(wrong)} of {len(named)} cases: {names}", [e for _, e in wrong])

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that others made: FHIR, X12, consents, audio. Skips where it does not lie beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("shared/data does not lie beside this checkout: put it there to run this test")
    return SHARED
