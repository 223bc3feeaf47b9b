"""``chartside billing analytics``: how billing goes, from files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.command()
def analytics(
    files: Annotated[
        list[Path], typer.Argument(help="Sent 837P files and their answers (277CA, 835), in any order.")
    ],
    plot: Annotated[Path | None, typer.Option(help="Write the denials as an SVG plot here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Data instead of words.")] = False,
) -> None:
    """First-pass rate, denials by payer and reason, days to pay.

    Example: chartside billing analytics sent/*.837 answers/* --plot denials.svg
    """
    from chartside.errors import ChartsideError
    from chartside_billing.analytics import lines, report, svg
    from chartside_billing.model import Claim
    from chartside_billing.x12.acks import StatusReport
    from chartside_billing.x12.reading import plain, read_document
    from chartside_billing.x12.remit import Remittance

    items = []
    for file in files:
        try:
            items += read_document(file).items
        except ChartsideError as error:
            typer.echo(f"error: {file.name}: {error}", err=True)
            raise typer.Exit(2) from None
    found = report(
        [item for item in items if isinstance(item, Claim)],
        [item for item in items if isinstance(item, Remittance)],
        [item for item in items if isinstance(item, StatusReport)],
    )
    if plot is not None:
        plot.write_text(svg(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(plain(found), indent=2))
        return
    for line in lines(found):
        typer.echo(line)
