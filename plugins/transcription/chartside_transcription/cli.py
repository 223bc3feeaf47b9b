"""``chartside transcription``: transcribe and draft from files, without an EHR; review and sign, with one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from chartside_transcription import cli_report, cli_review
from chartside_transcription.cli_shared import (
    Dictation,
    Fast,
    Hotwords,
    Quiet,
    Recording,
    Roles,
    Speakers,
    errors,
    minutes,
    transcript_of,
)

if TYPE_CHECKING:
    from chartside_transcription.transcript import Transcript

app = typer.Typer(
    help="From sound to a signed note, on this machine. Nothing is sent anywhere; no sound is written to disk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


AsJson = Annotated[bool, typer.Option("--json", help="Words with times, probabilities and speakers as JSON.")]


@app.command(
    epilog="Examples:  chartside transcription transcribe session.m4a --speakers 2"
    "   ·   cat note.wav | chartside transcription transcribe - --json"
)
def transcribe(
    file: Recording,
    *,
    speakers: Speakers = 1,
    roles: Roles = "",
    hotwords: Hotwords = None,
    fast: Fast = False,
    dictation: Dictation = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write down a recording: words with times, probabilities and speakers."""
    from chartside_transcription.dictation import dictated

    with errors():
        transcript = transcript_of(file, speakers, roles, hotwords, fast=fast, quiet=quiet)
        if dictation:
            transcript = dictated(transcript)
        if as_json:
            typer.echo(json.dumps(transcript.to_json(), ensure_ascii=False, indent=1))
        else:
            _print(transcript)


def _print(transcript: Transcript) -> None:
    from chartside_transcription.speakers import HONESTY

    if not transcript.words:
        typer.echo("No speech was found.")
        return
    several = len(transcript.speakers) > 1
    for turn in transcript.turns():
        text = " ".join(f"[{word.text}?]" if word.marks else word.text for word in turn.words)
        who = f"{turn.speaker}: " if several else ""
        typer.echo(f"{minutes(turn.words[0].start)}  {who}{text}")
    typer.echo("\nWords in [..?] are uncertain or easily misheard: look at them.", err=True)
    if several:
        typer.echo(HONESTY, err=True)


cli_report.register(app)
cli_review.register(app)
