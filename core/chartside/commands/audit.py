"""``chartside audit verify``, ``why``, ``for`` and ``events``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from chartside.audit import AuditRecord, Event, Trail, accounting, event
from chartside.audit.accounting import LOOK_BACK
from chartside.clock import SystemClock
from chartside.commands.plugins import ConfigOption
from chartside.config import Config, load
from chartside.errors import FhirError
from chartside.gate.outbound import OutboundRegistry
from chartside.host import Host, observer
from chartside.state import load_secret
from chartside.types import Resource

app = typer.Typer(help="The audit trail: ids only, chained by hashes.", no_args_is_help=True)


def _trail(config: Config) -> Trail:
    return Trail(config.path(config.state.folder) / "audit.jsonl", load_secret(config.path(config.state.key)))


@app.command()
def verify(
    config: ConfigOption = Path("chartside.toml"),
    expect: Annotated[
        str, typer.Option(help="A head's hash that you kept elsewhere; it must stand in the trail.")
    ] = "",
) -> None:
    """Walk the whole trail and tell every line that was edited, removed, moved or cut off. Status 1 if there is one.

    Example: `chartside audit verify`
    """
    found = _trail(load(config)).verify(expect)
    for problem in found.problems:
        typer.echo(problem)
    if found.torn or found.sealed:
        typer.echo(
            f"{found.sealed + found.torn} torn end(s), left by a killed process: no record was lost by it"
        )
    typer.echo(
        f"{'whole' if found.ok else 'CHANGED'}: {found.records} records, head {found.head or '(empty)'}"
    )
    typer.echo(
        "Keep the head elsewhere (paper will do): with --expect it shows that the trail was not replaced."
    )
    raise typer.Exit(int(not found.ok))


@app.command()
def why(
    patient: Annotated[str, typer.Option(help="The client's id in the EHR, as in Patient/12.")],
    about: Annotated[str, typer.Option(help="Only what was about this, as in Appointment/7.")] = "",
    config: ConfigOption = Path("chartside.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say why something was sent, recorded or read, or was not: what the gate decided at that time.

    Names the consent in the version of then, the provision in it, and the rules. What would be decided now says
    `chartside consent explain`.

    Examples: `chartside audit why --patient 12`, `chartside audit why --patient 12 --about Appointment/7`
    """
    reference = patient if "/" in patient else f"Patient/{patient}"
    events = {Event.DECISION, Event.BREAK_GLASS}
    settings = load(config)
    found = [r for r in _trail(settings).records(patient=reference) if r.event in events]
    found = [r for r in found if about in ("", r.target)]
    if as_json:
        typer.echo(json.dumps([r.as_line() for r in found], indent=2))
        return
    if not found:
        typer.echo(f"The gate decided nothing about {reference}{' for ' + about if about else ''}.")
    zone = ZoneInfo(settings.practice.time_zone)
    for record in found:
        for line in _why(record, zone):
            typer.echo(line)


def _why(record: AuditRecord, zone: ZoneInfo) -> Iterator[str]:
    """One decision: the first line says what, the others why."""
    what = f"{record.action} for {record.purpose}" + (f", about {record.target}" if record.target else "")
    at = record.at.astimezone(zone).isoformat(sep=" ", timespec="minutes")
    yield f"{at}  {record.outcome.value.upper()}  {what} ({record.plugin})"
    places = [*record.provisions, *[""] * len(record.consents)]
    for consent, place in zip(record.consents, places, strict=False):
        yield f"  consent  {consent}{', ' + place if place else ''}"
    for rule in record.rules:
        words = "no consent in force spoke; the default of the action held" if rule == "default" else rule
        yield f"  rule     {words}"


def _on_server(config: Config, patient: str) -> tuple[list[Resource], str]:
    """The AuditEvents about a client and the name of the server; none and no name where it gives none."""
    with Host(config) as host:
        try:
            home = host.audit_home
            if home.place is None:
                return [], ""
            found = home.place.client.search("AuditEvent", {"patient": patient.partition("/")[2]})
            return list(found.matches()), home.name
        except FhirError as error:
            typer.echo(f"The server gives no AuditEvents: {error}", err=True)
            return [], ""


@app.command("for")
def for_patient(
    patient: Annotated[str, typer.Option(help="The client's id in the EHR, as in Patient/12.")],
    config: ConfigOption = Path("chartside.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    server: Annotated[
        bool, typer.Option("--server", help="Also the AuditEvents on the practice's server, of every host.")
    ] = False,
) -> None:
    """Print an accounting of disclosures for one client, for the last six years (45 CFR 164.528).

    Date, recipient with address, what, and purpose of each. Those for treatment, payment and operations, to the
    client, and by the client's authorization need not be accounted for: they are listed and marked.

    It reads this host's trail. --server adds what stands as AuditEvents where they are kept (`chartside check` says
    where), also from other hosts and other systems; the EHR must have granted reading them.

    Examples: `chartside audit for --patient Patient/12`, `chartside audit for --patient 12 --server --json`
    """
    settings = load(config)
    reference = patient if "/" in patient else f"Patient/{patient}"
    since = SystemClock().now() - LOOK_BACK
    names = OutboundRegistry.from_config(settings.outbound).addresses
    trail = _trail(settings)
    more, place = _on_server(settings, reference) if server else ([], "")
    records: Iterator[AuditRecord | Resource] = chain(trail.records(patient=reference), more)
    rows = accounting(records, reference, since=since, recipients=names)
    if not place:
        typer.echo("From this host's trail alone; other hosts of the practice have their own.", err=True)
    else:
        typer.echo(f"From this host's trail and {len(more)} AuditEvents of {place}.", err=True)
    if not trail.verify().ok:
        text = "The trail was changed, so that this list may lack something: run `chartside audit verify`."
        typer.echo(text, err=True)
    if as_json:
        data = [{**{k: getattr(r, k) for k in r.__slots__}, "at": r.at.isoformat()} for r in rows]
        typer.echo(json.dumps(data, indent=2))
        return
    if not rows:
        typer.echo(f"Nothing about {reference} left for a recipient outside the EHR in the last six years.")
        return
    from chartside.commands.show import table

    zone = ZoneInfo(settings.practice.time_zone)
    columns = ("when", "recipient", "what", "purpose", "consent", "need not be accounted for")
    cells = [
        (
            r.at.astimezone(zone).isoformat(sep=" ", timespec="minutes"),
            f"{r.recipient}\n{r.address}".strip(),
            r.what,
            r.purpose,
            ", ".join(r.consents),
            r.exempt,
        )
        for r in rows
    ]
    table(columns, cells, f"Disclosures about {reference}")


@app.command()
def events(
    config: ConfigOption = Path("chartside.toml"),
    patient: Annotated[str, typer.Option(help="Only about this client, as in Patient/12.")] = "",
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on.")] = None,
) -> None:
    """Print the trail as FHIR AuditEvents (IHE BALP), one a line: also those that no server was given.

    Examples: `chartside audit events > audit.ndjson`, `chartside audit events --patient 12 --since 2026-01-01`
    """
    settings = load(config)
    reference = patient if "/" in patient or not patient else f"Patient/{patient}"
    start = since and since.replace(tzinfo=ZoneInfo(settings.practice.time_zone))
    who = observer(settings, OutboundRegistry.from_config(settings.outbound))
    for record in _trail(settings).records(patient=reference, since=start):
        typer.echo(json.dumps(event(record, who)))
