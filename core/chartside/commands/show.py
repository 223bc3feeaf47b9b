"""Tables and progress on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

WIDTH = None if sys.stdout.isatty() else 132
"""Into a pipe or a log, tables keep their columns whole."""

console = Console(width=WIDTH)
errors = Console(stderr=True)


def clean(text: str) -> str:
    """Text of a server's for a terminal or a log: no escape sequence, no line's end, no change of direction (S-19)."""
    return (
        text
        if text.isprintable()
        else "".join(x if x.isprintable() else "\N{REPLACEMENT CHARACTER}" for x in text)
    )


def line(text: str) -> None:
    """Print one line of plain text."""
    console.print(clean(text), highlight=False, markup=False)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table, or its title alone where it has no rows; cells are text of one line or more, never markup."""
    if not rows:
        line(title or "none")
        return
    made = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")  # an id that is cut off is of no use
    for row in rows:
        made.add_row(*(escape("\n".join(map(clean, str(cell).split("\n")))) for cell in row))
    console.print(made)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr; gives the function that jobs report to."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as bars:
        task = bars.add_task(title, total=None)

        def tell(done: int, total: int, what: str) -> None:
            bars.update(task, completed=done, total=total, description=f"{title}: {what}" if what else title)

        yield tell
