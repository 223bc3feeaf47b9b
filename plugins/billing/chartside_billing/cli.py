"""``chartside billing ...``: every command of the plugin, each from the module of its part."""

from __future__ import annotations

import typer

from chartside_billing import cli_analytics, cli_codes, cli_evening, cli_papers, cli_scrub, cli_x12

app = typer.Typer(
    no_args_is_help=True, help="Claims: scrub, write, read back, invoice. Files alone are enough."
)
_PARTS = (cli_scrub, cli_evening, cli_x12, cli_papers, cli_analytics, cli_codes)
for part in (module.app for module in _PARTS):
    app.registered_commands += part.registered_commands
