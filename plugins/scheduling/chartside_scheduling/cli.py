"""``chartside scheduling ...``: look at what the reminders would do, and at their texts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from chartside.config import Practice
    from chartside.host import Host
    from chartside_scheduling.settings import Settings

app = typer.Typer(help="Appointment reminders.", no_args_is_help=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The practice's config file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def preview(
    config: ConfigOption = Path("chartside.toml"),
    names: Annotated[
        bool, typer.Option("--show-names", help="Show clients' names; on a terminal only.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who would get what, when, and why not. Writes and sends nothing.

    Example: `chartside scheduling preview`, `chartside scheduling preview --show-names`
    """
    if names and (as_json or not sys.stdout.isatty()):
        typer.echo("error: --show-names is for a terminal; a file or a pipe would keep the names", err=True)
        raise typer.Exit(2)
    from chartside.config import load
    from chartside.host import Host
    from chartside.jobs.model import JobOptions

    with Host(load(config)) as host:
        host.context("scheduling")  # tells where it is not enabled
        report = host.run("scheduling.reminders", JobOptions(dry_run=True))
        rows = [dict(row) for row in report.rows]
        if names:
            _name(host, rows)
    if as_json:
        data = {
            "rows": rows,
            "counts": dict(report.counts),
            "set_aside": report.set_aside,
            "notes": report.notes,
        }
        typer.echo(json.dumps(data, indent=2))
    else:
        _print(report.columns, rows, dict(report.counts), [*report.set_aside, *report.notes])
    raise typer.Exit(int(report.failed))


def _name(host: Host, rows: list[dict[str, str]]) -> None:
    """Put names in the place of ids: read now, shown, and forgotten."""
    ids = [row["client"] for row in rows]
    patients = host.context("scheduling").fhir.read_many("Patient", ids)
    for row in rows:
        row["client"] = _spoken(patients.get(row["client"], {}).get("name")) or row["client"]


def _spoken(names: Any) -> str:
    """Given and family name, of whatever a server calls a list of HumanName."""
    first = names[0] if isinstance(names, list) and names and isinstance(names[0], dict) else {}
    given = first.get("given")
    parts = [*(given if isinstance(given, list) else []), first.get("family", "")]
    return " ".join(part for part in parts if isinstance(part, str)).strip()


def _print(
    columns: tuple[str, ...], rows: list[dict[str, str]], counts: dict[str, int], notes: list[str]
) -> None:
    from chartside.commands.show import line, table

    table(
        columns,
        [[row.get(c, "") for c in columns] for row in rows],
        "Reminders that are due (nothing was sent)",
    )
    for what, count in sorted(counts.items()):
        line(f"  {count:>6}  {what}")
    for note in notes:
        line(f"  {note}")


@app.command()
def texts(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Check this practice's own texts, too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show every text with the longest values filled in, how long it is, and what is wrong with it. Needs no EHR.

    Status 1 where something is wrong.

    Examples: `chartside scheduling texts`, `chartside scheduling texts --config chartside.toml`
    """
    from chartside.messaging import gsm7
    from chartside_scheduling.texts import SHIPPED, Texts

    settings, practice = _practice(config)
    made = Texts(settings, practice)
    shown: list[dict[str, Any]] = []
    for name in SHIPPED:
        kind, _, language = name.partition(".")
        template, worst = made.template(kind, language), made.worst(kind, language)
        problems = template.lint(worst)
        text = "" if problems else template.render(worst)
        shown.append({"id": template.id, "text": text, "length": gsm7.cost(text), "problems": problems})
    if as_json:
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        for each in shown:
            length = f"{each['length']} of {gsm7.LIMIT}" if ".sms." in str(each["id"]) else "e-mail"
            typer.echo(f"{each['id']} ({length})\n{indent(str(each['text']).strip(), '  ')}")
            for problem in each["problems"]:
                typer.echo(f"  WRONG {problem}")
    raise typer.Exit(int(any(each["problems"] for each in shown)))


def _practice(config: Path | None) -> tuple[Settings, Practice]:
    from chartside.config import Practice, load
    from chartside_scheduling.settings import Settings

    if config is None:
        name = "M" * 40  # the longest that a config takes
        example = Practice(
            id="example", name=name, phone="+1 518 555 0100", time_zone="America/New_York", state="NY"
        )
        return Settings(reply_keys=True), example
    loaded = load(config)
    table = {k: v for k, v in loaded.plugins.get("scheduling", {}).items() if k != "enabled"}
    return Settings.model_validate(table), loaded.practice
