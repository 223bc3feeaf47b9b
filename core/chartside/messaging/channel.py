"""A channel carries messages to people: text messages, e-mail, calls.

A complete channel, in a package of its own:

``my_sms/__init__.py``::

    from chartside import hookimpl
    from chartside.errors import ChannelUnavailable, MessageRejected, OutcomeUnknown, RecipientStopped
    from chartside.messaging import Channel, ChannelSettings, Receipt

    class MySettings(ChannelSettings):          # the keys of [channels.sms] in chartside.toml
        url: str

    class MySms(Channel):
        name = "my-sms"                         # type = "my-sms"
        kind = "sms"
        settings_model = MySettings

        @property
        def address(self):
            return self.settings.url            # compared with the outbound registry

        def send(self, message):
            answer = post(self.settings.url, message.to, message.body, message.reference)
            if answer.busy:
                raise ChannelUnavailable("the provider is busy")       # nothing was sent: may be tried again
            if answer.refused:
                raise MessageRejected("the provider refused it")       # for good: another channel may be tried
            if answer.stopped:
                raise RecipientStopped                                 # the client texted STOP to the provider
            if answer.lost:
                raise OutcomeUnknown("no answer came")                 # perhaps sent: asked for by lookup
            return Receipt(answer.id)

        def lookup(self, message, since):
            seen = find(self.settings.url, message.reference)
            return Receipt(seen.id) if seen else None

    class Plugin:
        @hookimpl
        def chartside_channels(self):
            return [MySms]

    plugin = Plugin()

``my_sms/plugin.toml``::

    [plugin]
    name = "my-sms"
    title = "Text messages by My SMS"
    api = 1

Errors hold no number, name or text: a provider's own message often does, so never pass it on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from chartside.clock import Clock


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an e-mail. ``content_type`` with its parameters: ``text/calendar; method=REQUEST``."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One message to one person. ``repr`` hides what is PHI.

    ``to``: an E.164 number (``+13125550142``) or an e-mail address. ``reference``: the effect's key, opaque;
    providers that take one get it, so that they can be asked about it later. ``language``: ``en``, ``es``.
    """

    to: str = field(repr=False)
    body: str = field(repr=False)
    reference: str
    subject: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = ()
    language: str = "en"


class DeliveryStatus(StrEnum):
    """What the provider says of a message."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider took the message. ``id`` is the provider's own; FAILED is a definite failure (R-17)."""

    id: str
    status: DeliveryStatus = DeliveryStatus.ACCEPTED
    at: datetime | None = None


class ChannelSettings(BaseModel):
    """The keys that every ``[channels.*]`` has. ``recipient``: the provider's name in ``[outbound]``."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    type: str
    recipient: Annotated[str, Field(min_length=1)]


class Channel(ABC):
    """Carries messages of one kind through one provider. Thread-safe: ``parallel`` calls come at once."""

    name: ClassVar[str]
    """What ``type`` says in the config."""

    kind: ClassVar[str]
    """``sms``, ``email`` or ``call``: the gate's action, and the kind in the outbound registry."""

    settings_model: ClassVar[type[ChannelSettings]]

    parallel: ClassVar[int] = 4

    at_once: ClassVar[int] = 100
    """So many are in progress in the ledger at once: what a crash may leave undecided. Each such group costs the EHR
    a request for its beginning and one for its end, so it is small only where the provider cannot be asked later."""

    def __init__(self, settings: Any, *, clock: Clock) -> None:
        """``settings`` is an instance of ``settings_model``. Nothing is opened yet."""
        self.settings, self.clock = settings, clock

    @property
    @abstractmethod
    def address(self) -> str:
        """Where messages go first: a URL or ``smtp://host:port``; it must be the registered one (S-18)."""

    def ready(self) -> None:
        """Raise ChannelUnavailable where the provider cannot be reached; asked before anything is begun."""
        return  # most channels have nothing to ask or to give back

    @abstractmethod
    def send(self, message: OutboundMessage) -> Receipt:
        """Hand the message to the provider.

        Raises ChannelUnavailable (nothing was sent), MessageRejected (refused for good), OutcomeUnknown.
        """

    @abstractmethod
    def lookup(self, message: OutboundMessage, since: datetime) -> Receipt | None:
        """Ask the provider whether it has seen this message since then (R-10).

        None is a definite "never seen" and allows another try; OutcomeUnknown is raised when the provider cannot
        tell. Raises ChannelUnavailable when it cannot be asked now.
        """

    def close(self) -> None:
        """Give back connections."""
        return  # most channels have nothing to ask or to give back

    @classmethod
    def from_table(cls, table: Mapping[str, Any], *, clock: Clock) -> Channel:
        """Make the channel from its table of the config. Raises pydantic's ValidationError."""
        return cls(cls.settings_model.model_validate(dict(table)), clock=clock)
