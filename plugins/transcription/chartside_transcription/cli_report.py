"""``report``: how often the recogniser errs, by group, over recordings whose words are known (T-14)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chartside_transcription.cli_shared import Fast, Quiet, errors

if TYPE_CHECKING:
    from chartside_transcription.report import Report

Folder = Annotated[
    Path, typer.Argument(help="Recordings with a labels.tsv: file, reference, and columns to group by.")
]
By = Annotated[
    list[str] | None,
    typer.Option(help="A column to group by, e.g. accent; may be given again. All by default."),
]
Labels = Annotated[Path | None, typer.Option(help="The table, where it is not in the folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="The figures as JSON.")]


def report(
    folder: Folder,
    *,
    by: By = None,
    labels: Labels = None,
    fast: Fast = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Word error rates by group (accent, gender, room), with 95 % intervals."""
    from chartside_transcription.engines.whisper import Whisper
    from chartside_transcription.pipeline import Options, transcribe
    from chartside_transcription.report import measure, read_labels
    from chartside_transcription.settings import Settings

    with errors():
        known = read_labels(folder, labels)
        engine = Whisper(Settings(fast=fast))

        def tell(n: int) -> None:
            over = sys.stderr.isatty()
            begin, end = ("\r" if over else ""), n == len(known) or not over
            typer.echo(f"{begin}heard {n} of {len(known)} recordings", err=True, nl=end)

        found = measure(
            known,
            lambda path: transcribe(path, engine, Options()).text,
            by or (),
            (lambda _: None) if quiet else tell,
        )
    typer.echo(json.dumps(found.to_json(), indent=1) if as_json else _table(found))
    if not found.rows:
        typer.echo("error: no recording could be used", err=True)
        raise typer.Exit(2)


def _table(found: Report) -> str:
    width = max((len(row.group) for row in found.rows), default=5)
    lines = [f"{'group':{width}}  recordings  speakers  words   WER     95 % interval"]
    for row in found.rows:
        span = "-" if row.low is None else f"{row.low:.1%} to {row.high:.1%}"
        little = "  *" if row.says_little else ""
        lines.append(
            f"{row.group:{width}}  {row.recordings:10}  {row.speakers:8}  {row.errors.words:5}  "
            f"{row.errors.rate:6.1%}  {span}{little}"
        )
    if any(row.says_little for row in found.rows):
        lines.append("\n* fewer than 10 speakers or 1,000 words: the figure says little about other people.")
    lines += [f"not used: {name}: {problem}" for name, problem in found.refused]
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog="Examples:  chartside transcription report recordings/ --by accent --by room"
        "   ·   chartside transcription report recordings/ --labels labels.csv --json"
    )(report)
