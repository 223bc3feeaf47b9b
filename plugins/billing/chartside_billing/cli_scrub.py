"""``chartside billing rules`` and ``scrub``: the rule book, and what it says of claims in files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from chartside_billing.rules.settings import ScrubSettings
    from chartside_billing.scrub import Report
    from chartside_billing.scrub_files import Scrubbed

app = typer.Typer(no_args_is_help=True)


class Severity(StrEnum):
    """From this severity on."""

    error = "error"
    warning = "warning"
    info = "info"


_ConfigOption = Annotated[
    Path | None, typer.Option(help="chartside.toml, for your payers, overrides and own rules.")
]


def _fail(error: Exception) -> typer.Exit:
    typer.echo(f"error: {error}", err=True)
    return typer.Exit(2)


def _settings(config: Path | None) -> tuple[ScrubSettings, Path]:
    from chartside_billing.rules.settings import ScrubSettings
    from chartside_billing.scrub_files import read_settings

    return (read_settings(config), config.parent) if config else (ScrubSettings(), Path())


@app.command()
def rules(
    as_json: Annotated[bool, typer.Option("--json", help="Every field of every rule, as JSON.")] = False,
    family: Annotated[str, typer.Option(help="Only this family: EDI, PAT, COV, PRV ...")] = "",
    config: _ConfigOption = None,
) -> None:
    """List the rule book: id, severity, title, which denial it prevents.

    "(unconfirmed)" marks a rule whose source has not been read yet.
    Examples: chartside billing rules --family TEL    chartside billing rules --json
    """
    from chartside.errors import ChartsideError

    try:
        settings, folder = _settings(config)
        book, _ = settings.scrubbing(date(2000, 1, 1), folder)
    except ChartsideError as error:
        raise _fail(error) from None
    chosen = [rule for rule in book if family.upper() in {"", rule.family}]
    muted = [rule for rule in book.muted.values() if family.upper() in {"", rule.family}]
    if not chosen and not muted:
        families = ", ".join(dict.fromkeys(rule.family for rule in book))
        raise _fail(ValueError(f"no rule of family {family!r} -> there are: {families}"))
    if as_json:
        data = [rule.data() | {"muted": False} for rule in chosen] + [
            r.data() | {"muted": True} for r in muted
        ]
        typer.echo(json.dumps(data, indent=2))
        return
    for rule in (*chosen, *muted):
        marks = " (unconfirmed)" if rule.basis == "unconfirmed" else ""
        marks += " (muted)" if rule.id in book.muted else ""
        typer.echo(f"{rule.id:<8} {rule.severity:<8} {rule.title}{marks}  [{', '.join(rule.prevents)}]")
    counts = Counter(rule.severity for rule in chosen)
    typer.echo(f"{len(chosen)} rules: " + ", ".join(f"{n} {name}" for name, n in counts.items()), err=True)


@app.command()
def scrub(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="837P files, FHIR Bundles or Claims (JSON), 835, 999, TA1, 277CA and 277; folders too."
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Findings as JSON (docs/billing.md).")] = False,
    severity: Annotated[Severity, typer.Option(help="Show findings from this severity on.")] = Severity.info,
    today: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Day of submission for claims that name none; default: today."
        ),
    ] = None,
    codes: Annotated[
        Path | None, typer.Option(help="Where imported code sets lie; default: chartside-codes, if there.")
    ] = None,
    config: _ConfigOption = None,
    guide: Annotated[
        bool, typer.Option(help="Let pyx12, an independent validator, judge 837P files too (rule EDI-001).")
    ] = True,
    not_checked: Annotated[
        bool, typer.Option("--not-checked", help="Name the rules that could not be judged, claim by claim.")
    ] = False,
) -> None:
    """Look claims over before they leave: what would get them denied, where, and how to mend it.

    Nothing is changed and nothing is sent.

    Exit code 0: no error found; 1: at least one finding of severity error; 2: a file could not be read (the others were
    scrubbed all the same), or the config is wrong.

    Examples: chartside billing scrub today.837    chartside billing scrub claims/ --severity error --json
    """
    from chartside.errors import ChartsideError
    from chartside_billing.scrub_files import scrub_files

    day = today.date() if today else datetime.now(UTC).date()
    try:
        settings, folder = _settings(config)
        if codes is not None or settings.codes is None:
            settings = settings.model_copy(update={"codes": (codes or Path("chartside-codes")).absolute()})
        results = scrub_files(files, *settings.scrubbing(day, folder), guide=guide)
    except ChartsideError as error:
        raise _fail(error) from None
    levels = list(Severity)[: list(Severity).index(severity) + 1]
    if as_json:
        typer.echo(json.dumps(_data(results, {str(level) for level in levels}, day), indent=2))
    else:
        for line in _words(results, {str(level) for level in levels}, each=not_checked):
            typer.echo(line)
    for result in results:
        if result.error:
            typer.echo(f"error: {result.name}: {result.error}", err=True)
    if any(result.error for result in results):
        raise typer.Exit(2)
    if not all(report.clean for result in results for report in result.reports):
        raise typer.Exit(1)


def _data(results: list[Scrubbed], levels: set[str], day: date) -> dict[str, Any]:
    counts = Counter(f.severity for r in results for report in r.reports for f in report.standing)
    return {
        "version": 1,
        "today": day.isoformat(),
        "files": [
            {
                "file": result.name,
                "error": result.error or None,
                "claims": [_report(report, levels) for report in result.reports],
            }
            for result in results
        ],
        "summary": {
            "files": len(results),
            "unreadable": sum(bool(result.error) for result in results),
            "claims": sum(len(result.reports) for result in results),
            "clean": sum(report.clean for result in results for report in result.reports),
            "findings": {name: counts.get(name, 0) for name in ("error", "warning", "info")},
        },
    }


def _report(report: Report, levels: set[str]) -> dict[str, Any]:
    return {
        "claim": report.id,
        "kind": report.kind,
        "source": report.source,
        "where": report.where,
        "total": None if report.total is None else str(report.total),
        "findings": [
            {"claim": report.id, **finding.data()}
            for finding in report.findings
            if finding.severity in levels
        ],
        "not_checked": report.reasons(),
        "repairs": [{"where": repair.where, "what": repair.what} for repair in report.repairs()],
    }


_ORDER = {"error": 0, "warning": 1, "info": 2}


def _words(results: list[Scrubbed], levels: set[str], *, each: bool) -> Iterator[str]:
    missing: dict[str, set[str]] = {}
    total = clean = 0
    for result in results:
        for report in result.reports:
            if report.kind != "file" or report.standing or report.not_checked:
                total, clean = total + 1, clean + report.clean
            yield from _claim_words(result.name, report, levels, each=each)
            for reason, unjudged in report.reasons().items():
                missing.setdefault(reason, set()).update(unjudged)
    if missing and not each:
        yield "Not checked, because something is not loaded or not in the file:"
        for reason, rule_ids in sorted(missing.items()):
            yield f"  {reason}  [{', '.join(sorted(rule_ids))}]"
    yield f"{total} claims and documents, {clean} without an error."


def _claim_words(name: str, report: Report, levels: set[str], *, each: bool) -> Iterator[str]:
    from chartside_billing.money import dollars

    shown = sorted((f for f in report.standing if f.severity in levels), key=lambda f: _ORDER[f.severity])
    repairs = report.repairs()
    if not shown and not repairs and not each:
        return
    price = f", {dollars(report.total)}" if report.total is not None else ""
    yield f"{report.kind.capitalize()} {report.id or '(no number)'} ({name}{price})"
    for f in shown:
        said = sorted({one.rule.id for one in report.findings if one.repeats == f.rule.id})
        also = f" (also {', '.join(said)})" if said else ""
        mark = ", unconfirmed" if f.rule.basis == "unconfirmed" else ""
        lines = f"line{'s' * (len(f.lines) > 1)} {', '.join(map(str, f.lines))}" if f.lines else ""
        place = f" ({', '.join(filter(None, (lines, f.where)))})" if lines or f.where else ""
        yield f"  {f.severity.upper():<7} {f.message}{place}"
        yield f"          Why: {f.rule.message}"
        yield f"          Mend: {f.mend}"
        risk = f"; {dollars(f.at_risk)} at risk" if f.at_risk else ""
        yield f"          [{f.rule.id}{also}{mark}; prevents {', '.join(f.rule.prevents) or 'nothing named'}{risk}]"
    for what in dict.fromkeys(repair.what for repair in repairs):
        places = ", ".join(repair.where for repair in repairs if repair.what == what)
        yield f"  repair  {what} ({places}); done when written, the claim itself is left alone"
    for reason, unjudged in sorted(report.reasons().items()) if each else ():
        yield f"  not checked: {reason}  [{', '.join(unjudged)}]"
