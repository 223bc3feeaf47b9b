"""The house stands as the architecture says; nothing in it is forgotten."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import chartside
from chartside.manifest import Manifest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PLUGINS = sorted(
    path for path in (ROOT / "plugins").iterdir() if path.is_dir() and not path.name.startswith((".", "__"))
)


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)
def test_every_plugin_is_packaged_registered_and_documented(folder):
    """Issue 1: fails if a folder under plugins/ is missing from packages, entry points or docs."""
    package = f"chartside_{folder.name}"
    assert (
        f"plugins/{folder.name}/{package}"
        in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    )
    assert f"plugins/{folder.name}" in PROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"]
    assert PROJECT["project"]["entry-points"]["chartside.plugins"][folder.name] == f"{package}:plugin"
    assert package in PROJECT["tool"]["importlinter"]["root_packages"]
    assert (ROOT / "docs" / f"{folder.name}.md").is_file()
    assert f"docs/{folder.name}.md" in (ROOT / "README.md").read_text("utf-8")
    assert (folder / package / "py.typed").is_file()
    manifest = Manifest.load(folder / package / "plugin.toml")
    assert manifest.name == folder.name


def test_what_is_public_is_listed():
    """``__all__`` of the façade is sorted, complete and importable."""
    assert list(chartside.__all__) == sorted(chartside.__all__)
    for name in chartside.__all__:
        assert getattr(chartside, name) is not None


def test_one_version():
    """The version stands in the package and in pyproject.toml alike."""
    assert PROJECT["project"]["version"] == chartside.__version__


def test_no_machine_or_registry_is_named():
    """Nothing in the repository names a machine's path or a package registry."""
    patterns = ["/wo" + "rk/", "files.python" + "hosted", "registry.npm" + "js", "deb.deb" + "ian"]
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if not path.is_file() or path.suffix not in {
            ".py",
            ".toml",
            ".md",
            ".sh",
            ".json",
            ".txt",
            ".js",
            ".mjs",
        }:
            continue
        if parts[0].startswith(".") or "node_modules" in parts:
            continue
        text = path.read_text("utf-8", errors="replace")
        assert not [p for p in patterns if p in text], path
