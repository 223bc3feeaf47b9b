"""``chartside billing worklist`` and ``settle``: what waits for the biller in the EHR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chartside_billing.evening.worklist import Work

app = typer.Typer(no_args_is_help=True)
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The practice's config file.")]


@app.command()
def worklist(
    config: ConfigOption = Path("chartside.toml"),
    details: Annotated[bool, typer.Option("--details", "-d", help="Each finding with its mend.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """What waits for a person: claims with findings, most money first, then the nearest deadline.

    From the EHR's task list, as the last `chartside run billing.scrub` left it; ids only, no names.

    Examples: chartside billing worklist    chartside billing worklist --details --config riverside.toml
    """
    from chartside.config import load
    from chartside.errors import ChartsideError
    from chartside.host import Host
    from chartside_billing.evening.worklist import worklist as read

    try:
        with Host(load(config)) as host:
            found = read(host.context("billing"))
    except ChartsideError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps([work.data() for work in found], indent=2))
        return
    _show(found, details=details)


def _show(found: list[Work], *, details: bool) -> None:
    from chartside.commands.show import console, table
    from chartside_billing.money import ZERO, dollars

    columns = ("claim", "at risk", "file by", "errors", "warnings", "rules", "status")
    rows = [
        (
            w.claim,
            dollars(w.at_risk),
            w.deadline.isoformat() if w.deadline else "",
            str(w.errors),
            str(w.warnings),
            " ".join(w.rules),
            w.status,
        )
        for w in found
    ]
    if rows:
        total = sum((w.at_risk for w in found), ZERO)
        table(columns, rows, f"{len(rows)} claims wait, {dollars(total)} at risk")
    else:
        console.print("Nothing waits.")
    for work in found if details else ():
        console.print(f"{work.claim}", highlight=False, markup=False)
        for sentence in work.sentences:
            console.print(f"  {sentence}", highlight=False, markup=False)


@app.command()
def settle(
    arrived: Annotated[
        bool, typer.Option("--arrived/--not-arrived", help="What the clearinghouse says of the cut file.")
    ],
    config: ConfigOption = Path("chartside.toml"),
    claims: Annotated[
        list[str] | None, typer.Argument(help="Claim/12 ...; all undecided ones without.")
    ] = None,
) -> None:
    """Settle claims whose sending was cut, so that nobody could tell whether they arrived. Ask the clearinghouse first.

    Examples: chartside billing settle --arrived    chartside billing settle --not-arrived Claim/12
    """
    from chartside.config import load
    from chartside.errors import ChartsideError
    from chartside.host import Host
    from chartside.jobs.model import JobReport
    from chartside_billing.evening.judge import judge
    from chartside_billing.evening.next_payer import prepare
    from chartside_billing.evening.submit import settle as settle_claims
    from chartside_billing.fhir_claim.pick import own

    try:
        with Host(load(config)) as host:
            context = host.context("billing")
            pairs = judge(context, also=claims or ()).pairs
            chosen = [claim for claim, resource in pairs if not claims or own(resource) in claims]
            later = [one.claim for one in prepare(context, JobReport()) if one.claim is not None]
            chosen += [claim for claim in later if not claims or claim.where in claims]
            count = settle_claims(context, chosen, arrived=arrived)
    except ChartsideError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    what = "are taken as sent" if arrived else "go out with the next run"
    typer.echo(f"{count} undecided claims {what}." if count else "None of these claims is undecided.")
