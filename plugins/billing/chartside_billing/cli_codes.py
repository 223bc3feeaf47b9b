"""``chartside billing import`` and ``codes``: the code sets that may not be shipped."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)
FOLDER = Path("chartside-codes")
"""Where code sets go if no folder is named."""


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="icd10, ncci-ptp, mue, aoc, hcpcs, taxonomy, payers or fees.")],
    file: Annotated[
        Path, typer.Argument(help="The file as CMS, CDC, NUCC, your clearinghouse or you made it.")
    ],
    folder: Annotated[Path, typer.Option(help="Where the practice's code sets lie.")] = FOLDER,
    effective: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From when it holds.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Keep all codes, not only behavioural ones.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take a file that is much smaller than the set in place.")
    ] = False,
) -> None:
    """Import a code set, whole or not at all: a wrong or cut file leaves the old set as it was.

    Examples: chartside billing import ncci-ptp ccipra-v324r0-f1.txt --effective 2026-10-01
    chartside billing import fees our-fees.csv
    """
    from chartside.errors import ChartsideError
    from chartside_billing.codes.importers import Options, effective_from_name, import_set

    day = effective.date() if effective else effective_from_name(file) or _default_day(name)
    if day is None:
        typer.echo("error: from when does it hold? -> say --effective YYYY-MM-DD", err=True)
        raise typer.Exit(2)

    def progress(rows: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r{rows:,} rows", err=True, nl=False)

    try:
        done = import_set(
            name, file, Options(folder, day, everything=everything, force=force, progress=progress)
        )
    except ChartsideError as error:
        typer.echo(f"error: {file.name}: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(
        f"{done.name}: {done.rows:,} entries, in force from {done.effective.isoformat()} ({done.path})"
    )


def _default_day(name: str) -> date | None:
    """Lists of the practice's own hold from today; what CMS and CDC publish has a day of its own."""
    return datetime.now(UTC).date() if name in {"payers", "fees", "taxonomy"} else None


@app.command()
def codes(
    folder: Annotated[Path, typer.Option(help="Where the practice's code sets lie.")] = FOLDER,
) -> None:
    """List the loaded code sets and from when they hold.

    Example: chartside billing codes
    """
    from chartside_billing.codes import CodeSets

    for name, days in CodeSets.open(folder).versions.items():
        typer.echo(f"{name:<10} {', '.join(day.isoformat() for day in days) or 'not loaded'}")
