"""``chartside sandbox``: an EHR with invented clients."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    clients: Annotated[int, typer.Option(min=0, help="How many invented clients.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed invents the same practice.")] = 1,
    file: Annotated[Path | None, typer.Option(help="Keep it in this SQLite file; in memory without.")] = None,
) -> None:
    """Start an embedded FHIR R4 server with an invented therapy practice, without log-in, on 127.0.0.1 only.

    Example: `chartside sandbox --clients 1000 --port 8080`
    """
    from chartside.sandbox import Sandbox

    started = time.monotonic()
    server = Sandbox(path=str(file) if file else ":memory:")
    if not server.store.history("Organization"):  # a file that is there already keeps its practice
        server.load_practice(clients=clients, seed=seed)
    with server.running(port=port) as url:
        typer.echo(f"{url} is up after {time.monotonic() - started:.1f} s; nobody in it exists. Try:")
        typer.echo(f"  curl -s '{url}/Appointment?status=booked&_count=1&_include=Appointment:patient'")
        typer.echo(f"  chartside init trial --ehr {url}    (and remove [ehr.auth] from its chartside.toml)")
        typer.echo("Ctrl-C ends it.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            typer.echo("ended")
