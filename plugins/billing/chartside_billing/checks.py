"""What is wrong with the set-up of billing, for ``chartside check``."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from chartside import papers
from chartside.errors import ChartsideError
from chartside_billing.settings import Settings, SftpHouse

if TYPE_CHECKING:
    from chartside.context import Context


def problems(context: Context) -> Iterator[str]:
    """One sentence each, with its mend."""
    settings: Settings = context.settings
    if find_spec("pyx12") is None:
        yield "pyx12, which checks claims before they leave, is not installed -> pip install 'chartside[billing]'"
    if why := papers.problem():
        yield f"no invoices: {why}"
    if settings.codes and not settings.path(settings.codes).is_dir():
        yield "plugins.billing.codes: there is no such folder -> chartside billing import ... --folder makes it"
    try:
        settings.rule_book(context.clock.now().date())
    except ChartsideError as error:
        yield str(error)
    if settings.clearinghouse is not None:
        yield from _house(context, settings)


def _house(context: Context, settings: Settings) -> Iterator[str]:
    from chartside_billing.evening.account import open_house

    try:
        open_house(context)
    except ChartsideError as error:
        yield str(error)
    house = settings.clearinghouse
    if isinstance(house, SftpHouse):
        for key in ("known_hosts", "key_file"):
            path = getattr(house, key)
            if path is not None and not settings.path(path).is_file():
                yield f"plugins.billing.clearinghouse.{key}: there is no such file"
