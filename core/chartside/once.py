"""What is made at its first use, once, however many threads ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class Parts:
    """Parts by their keys. No lock is held in the making: who asks for another part does not wait for it.

    Who asks for a part in the making waits, and where it cannot be made is told so, too: ten that wait for a server
    that is away do not try it one after the other. The next one to ask tries again.
    """

    def __init__(self) -> None:
        self._parts: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()
        self._makers: dict[Hashable, int] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The part, made now if nobody did before. Raises what ``make`` raises, and RuntimeError for a part that needs
        itself: it would wait for ever."""
        me = threading.get_ident()
        with self._lock:
            if self._makers.get(key) == me:
                raise RuntimeError(f"the part {key!r} needs itself")
            fresh = key not in self._parts
            part: Future[T] = self._parts.setdefault(key, Future())
            if fresh:
                self._makers[key] = me
        if fresh:
            try:
                part.set_result(make())
            except BaseException as error:
                with self._lock:
                    del self._parts[key], self._makers[key]
                part.set_exception(error)
            else:
                del self._makers[key]
        return part.result()


class once(Generic[T]):
    """``functools.cached_property`` for threads, which that is not since Python 3.12: they would open two ledgers.

    The owner has ``making``, its ``Parts``.
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
        made: T = owner.making.get(self._name, lambda: self._make(owner))
        owner.__dict__[self._name] = made
        return made
