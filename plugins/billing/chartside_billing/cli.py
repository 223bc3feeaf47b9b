"""``chartside billing ...``: every command of the plugin, each from the module of its part."""

from __future__ import annotations

import typer

from chartside_billing import cli_analytics, cli_codes, cli_papers, cli_scrub, cli_x12

app = typer.Typer(
    no_args_is_help=True, help="Claims: scrub, write, read back, invoice. Files alone are enough."
)
for part in (cli_scrub.app, cli_x12.app, cli_papers.app, cli_analytics.app, cli_codes.app):
    app.registered_commands += part.registered_commands
