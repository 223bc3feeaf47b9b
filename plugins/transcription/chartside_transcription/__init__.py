"""Transcription assistant: from sound to a signed note, offline."""

from __future__ import annotations


class Plugin:
    """What the host calls."""


plugin = Plugin()
