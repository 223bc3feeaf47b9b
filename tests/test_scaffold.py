"""A new plugin author's first minutes: scaffold, install, test (issue 1)."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from chartside.errors import InputError
from chartside.manifest import Manifest
from chartside.scaffold import write


def test_writes_a_plugin_once(tmp_path):
    """Nothing that stands there is overwritten; the manifest is valid."""
    target = write("no-show-notes", tmp_path)
    manifest = Manifest.load(target / "src" / "chartside_no_show_notes" / "plugin.toml")
    assert manifest.name == "no-show-notes"
    text = "".join(path.read_text() for path in target.rglob("*.*") if path.is_file())
    assert not [mark for mark in ("@name@", "@package@", "@title@") if mark in text]
    with pytest.raises(InputError, match="stands already"):
        write("no-show-notes", tmp_path)


@pytest.mark.parametrize("name", ["", "Bad", "a", "../up", "x y", "1st"])
def test_bad_names_are_refused(tmp_path, name):
    """A name that would be no package is refused before anything is written."""
    with pytest.raises(InputError):
        write(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_scaffolded_plugin_installs_and_passes_its_own_test(tmp_path):
    """CI scaffolds, installs and tests it: as an author would, into a place of its own."""
    target = write("hello", tmp_path)
    site = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        site,
    ]
    subprocess.run([*pip, target], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(target)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "1 passed" in done.stdout
    listed = subprocess.run(
        [sys.executable, "-m", "chartside.cli", "plugins"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "hello" in listed.stdout
