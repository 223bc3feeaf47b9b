"""``chartside billing analytics``: how billing goes, from sent files, their answers, and the EHR's visits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from chartside_billing.analytics import Unbilled

app = typer.Typer(no_args_is_help=True)


@app.command()
def analytics(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Sent 837P files and their answers (277CA, 835), in any order."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Also list the EHR's visits that nobody billed.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the denials as an SVG plot here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Data instead of words.")] = False,
) -> None:
    """First-pass rate, denials by payer and reason, days to pay, unbilled visits.

    Examples: chartside billing analytics sent/*.837 answers/* --plot denials.svg

    chartside billing analytics --config chartside.toml
    """
    from chartside.errors import ChartsideError
    from chartside_billing.analytics import lines, report, svg
    from chartside_billing.model import Claim
    from chartside_billing.x12.acks import StatusReport
    from chartside_billing.x12.reading import plain
    from chartside_billing.x12.remit import Remittance

    if not files and config is None:
        raise typer.BadParameter("name X12 files, or --config for the visits in the EHR")
    try:
        items = [item for file in files or () for item in _items(file)]
        visits = _unbilled(config) if config else []
    except ChartsideError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    found = report(
        [item for item in items if isinstance(item, Claim)],
        [item for item in items if isinstance(item, Remittance)],
        [item for item in items if isinstance(item, StatusReport)],
        visits,
    )
    if plot is not None:
        plot.write_text(svg(found), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(plain(found), indent=2))
        return
    for line in lines(found):
        typer.echo(line)


def _items(file: Path) -> list[Any]:
    """What a file holds. Raises InputError that begins with the file's name."""
    from chartside.errors import InputError
    from chartside_billing.x12.reading import read_document

    try:
        return read_document(file).items
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from None


def _unbilled(config: Path) -> list[Unbilled]:
    from chartside.config import load
    from chartside.host import Host
    from chartside_billing.analytics import unbilled_visits
    from chartside_billing.fhir_claim.gather import Gatherer

    with Host(load(config)) as host:
        context = host.context("billing")
        settings = context.settings
        found = Gatherer(context).gather(days=settings.days, history_days=settings.history_days)
        billed = [r for kind in ("Claim", "ChargeItem") for r in found.of(kind)]
        return unbilled_visits(found.of("Encounter"), billed, today=context.clock.now().date())
