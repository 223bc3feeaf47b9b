"""What the commands share: options, progress, one line for an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chartside.errors import ChartsideError

if TYPE_CHECKING:
    from chartside_transcription.pipeline import Progress
    from chartside_transcription.transcript import Transcript

Recording = Annotated[Path, typer.Argument(help="wav, mp3, m4a, ogg, webm or flac; - for standard input.")]
Speakers = Annotated[
    int, typer.Option(min=1, max=8, help="How many people speak. It is never guessed: state it.")
]
Roles = Annotated[str, typer.Option(help="Who they are, in the order of first speaking: clinician,client")]
Hotwords = Annotated[
    Path | None,
    typer.Option(help="Names and drugs that may be said, one on a line.", exists=True, dir_okay=False),
]
Fast = Annotated[bool, typer.Option("--fast", help="The smaller model: half the time, more errors.")]
Dictation = Annotated[
    bool, typer.Option("--dictation", help='One speaker who says "comma" and "new paragraph".')
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@contextmanager
def errors() -> Iterator[None]:
    """A ChartsideError becomes one line and status 2, also when the app runs by itself."""
    try:
        yield
    except ChartsideError as error:
        typer.secho(f"error: {error}", fg="red", err=True)
        raise typer.Exit(2) from None


def transcript_of(
    file: Path,
    speakers: int,
    roles: str,
    hotwords: Path | None,
    *,
    fast: bool,
    quiet: bool,
) -> Transcript:
    """Write down a recording with the embedded engine; progress on standard error."""
    from chartside_transcription.checks import require_installed

    require_installed()
    from chartside_transcription.engines.whisper import Whisper
    from chartside_transcription.hotwords import read_hotwords
    from chartside_transcription.pipeline import Options, transcribe
    from chartside_transcription.settings import Settings

    names = tuple(role.strip() for role in roles.split(",") if role.strip())
    options = Options(max(speakers, len(names)), names, read_hotwords(hotwords) if hotwords else ())
    engine = Whisper(Settings(fast=fast))
    source = sys.stdin.buffer if str(file) == "-" else file
    found = transcribe(source, engine, options, (lambda _: None) if quiet else tell)
    if not quiet and sys.stderr.isatty():
        typer.echo("", err=True)
    return found


def tell(progress: Progress) -> None:
    """One line that is written over; on a pipe or in a log, a line for each piece."""
    over = sys.stderr.isatty()
    total = f" of {minutes(progress.total)}" if progress.total else ""
    begin, end = ("\r", "") if over else ("", "\n")
    typer.echo(f"{begin}transcribed {minutes(progress.done)}{total}{end}", err=True, nl=False)


def minutes(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
