"""Write the parts of the documentation that are generated: hooks, the list of commands, what the demo shows.

    python docs/generate.py            # or: make docs

``tests/test_docs.py`` fails where hooks or commands are out of date.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from chartside import hookspecs
from chartside.cli import build

ROOT = Path(__file__).resolve().parent.parent
README, PLUGINS = ROOT / "README.md", ROOT / "docs" / "plugins.md"


def section(page: Path, name: str) -> str:
    """What stands between ``<!-- name -->`` and ``<!-- /name -->``."""
    text = page.read_text("utf-8")
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0]


def replace(page: Path, name: str, text: str) -> None:
    """Put ``text`` between the marks."""
    head, mark, rest = page.read_text("utf-8").partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition(f"<!-- /{name} -->")
    if not (mark and end):
        raise SystemExit(f"{page.name} lacks the marks <!-- {name} --> and <!-- /{name} -->")
    page.write_text(f"{head}{mark}{text}{end}{tail}", "utf-8")


def hooks() -> str:
    """Every hook with its signature and docstring."""
    parts = []
    for name, hook in vars(hookspecs).items():
        if name.startswith("chartside_"):
            signature = str(inspect.signature(hook)).replace("'", "")
            parts.append(f"### `{name}{signature}`\n\n{inspect.cleandoc(hook.__doc__ or '')}\n")
    return "\n" + "\n".join(parts) + "\n"


def commands() -> str:
    """``chartside --help`` without the frame that depends on the terminal."""
    shown = CliRunner().invoke(build(["--help"]), ["--help"], env={"COLUMNS": "100", "TERM": "dumb"}).output
    rows = re.findall(r"^│ (\w[\w-]*) +(.+?) +│$", shown, re.M)
    lines = [f"{name:<14} {text}" for name, text in rows if not name.startswith("-")]
    return "\n```text\n" + "\n".join(lines) + "\n```\n"


def demo() -> str:
    """The reminders' part of ``chartside demo``, which it runs."""
    environment = {**os.environ, "COLUMNS": "132"}
    done = subprocess.run(
        [sys.executable, "-m", "chartside.cli", "demo"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    part = re.search(r"^==== Appointment reminders.*?^Run again[^=]*", done.stdout, re.M | re.S)
    if part is None:
        raise SystemExit("the demo shows no reminders: run `chartside demo` and look")
    lines = [line.rstrip() for line in part[0].rstrip().splitlines()]
    return "\n```text\n" + "\n".join(lines) + "\n```\n"


def main() -> None:
    """Write all three."""
    replace(PLUGINS, "hooks", hooks())
    replace(README, "commands", commands())
    replace(README, "demo", demo())


if __name__ == "__main__":
    main()
