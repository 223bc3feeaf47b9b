"""The fixture ``each``, on which the tables of the tests stand."""

from __future__ import annotations

from collections.abc import Callable

import pytest


def test_every_case_that_fails_is_named(each: Callable[..., None]) -> None:
    """None hides another: a wrong answer, an error, a check that expected one."""
    seen = []

    def check(number: int) -> None:
        seen.append(number)
        if number == 4:
            pytest.fail("four")
        assert 10 // number != 5, number

    with pytest.raises(BaseExceptionGroup, match=r"3 of 5 cases: 'zero', 'two', 'four'") as caught:
        each({"zero": (0,), "one": (1,), "two": (2,), "three": (3,), "four": (4,)}, check)
    assert seen == [0, 1, 2, 3, 4]
    assert [type(error).__name__ for error in caught.value.exceptions] == [
        "ZeroDivisionError",
        "AssertionError",
        "Failed",
    ]
    with pytest.raises(BaseExceptionGroup, match=r"1 of 2 cases: \(0,\)"):
        each([(0,), (1,)], check)


def test_a_table_without_cases_fails(each: Callable[..., None]) -> None:
    with pytest.raises(AssertionError, match="proves nothing"):
        each([], print)
