"""``chartside check``: everything that is wrong with the set-up, at once, each with its mend (H-2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from chartside.checks import Finding, checks
from chartside.cli import colourful
from chartside.commands.plugins import ConfigOption


def check(
    config: ConfigOption = Path("chartside.toml"),
    offline: Annotated[bool, typer.Option("--offline", help="Leave out what needs the EHR.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Check the config, the keys, the plugins, the connection, the scopes, and where each plugin's records would live.

    Status 0: nothing wrong (warnings may stand there); 1: something is.

    Examples: `chartside check`, `chartside check --offline`
    """
    findings = list(checks(config, offline=offline))
    if as_json:
        typer.echo(
            json.dumps(
                [{"level": f.level, "where": f.where, "text": f.text, "mend": f.mend} for f in findings],
                indent=2,
            )
        )
    else:
        for finding in findings:
            _print(finding)
        wrong = sum(f.level == "error" for f in findings)
        warned = sum(f.level == "warning" for f in findings)
        typer.echo(f"{wrong} wrong, {warned} to look at" if wrong or warned else "all well")
    raise typer.Exit(int(any(f.level == "error" for f in findings)))


def _print(finding: Finding) -> None:
    colour = {"error": "red", "warning": "yellow", "ok": "green"}[finding.level]
    typer.secho(f"{finding.level:<8}", fg=colour, nl=False, color=colourful())
    mend = f"\n          mend: {finding.mend}" if finding.mend else ""
    typer.echo(f"{finding.where}: {finding.text}{mend}" if finding.where else f"{finding.text}{mend}")
