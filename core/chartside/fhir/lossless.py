"""Updates that lose nothing: what the caller changed is laid onto what the server sent, and only that is written.

>>> merge({"a": 1, "odd": [1]}, {"a": 1}, {"a": 2})
{'a': 2, 'odd': [1]}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, TypeAlias

import jsonpatch
import orjson

from chartside.types import Resource

Path: TypeAlias = tuple[str | int, ...]
"""A place in JSON: ``("telecom", 0, "rank")``."""

_GONE = object()


def merge(raw: Any, before: Any, after: Any, dropped: Sequence[Path] = ()) -> Any:
    """``raw`` with the changes that lead from ``before`` to ``after``.

    ``before`` is ``raw`` as a model understood it: reformatted, and without the ``dropped`` places, which are
    counted in ``raw``. What did not change between ``before`` and ``after`` stays as ``raw`` has it.
    """
    if before == after:
        return raw
    if isinstance(raw, dict) and isinstance(before, dict) and isinstance(after, dict):
        return _merge_dict(raw, before, after, dropped)
    if isinstance(raw, list) and isinstance(before, list) and isinstance(after, list):
        return _merge_list(raw, before, after, dropped)
    return after


def _merge_dict(raw: Resource, before: Resource, after: Resource, dropped: Sequence[Path]) -> Resource:
    result = {name: value for name, value in raw.items() if name in after or name not in before}
    for name, value in after.items():
        old = before.get(name, _GONE)
        if old is _GONE or name not in raw:
            result[name] = value
        else:
            result[name] = merge(raw[name], old, value, _below(dropped, name))
    return result


def _merge_list(raw: list[Any], before: list[Any], after: list[Any], dropped: Sequence[Path]) -> list[Any]:
    lost = {path[0] for path in dropped if len(path) == 1}
    kept = [index for index in range(len(raw)) if index not in lost]
    if len(kept) != len(before):  # the model understood the list as something else altogether
        return after
    result: list[Any] = []
    done = 0  # how much of raw has been dealt with; what the model dropped stays where it stood
    matcher = SequenceMatcher(None, _texts(before), _texts(after), autojunk=False)
    for kind, b1, b2, a1, a2 in matcher.get_opcodes():
        for offset in range(b2 - b1):
            index = kept[b1 + offset]
            result += raw[done:index]
            done = index + 1
            if kind == "equal" or (kind == "replace" and offset < a2 - a1):
                result.append(
                    merge(raw[index], before[b1 + offset], after[a1 + offset], _below(dropped, index))
                )
        result += after[a1 + min(b2 - b1, a2 - a1) : a2]
    return result + raw[done:]


def _texts(values: Sequence[Any]) -> list[bytes]:
    return [orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in values]


def _below(dropped: Sequence[Path], step: str | int) -> list[Path]:
    return [path[1:] for path in dropped if len(path) > 1 and path[0] == step]


def guarded_patch(before: Resource, after: Resource) -> list[dict[str, Any]]:
    """A JSON Patch from ``before`` to ``after`` with a ``test`` in front of each change of something that was there.

    Servers are seen that take a patch with a stale ``If-Match``: the tests make it fail there, too.
    """
    return list(_guarded(before, jsonpatch.make_patch(before, after).patch))


def _guarded(before: Resource, operations: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    state: Any = before
    for operation in operations:
        if operation["op"] in ("replace", "remove"):
            old = jsonpatch.JsonPointer(operation["path"]).resolve(state)
            yield {"op": "test", "path": operation["path"], "value": old}
        yield operation
        state = jsonpatch.apply_patch(state, [operation])
