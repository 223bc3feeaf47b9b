"""``chartside app export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chartside.clock import SystemClock
from chartside.commands.plugins import ConfigOption
from chartside.config import load
from chartside.errors import ConfigError
from chartside.export import TARGETS, files, write
from chartside.host import Host
from chartside.smart.keys import KeyStore

app = typer.Typer(help="Register this app with an EHR.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Register this app with an EHR."""


@app.command()
def export(
    target: Annotated[str, typer.Option(help="smart, epic, oracle or athena.")] = "smart",
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("registration"),
    config: ConfigOption = Path("chartside.toml"),
) -> None:
    """Write what the EHR wants to know: metadata, public keys, scopes, privacy notice, source attributes.

    Example: `chartside app export --target epic --out epic-registration`
    """
    found = next((t for t in TARGETS if t == target), None)
    if found is None:
        raise ConfigError("--target", f"no target {target!r}", mend=f"use one of {', '.join(TARGETS)}")
    settings = load(config)
    if settings.ehr.auth is None:
        raise ConfigError("ehr.auth", "is missing", mend="add [ehr.auth]; its client_id may come later")
    keys = KeyStore(settings.path(settings.ehr.auth.keys), SystemClock())
    with Host(settings) as host:
        bundle = files(settings, host.manifests, keys, found)
    write(out, bundle)
    typer.echo(f"wrote {', '.join(sorted(bundle))} into {out}/")
