"""Where imported code sets lie: a folder of files ``<set>-<first day>.<kind>``, each replaced whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from chartside.errors import InputError

SETS = {
    "icd10": "idx",
    "ncci-ptp": "ptp",
    "mue": "json",
    "aoc": "json",
    "hcpcs": "json",
    "taxonomy": "json",
    "payers": "json",
    "fees": "json",
}
"""Name of each set (as on the command line) and the ending of its files."""


def path_of(folder: Path, name: str, effective: date) -> Path:
    """The file of one version."""
    return folder / f"{name}-{effective.isoformat()}.{SETS[name]}"


def versions(folder: Path, name: str) -> list[tuple[date, Path]]:
    """The versions that are there, oldest first."""
    found = []
    for path in folder.glob(f"{name}-????-??-??.{SETS[name]}"):
        try:
            found.append((date.fromisoformat(path.stem[-10:]), path))
        except ValueError:
            continue
    return sorted(found)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` when the block ends well; otherwise the old one stays as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".import-")
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, about: dict[str, Any], data: Any) -> None:
    """A small set: what it is, and its rows."""
    with replacing(path) as out:
        out.write(json.dumps({"about": about, "data": data}, separators=(",", ":"), sort_keys=True).encode())


def read_json(path: Path) -> Any:
    """The rows of a small set. Raises InputError if the file is damaged."""
    try:
        return json.loads(path.read_bytes())["data"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path.name} is damaged", mend="import it again") from None
