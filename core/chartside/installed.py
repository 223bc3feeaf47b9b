"""Installed plugins as far as ``chartside --help`` needs them: found and read, without models and without imports."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from functools import lru_cache
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chartside.errors import PluginError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

GROUP = "chartside.plugins"


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, looked up once: what is installed later, a new process sees."""
    return _entry_points(group, tuple(sys.path))


@lru_cache(maxsize=32)
def _entry_points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    return tuple(metadata.entry_points(group=group))


def entries() -> list[EntryPoint]:
    """The entry points of all installed plugins, by name."""
    return sorted(entry_points(GROUP), key=lambda entry: entry.name)


def folder(entry: EntryPoint) -> Path:
    """The folder of the entry point's module. Only the top-level package is located, none is imported."""
    top, *rest = entry.module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.origin:
        raise PluginError(f"{entry.name}: its package {top} is not installed", mend="install it again")
    found = Path(spec.origin).parent
    inner = found.joinpath(*rest)
    return inner if inner.is_dir() else inner.parent if rest else found


_MOST = 1024 * 1024


def read_toml(path: Path | Traversable) -> dict[str, Any]:
    """A TOML file that somebody else may have written. Raises OSError, and ValueError for what is none."""
    with path.open("rb") as file:
        content = file.read(_MOST + 1)
    if len(content) > _MOST:
        raise ValueError("more than 1 MiB")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def commands() -> dict[str, tuple[str, str]]:
    """``{plugin: (its typer app, its title)}``. A manifest that cannot be read has no commands here; ``chartside
    plugins`` says why."""
    found: dict[str, tuple[str, str]] = {}
    for entry in entries():
        try:
            table = read_toml(folder(entry) / "plugin.toml")["plugin"]
            if table.get("commands"):
                found.setdefault(entry.name, (str(table["commands"]), f"{table['title']}."))
        except (PluginError, OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return found
