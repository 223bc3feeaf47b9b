"""``chartside plugins`` and ``chartside plugin new``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from chartside.errors import ConfigError, InputError
from chartside.manifest import LETTERS, Manifest
from chartside.plugins import Found, Plugins, find

app = typer.Typer(help="List plugins; show what one would access.", invoke_without_command=True)
author_app = typer.Typer(help="For plugin authors.", no_args_is_help=True)

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The practice's config file.")]

_VERBS = {"c": "create", "r": "read", "u": "change", "d": "delete", "s": "search"}


@app.callback()
def list_plugins(
    ctx: typer.Context,
    config: ConfigOption = Path("chartside.toml"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what is installed, enabled, loaded or failed, and why.

    Without a config file nothing is enabled and nothing is imported.

    Examples: `chartside plugins`, `chartside plugins show scheduling`
    """
    if ctx.invoked_subcommand:
        return
    plugins = _inspect(config)
    if as_json:
        rows = [
            {"name": p.name, "status": p.status, "problem": p.problem, "title": _title(p)} for p in plugins
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    from chartside.commands.show import table

    table(
        ("plugin", "status", "what it is", "problem"),
        [(p.name, p.status, _title(p), p.problem) for p in plugins],
    )


def _inspect(config: Path) -> list[Found]:
    """What is installed; where a config file stands, the plugins that it enables are loaded, too."""
    found = find()
    if config.is_file():
        from chartside.config import load
        from chartside.host import ALWAYS_ON

        enabled = load(config).enabled()
        Plugins(found, [*ALWAYS_ON, *enabled])
        missing = [name for name in enabled if name not in found]
        if missing:
            mend = f"pip install it, or remove it; installed: {', '.join(found)}"
            raise ConfigError(f"plugins.{missing[0]}", "enabled, but not installed", mend=mend)
    return list(found.values())


def _title(plugin: Found) -> str:
    return plugin.manifest.plugin.title if plugin.manifest else ""


@app.command()
def show(name: Annotated[str, typer.Argument(help="The plugin's name.")]) -> None:
    """Print what a plugin would access, in words for IT staff and compliance officers. Imports nothing.

    Example: `chartside plugins show scheduling`
    """
    plugin = find().get(name)
    if plugin is None or plugin.manifest is None:
        raise ConfigError(
            name, plugin.problem if plugin else "no such plugin", mend="see `chartside plugins`"
        )
    typer.echo("\n".join(describe(plugin.manifest)))


def describe(manifest: Manifest) -> list[str]:
    """A manifest in plain words, one line each."""
    from chartside.gate.policy_pack import features

    lines = [f"{manifest.plugin.title} ({manifest.name})", ""]
    lines += [manifest.plugin.summary, ""] if manifest.plugin.summary else []
    lines.append("In the EHR it may, and the host refuses it everything else:")
    lines += [] if manifest.access or manifest.operations else ["  nothing"]
    for kind, letters in sorted(manifest.access.items()):
        lines.append(f"  {kind:<22} {', '.join(_VERBS[x] for x in LETTERS if x in letters)}")
    lines += [f"  {kind:<22} run ${', $'.join(ops)}" for kind, ops in sorted(manifest.operations.items())]
    known = features()
    declared = [
        known[f].text if f in known else f.replace("_", " ") for f, on in manifest.features.items() if on
    ]
    lines += [
        "",
        "What it does that the law may have a say in:",
        *(f"  {line}" for line in declared or ["nothing"]),
    ]
    kinds = ", ".join(manifest.outbound.kinds) or "nobody"
    lines += ["", f"Recipients outside the EHR (each must stand in [outbound] of the config): {kinds}"]
    scopes = " ".join(f"system/{kind}.{letters}" for kind, letters in sorted(manifest.access.items()))
    lines += ["", f"SMART scopes to grant: {scopes or 'none'}"]
    return lines


@author_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits and -, as in no-show-notes.")],
    folder: Annotated[Path, typer.Option(help="Where to put the new folder.")] = Path(),
) -> None:
    """Write a new plugin with a passing test.

    Example: `chartside plugin new hello && cd hello && pip install -e . 'chartside\\[test]' && pytest`
    """
    from chartside.scaffold import write

    if name in find():
        raise InputError(f"a plugin named {name!r} is installed", mend="take another name")
    target = write(name, folder)
    typer.echo(f"wrote {target}/ -> cd {target} && pip install -e . 'chartside[test]' && pytest")
