"""``chartside audit verify`` and ``chartside audit for``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from chartside.audit import Trail, accounting
from chartside.audit.accounting import LOOK_BACK
from chartside.clock import SystemClock
from chartside.commands.plugins import ConfigOption
from chartside.config import Config, load
from chartside.gate.outbound import OutboundRegistry
from chartside.host import load_secret

app = typer.Typer(help="The audit trail: ids only, chained by hashes.", no_args_is_help=True)


def _trail(config: Config) -> Trail:
    return Trail(config.path(config.state.folder) / "audit.jsonl", load_secret(config.path(config.state.key)))


@app.command()
def verify(
    config: ConfigOption = Path("chartside.toml"),
    expect: Annotated[
        str, typer.Option(help="A head's hash that you kept elsewhere; it must stand in the trail.")
    ] = "",
) -> None:
    """Walk the whole trail and tell every line that was edited, removed, moved or cut off. Status 1 if there is one.

    Example: `chartside audit verify`
    """
    found = _trail(load(config)).verify(expect)
    for problem in found.problems:
        typer.echo(problem)
    if found.torn or found.sealed:
        typer.echo(
            f"{found.sealed + found.torn} torn end(s), left by a killed process: no record was lost by it"
        )
    typer.echo(
        f"{'whole' if found.ok else 'CHANGED'}: {found.records} records, head {found.head or '(empty)'}"
    )
    typer.echo(
        "Keep the head elsewhere (paper will do): with --expect it shows that the trail was not replaced."
    )
    raise typer.Exit(int(not found.ok))


@app.command("for")
def for_patient(
    patient: Annotated[str, typer.Option(help="The client's id in the EHR, as in Patient/12.")],
    config: ConfigOption = Path("chartside.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Print an accounting of disclosures for one client, for the last six years (45 CFR 164.528).

    Date, recipient with address, what, and purpose of each. Those for treatment, payment and operations, to the
    client, and by the client's authorization need not be accounted for: they are listed and marked.

    Examples: `chartside audit for --patient Patient/12`, `chartside audit for --patient 12 --json`
    """
    settings = load(config)
    reference = patient if "/" in patient else f"Patient/{patient}"
    since = SystemClock().now() - LOOK_BACK
    names = OutboundRegistry.from_config(settings.outbound).addresses
    trail = _trail(settings)
    rows = accounting(trail.records(patient=reference), reference, since=since, recipients=names)
    if not trail.verify().ok:
        text = "The trail was changed, so that this list may lack something: run `chartside audit verify`."
        typer.echo(text, err=True)
    if as_json:
        data = [{**{k: getattr(r, k) for k in r.__slots__}, "at": r.at.isoformat()} for r in rows]
        typer.echo(json.dumps(data, indent=2))
        return
    if not rows:
        typer.echo(f"Nothing about {reference} left for a recipient outside the EHR in the last six years.")
        return
    from chartside.commands.show import table

    columns = ("when", "recipient", "what", "purpose", "consent", "need not be accounted for")
    cells = [
        (
            r.at.isoformat(timespec="minutes"),
            f"{r.recipient}\n{r.address}".strip(),
            r.what,
            r.purpose,
            ", ".join(r.consents),
            r.exempt,
        )
        for r in rows
    ]
    table(columns, cells, f"Disclosures about {reference}")
