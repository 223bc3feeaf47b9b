"""A property that is made at its first use, once, however many threads ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):
    """``functools.cached_property`` with a lock, which that lost in Python 3.12: two threads would open two ledgers.

    The owner has ``making``, a ``threading.RLock``. Another thread waits while the value is made, so what makes it
    must not wait for a thread that asks for such a property in its turn.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self.__doc__ = make, make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn the attribute's name."""
        self._name = name

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...

    @overload
    def __get__(self, owner: object, kind: type) -> T: ...

    def __get__(self, owner: Any, kind: type) -> Self | T:
        """The value; kept in the owner's ``__dict__``, where later look-ups find it first."""
        if owner is None:
            return self
        with owner.making:
            if self._name not in owner.__dict__:
                owner.__dict__[self._name] = self._make(owner)
            made: T = owner.__dict__[self._name]
        return made
