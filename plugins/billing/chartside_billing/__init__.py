"""Claim scrubber, 837P, remittance, invoices."""

from __future__ import annotations


class Plugin:
    """What the host calls."""


plugin = Plugin()
