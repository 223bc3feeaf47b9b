"""The write ladder: where something finds its home (host.md)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from chartside.adapter import Adapter
from chartside.ladder import choose


class Takes:
    """A server that takes these types."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def supports_all(self, kind: str, letters: str) -> bool:
        return kind in self.kinds and bool(letters)


@pytest.mark.parametrize(
    ("takes", "allowed", "expected"),
    [
        (["Task", "Basic"], ["Task"], "Task in the EHR"),
        (["DocumentReference", "Communication"], ["Task", "Communication"], "Communication in the EHR"),
        (["Communication", "Basic"], ["Task", "Basic"], "Basic in the EHR"),
        (["DocumentReference"], ["Task", "Communication"], "shown only, computed again on opening"),
    ],
)
def test_the_first_rung_that_is_taken_and_allowed(
    takes: list[str], allowed: list[str], expected: str
) -> None:
    """A plugin's work goes where both the EHR and the plugin's manifest allow it, not to a refusal."""
    rung = choose("Task", "cs", cast(Adapter, Takes(*takes)), None, may=lambda kind, _: kind in allowed)
    assert str(rung) == expected


def test_the_companion_comes_before_nothing() -> None:
    ehr: Any = Takes("Basic")
    assert choose("Task", "cs", ehr, cast(Adapter, Takes("Task")), shapes=False).where == "companion"
