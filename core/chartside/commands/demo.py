"""``chartside demo``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chartside.demo import Stage, World


_PATIENCE = 900.0
"""Seconds for one plugin's part."""


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it running, and say what to try.")] = False,
    clients: Annotated[int, typer.Option(min=1, help="How many invented clients.")] = 200,
    folder: Annotated[
        Path | None, typer.Option(help="Keep EHR, keys and papers there; a temporary folder without.")
    ] = None,
) -> None:
    """Show everything on this machine: an EHR of its own, reminders, consents, claims, a transcribed session.

    Nothing leaves this machine, nobody in it exists, and nothing needs to be set up.

    Examples: `chartside demo`, `chartside demo --keep --folder trial`
    """
    from chartside.demo import world

    with _place(folder) as place:
        typer.echo(
            "Starting an EHR with an invented therapy practice, an SMS gateway and a mail server on 127.0.0.1 ..."
        )
        with world(place, clients=clients, live=keep) as running:
            _show_all(running, place)
            if keep:
                _wait(running)
    if folder is None:
        typer.echo(
            "It is all gone now. `chartside demo --folder trial` keeps EHR, messages and papers to look at."
        )


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder:
        yield folder.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="chartside-demo-") as made:
        yield Path(made)


def _show_all(running: World, place: Path) -> None:
    from chartside.commands.show import console, table
    from chartside.demo import Stage

    host = running.host
    software = host.route.ehr.client.capabilities().software
    console.print(f"EHR: {software} at {running.ehr}; signed in by private_key_jwt (ES384)", markup=False)
    console.print(f"Effects are recorded in: {host.ledger.home}", markup=False)

    def say(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    def show(columns: object, rows: object, title: str) -> None:
        table(columns, rows, title)  # type: ignore[arg-type]

    stage = Stage(place, host, running.gateway, running.mailbox, say, show)
    for name in host.config.enabled():
        _show_one(stage, name)
    for name, plugin in host.plugins.found.items():
        if plugin.problem:
            say(f"\n{name} is not shown: {plugin.problem}")
    _show_trail(stage)


def _show_one(stage: Stage, name: str) -> None:
    """One plugin's part. One that breaks is reported, and the demo goes on (H-1)."""
    from chartside.errors import ChartsideError
    from chartside.plugins import bounded

    plugins = stage.host.plugins
    manifest = plugins.found[name].manifest
    if not plugins.has(name, "chartside_demo") or manifest is None:
        return
    stage.say(f"\n{'=' * 4} {manifest.plugin.title} {'=' * (70 - len(manifest.plugin.title))}")
    try:
        show = partial(plugins.call, "chartside_demo", name, context=stage.host.context(name), stage=stage)
        bounded(show, name, _PATIENCE)
    except ChartsideError as error:
        stage.say(f"It stopped here: {error}")
    except Exception as error:
        plugins.set_aside(name, error)
        stage.say(f"set aside: {plugins.found[name].problem}")


def _show_trail(stage: Stage) -> None:
    found = stage.host.auditor.trail.verify()
    words = "whole" if found.ok else "CHANGED"
    stage.say(
        f"\nAudit trail: {found.records} records, ids only, hash chain {words}. The host stored nothing else."
    )


def _wait(running: World) -> None:
    if not running.gateway.messages:
        typer.echo(
            "\nNo text went out: at the clients' places it is no hour to send one (09:00 to 20:00), or none was due."
        )
    typer.echo(
        f"""
It is left running. Try, in another terminal:
  chartside check --config {running.config}
  chartside run --dry-run --config {running.config}
  chartside run --config {running.config}                      (a second run sends nothing)
  chartside consent coverage --config {running.config}
  chartside audit verify --config {running.config}
  curl -s {running.gateway_url}/messages                       (the texts that went out)
  ls {running.mailbox.folder}    (the mails, each with its calendar entry)
Ctrl-C ends it."""
    )
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        typer.echo("ended")
