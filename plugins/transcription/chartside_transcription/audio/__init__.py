"""From sound of any container to pieces of speech, as a stream: memory stays flat, nothing touches the disk."""

from __future__ import annotations

RATE = 16_000
"""Samples a second, mono, 16 bit: what every model here listens to."""
