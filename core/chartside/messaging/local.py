"""Text messages through the gateway on this machine (``chartside.messaging.gateway``)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from chartside.clock import Clock
from chartside.config import Url
from chartside.errors import ChannelUnavailable, MessageRejected, OutcomeUnknown, RecipientStopped
from chartside.messaging.channel import (
    Channel,
    ChannelSettings,
    DeliveryStatus,
    OutboundMessage,
    Receipt,
)
from chartside.messaging.web import Reply, exchange
from chartside.network import Session

STOPPED = "recipient-stopped"
"""The ``code`` in the body of a 403, where the recipient texted STOP to the provider."""


class GatewaySettings(ChannelSettings):
    """``[channels.sms]`` with ``type = "gateway"``. ``timeout``: seconds for one message."""

    url: Url
    timeout: Annotated[float, Field(gt=0, le=60)] = 10.0


class LocalGatewayChannel(Channel):
    """Speaks to the local gateway."""

    name: ClassVar[str] = "gateway"
    kind: ClassVar[str] = "sms"
    settings_model = GatewaySettings
    parallel: ClassVar[int] = 8

    def __init__(self, settings: GatewaySettings, *, clock: Clock) -> None:
        super().__init__(settings, clock=clock)
        self._http = Session(pool=self.parallel)

    @property
    def address(self) -> str:
        """See Channel."""
        return str(self.settings.url)

    def send(self, message: OutboundMessage) -> Receipt:
        """See Channel."""
        body = {"to": message.to, "body": message.body, "reference": message.reference}
        answer = self._exchange("POST", json=body)
        if answer.status == 429:
            raise ChannelUnavailable("the gateway is busy")
        if answer.status == 403:
            raise _forbidden(answer)
        if 400 <= answer.status < 500:
            raise MessageRejected("the gateway refused the message")
        if answer.status != 202:
            raise OutcomeUnknown(f"the gateway answered {answer.status}")
        return _receipt(answer.json())

    def lookup(self, message: OutboundMessage, since: datetime) -> Receipt | None:
        """See Channel. By the reference; the gateway keeps every one."""
        answer = self._exchange("GET", params={"reference": message.reference})
        if answer.status != 200:
            raise OutcomeUnknown("the gateway cannot tell")
        found = answer.json()
        return _receipt(found[0]) if found else None

    def close(self) -> None:
        """See Channel."""
        self._http.close()

    def _exchange(self, method: str, **sent: Any) -> Reply:
        url = f"{self.settings.url}/messages"
        return exchange(self._http, method, url, timeout=self.settings.timeout, **sent)


def _forbidden(answer: Reply) -> ChannelUnavailable | RecipientStopped:
    """Only its code says that the client stopped; a firewall or a refused credential answers 403, too."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    if isinstance(said, dict) and said.get("code") == STOPPED:
        return RecipientStopped()
    return ChannelUnavailable("the gateway lets nobody send (403)")


def _receipt(data: dict[str, Any]) -> Receipt:
    at = datetime.fromisoformat(data["at"]) if data.get("at") else None
    return Receipt(str(data["id"]), DeliveryStatus(data["status"]), at)
