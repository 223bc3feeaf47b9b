"""``chartside consent list``, ``coverage``, ``expiring`` and ``explain``: what only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from chartside.gate.model import Action

from .cli_parts import DEFAULT_CONFIG, AsJson, Category, ConfigOption, Patient, opened, print_json, reference

if TYPE_CHECKING:
    from chartside.context import Context
    from chartside.types import Resource

_COLUMNS = ("consent", "kind", "status", "says", "signed", "ends", "form")


def list_(
    patient: Patient,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List all consents of a client, those no longer in force, too.

    Example: `chartside consent list --patient 12`
    """
    from .keeping import consents_of

    with opened(config) as (_, context):
        found = consents_of(context, reference("Patient", patient))
        rows = [_row(context, consent) for consent in found]
    if as_json:
        print_json(rows)
        return
    from chartside.commands.show import table

    table(_COLUMNS, [list(row.values()) for row in rows], f"{len(rows)} consents")


def _row(context: Context, consent: Resource) -> dict[str, str]:
    from .compiling import compile_consent
    from .recording import form_part
    from .rules import DENY, PERMIT
    from .watching import last_day

    compiled = compile_consent(consent)
    says = {PERMIT: "permit", DENY: "deny"}.get(compiled.root.effect, "")
    end = "" if compiled.problem else last_day(compiled, context)
    form = " ".join(filter(None, (form_part(consent, "version"), form_part(consent, "language"))))
    cells = (
        compiled.id,
        "+".join(sorted(compiled.types)),
        compiled.status,
        compiled.problem or says,
        str(compiled.signed or ""),
        str(end or ""),
        form,
    )
    return dict(zip(_COLUMNS, cells, strict=True))


def coverage(
    days: Annotated[int, typer.Option(help="Visits of so many days.", min=1, max=90)] = 7,
    everybody: Annotated[bool, typer.Option("--all", help="Also those who lack nothing.")] = False,
    tasks: Annotated[
        bool,
        typer.Option("--tasks", help="Ask the staff, once for each visit that lacks a required consent."),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show who lacks which consent for the next visit. What a visit needs: plugins.consent.needs of the config.

    Examples: `chartside consent coverage`, `chartside consent coverage --days 14 --tasks`
    """
    from . import coverage as covering

    with opened(config) as (_, context):
        found = covering.coverage(context, days)
        asks = [task for covered in found if (task := covered.task(context))] if tasks else []
        answers = context.tasks.ask(asks)
        zone, home = ZoneInfo(context.practice.time_zone), str(context.tasks.home) if tasks else ""
    shown = found if everybody else [covered for covered in found if covered.lacking]
    if as_json:
        rows = [dict(zip(covering.COLUMNS, row, strict=True)) for row in covering.rows(shown, zone)]
        print_json({"summary": covering.summary(found), "rows": rows})
        return
    from chartside.commands.show import table

    table(covering.COLUMNS, covering.rows(shown, zone), f"Consents for the visits of the next {days} days")
    for what, count in covering.summary(found).items():
        typer.echo(f"  {count:>4}  {what}")
    if tasks:
        typer.echo(f"  {sum(a.created for a in answers)} new tasks of {len(asks)} ({home})")


def expiring(
    days: Annotated[int, typer.Option(help="Ends within so many days.", min=1, max=365)] = 30,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Show consents that end soon, clients who come of age, and consents that cannot be computed. Writes nothing.

    `chartside run consent.watch` asks the staff about each, once.

    Example: `chartside consent expiring --days 60`
    """
    from .watching import COLUMNS, Scan

    with opened(config) as (_, context):
        rows = [finding.row() for finding in Scan(context, days).findings()]
    if as_json:
        print_json(rows)
        return
    from chartside.commands.show import table

    table(COLUMNS, [list(row.values()) for row in rows], f"{len(rows)} findings for the next {days} days")


def explain(
    patient: Patient,
    action: Annotated[Action, typer.Option(help="What would be done.")],
    purpose: Annotated[
        str, typer.Option(help="A v3-ActReason code, REMIND and the like, or system|code.")
    ] = "TREAT",
    category: Category = None,
    actor: Annotated[str, typer.Option(help="Who would receive or do it: a reference.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Say why something is allowed or not for a client now: the consent, the provision in it, the base rule, the law.

    Status 1 where it is not allowed.

    Example: `chartside consent explain --patient 12 --action sms --purpose REMIND`
    """
    from .answering import ask

    with opened(config) as (_, context):
        who, what = reference("Patient", patient), category or ""
        found = ask(context, who, action, purpose=purpose, category=what, actor=actor)
    if as_json:
        print_json(found.as_json())
    else:
        typer.echo("\n".join(found.lines()))
    raise typer.Exit(0 if found.decision.permitted else 1)
