"""Papers as tagged PDF (PDF/UA-1): the same paper and the same typst give the same bytes, on any machine and day.

typst sets them: open-source reportlab writes no structure tree, and typst's own PDF/UA-1 export refuses what would
break the standard. What people wrote reaches the template as JSON data, never as markup.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from chartside.errors import PluginError
from chartside.papers.blocks import Grid, Heading, Paper
from chartside.papers.letters import breakable, clean, code_point

_CHILD = Path(__file__).with_name("child.py")
_PATIENCE = 120
"""Seconds: fifty times what 10,000 lines take."""
_FREE = "free some memory, and try again"
_REFUSED = 3
"""``child.REFUSED``, which cannot be imported without typst."""
_HOSTS = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_WINDOWS = ("APPDATA", "LOCALAPPDATA", "SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "WINDIR")
_ENVIRONMENT = (*_HOSTS, "XDG_DATA_DIRS", "XDG_DATA_HOME", *_WINDOWS)
"""What the child gets of the host's: where fonts and libraries lie, and none of the practice's secrets."""
INSTALL = "pip install 'chartside[papers]'"
_MISSING = b"No module named 'typst'"
_LACKS = re.compile(r'the text `"((?:[^"\\]|\\.)*)"`')
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
_NARROW, _ROOM = 24, 88
"""Letters: a column up to so many is as wide as its text; so many stand on a line of a table."""


def render_pdf(paper: Paper) -> bytes:
    """The paper on US Letter. Raises PluginError where typst is not installed."""
    template = Path(__file__).with_name("paper.typ").read_bytes()
    data = _plain(paper)
    return typeset(template, {**data, "blocks": _each_text(data["blocks"], breakable)})


def problem() -> PluginError | None:
    """Why no paper can be set here, found out by setting one (0.1 s); None where it can.

    To look for typst in this process would not do: the child is isolated (``python -I``), so that what PYTHONPATH or
    the user's own packages bring is not there.
    """
    try:
        render_pdf(Paper("Check", "en-US", "", [Heading("Check", 1)]))
    except PluginError as error:
        return error
    return None


def typeset(template: bytes, data: Mapping[str, Any]) -> bytes:
    """A typst ``template`` with ``data`` (what JSON holds; the template reads ``sys.inputs.data``) as PDF/UA-1.

    A letter that no font has stands as its code point, ``[U+4E2D]``. Raises PluginError where typst is not installed,
    cannot start, takes too long or refuses the template; its message holds nothing of the data.
    """
    data = _each_text(data, clean)
    made, why = _run(template, data)
    if not made and (lacking := _lacking(why)):
        made, _ = _run(template, _each_text(data, lambda text: _spelled(text, lacking)))
    if not made:
        raise PluginError("typst refused the paper")
    return made


def _run(template: bytes, data: Any) -> tuple[bytes, str]:
    """The PDF, or nothing and typst's diagnosis."""
    asked = json.dumps({"template": template.decode(), "data": json.dumps(data)})
    try:
        ran = subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-I", str(_CHILD)],
            input=asked.encode(),
            capture_output=True,
            cwd=_CHILD.parent,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PluginError(f"the paper was not set within {_PATIENCE} s", mend="make a shorter one") from None
    except OSError:
        raise PluginError("no process could be started to set the paper", mend=_FREE) from None
    if ran.returncode == 0:
        return ran.stdout, ""
    if ran.returncode == _REFUSED:
        return b"", ran.stderr.decode("utf-8", "replace")
    if ran.returncode < 0:
        raise PluginError("typst was ended by a signal, so no PDF was made", mend=_FREE)
    if _MISSING in ran.stderr:
        raise PluginError(
            "typst is not installed for this Python itself, so no PDF can be made", mend=INSTALL
        )
    raise PluginError("typst does not run here, so no PDF can be made", mend=INSTALL)


def _lacking(diagnostic: str) -> frozenset[str]:
    """The letters that no font had."""
    texts = (_ESCAPED.sub(lambda code: chr(int(code[1], 16)), found) for found in _LACKS.findall(diagnostic))
    return frozenset(letter for text in texts for letter in text if ord(letter) > 0x7E)


def _spelled(text: str, letters: frozenset[str]) -> str:
    return "".join(code_point(one) if one in letters else one for one in text)


def _each_text(data: Any, change: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return change(data)
    if isinstance(data, Mapping):
        return {key: _each_text(value, change) for key, value in data.items()}
    if isinstance(data, list):
        return [_each_text(value, change) for value in data]
    return data


def _plain(item: Any) -> Any:
    """Blocks as JSON data; each names its kind."""
    if is_dataclass(item):
        made = {f.name: _plain(getattr(item, f.name)) for f in fields(item)}
        tracks = {"tracks": _tracks(item)} if isinstance(item, Grid) else {}
        return {"kind": type(item).__name__, **made, **tracks}
    if isinstance(item, frozenset):
        return sorted(item)
    return [_plain(one) for one in item] if isinstance(item, list | tuple) else item


def _tracks(grid: Grid) -> list[str]:
    """``auto`` for columns as wide as their text, ``rest`` for those that share what is left."""
    columns = zip(*(row for row in (grid.head, *grid.rows, grid.total) if row), strict=True)
    longest = [max(map(len, column)) for column in columns]
    narrow = [length <= _NARROW for length in longest]
    if sum(length for length, is_narrow in zip(longest, narrow, strict=True) if is_narrow) > _ROOM:
        return ["rest"] * len(longest)
    if all(narrow):
        narrow[longest.index(max(longest))] = False
    return ["auto" if is_narrow else "rest" for is_narrow in narrow]
