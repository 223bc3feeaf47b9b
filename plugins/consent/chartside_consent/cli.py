"""``chartside consent``: decide on files, and see, record, renew and revoke consents in the EHR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import cli_forms, cli_record, cli_show

if TYPE_CHECKING:
    from .explaining import Explanation
    from .files import Pile

app = typer.Typer(
    no_args_is_help=True, help="See, record, renew and revoke consents; ask why something is allowed."
)

_DECIDE = """Decide one request over consents in files (FHIR R4 or R5). Needs no EHR.

Consents: JSON of one Consent, a list, a Bundle, or NDJSON; or a folder of
such files. Groups, CareTeams, PractitionerRoles, Organizations and the
Patient among them tell who belongs to what, and whether a proxy's say ended.

A request file, with all that it may hold; each part may be left out:

  {"patient": "Patient/12",         else whom the consents are of
   "action": "disclose",            else access; see below
   "purpose": "TREAT",              v3-ActReason, REMIND ..., system|code;
                                    of several, each must be permitted
   "actor": "Practitioner/7",       who would get or do it; also
                                    {"role": {"system": ..., "code": ...}}
   "date": "2026-11-24",            a day or an instant; else now
   "zone": "America/Chicago",       whose day it is
   "resource": {...},               the data, or its reference
   "category": "reminder",          of a message
   "location": "IL"}                where the client is

action: read, sms, email, call, record, transcribe, ai, disclose, insights,
crisis, or a code of HL7 consentaction (access, use, collect, correct).

Data that you do not have can be described: "class": "Observation",
"securityLabel": ["R", "PSY"], "code": ["http://loinc.org|29463-7"].

Codings, CodeableConcepts, References, and a FHIR Parameters resource with
the same names are read, too.

Exit: 0 permit; 1 deny, or none (no consent speaks: the output says which
rule holds then); 2 bad input.
"""
_DECIDE_EXAMPLES = """Examples:

  chartside consent decide --consents consent.json --request request.json

  chartside consent decide --consents a.json b.json --request r.json --resource observation.json --json
"""

Consents = Annotated[list[Path], typer.Option("--consents", help="Files with Consents; several may follow.")]
More = Annotated[list[Path] | None, typer.Argument(help="More files with Consents.", show_default=False)]
Request = Annotated[Path, typer.Option("--request", help="File with the request.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Majority = Annotated[
    int, typer.Option(help="Age at which a proxy's say ends, by the law of the client's place.")
]


@app.command(help=_DECIDE, epilog=_DECIDE_EXAMPLES)
def decide(
    consents: Consents,
    request: Request,
    more: More = None,
    resource: Annotated[Path | None, typer.Option(help="File with the data that is asked for.")] = None,
    as_json: AsJson = False,
    majority: Majority = 18,
) -> None:
    """See the help text above."""
    import json

    from .files import read_resources

    pile = _pile([*consents, *(more or [])])
    given = list(read_resources(resource)) if resource else []
    pile.add(given)
    subject = given[0] if len(given) == 1 else None
    explanation = _explain(pile, request, subject, majority)
    if as_json:
        typer.echo(json.dumps(explanation.as_json(), indent=2))
    else:
        typer.echo("\n".join(explanation.lines()))
    raise typer.Exit(0 if explanation.decision.permitted else 1)


@app.command(
    "filter", epilog="Example:\n\n  chartside consent filter --consents c.json --request r.json bundle.json"
)
def filter_(
    bundle: Annotated[Path, typer.Argument(help="File with a Bundle.")],
    consents: Consents,
    request: Request,
    majority: Majority = 18,
) -> None:
    """Print a Bundle without the entries that the consents do not permit."""
    import json

    from chartside.errors import InputError

    from .files import read_text
    from .filtering import filter_bundle

    pile = _pile(consents)
    try:
        content = json.loads(read_text(bundle))
    except json.JSONDecodeError:
        content = None
    if not isinstance(content, dict) or content.get("resourceType") != "Bundle":
        raise InputError(f"{bundle.name}: is no Bundle", mend="give a FHIR Bundle as JSON")
    filtered = filter_bundle(content, lambda r: _explain(pile, request, r, majority).decision)
    typer.echo(json.dumps(filtered, indent=2))


def _pile(paths: list[Path]) -> Pile:
    from chartside.errors import InputError

    from .files import Pile, read_resources

    pile = Pile()
    for path in paths:
        pile.add(read_resources(path))
    if not pile.consents:
        raise InputError("there is no Consent in these files", mend="give FHIR Consents with --consents FILE")
    return pile


def _explain(pile: Pile, request: Path, subject: dict[str, object] | None, majority: int) -> Explanation:
    from chartside.clock import SystemClock

    from . import references
    from .asking import read_request
    from .compiling import compile_all
    from .engine import newest
    from .explaining import explain_all
    from .query import prepare

    asked = read_request(request, pile, subject, SystemClock().now())
    for name in asked.ignored:
        typer.echo(f"request: {name!r} means nothing here and was passed over", err=True)
    people = pile.directory()
    first = asked.requests[0]
    if asked.groups:
        people.join(first.actor, asked.groups)
    client = pile.client(references.plain(first.patient), majority)
    queries = [
        prepare(one, zone=asked.zone, directory=people, client=client, codes=asked.codes)
        for one in asked.requests
    ]
    own = newest(compile_all(pile.consents))
    return explain_all(own, queries)


app.command("forms")(cli_forms.forms)
app.command("lint")(cli_forms.lint)
app.command("read-text")(cli_forms.read_text)
app.command("record")(cli_record.record)
app.command("renew")(cli_record.renew)
app.command("revoke")(cli_record.revoke)
app.command("opt-out")(cli_record.opt_out)
app.command("break-glass")(cli_record.break_glass)
app.command("list")(cli_show.list_)
app.command("coverage")(cli_show.coverage)
app.command("expiring")(cli_show.expiring)
app.command("explain")(cli_show.explain)
