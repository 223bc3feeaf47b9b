"""``chartside init`` and ``chartside keys``."""

from __future__ import annotations

import json
import tomllib
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from chartside.checks import PLACEHOLDERS
from chartside.clock import SystemClock
from chartside.commands.plugins import ConfigOption
from chartside.config import Config, load, parse
from chartside.errors import ConfigError
from chartside.smart.keys import ALGORITHMS, Algorithm, KeyStore
from chartside.state import load_secret

keys_app = typer.Typer(help="The keys that Chartside signs its token requests with.", no_args_is_help=True)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write; made if it is not there.")] = Path(),
    ehr: Annotated[str, typer.Option(help="The EHR's FHIR base URL.")] = "https://ehr.example.org/fhir",
    client_id: Annotated[str, typer.Option(help="The id that the EHR gave this app.")] = PLACEHOLDERS[
        "client_id"
    ],
) -> None:
    """Write a commented chartside.toml and signing keys. Nothing that stands there is overwritten.

    Example: `chartside init riverside --ehr https://ehr.example.org/fhir`
    """
    path = folder / "chartside.toml"
    if path.exists():
        raise ConfigError(str(path), "stands already", mend="edit it, or name another folder")
    text = (files("chartside.commands") / "chartside.toml.txt").read_text("utf-8")
    for mark, given in (("@ehr@", ehr), ("@client_id@", client_id)):
        text = text.replace(
            f'"{mark}"', json.dumps(given, ensure_ascii=False)
        )  # of a TOML string, JSON's is one
    parse(tomllib.loads(text), folder)
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    store = KeyStore(folder / "keys", SystemClock())
    for algorithm in ALGORITHMS:
        if not store.keys(algorithm):
            store.generate(algorithm)
        store.publish(folder / f"jwks-{algorithm}.json", algorithm)
    load_secret(folder / "keys" / "host.key")
    typer.echo(
        f"wrote {path}, keys in {folder / 'keys'} (keep them secret and backed up), "
        f"{folder / 'jwks-ES384.json'} and {folder / 'jwks-RS384.json'} (public: register one with the EHR)\n"
        f"next: edit {path}, then: chartside check --config {path}"
    )


def _store(config: Config) -> KeyStore:
    if config.ehr.auth is None:
        raise ConfigError(
            "ehr.auth", "is missing", mend="add [ehr.auth] with the client_id that the EHR gave"
        )
    return KeyStore(
        config.path(config.ehr.auth.keys), SystemClock(), outside=config.path(config.state.folder)
    )


@keys_app.command("show")
def show_keys(config: ConfigOption = Path("chartside.toml")) -> None:
    """List the keys: id, algorithm, since when they sign. Never the keys themselves.

    Example: `chartside keys show`
    """
    from chartside.commands.show import table

    keys = _store(load(config)).keys(None)
    rows = [(k.kid, k.algorithm, k.made.date().isoformat(), _minute(k.signs_from)) for k in keys]
    table(("key id", "algorithm", "made", "signs from"), rows)


@keys_app.command()
def new(
    config: ConfigOption = Path("chartside.toml"),
    algorithm: Annotated[str, typer.Option(help="ES384 or RS384.")] = "ES384",
) -> None:
    """Make a key that signs at once, where there is none yet.

    Example: `chartside keys new --algorithm RS384`
    """
    made = _store(load(config)).generate(_algorithm(algorithm))
    typer.echo(f"made {made.kid}; register the new key set: chartside keys jwks --algorithm {algorithm}")


@keys_app.command()
def rotate(
    config: ConfigOption = Path("chartside.toml"),
    hours: Annotated[
        int, typer.Option(help="From when on the new key signs, so that the EHR can fetch it first.")
    ] = 24,
) -> None:
    """Publish a new key beside the old one; delete those that are no longer needed.

    Example: `chartside keys rotate --hours 48`
    """
    settings = load(config)
    store = _store(settings)
    algorithm = settings.ehr.auth.algorithm if settings.ehr.auth else "ES384"
    made = store.rotate(algorithm, lead=timedelta(hours=hours))
    gone = store.retire(algorithm)
    typer.echo(
        f"new key {made.kid} signs from {_minute(made.signs_from)}; retired: {', '.join(gone) or 'none'}"
    )
    typer.echo("register the new key set with the EHR now: chartside keys jwks")


@keys_app.command()
def jwks(
    config: ConfigOption = Path("chartside.toml"),
    algorithm: Annotated[str, typer.Option(help="Only keys of this algorithm: ES384 or RS384.")] = "",
) -> None:
    """Print the public key set for the EHR. It holds no secret.

    Example: `chartside keys jwks > jwks.json`
    """
    found = _store(load(config)).jwks(_algorithm(algorithm) if algorithm else None)
    typer.echo(json.dumps(found, indent=2))


@keys_app.command()
def delete(
    kid: Annotated[str, typer.Argument(help="A key's id, as `chartside keys show` tells it.")] = "",
    config: ConfigOption = Path("chartside.toml"),
    everything: Annotated[
        bool, typer.Option("--all", help="Every signing key: this practice uses Chartside no more.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete signing keys. Without a key no token can be asked for; tokens were never written anywhere.

    What is left is the audit trail, which holds ids only, and the key that verifies it: HIPAA has them kept for six
    years (45 CFR 164.316 (b)(2)). Take the app's registration back at the EHR, too.

    Examples: `chartside keys delete 87DGcV3I...`, `chartside keys delete --all`
    """
    settings = load(config)
    store = _store(settings)
    doomed = [key.kid for key in store.keys(None) if everything or key.kid == kid]
    if not doomed:
        text = f"no key {kid!r}" if kid else "there is none" if everything else "no key is named"
        raise ConfigError("keys", text, mend="see `chartside keys show`, or use --all")
    if not yes:
        typer.confirm(f"delete {', '.join(doomed)} for good?", abort=True)
    for each in doomed:
        store.delete(each)
    left = settings.path(settings.state.folder) / "audit.jsonl"
    typer.echo(f"deleted {', '.join(doomed)}; take the public keys back at the EHR, too")
    if left.exists():
        typer.echo(f"left: the audit trail {left} (ids only) and its key; keep both for six years")


def _minute(at: datetime) -> str:
    return at.isoformat(timespec="minutes")


def _algorithm(text: str) -> Algorithm:
    for algorithm in ALGORITHMS:
        if text == algorithm:
            return algorithm
    raise ConfigError("--algorithm", f"no algorithm {text!r}", mend=f"use {' or '.join(ALGORITHMS)}")
