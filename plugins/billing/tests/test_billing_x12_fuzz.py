"""A small sample of ``bench/fuzz_x12.py``; the 100,000 are run from there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def fuzz() -> ModuleType:
    path = Path(__file__).resolve().parents[3] / "bench" / "fuzz_x12.py"
    spec = importlib.util.spec_from_file_location("fuzz_x12", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mutated_files_give_an_error_or_a_result(fuzz: ModuleType, shared_data: Path) -> None:
    """Issue 4, shown 6: never a crash, a hang or a lost claim."""
    results = [result for _, result in fuzz.run(600, 7_000_000, fuzz.samples(shared_data / "x12"))]
    assert [r for r in results if r.startswith("BAD")] == []
    assert {"refused", "837", "835"} <= set(results)


def test_the_fuzzer_would_see_a_lost_claim(fuzz: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check above can fail."""
    real = fuzz.read_document
    monkeypatch.setattr(fuzz, "read_document", lambda text: type(real(text))("837", real(text).items[1:]))
    with pytest.raises(AssertionError, match="3 CLM, 2 claims"):
        fuzz.attempt(fuzz.samples(None)[0])
