"""A small sample of ``bench/fuzz_scrub.py``; the many are run from there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    path = Path(__file__).resolve().parents[3] / "bench" / "fuzz_scrub.py"
    spec = importlib.util.spec_from_file_location("fuzz_scrub", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_claims_give_a_result_or_a_clear_error(fuzz: ModuleType) -> None:
    """Issue 4, shown 6: never a crash, a failed rule or a lost claim."""
    texts, bundles = fuzz.samples(None)
    results = dict(fuzz.run(400, 7, texts, bundles))
    assert [(seed, result) for seed, result in results.items() if result.startswith("BAD")] == []
    assert len(set(results.values())) == 6  # refused, clean and with findings, in both forms
