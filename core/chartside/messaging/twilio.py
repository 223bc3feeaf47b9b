"""Text messages through Twilio (extra ``twilio``: ``pip install 'chartside[twilio]'``).

Twilio takes no reference of ours and does not recognise repetitions. A message whose outcome is unknown is looked
for among those to the same number with the same text since the visit's step came due.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, SecretStr

from chartside.clock import Clock
from chartside.config import Url
from chartside.errors import (
    ChannelUnavailable,
    ConfigError,
    MessageError,
    MessageRejected,
    OutcomeUnknown,
    RecipientStopped,
)
from chartside.messaging.channel import (
    Channel,
    ChannelSettings,
    DeliveryStatus,
    OutboundMessage,
    Receipt,
)
from chartside.messaging.web import exchange
from chartside.network import Session

API = "https://api.twilio.com"
SETTLE = timedelta(minutes=2)
"""A message that Twilio took a moment ago may not be listed yet (unconfirmed), so its absence says nothing before."""

_STATUS = {
    "delivered": DeliveryStatus.DELIVERED,
    "failed": DeliveryStatus.FAILED,
    "undelivered": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}


def _unspaced(value: object) -> object:
    return re.sub(r"[\s().-]", "", value) if isinstance(value, str) else value


class TwilioSettings(ChannelSettings):
    """``[channels.sms]`` with ``type = "twilio"``.

    ``auth_token``: the account's own, or better, with ``api_key`` (``SK...``), that key's secret, which can be
    withdrawn by itself. ``sender`` is a number or a messaging service (``MG...``). ``base_url``: a regional address.
    """

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-zA-Z]{32}$", examples=["AC" + "0" * 32])]
    auth_token: SecretStr
    api_key: Annotated[str, Field(pattern=r"^(SK[0-9a-zA-Z]{32})?$", examples=["SK" + "0" * 32])] = ""
    sender: Annotated[
        str,
        BeforeValidator(_unspaced),
        Field(pattern=r"^(\+[1-9]\d{6,14}|MG[0-9a-zA-Z]{32})$", examples=["+1 312 555 0142"]),
    ]
    base_url: Url = API
    timeout: Annotated[float, Field(gt=0, le=60)] = 15.0


class TwilioChannel(Channel):
    """Speaks to Twilio's Messages resource, API version 2010-04-01."""

    name: ClassVar[str] = "twilio"
    kind: ClassVar[str] = "sms"
    settings_model = TwilioSettings
    parallel: ClassVar[int] = 8

    def __init__(self, settings: TwilioSettings, *, clock: Clock) -> None:
        super().__init__(settings, clock=clock)
        self._client = _client(settings, self.parallel)

    @property
    def address(self) -> str:
        """See Channel."""
        return str(self.settings.base_url)

    def send(self, message: OutboundMessage) -> Receipt:
        """See Channel."""
        sender = self.settings.sender
        key = "messaging_service_sid" if sender.startswith("MG") else "from_"
        made = self._asked(
            lambda: self._client.messages.create(to=message.to, body=message.body, **{key: sender})
        )
        return _receipt(made)

    def lookup(self, message: OutboundMessage, since: datetime) -> Receipt | None:
        """See Channel. By number and text among the latest fifty to that number."""
        asked_at = self.clock.now()
        listed = self._asked(lambda: self._client.messages.list(to=message.to, limit=50))
        lately = [m for m in listed if m.date_created is None or m.date_created >= since - SETTLE]
        for found in lately:
            if message.body in (found.body or ""):
                return _receipt(found)
        if asked_at - since < SETTLE or len(listed) == 50 == len(lately):
            raise OutcomeUnknown("Twilio's list does not reach far enough")
        return None

    def _asked(self, call: Any) -> Any:
        """Twilio's own exceptions hold URLs and numbers, so they end here."""
        from twilio.base.exceptions import TwilioException, TwilioRestException

        try:
            return call()
        except TwilioRestException as error:
            raise _meaning(error.status, error.code) from None
        except TwilioException:
            raise OutcomeUnknown("Twilio's answer cannot be read") from None


_STOPPED = 21610
"""Twilio's code where the recipient opted out with Twilio itself."""


def _meaning(status: int, code: int | None) -> MessageError:
    """What an error answer says of the message. ``code`` is Twilio's own, see twilio.com/docs/api/errors."""
    if status in (401, 403):
        return ChannelUnavailable(
            f"Twilio refuses the credentials ({code})", mend="correct channels.sms.auth_token"
        )
    if status in (404, 408, 429):
        return ChannelUnavailable(f"Twilio cannot take it now ({status}, {code})")
    if code == _STOPPED:
        return RecipientStopped()
    if 400 <= status < 500:
        return MessageRejected(f"Twilio refused the message ({code})")
    return OutcomeUnknown(f"Twilio answered {status}")


def _receipt(message: Any) -> Receipt:
    at = message.date_created
    status = _STATUS.get(str(message.status), DeliveryStatus.ACCEPTED)
    return Receipt(str(message.sid), status, at.astimezone(UTC) if at else None)


def _client(settings: TwilioSettings, pool: int) -> Any:
    """Twilio's client over our own HTTP rules: no repetition, time-outs, the configured origin only."""
    try:
        from twilio.http import HttpClient
        from twilio.http.response import Response
        from twilio.rest import Client
    except ImportError:
        raise ConfigError(
            "channels.sms.type", "the twilio package is missing", mend="pip install 'chartside[twilio]'"
        ) from None

    class Http(HttpClient):  # type: ignore[misc]  # twilio ships no types
        """Carries Twilio's requests."""

        def __init__(self) -> None:
            self.is_async = False
            self._http = Session(pool=pool)

        def request(self, method: str, url: str, **asked: Any) -> Response:
            sent = {k: asked.get(k) for k in ("params", "data", "headers", "auth")}
            target = url.replace(API, settings.base_url, 1)
            answer = exchange(self._http, method, target, timeout=settings.timeout, **sent)
            return Response(answer.status, answer.content.decode("utf-8", "replace"))

    user, secret = settings.api_key or settings.account_sid, settings.auth_token.get_secret_value()
    return Client(user, secret, settings.account_sid, http_client=Http())
