"""``draft``: order what was said under the headings of a note, without an EHR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chartside_transcription import cli_notes
from chartside_transcription.cli_shared import (
    Dictation,
    Fast,
    Hotwords,
    Quiet,
    Roles,
    Speakers,
    errors,
    minutes,
    transcript_of,
)

if TYPE_CHECKING:
    from chartside_transcription.draft import Draft
    from chartside_transcription.transcript import Transcript

LARGEST_TEXT = 64 << 20
AsJson = Annotated[bool, typer.Option("--json", help="The draft with its spans as JSON.")]


def draft(
    file: Annotated[
        Path,
        typer.Argument(
            help="A recording; a transcript made by transcribe --json; or a .txt: 'Client: ...' on each line."
        ),
    ],
    *,
    template: Annotated[
        str, typer.Option(help="soap, dap, birp, girp, or the path of your own .toml.")
    ] = "dap",
    speakers: Speakers = 1,
    roles: Roles = "",
    hotwords: Hotwords = None,
    fast: Fast = False,
    dictation: Dictation = False,
    swap: Annotated[bool, typer.Option("--swap", help="Clinician and client change places.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Order what was said under the headings of a note; each sentence cites its words."""
    from chartside_transcription.dictation import dictated
    from chartside_transcription.draft import load_template, make_draft
    from chartside_transcription.draft.rules import Rules

    with errors():
        shape = load_template(template)
        transcript = _read(file) or transcript_of(file, speakers, roles, hotwords, fast=fast, quiet=quiet)
        transcript = dictated(transcript) if dictation else transcript
        transcript = transcript.swap() if swap else transcript
        found = make_draft(transcript, shape, Rules())
    if as_json:
        typer.echo(json.dumps(found.to_json(transcript), ensure_ascii=False, indent=1))
    elif not found.empty:
        _print(found, transcript)
    if found.empty:
        typer.echo("No speech was found that belongs in a note: there is no draft.", err=True)
        raise typer.Exit(1)


def _read(file: Path) -> Transcript | None:
    """The transcript in a JSON or text file; None for a recording."""
    from chartside.errors import InputError
    from chartside_transcription.transcript import Transcript
    from chartside_transcription.typed import typed

    reader = {".json": Transcript.from_json, ".txt": typed}.get(file.suffix.lower())
    if reader is None:
        return None
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_TEXT + 1)
    except OSError as error:
        raise InputError(f"the transcript cannot be read ({error.strerror})") from None
    if len(data) > LARGEST_TEXT:
        raise InputError("the transcript is larger than 64 MB")
    return reader(data)


def _print(draft: Draft, transcript: Transcript) -> None:
    from chartside_transcription.draft.model import span_json

    typer.echo(f"{draft.title} - DRAFT, to be read, changed and signed by a clinician\n")
    for section in draft.sections:
        typer.echo(section.heading)
        for sentence in section.sentences:
            typer.echo(f"  - {sentence.text}")
            for span in (span_json(transcript, s) for s in sentence.spans):
                who = f" {span['speaker']}" if len(transcript.speakers) > 1 else ""
                when = f"{minutes(span['start'])}-{minutes(span['end'])}"
                typer.echo(f"      [{when}, words {span['words'][0]}-{span['words'][1]}{who}]")
        if not section.sentences:
            typer.echo("  (nothing was said for this; write it or leave it out)")
        typer.echo("")
    if draft.dropped:
        dropped = sum(draft.dropped.values())
        typer.echo(f"{dropped} sentence(s) without a supporting source were dropped.", err=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Examples:  chartside transcription draft session.m4a --speakers 2 --template dap"
        "   ·   chartside transcription draft transcript.json --template birp --json"
    )(draft)
    cli_notes.register(app)
