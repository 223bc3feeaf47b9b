"""``chartside sandbox``: an EHR with invented clients."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chartside.errors import ConfigError

if TYPE_CHECKING:
    from chartside.sandbox import Client


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    clients: Annotated[int, typer.Option(min=0, help="How many invented clients.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed invents the same practice.")] = 1,
    file: Annotated[Path | None, typer.Option(help="Keep it in this SQLite file; in memory without.")] = None,
    jwks: Annotated[
        Path | None, typer.Option(help="Ask for a log-in by these public keys, as a real EHR does.")
    ] = None,
    client_id: Annotated[str, typer.Option(help="The client that has these keys.")] = "chartside",
    scopes: Annotated[str, typer.Option(help="What the practice grants it.")] = "system/*.cruds",
) -> None:
    """Start an embedded FHIR R4 server with an invented therapy practice, on 127.0.0.1 only.

    Without `--jwks` nobody logs in; with it, clients need SMART backend services (private_key_jwt), and scopes hold.

    Examples: `chartside sandbox --clients 1000 --port 8080`,
    `chartside sandbox --jwks jwks-ES384.json --client-id our-id --scopes "system/Appointment.rs system/Patient.rs"`
    """
    from chartside.sandbox import Sandbox

    started = time.monotonic()
    registered = [_client(jwks, client_id, scopes)] if jwks else []
    server = Sandbox(path=str(file) if file else ":memory:", clients=registered)
    if not server.store.history("Organization"):  # a file that is there already keeps its practice
        server.load_practice(clients=clients, seed=seed)
    with server.running(port=port) as url:
        typer.echo(f"{url} is up after {time.monotonic() - started:.1f} s; nobody in it exists. Try:")
        if registered:
            typer.echo(f"  curl -s '{url}/.well-known/smart-configuration'")
            typer.echo(f'  chartside check    (with base_url = "{url}" and client_id = "{client_id}")')
        else:
            typer.echo(f"  curl -s '{url}/Appointment?status=booked&_count=1&_include=Appointment:patient'")
            typer.echo(
                f"  chartside init trial --ehr {url}    (and remove [ehr.auth] from its chartside.toml)"
            )
        typer.echo("Ctrl-C ends it.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            typer.echo("ended")


def _client(jwks: Path, client_id: str, scopes: str) -> Client:
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    from chartside.sandbox import Client

    mend = "write them with `chartside keys jwks > jwks.json`"
    try:
        keys = json.loads(jwks.read_text("utf-8"))
        KeySet.import_key_set(keys)
    except OSError as error:
        raise ConfigError("--jwks", f"{error.strerror or 'cannot be read'}", mend=mend) from None
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        raise ConfigError("--jwks", "holds no JSON Web Key Set", mend=mend) from None
    return Client(client_id, keys, scopes)
