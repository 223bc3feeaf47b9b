"""Extension points of this plugin: payers' and practices' own claim rules, and payer packs.

A rule plugin is an ordinary package with an entry point in the group ``chartside_billing.rules``; the practice names
it in ``[plugins.billing.rules] plugins``. Complete example: ``docs/billing.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from chartside_billing.rules import PayerProfile, Rule

PROJECT = "chartside_billing"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def billing_rules() -> Iterable[Rule]:  # type: ignore[empty-body]
    """Return own rules. An id that another rule has is refused; take a prefix of your own (``ACME-001``)."""


@hookspec
def billing_payers() -> Mapping[str, PayerProfile]:  # type: ignore[empty-body]
    """Return payer profiles by payer id (or claim filing indicator). What the practice configures wins."""
