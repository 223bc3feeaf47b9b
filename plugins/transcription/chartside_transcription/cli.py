"""``chartside transcription``: transcribe and draft from files, without an EHR; review and sign, with one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chartside_transcription.draft import Draft
    from chartside_transcription.pipeline import Progress
    from chartside_transcription.transcript import Transcript

app = typer.Typer(
    help="From sound to a signed note, on this machine. Nothing is sent anywhere; no sound is written to disk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def _group() -> None:
    """Keeps the commands' names, however few they are."""


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
AsJson = Annotated[bool, typer.Option("--json", help="Words with times, probabilities and speakers as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@app.command(
    epilog="Examples:  chartside transcription transcribe session.m4a --speakers 2"
    "   ·   cat note.wav | chartside transcription transcribe - --json"
)
def transcribe(  # noqa: PLR0913 - one parameter for each option
    file: Recording,
    speakers: Speakers = 1,
    roles: Roles = "",
    hotwords: Hotwords = None,
    fast: Fast = False,
    dictation: Dictation = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write down a recording: words with times, probabilities and speakers."""
    with _errors():
        transcript = _transcript(file, speakers, roles, hotwords, fast=fast, dictation=dictation, quiet=quiet)
        if as_json:
            typer.echo(json.dumps(transcript.to_json(), ensure_ascii=False, indent=1))
        else:
            _print(transcript)


def _transcript(  # noqa: PLR0913 - the options of the commands that share it
    file: Path,
    speakers: int,
    roles: str,
    hotwords: Path | None,
    *,
    fast: bool,
    dictation: bool,
    quiet: bool,
) -> Transcript:
    from chartside_transcription.engines.whisper import Whisper
    from chartside_transcription.hotwords import read_hotwords
    from chartside_transcription.pipeline import Options, transcribe
    from chartside_transcription.settings import Settings

    names = tuple(role.strip() for role in roles.split(",") if role.strip())
    options = Options(max(speakers, len(names)), names, read_hotwords(hotwords) if hotwords else ())
    engine = Whisper(Settings(fast=fast))
    source = sys.stdin.buffer if str(file) == "-" else file
    found = transcribe(source, engine, options, (lambda _: None) if quiet else _tell)
    if not quiet:
        typer.echo("", err=True)
    return found


def _tell(progress: Progress) -> None:
    total = f" of {_clock(progress.total)}" if progress.total else ""
    typer.echo(f"\rtranscribed {_clock(progress.done)}{total}", err=True, nl=False)


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"


def _print(transcript: Transcript) -> None:
    from chartside_transcription.speakers import HONESTY

    if not transcript.words:
        typer.echo("No speech was found.")
        return
    several = len(transcript.speakers) > 1
    for turn in transcript.turns():
        text = " ".join(f"[{word.text}?]" if word.marks else word.text for word in turn.words)
        who = f"{turn.speaker}: " if several else ""
        typer.echo(f"{_clock(turn.words[0].start)}  {who}{text}")
    typer.echo("\nWords in [..?] are uncertain or easily misheard: look at them.", err=True)
    if several:
        typer.echo(HONESTY, err=True)


@app.command(
    epilog="Examples:  chartside transcription draft session.m4a --speakers 2 --template dap"
    "   ·   chartside transcription draft transcript.json --template birp --json"
)
def draft(  # noqa: PLR0913 - one parameter for each option
    file: Annotated[Path, typer.Argument(help="A recording, or a transcript made by transcribe --json.")],
    template: Annotated[
        str, typer.Option(help="soap, dap, birp, girp, or the path of your own .toml.")
    ] = "dap",
    speakers: Speakers = 1,
    roles: Roles = "",
    hotwords: Hotwords = None,
    fast: Fast = False,
    swap: Annotated[bool, typer.Option("--swap", help="Clinician and client change places.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Order what was said under the headings of a note; each sentence cites its words."""
    from chartside_transcription.draft import load_template, make_draft
    from chartside_transcription.draft.rules import Rules

    with _errors():
        shape = load_template(template)
        transcript = _read_transcript(file)
        if transcript is None:
            transcript = _transcript(
                file, speakers, roles, hotwords, fast=fast, dictation=speakers == 1, quiet=quiet
            )
        if swap:
            transcript = transcript.swap()
        found = make_draft(transcript, shape, Rules())
        if as_json:
            typer.echo(json.dumps(found.to_json(transcript), ensure_ascii=False, indent=1))
        else:
            _print_draft(found, transcript)
        if found.empty:
            typer.echo("No speech was found that belongs in a note: there is no draft.", err=True)
            raise typer.Exit(1)


def _read_transcript(file: Path) -> Transcript | None:
    """The transcript in a JSON file; None where the file is not JSON."""
    from chartside_transcription.transcript import Transcript

    if file.suffix.lower() != ".json":
        return None
    try:
        return Transcript.from_json(file.read_bytes())
    except OSError as error:
        from chartside.errors import InputError

        raise InputError(f"the transcript cannot be read ({error.strerror})") from None


def _print_draft(draft: Draft, transcript: Transcript) -> None:
    from chartside_transcription.draft.model import span_json

    if draft.empty:
        return
    typer.echo(f"{draft.title} - DRAFT, to be read, changed and signed by a clinician\n")
    for section in draft.sections:
        typer.echo(section.heading)
        for sentence in section.sentences:
            typer.echo(f"  - {sentence.text}")
            for span in (span_json(transcript, s) for s in sentence.spans):
                who = f" {span['speaker']}" if len(transcript.speakers) > 1 else ""
                place = f"{_clock(span['start'])}-{_clock(span['end'])}, words {span['words'][0]}-{span['words'][1]}"
                typer.echo(f"      [{place}{who}]")
        if not section.sentences:
            typer.echo("  (nothing was said for this; write it or leave it out)")
        typer.echo("")
    if draft.dropped:
        typer.echo(
            f"{sum(draft.dropped.values())} sentence(s) without a supporting source were dropped.", err=True
        )


class _errors:  # noqa: N801 - reads as a statement
    """A ChartsideError becomes one line and status 2, also when the app runs by itself."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        from chartside.errors import ChartsideError

        if isinstance(error, ChartsideError):
            typer.secho(f"error: {error}", fg="red", err=True)
            raise typer.Exit(2) from None
