"""Review with an EHR: note, list, show, changes, edit, swap, discard, sign, amend."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chartside.errors import InputError
from chartside_transcription.cli_shared import Quiet, Recording, Roles, Speakers, errors, tell

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside_transcription.review import Review

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The practice's config file.")]
Config = Path("chartside.toml")
LARGEST_TEXT = 1 << 20
Id = Annotated[str, typer.Argument(help="As `list` gives it: DocumentReference/...", show_default=False)]
As = Annotated[
    str, typer.Option("--as", help="Practitioner/ID: who acts, and answers for it.", show_default=False)
]
Text = Annotated[Path, typer.Argument(help="A file with the new text; - for standard input.")]
Version = Annotated[str, typer.Option(help="Only this version, as `show` prints it.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@contextmanager
def _context(config: Path) -> Iterator[Context]:
    from chartside.config import load
    from chartside.host import Host
    from chartside_transcription.checks import require_installed

    with errors():
        require_installed()
        with Host(load(config)) as host:
            yield host.context("transcription")


@contextmanager
def _review(config: Path) -> Iterator[Review]:
    with _context(config) as context:
        from chartside_transcription.service import reviewer

        yield reviewer(context)


def note(
    file: Recording,
    *,
    client: Annotated[
        str,
        typer.Option("--client", "--patient", help="Patient/ID: whose session it is.", show_default=False),
    ],
    participant: Annotated[
        list[str] | None, typer.Option(help="Patient/ID of who else is recorded; may be repeated.")
    ] = None,
    speakers: Speakers = 2,
    roles: Roles = "",
    dictation: Annotated[bool, typer.Option("--dictation", help="Only the clinician speaks.")] = False,
    quiet: Quiet = False,
    config: ConfigOption = Config,
) -> None:
    """Write a recording down, draft its note and file it as a draft, if every consent is there.

    The same recording again finds its draft. Nothing is read before the consents are.

    Example: `chartside transcription note session.m4a --client Patient/12 --roles clinician,client`
    """
    names = tuple(role.strip() for role in roles.split(",") if role.strip())
    count = 1 if dictation else max(speakers, len(names))
    with _context(config) as context:
        from chartside_transcription.permit import Permits, Sitting
        from chartside_transcription.pipeline import Options
        from chartside_transcription.service import Service

        sitting = Sitting(client, tuple(participant or ()), dictation)
        service = Service(context)
        if not service.review.keeps_drafts:
            raise InputError(
                "this EHR takes no drafts, and a draft of this command would be gone at its end",
                mend="let drafts wait in a [companion] server, or record and review in `chartside serve`",
            )
        Permits(context, sitting).require()  # before a byte of the recording is read
        standard = str(file) == "-"
        recording = "stdin" if standard else str(file.resolve())
        source = sys.stdin.buffer if standard else file
        made = service.note(
            source,
            sitting,
            Options(count, names),
            _digest(file, recording),
            (lambda _: None) if quiet else tell,
        )
    typer.echo("" if quiet else "\n", err=True, nl=False)
    typer.echo(made)
    typer.echo(f"Read it: chartside transcription show {made}", err=True)


def _digest(file: Path, name: str) -> str:
    """What names the recording: its bytes, so that the same one is filed once; standard input cannot be read twice."""
    if name == "stdin":
        import secrets

        return secrets.token_hex(16)
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"the recording cannot be read ({error.strerror})") from None


def list_(
    client: Annotated[
        str,
        typer.Option(
            "--client", "--patient", help="Patient/ID: only theirs; some EHRs search by client only."
        ),
    ] = "",
    config: ConfigOption = Config,
) -> None:
    """Drafts that wait for a clinician. Ids only, no names.

    Example: `chartside transcription list`
    """
    with _review(config) as review:
        found = list(review.drafts(client))
    for one in found:
        typer.echo(f"{one.id}  {one.patient}  {one.title}  {one.marked} word(s) to look at  {one.where}")
    if not found:
        typer.echo("No draft waits.", err=True)


def show(
    id: Id,
    final: Annotated[
        bool, typer.Option("--final", help="As it would be signed: without sources and marks.")
    ] = False,
    config: ConfigOption = Config,
) -> None:
    """A draft: {0:44-0:46 client} is when it was said and by whom; a word in brackets with ? is to be looked at.

    Example: `chartside transcription show DocumentReference/7`
    """
    from chartside_transcription.note import WARNING, final_text, version_of

    with _review(config) as review:
        text, notice = review.text(id), review.notice(id)
    typer.echo(final_text(text) if final else text, nl=False)
    _tell(notice)
    if WARNING in text:
        typer.echo(
            "{..} is when it was said and by whom; look at the words in [..?]. Then edit or sign it, for instance: "
            f"chartside transcription sign {id} --as Practitioner/ID",
            err=True,
        )
    typer.echo(f"version {version_of(text)}", err=True)


def _tell(notice: str) -> None:
    if notice:
        typer.secho(notice, fg="yellow", err=True)


def changes(id: Id, config: ConfigOption = Config) -> None:
    """Who changed what: lines out (-) and in (+), oldest first.

    Example: `chartside transcription changes DocumentReference/7`
    """
    with _review(config) as review:
        found = review.changes(id)
    for change in found:
        typer.echo(f"{change.editor or '(nobody named)'}:")
        typer.echo("\n".join(f"  {line}" for line in change.lines))
    if not found:
        typer.echo("Nobody has changed it.", err=True)


def edit(id: Id, text: Text, *, who: As, version: Version = "", config: ConfigOption = Config) -> None:
    """Replace a draft's text. It stays a draft; the change is kept with its editor.

    Examples: `chartside transcription show ID | sed s/60/16/ | chartside transcription edit ID - --as Practitioner/3`,
    `chartside transcription edit ID new.txt --as Practitioner/3 --version 3f9a...`
    """
    with _review(config) as review:
        review.edit(id, _read(text), who, version)


def swap(id: Id, *, who: As, version: Version = "", config: ConfigOption = Config) -> None:
    """Clinician and client change places in the whole draft.

    Example: `chartside transcription swap DocumentReference/7 --as Practitioner/3`
    """
    with _review(config) as review:
        review.swap(id, who, version)


def discard(id: Id, *, yes: Yes = False, version: Version = "", config: ConfigOption = Config) -> None:
    """Withdraw a draft: it is marked as entered in error.

    Example: `chartside transcription discard DocumentReference/7`
    """
    if not yes:
        typer.confirm("Withdraw this draft?", abort=True)
    with _review(config) as review:
        review.discard(id, version)


def sign(
    id: Id,
    *,
    who: As,
    yes: Yes = False,
    version: Version = "",
    config: ConfigOption = Config,
) -> None:
    """Sign a draft: it becomes final, without sources and marks. Shows it and asks first.

    Examples: `chartside transcription sign DocumentReference/7 --as Practitioner/3`,
    `chartside transcription sign DocumentReference/7 --as Practitioner/3 --yes --version 3f9a...`
    """
    from chartside_transcription.note import final_text, marked_words, version_of

    with _review(config) as review:
        if yes and not version:
            raise InputError(
                "--yes signs only a version that was read", mend="add --version with what `show` prints"
            )
        text = review.text(id)
        if not yes:
            typer.echo(final_text(text))
        _tell(review.notice(id))
        if not yes:
            if marked := len(marked_words(text)):
                typer.echo(f"{marked} word(s) are still marked as uncertain.", err=True)
            typer.confirm(f"{who}: I have read this note and answer for it", abort=True)
        typer.echo(review.sign(id, who, version or version_of(text)))


def amend(
    id: Id,
    text: Text,
    *,
    who: As,
    yes: Yes = False,
    version: Version = "",
    config: ConfigOption = Config,
) -> None:
    """Replace a signed note by a new version, signed at once; the old one stays, superseded.

    Example: `chartside transcription amend DocumentReference/7 new.txt --as Practitioner/3`
    """
    new = _read(text)
    if not yes and str(text) != "-":
        typer.echo(new)
        typer.confirm(f"{who}: I have read this amendment and answer for it", abort=True)
    with _review(config) as review:
        typer.echo(review.amend(id, new, who, version))


def _read(text: Path) -> str:
    with errors():
        try:
            opened = sys.stdin.buffer if str(text) == "-" else text.open("rb")
            with opened as stream:
                return stream.read(LARGEST_TEXT).decode("utf-8")
        except OSError as error:
            raise InputError(f"the text cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise InputError("the text is no UTF-8") from None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(note)
    app.command("list")(list_)
    for command in (show, changes, edit, swap, discard, sign, amend):
        app.command()(command)
