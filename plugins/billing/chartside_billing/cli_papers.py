"""``chartside billing invoice``, ``superbill``, ``estimate`` and ``cms1500``: papers from files, without an EHR."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from chartside.papers import Paper
    from chartside_billing.papers.data import Bill, EstimateData

app = typer.Typer(no_args_is_help=True)

Out = Annotated[Path, typer.Option(help="The PDF to write; a name ending in .html gives a web page.")]
Language = Annotated[str, typer.Option("--lang", help="en or es.")]
Issued = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date on the paper; default: today.")
]
Number = Annotated[str, typer.Option("--claim", help="Which claim (CLM01), if the file holds several.")]


def _save(paper: Paper, out: Path) -> None:
    from chartside.papers import render_html, render_pdf

    data = render_html(paper).encode() if out.suffix == ".html" else render_pdf(paper)
    out.write_bytes(data)
    typer.echo(f"wrote {out}")


def _json(path: Path, kind: type[Any]) -> Any:
    import orjson

    from chartside.errors import InputError
    from chartside_billing.papers.data import from_json

    try:
        return from_json(kind, orjson.loads(path.read_bytes()))
    except orjson.JSONDecodeError as error:
        raise InputError(f"the JSON is broken at line {error.lineno}") from None
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}") from None


def _bill(source: Path, remit: Path | None, number: str, issued: datetime | None, days: int) -> Bill:
    """From JSON of a bill, or from a claim (837P or FHIR Bundle), with the insurer's decision if an 835 is given."""
    from chartside.errors import InputError
    from chartside_billing.papers.data import Bill
    from chartside_billing.papers.source import from_claim
    from chartside_billing.x12.load import load_claims
    from chartside_billing.x12.remit import read_835

    day = (issued or datetime.now(UTC)).date()
    if source.suffix == ".json" and b'"resourceType"' not in source.read_bytes()[:4000]:
        bill: Bill = _json(source, Bill)
        return bill
    claims = [claim for claim in load_claims(source) if not number or claim.id == number]
    if len(claims) != 1:
        raise InputError(f"{len(claims)} claims fit", mend="name one with --claim NUMBER")
    decisions = [paid for r in read_835(remit) for paid in r.claims] if remit else []
    paid = [p for p in decisions if p.id.upper() == claims[0].id.upper()]
    if remit and len(paid) != 1:
        raise InputError(f"the remittance decides on this claim {len(paid)} times, not once")
    return from_claim(claims[0], issued=day, due=day + timedelta(days=days), paid=paid[0] if paid else None)


def _fail(error: Exception) -> typer.Exit:
    typer.echo(f"error: {error}", err=True)
    return typer.Exit(2)


@app.command()
def invoice(
    source: Annotated[Path, typer.Argument(help="A claim (837P or FHIR Bundle), or JSON of a bill.")],
    out: Out,
    remit: Annotated[Path | None, typer.Option(help="The 835 that decides what the client owes.")] = None,
    number: Number = "",
    language: Language = "en",
    issued: Issued = None,
    days: Annotated[int, typer.Option(help="Days to pay.")] = 30,
) -> None:
    """An invoice of the client's part: PR amounts of the remittance, never contractual ones; else the charges.

    Example: chartside billing invoice claim.837 --remit era.835 --out invoice.pdf --lang es
    """
    from chartside.errors import ChartsideError
    from chartside_billing.papers import forms

    try:
        _save(forms.invoice(_bill(source, remit, number, issued, days), language), out)
    except ChartsideError as error:
        raise _fail(error) from None


@app.command()
def superbill(
    source: Annotated[Path, typer.Argument(help="A claim (837P or FHIR Bundle), or JSON of a bill.")],
    out: Out,
    number: Number = "",
    credential: Annotated[
        str, typer.Option(help="The provider's credential (LCSW ...): an 837P holds none.")
    ] = "",
    language: Language = "en",
    issued: Issued = None,
) -> None:
    """A superbill for the client's own insurer.

    Example: chartside billing superbill claim.837 --credential LCSW --out superbill.pdf
    """
    from chartside.errors import ChartsideError
    from chartside_billing.papers import forms

    try:
        bill = _bill(source, None, number, issued, 30)
        bill.rendering.credential = credential or bill.rendering.credential
        _save(forms.superbill(bill, language), out)
    except ChartsideError as error:
        raise _fail(error) from None


@app.command()
def estimate(
    source: Annotated[
        Path, typer.Argument(help="JSON: practice, client, primary, given, services, separate ...")
    ],
    out: Out,
    language: Language = "en",
) -> None:
    """A Good Faith Estimate with the content and disclaimers of 45 CFR 149.610(c).

    Due in 1 business day if the visit is 3 to 9 business days ahead, in 3 from 10 on or if the client asked for it.

    Example: chartside billing estimate estimate.json --out estimate.pdf
    """
    from chartside.errors import ChartsideError
    from chartside_billing.papers import forms
    from chartside_billing.papers.data import EstimateData

    try:
        data: EstimateData = _json(source, EstimateData)
        _save(forms.estimate(data, language), out)
        _tell_late(data)
    except ChartsideError as error:
        raise _fail(error) from None


def _tell_late(data: EstimateData) -> None:
    """The paper is made all the same: a late estimate is better than none."""
    from chartside_billing.rules.papers import business_days, days_allowed

    if data.asked is None or data.given is None:
        return
    allowed = days_allowed(data.asked, data.scheduled, asked=data.scheduled is None)
    took = business_days(data.asked, data.given)
    if allowed is not None and took > allowed:
        typer.echo(f"note: given after {took} business days; 45 CFR 149.610(b) allows {allowed}", err=True)


@app.command()
def cms1500(
    source: Annotated[Path, typer.Argument(help="Claims: an 837P or a FHIR Bundle.")],
    out: Annotated[Path, typer.Option(help="The PDF to write.")],
    right: Annotated[float, typer.Option(help="Move everything right by so many points.")] = 0.0,
    down: Annotated[float, typer.Option(help="Move everything down by so many points.")] = 0.0,
) -> None:
    """The data of a CMS-1500, to be printed onto your own red forms (the form itself is not ours to ship).

    Example: chartside billing cms1500 claim.837 --out claim.pdf --down 2
    """
    from chartside.errors import ChartsideError
    from chartside_billing.papers.cms1500 import render_cms1500
    from chartside_billing.x12.load import load_claims

    try:
        out.write_bytes(render_cms1500(load_claims(source), shift=(right, down)))
    except ChartsideError as error:
        raise _fail(error) from None
    typer.echo(f"wrote {out}")
