"""``chartside run`` and ``chartside serve``."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from chartside.commands.plugins import ConfigOption
from chartside.config import load
from chartside.host import Host
from chartside.jobs.model import JobOptions, JobReport


def run(
    job: Annotated[
        str, typer.Argument(help="plugin.job, as in scheduling.reminders; all jobs without it.")
    ] = "",
    config: ConfigOption = Path("chartside.toml"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show what would happen; write and send nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Run the enabled plugins' jobs once. Running again harms nothing: what was done is not done twice.

    Ends with status 1 when a job could not finish.

    Examples: `chartside run --dry-run`, `chartside run scheduling.reminders`
    """
    with Host(load(config)) as host:
        if (name := job.partition(".")[0]) in host.plugins.found:
            host.context(name)  # tells of a plugin that is not enabled, or was set aside, by its name
        jobs = [job] if job else sorted(host.jobs())
        if not jobs:
            typer.echo(
                "No job: no plugin is enabled -> write `enabled = true` under [plugins.scheduling]", err=True
            )
        reports = {name: _one(host, name, dry_run=dry_run, quiet=as_json) for name in jobs}
    if as_json:
        typer.echo(json.dumps({name: _data(report) for name, report in reports.items()}, indent=2))
    raise typer.Exit(int(any(report.failed for report in reports.values())))


def _one(host: Host, name: str, *, dry_run: bool, quiet: bool) -> JobReport:
    from chartside.commands.show import progress

    if quiet:
        return host.run(name, JobOptions(dry_run=dry_run))
    with progress(name) as tell:
        report = host.run(name, JobOptions(dry_run=dry_run, progress=tell))
    show(name, report, dry_run=dry_run)
    return report


def show(name: str, report: JobReport, *, dry_run: bool = False) -> None:
    """Print a report: its table, its sums, what was set aside."""
    from chartside.commands.show import console, line, table

    title = f"{name} (dry run: nothing was written or sent)" if dry_run else name
    if report.rows:
        table(report.columns, [[row.get(c, "") for c in report.columns] for row in report.rows], title)
    else:
        console.print(f"{title}: nothing to do" if not report.counts and not report.failed else title)
    for what, count in sorted(report.counts.items()):
        line(f"  {count:>6}  {what}")
    for record in report.set_aside[:20]:
        line(f"  set aside: {record}")
    if len(report.set_aside) > 20:
        console.print(f"  ... and {len(report.set_aside) - 20} more set aside", markup=False)
    for note in report.notes:
        line(f"  {note}")


def _data(report: JobReport) -> dict[str, object]:
    return {
        "failed": report.failed,
        "counts": dict(report.counts),
        "rows": report.rows,
        "set_aside": report.set_aside,
        "notes": report.notes,
    }


def serve(
    config: ConfigOption = Path("chartside.toml"),
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Serve the plugins' pages here, on 127.0.0.1; 0: no pages."),
    ] = 8010,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every job's whole table in every round.")
    ] = False,
) -> None:
    """Run every job again and again, each at its own pace, and serve the plugins' pages; Ctrl-C or SIGTERM ends it.

    Prints a line for each round of a job, and a table of what is new in it. A job that hangs holds up its own plugin
    only. Put a reverse proxy with TLS in front of the pages.

    Example: `chartside serve --config riverside.toml`
    """
    from chartside.commands.rounds import Rounds
    from chartside.serve import Runner

    with Host(load(config)) as host:
        rounds = Rounds(host.clock, host.config.practice.time_zone, verbose=verbose)
        runner = Runner(host, port=port, report=rounds)
        stop = _asked_to_stop()
        with runner.running() as places:
            typer.echo(f"running {', '.join(sorted(host.jobs())) or 'no job'}; Ctrl-C ends it")
            for place in places:
                typer.echo(f"pages at {place}")
            while not stop.wait(1.0):  # a signal that comes between two steps is seen a second later
                continue
            typer.echo("ending after the jobs under way; once more ends it at once ...")


def _asked_to_stop() -> threading.Event:
    """Set by Ctrl-C, and by SIGTERM, which service managers send. A second one does not wait for the jobs."""
    stop = threading.Event()

    def asked(number: int, _frame: object) -> None:
        signal.signal(number, signal.default_int_handler)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    return stop
