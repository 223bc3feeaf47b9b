"""Papers as tagged PDF (PDF/UA-1): the same paper and the same typst give the same bytes, on any machine and day.

typst sets them: open-source reportlab writes no structure tree, and typst's own PDF/UA-1 export refuses what would
break the standard. What people wrote reaches the template as JSON data, never as markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from chartside.errors import PluginError
from chartside.papers.blocks import Grid, Paper
from chartside.papers.letters import breakable, clean, code_point

if TYPE_CHECKING:
    from typst import Fonts

INSTALL = "pip install 'chartside[papers]'"
_LACKS = re.compile(r'the text `"((?:[^"\\]|\\.)*)"`')
_ESCAPED = re.compile(r"\\u\{([0-9a-f]+)\}")
_NARROW, _ROOM = 24, 88
"""Letters: a column up to so many is as wide as its text; so many stand on a line of a table."""


def render_pdf(paper: Paper) -> bytes:
    """The paper on US Letter. Raises PluginError where typst is not installed."""
    template = resources.files("chartside.papers").joinpath("paper.typ").read_bytes()
    data = _plain(paper)
    return typeset(template, {**data, "blocks": _each_text(data["blocks"], breakable)})


def typeset(template: bytes, data: Mapping[str, Any]) -> bytes:
    """A typst ``template`` with ``data`` (what JSON holds; the template reads ``sys.inputs.data``) as PDF/UA-1.

    A letter that no font has stands as its code point, ``[U+1F600]``. Raises PluginError where typst is not installed
    or refuses the template; its message holds nothing of the data.
    """
    if find_spec("typst") is None:
        raise PluginError("typst is not installed, so no PDF can be made", mend=INSTALL)
    import typst

    data = _each_text(data, clean)
    for more in (False, True):
        try:
            return _compile(template, data, _fonts(more))
        except typst.TypstError as error:
            lacking = _lacking(error.diagnostic)
        if not lacking:
            raise PluginError("typst refused the paper")
    try:
        return _compile(template, _each_text(data, lambda text: _spelled(text, lacking)), _fonts(True))
    except typst.TypstError:
        raise PluginError("typst refused the paper") from None


def _compile(template: bytes, data: Any, fonts: Fonts) -> bytes:
    import typst

    compiler = typst.Compiler(template, font_paths=fonts, ignore_system_fonts=True)
    made = compiler.compile(
        format="pdf", pdf_standards=["ua-1"], sys_inputs={"data": json.dumps(data)}, timestamp=0
    )
    if not isinstance(made, bytes):
        raise PluginError("typst gave no PDF")
    return made


@cache
def _fonts(more: bool) -> Fonts:
    """Those within typst, the same on each machine; with ``more`` the machine's own, for scripts those lack."""
    import typst

    return typst.Fonts(include_system_fonts=more)


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
