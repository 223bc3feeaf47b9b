"""Messages to people: channels, quiet hours, caps, texts, and the one service that sends.

Import from here what a channel or a plugin needs.
"""

from __future__ import annotations

from chartside.messaging.channel import (
    Attachment,
    Channel,
    ChannelSettings,
    DeliveryStatus,
    OutboundMessage,
    Receipt,
)

__all__ = [
    "Attachment",
    "Channel",
    "ChannelSettings",
    "DeliveryStatus",
    "OutboundMessage",
    "Receipt",
]
