"""``chartside``: the command line. Only what a command needs is imported when it runs.

A plugin's own commands (``chartside consent ...``) come from the ``commands`` key of its manifest and are
imported when they are called, whether or not a config enables the plugin: what works on files needs no EHR.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence

import typer

from chartside.errors import ChartsideError

BUILT_IN = {
    "demo": ("chartside.commands.demo:demo", "Show everything on this machine, with an EHR of its own."),
    "init": ("chartside.commands.setup:init", "Write a commented chartside.toml and signing keys."),
    "check": ("chartside.commands.check:check", "Tell everything that is wrong with the set-up, at once."),
    "plugins": ("chartside.commands.plugins:app", "List plugins; show what one would access."),
    "plugin": ("chartside.commands.plugins:author_app", "For plugin authors: start a new plugin."),
    "run": ("chartside.commands.run:run", "Run the enabled plugins' jobs once."),
    "serve": ("chartside.commands.run:serve", "Run the jobs again and again, and serve the plugins' pages."),
    "sandbox": (
        "chartside.commands.sandbox:sandbox",
        "Start an EHR with invented clients, to try things on.",
    ),
    "keys": ("chartside.commands.setup:keys_app", "Show, rotate, publish and delete the signing keys."),
    "app": ("chartside.commands.export:app", "Export what an EHR wants for registering this app."),
    "policy": ("chartside.policy_cli:app", "Show the rules of law that the gate consults."),
    "audit": ("chartside.commands.audit:app", "Verify the audit trail; account for disclosures."),
}

_EPILOG = """Examples:

  chartside demo                       see it work, nothing to set up

  chartside init && chartside check    set it up for a practice

  chartside run --dry-run              who would get what, when, and why not
"""


def build(arguments: Sequence[str]) -> typer.Typer:
    """The app for one command line: the command that is called is imported, the others are only named."""
    app = typer.Typer(
        help="Adds features to the EHR that a therapy practice already has.",
        epilog=_EPILOG,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_options)
    called = next((word for word in arguments if not word.startswith("-")), "")
    for name, (target, summary) in _commands(called).items():
        _add(app, name, target if name == called else "", summary)
    return app


def _version(asked: bool) -> None:
    if asked:
        from chartside import __version__

        typer.echo(f"chartside {__version__}")
        raise typer.Exit


def _options(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log ids and statuses to stderr."),
    version: bool = typer.Option(
        False, "--version", help="Print the version.", is_eager=True, callback=_version
    ),
) -> None:
    level = logging.INFO if verbose else logging.WARNING
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])


class _OneLine(logging.Formatter):
    """One record, one line: what a server sent starts no line of its own and sends no escape sequence (S-19)."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        text = super().formatMessage(record)
        return "".join(x if x.isprintable() else "\N{REPLACEMENT CHARACTER}" for x in text)


def _commands(called: str) -> dict[str, tuple[str, str]]:
    """Built-in commands in their order, then those of the installed plugins."""
    if called in BUILT_IN:  # spares reading every installed plugin's manifest
        return BUILT_IN
    from chartside.installed import commands

    theirs = commands()
    return (
        {**theirs, **BUILT_IN}
        if called
        else {**BUILT_IN, **{k: v for k, v in theirs.items() if k not in BUILT_IN}}
    )


def _add(app: typer.Typer, name: str, target: str, summary: str) -> None:
    if not target:
        app.command(name, help=summary)(_not_called)
        return
    module, _, attribute = target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name, help=summary)
    else:
        app.command(name)(found)


def _not_called() -> None:
    """Stands for a command while another one runs, or the help is printed."""


def colourful() -> bool | None:
    """None leaves it to the terminal; typer does not heed https://no-color.org by itself."""
    return False if os.environ.get("NO_COLOR") else None


def main() -> None:
    """Entry point: a ChartsideError ends the program with one clear line and status 2."""
    try:
        build(sys.argv[1:])()
    except ChartsideError as error:
        typer.secho(f"error: {error}", fg="red", err=True, color=colourful())
        raise SystemExit(2) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        if not error.filename:  # no file of ours: a defect, whose traceback is wanted
            raise
        typer.secho(f"error: {error.filename}: {error.strerror}", fg="red", err=True, color=colourful())
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
