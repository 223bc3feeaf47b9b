"""``chartside plugin new``: a plugin package with a passing test, from templates beside this module."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from chartside.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9-]{1,40}\Z")
_FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "plugin.toml.txt": "src/{package}/plugin.toml",
    "init.py.txt": "src/{package}/__init__.py",
    "settings.py.txt": "src/{package}/settings.py",
    "job.py.txt": "src/{package}/job.py",
    "test.py.txt": "tests/test_{package}.py",
    "readme.md.txt": "README.md",
}


def write(name: str, folder: Path) -> Path:
    """Write the plugin ``name`` into ``folder/name`` and return that path.

    Raises InputError for a bad name, or where something stands already: nothing is overwritten.
    """
    if not _NAME.match(name):
        raise InputError(
            f"{name!r} is no plugin name", mend="use lower-case letters, digits and -, as in my-notes"
        )
    target = folder / name
    if target.exists():
        raise InputError(f"{target} stands already", mend="take another name, or remove it first")
    values = {
        "name": name,
        "package": f"chartside_{name.replace('-', '_')}",
        "title": name.replace("-", " ").capitalize(),
    }
    for source, place in _FILES.items():
        text = (files(__name__) / source).read_text("utf-8")
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        path = target / place.format(**values)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return target
