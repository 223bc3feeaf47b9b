"""``chartside billing read``, ``write`` and ``secondary``: X12 files without an EHR."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chartside_billing.model import Claim

app = typer.Typer(no_args_is_help=True)


def fail(error: Exception) -> typer.Exit:
    """Say what is wrong and how to mend it; exit code 2."""
    typer.echo(f"error: {error}", err=True)
    return typer.Exit(2)


@app.command()
def read(
    file: Annotated[Path, typer.Argument(help="An 835, 999, TA1, 277CA, 277, 271 or 837P file.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Data instead of words (holds what the file holds).")
    ] = False,
) -> None:
    """Show an X12 file in plain words.

    Examples: chartside billing read remit.835    chartside billing read ack.999 --json
    """
    from chartside.errors import ChartsideError
    from chartside_billing.x12.reading import read_document
    from chartside_billing.x12.remit import second_opinion

    try:
        document = read_document(file)
        if as_json:
            typer.echo(json.dumps(document.data(), indent=2, ensure_ascii=False))
            return
        for line in document.lines():
            typer.echo(line)
        for remark in second_opinion(file) if document.kind == "835" else ():
            typer.echo(f"form (oxedi): {remark}")
    except ChartsideError as error:
        raise fail(error) from None


@app.command()
def write(
    source: Annotated[
        Path, typer.Argument(help="A FHIR Bundle (a Claim with what it references) or an 837P file.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write the 837P here; default: to the screen.")] = None,
    control: Annotated[
        int, typer.Option(help="Interchange control number (ISA13), GS06 and ST02 alike.")
    ] = 1,
    created: Annotated[
        datetime | None, typer.Option(help="Date and time in the envelope; default: now.")
    ] = None,
    production: Annotated[
        bool, typer.Option(help="Mark the file as production (ISA15 P); default: test.")
    ] = False,
    validate: Annotated[bool, typer.Option(help="Let pyx12 and x12sdk judge the file.")] = True,
) -> None:
    """Write claims as an 837P (005010X222A1) and have two independent validators judge it.

    Format repairs are listed on stderr. What a validator refuses is not written: exit code 1.
    Example: chartside billing write claim-bundle.json --out claim.837
    """
    from chartside.errors import ChartsideError
    from chartside_billing.x12.load import load_claims

    try:
        claims = load_claims(source)
    except ChartsideError as error:
        raise fail(error) from None
    _write(claims, out, control, created, production=production, validate=validate)


@app.command()
def secondary(
    source: Annotated[
        Path, typer.Argument(help="The claims as they went to the first payer: 837P or Bundle.")
    ],
    remit: Annotated[Path, typer.Argument(help="The first payer's 835.")],
    out: Annotated[Path | None, typer.Option(help="Write the 837P here; default: to the screen.")] = None,
    control: Annotated[int, typer.Option(help="Interchange control number (ISA13).")] = 1,
    created: Annotated[
        datetime | None, typer.Option(help="Date and time in the envelope; default: now.")
    ] = None,
    production: Annotated[bool, typer.Option(help="Mark the file as production (ISA15 P).")] = False,
) -> None:
    """Write the next payer's claims, with what the first one decided on each line (2320, 2330, 2430).

    Claims that the first payer passed on by itself, reversed, or that have no further payer are named and left out.
    Example: chartside billing secondary primary.837 era.835 --out secondary.837
    """
    from chartside.errors import ChartsideError, InputError
    from chartside_billing.x12.load import load_claims
    from chartside_billing.x12.remit import read_835
    from chartside_billing.x12.secondary import secondary_claims

    try:
        made, left_out = secondary_claims(load_claims(source), read_835(remit))
        for line in left_out:
            typer.echo(f"left out {line}", err=True)
        if not made:
            raise InputError("no claim of the file goes to a further payer")
    except ChartsideError as error:
        raise fail(error) from None
    _write(made, out, control, created, production=production, validate=True)


def _write(
    claims: list[Claim],
    out: Path | None,
    control: int,
    created: datetime | None,
    *,
    production: bool,
    validate: bool,
) -> None:
    from chartside.errors import ChartsideError
    from chartside_billing.x12.validate import check_all
    from chartside_billing.x12.write837 import Control, write_837

    try:
        when = created or datetime.now(UTC)
        numbers = Control(created=when, interchange=control, group=control, transaction=control)
        written = write_837(claims, control=numbers, production=production)
        problems = check_all(written.data) if validate else []
    except ChartsideError as error:
        raise fail(error) from None
    for repair in written.repairs:
        typer.echo(f"repaired {repair.where}: {repair.what}", err=True)
    for problem in problems:
        typer.echo(f"{problem.validator} {problem.where}: {problem.reason}", err=True)
    if problems:
        typer.echo("not written -> mend the claim, or say --no-validate to write it as it is", err=True)
        raise typer.Exit(1)
    if out is None:
        sys.stdout.write(written.data.decode("ascii"))
    else:
        out.write_bytes(written.data)
        typer.echo(f"wrote {out}", err=True)
