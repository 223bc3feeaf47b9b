"""``chartside consent record``, ``renew``, ``revoke``, ``opt-out`` and ``break-glass``: what writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chartside.codes import ConsentType
from chartside.errors import InputError

from .cli_parts import (
    DEFAULT_CONFIG,
    AsJson,
    By,
    Category,
    ConfigOption,
    DryRun,
    Given,
    Patient,
    answers,
    instant,
    of_response,
    opened,
    print_json,
    reference,
)
from .signing import Channel

if TYPE_CHECKING:
    from chartside.context import Context

    from .recording import Recorded
    from .revoking import Revoked

Answer = Annotated[
    list[str] | None,
    typer.Option("--answer", help="ITEM=VALUE; may be given again. Items: consent forms --show KIND."),
]
File = Annotated[
    Path | None, typer.Option("--answers", help="JSON of answers by item, or a QuestionnaireResponse.")
]
Agree = Annotated[bool | None, typer.Option("--agree/--refuse", help="The person's own yes or no.")]
Signed = Annotated[str, typer.Option(help="When it was signed, as in 2026-11-24T10:30; now without it.")]
Paper = Annotated[bool, typer.Option("--paper/--electronic", help="How it was signed.")]
Language = Annotated[str, typer.Option(help="Of the form that was signed: en or es.")]
Signer = Annotated[str, typer.Option(help="Who signed for the client: RelatedPerson/5.")]
Relation = Annotated[str, typer.Option(help="The signer's relation, such as mother.")]
Authority = Annotated[str, typer.Option(help="Why the signer may, such as custodial parent.")]
Witness = Annotated[str, typer.Option(help="Who saw it signed: a name or a reference.")]


def record(  # noqa: PLR0913, PLR0917 - one option each
    patient: Patient,
    kind: Annotated[ConsentType, typer.Option("--form", help="The form that was signed.")],
    agree: Agree = None,
    answer: Answer = None,
    file: File = None,
    language: Language = "en",
    signed: Signed = "",
    paper: Paper = False,
    signer: Signer = "",
    relation: Relation = "",
    authority: Authority = "",
    witness: Witness = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Record a signed form as a Consent; the one of its kind that was in force is superseded.

    The same form recorded again changes nothing. A refusal is kept, too, and ends what was in force.

    Examples: `chartside consent record --patient 12 --form text-messages --agree --paper --signed 2026-11-24T10:30`,
    `chartside consent record --patient 12 --form release --answer recipient=Organization/9 --answer
    information="visit dates" --answer purpose=TREAT --answer expiry=2027-06-30 --agree`
    """
    given = answers(answer or [], file, agree)
    people = {"signer": reference("RelatedPerson", signer), "relation": relation, "authority": authority}
    people |= {"witness": witness, "recorder": reference("Practitioner", by)}
    with opened(config) as (_, context):
        what = (reference("Patient", patient), kind, language, given)
        _sign(context, what, (signed, paper), people, dry_run=dry_run, as_json=as_json)


def renew(  # noqa: PLR0913, PLR0917 - one option each
    consent: Annotated[str, typer.Option(help="The one that ends: Consent/31.")],
    agree: Agree = None,
    answer: Answer = None,
    file: File = None,
    language: Language = "en",
    signed: Signed = "",
    paper: Paper = False,
    signer: Signer = "",
    relation: Relation = "",
    authority: Authority = "",
    witness: Witness = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Renew a consent: the form of its kind is signed anew, with the old answers where none are given.

    The yes and the day on which it ends are never taken over: the person gives them again.

    Example: `chartside consent renew --consent 31 --agree --paper`
    """
    given = answers(answer or [], file, agree)
    people = {"signer": reference("RelatedPerson", signer), "relation": relation, "authority": authority}
    people |= {"witness": witness, "recorder": reference("Practitioner", by)}
    with opened(config) as (_, context):
        patient, kind, before = _before(context, reference("Consent", consent))
        what = (patient, kind, language, {**before, **given})
        _sign(context, what, (signed, paper), people, dry_run=dry_run, as_json=as_json)


def _before(context: Context, name: str) -> tuple[str, ConsentType, dict[str, Any]]:
    """Client, kind and old answers of a consent, without the yes and the day on which it ends."""
    from . import references
    from .compiling import compile_consent

    old = context.fhir.read("Consent", name.partition("/")[2])
    compiled = compile_consent(old)
    if len(compiled.types) != 1:
        raise InputError("it bundles several kinds", mend="record each with a form of its own")
    source = references.of(old.get("sourceReference"))
    found: dict[str, Any] = {}
    if source.startswith("QuestionnaireResponse/"):
        found = of_response(context.fhir.read("QuestionnaireResponse", source.partition("/")[2]))
    kept = {name: value for name, value in found.items() if name not in ("agreement", "expiry")}
    return compiled.patient, next(iter(compiled.types)), kept


def _sign(
    context: Context,
    what: tuple[str, ConsentType, str, dict[str, Any]],
    how: tuple[str, bool],
    people: dict[str, str],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """``what``: client, kind, language, answers; ``how``: when, and whether on paper."""
    from .forms import Forms
    from .recording import record as record_signed
    from .signing import Signing

    patient, kind, language, given = what
    at = instant(how[0], context.clock.now(), context.practice.time_zone)
    medium = Channel.PAPER if how[1] else Channel.ELECTRONIC
    form = Forms(context.settings.forms).get(kind, language)
    signing = Signing(patient, form, given, at, medium, **people)
    _show_recorded(record_signed(context, signing, dry_run=dry_run), as_json)


def _show_recorded(done: Recorded, as_json: bool) -> None:
    if as_json:
        print_json(
            {"status": done.status, "consent": done.consent, "replaced": done.replaced, "notes": done.notes}
        )
        return
    words = {
        "recorded": f"recorded as {done.consent}",
        "refused": f"the refusal is recorded as {done.consent}",
        "already": f"it is recorded already ({done.consent}); nothing new was recorded",
        "would": "would be recorded (dry run: nothing was written)",
    }
    typer.echo(words[done.status])
    for name in done.replaced:
        typer.echo(f"  {'would end' if done.status == 'would' else 'ended'}: {name}")
    for note in done.notes:
        typer.echo(f"  note: {note}")


def revoke(  # noqa: PLR0917 - one option each
    patient: Patient,
    kind: Annotated[ConsentType | None, typer.Option("--type", help="All of this kind.")] = None,
    consent: Annotated[str, typer.Option(help="Or this one: Consent/31.")] = "",
    channel: Given = Channel.STAFF,
    at: Annotated[str, typer.Option(help="When it was told; now without it.")] = "",
    actor: Annotated[str, typer.Option(help="Who took it back, if not the client: RelatedPerson/5.")] = "",
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Take a consent back. It counts from the next decision on; the consent is kept, as inactive.

    Examples: `chartside consent revoke --patient 12 --type recording --channel phone --by Practitioner/7`,
    `chartside consent revoke --patient 12 --consent 31 --channel paper`
    """
    from .revoking import Revocation
    from .revoking import revoke as take_back

    with opened(config) as (_, context):
        asked = Revocation(
            reference("Patient", patient),
            channel,
            instant(at, context.clock.now(), context.practice.time_zone),
            kind,
            reference("Consent", consent),
            actor=actor,
            recorder=reference("Practitioner", by),
        )
        _show_revoked(take_back(context, asked, dry_run=dry_run), as_json)


def opt_out(
    patient: Patient,
    channel: Given = Channel.PHONE,
    category: Category = None,
    by: By = "",
    dry_run: DryRun = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """End the texts to a client, all of them or one category, by whatever channel the client asked.

    Examples: `chartside consent opt-out --patient 12 --channel phone`,
    `chartside consent opt-out --patient 12 --channel portal --category billing`
    """
    from .revoking import Revocation
    from .revoking import revoke as take_back

    with opened(config) as (_, context):
        asked = Revocation(
            reference("Patient", patient),
            channel,
            context.clock.now(),
            ConsentType.TEXT_MESSAGES,
            category=category,
            recorder=reference("Practitioner", by),
        )
        _show_revoked(take_back(context, asked, dry_run=dry_run), as_json)


def _show_revoked(done: Revoked, as_json: bool) -> None:
    if as_json:
        print_json({"status": done.status, "consents": done.consents, "refusal": done.refusal})
        return
    words = {
        "revoked": "taken back",
        "already": "it was taken back earlier; nothing was changed",
        "nothing": "none was in force; nothing was changed",
        "would": "would be taken back (dry run: nothing was written)",
    }
    names = [*done.consents, *([f"{done.refusal} (says no)"] if done.refusal else [])]
    typer.echo(words[done.status] + (f": {', '.join(names)}" if names else ""))


def break_glass(
    patient: Patient,
    reason: Annotated[
        str, typer.Option(help="What the emergency is. It goes into the review task, in the EHR only.")
    ],
    by: Annotated[str, typer.Option("--by", help="Who does it and answers for it: Practitioner/7.")],
    resource: Annotated[Path | None, typer.Option(help="File with the data in question, if any.")] = None,
    dry_run: DryRun = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Ask for access in an emergency (purpose BTG): audited, and reviewed by a person afterwards.

    Status 1 where it is refused.

    Example: `chartside consent break-glass --patient 12 --by Practitioner/7 --reason "unconscious, meds needed"`
    """
    from .breaking import Emergency
    from .breaking import break_glass as do
    from .forms import read_file

    data = read_file(resource) if resource else None
    with opened(config) as (host, context):
        asked = Emergency(
            reference("Patient", patient), reference("Practitioner", by), reason, context.practice.state, data
        )
        done = do(context, host.auditor, asked, dry_run=dry_run)
    typer.echo("permitted" if done.decision.permitted else "refused")
    for found in done.decision.reasons:
        typer.echo(f"  {found.text} [{found.source}{' ' + found.path if found.path else ''}]")
    if not dry_run:
        typer.echo(
            "It stands in the audit trail." + (" The review is a task in the EHR." if done.review else "")
        )
        if not done.review:
            typer.echo("No task could be written: have it reviewed from the audit trail.", err=True)
    raise typer.Exit(0 if done.decision.permitted else 1)
