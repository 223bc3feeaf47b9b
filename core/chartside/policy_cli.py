"""``chartside policy``: what the law packs say, who has verified them, and a lint for a bot's words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from chartside.gate.policy import Effect, PolicyBook
    from chartside.gate.policy_pack import Rule

app = typer.Typer(
    help="Show the rules of law that the gate consults after consent.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Packs = Annotated[
    list[Path] | None,
    typer.Option("--pack", help="Read this pack instead of the shipped ones; may be repeated."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _book(packs: list[Path] | None) -> PolicyBook:
    from chartside.errors import InputError
    from chartside.gate.policy import PolicyBook

    try:
        return PolicyBook.load(packs or [])
    except InputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else datetime.now(UTC)
    except ValueError:
        raise typer.BadParameter("write a day as 2026-11-24", param_hint="--on") from None


@app.command()
def show(  # one parameter for each option
    state: Annotated[
        str, typer.Option(help="Where the client is, as in IL. Left out: unknown, so the strictest.")
    ] = "",
    feature: Annotated[
        list[str] | None, typer.Option(help="A feature of a plugin, as in records_audio; may be repeated.")
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(help="A state of a clinician's licence; the client's state if left out."),
    ] = None,
    on: Annotated[str, typer.Option(help="The day, as in 2026-11-24; today if left out.")] = "",
    packs: Packs = None,
    as_json: Json = False,
) -> None:
    """Print the rules that hold for a place and a feature, and what they forbid or require.

    Examples:

      chartside policy show --state IL --feature records_audio

      chartside policy show --state WY --licence IL --feature writes_ai_text --on 2027-01-01 --json

    Without --feature it lists all rules of the place. Exit code 1 when a rule forbids the features that were named.
    """
    book, at = _book(packs), _day(on)
    features = feature or sorted(book.features)
    for name in book.unknown_features(features):
        typer.echo(f"{name}: no such feature; known: {', '.join(sorted(book.features))}", err=True)
        raise typer.Exit(2)
    _require_places([state, *(licence or [])])
    effects = book.evaluate(
        features, location=state, licence_states=licence or ([state] if state else []), at=at
    )
    typer.echo(_json([_row(effect, at) for effect in effects]) if as_json else _table(effects, state, at))
    raise typer.Exit(1 if feature and any(effect.forbids for effect in effects) else 0)


@app.command()
def stale(
    on: Annotated[str, typer.Option(help="The day; today if left out.")] = "", packs: Packs = None
) -> None:
    """List the laws whose rules nobody has verified against the law itself, or not for 180 days.

    Example: chartside policy stale
    """
    found = _book(packs).stale_rules(_day(on))
    typer.echo("\n".join(found) if found else "Every rule was verified within the last 180 days.")
    raise typer.Exit(1 if found else 0)


@app.command("test")
def run_cases(packs: Packs = None) -> None:
    """Run the test cases that the rules of the packs bring along.

    Example: chartside policy test --pack my-rules.toml
    """
    book = _book(packs)
    wrong = [problem for rule in book.rules for problem in _wrong(book, rule)]
    cases = sum(len(rule.case) for rule in book.rules)
    typer.echo("\n".join(wrong) if wrong else f"{len(book.rules)} rules, {cases} cases: all as expected.")
    raise typer.Exit(1 if wrong else 0)


@app.command()
def lint(
    strings: Annotated[
        list[str], typer.Argument(help="What a bot says of itself; a path reads each line of a file.")
    ],
) -> None:
    """Refuse words that make a bot a professional or a human (therapist, psychologist, diagnose, human ...).

    Example: chartside policy lint "Hi, I am Ana, your assistant."
    """
    from chartside.gate.policy_persona import persona_problems

    texts = [line for one in strings for line in _lines(one)]
    found = persona_problems(texts)
    typer.echo("\n".join(found) if found else "Nothing to object to.")
    raise typer.Exit(1 if found else 0)


def _require_places(codes: list[str]) -> None:
    from chartside.gate.policy_pack import STATES

    for code in codes:
        if code and code.upper().removeprefix("US-") not in STATES | {"EU"}:
            typer.echo(f"{code}: no such state; write two letters as in IL, or EU", err=True)
            raise typer.Exit(2)


def _wrong(book: PolicyBook, rule: Rule) -> list[str]:
    missing = {"allow", "deny"} - {case.expect for case in rule.case}
    found = [f"{rule.id}: has no case that expects {word}" for word in sorted(missing)]
    for number, case in enumerate(rule.case, 1):
        if not book.run_case(rule, case):
            found.append(f"{rule.id}: case {number} should {case.expect}")
    return found


def _lines(text: str) -> list[str]:
    path = Path(text)
    try:
        return path.read_text("utf-8").splitlines() if path.is_file() else [text]
    except OSError:
        return [text]


def _row(effect: Effect, at: datetime) -> dict[str, Any]:
    from chartside.gate.policy import staleness

    rule = effect.rule
    return {
        "rule": rule.id,
        "jurisdiction": rule.jurisdiction,
        "law": rule.law,
        "effect": "forbid" if rule.forbid else "require",
        "duties": list(rule.require),
        "unless": list(rule.unless),
        "from": rule.from_.isoformat() if rule.from_ else None,
        "text": rule.text,
        "source": rule.source,
        "basis": rule.basis,
        "verified_on": rule.verified_on.isoformat() if rule.verified_on else None,
        "warning": staleness(rule.verified_on, rule.basis, at.date()),
    }


def _json(rows: list[dict[str, Any]]) -> str:
    import json

    return json.dumps(rows, indent=2)


def _table(effects: list[Effect], state: str, at: datetime) -> str:
    if not effects:
        return "No rule speaks about it."
    place = state.upper() or "an unknown place (the strictest of all places)"
    lines = [f"In {place}, on {at.date()}:"]
    for effect in effects:
        row = _row(effect, at)
        what = "FORBIDDEN" if effect.forbids else "requires " + ", ".join(row["duties"])
        lift = f" (not if: {', '.join(row['unless'])})" if row["unless"] else ""
        lines += [
            "",
            f"{row['rule']}  {what}{lift}",
            f"  {row['text']}",
            f"  {row['law']}; source: {row['source']}",
        ]
        lines += [f"  Warning: {row['warning']}"] if row["warning"] else []
    return "\n".join(lines)
