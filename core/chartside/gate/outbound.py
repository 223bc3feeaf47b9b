"""The outbound registry: who outside the EHR may receive what, under which agreement (S-18).

::

    [outbound.twilio]
    kind = "sms"
    address = "https://api.twilio.com"
    baa_date = 2026-01-15          # when the business associate agreement was signed (45 CFR 164.504 (e))
    expires = 2027-01-15           # its end, or the day by which somebody looks at it again
    data_classes = ["contact", "appointment"]

    [outbound.gateway]             # on this machine: no other party, no agreement
    kind = "sms"
    address = "http://127.0.0.1:8025"
    local = true
    data_classes = ["contact", "appointment"]

Whoever does not stand in it gets nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from chartside.config import ConfigErrors, is_loopback, problems
from chartside.errors import ConfigError, OutboundRefused


class DataClass(StrEnum):
    """What may be sent to a recipient, from the least to the most sensitive."""

    AGGREGATE = "aggregate"  # de-identified counts
    CONTACT = "contact"  # name, number, e-mail address
    APPOINTMENT = "appointment"  # time and place of a visit
    CLAIM = "claim"  # codes and amounts
    CLINICAL = "clinical"  # anything else from the chart
    AUDIO = "audio"  # a recorded session
    TRANSCRIPT = "transcript"  # its words


class Recipient(BaseModel):
    """One entry. ``address``: a base URL, ``smtp://host:port``, or the machine's name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", examples=["sms", "email"])]
    address: Annotated[str, Field(min_length=1, max_length=200)]
    baa_date: date | None = None
    expires: date | None = None
    data_classes: Annotated[frozenset[DataClass], Field(min_length=1)]
    local: bool = False

    @field_validator("address")
    @classmethod
    def _no_secrets(cls, value: str) -> str:
        parts = urlsplit(value if "//" in value else f"//{value}")
        if not parts.hostname:
            raise ValueError(
                "names no machine; write it as https://api.example.com or smtp://mail.example.com:465"
            )
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must hold no password, query or fragment; put credentials under [channels]")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("must be https; plain http is allowed for this machine only")
        return value.rstrip("/")

    @property
    def host(self) -> str:
        """The machine of the address, in lower case."""
        return urlsplit(self.address if "//" in self.address else f"//{self.address}").hostname or ""

    @model_validator(mode="after")
    def _agreement(self) -> Self:
        if self.local and not is_loopback(self.host):
            raise ValueError(
                "local = true is for this machine (127.0.0.1, localhost); give baa_date and expires instead"
            )
        if not self.local and not (self.baa_date and self.expires):
            raise ValueError(
                "needs baa_date and expires; a recipient on this machine needs local = true instead"
            )
        if self.baa_date and self.expires and self.expires <= self.baa_date:
            raise ValueError("expires lies before baa_date")
        return self


class OutboundRegistry:
    """All recipients of one practice, by name."""

    def __init__(self, recipients: Mapping[str, Recipient]) -> None:
        """Take recipients that were checked; see ``from_config``."""
        self.recipients = dict(recipients)

    @classmethod
    def from_config(cls, tables: Mapping[str, Mapping[str, Any]]) -> Self:
        """Read ``[outbound.NAME]``. Raises ConfigErrors with everything that is wrong in all of them."""
        found: dict[str, Recipient] = {}
        errors: list[ConfigError] = []
        for name, table in tables.items():
            try:
                found[name] = Recipient.model_validate(dict(table))
            except ValidationError as error:
                errors += problems(error, Recipient, f"outbound.{name}")
        if errors:
            raise ConfigErrors(errors)
        return cls(found)

    @property
    def addresses(self) -> dict[str, str]:
        """Addresses by name, for the audit."""
        return {name: recipient.address for name, recipient in self.recipients.items()}

    def kinds(self) -> frozenset[str]:
        """The kinds for which at least one recipient stands in the registry."""
        return frozenset(recipient.kind for recipient in self.recipients.values())

    def check(self, kind: str, name: str, at: datetime, data_class: str) -> Recipient:
        """The recipient, when it may get this class of data now; else OutboundRefused with the mend.

        The agreement counts from the day of ``baa_date`` to the end of the day of ``expires``, in ``at``'s own zone.
        """
        recipient = self.recipients.get(name)
        if recipient is None or recipient.kind != kind:
            raise OutboundRefused(
                f"{name!r} is no registered recipient of the kind {kind!r}",
                mend=f"add [outbound.{name}] with kind, address, baa_date, expires and data_classes to the config",
            )
        if data_class not in recipient.data_classes:
            raise OutboundRefused(
                f"{name!r} may not get data of the class {data_class!r}",
                mend=f"add it to outbound.{name}.data_classes if the agreement covers it",
            )
        self._in_force(name, recipient, at.date())
        return recipient

    def check_address(self, kind: str, name: str, address: str) -> None:
        """Raise OutboundRefused unless ``address`` (a URL) lies at the machine that is registered under the name."""
        recipient = self.recipients.get(name)
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
        if recipient is None or recipient.kind != kind or host != recipient.host:
            raise OutboundRefused(
                f"the address of {name!r} is not the one that is registered for it",
                mend=f"correct outbound.{name}.address, or the address under [channels]",
            )

    @staticmethod
    def _in_force(name: str, recipient: Recipient, day: date) -> None:
        if recipient.local:
            return
        if recipient.baa_date is None or day < recipient.baa_date:
            raise OutboundRefused(f"the agreement with {name!r} is not in force yet", mend="wait for its day")
        if recipient.expires is None or day > recipient.expires:
            raise OutboundRefused(
                f"the agreement with {name!r} is over",
                mend=f"renew it, then set outbound.{name}.baa_date and expires",
            )

    def expiring(self, at: datetime, within: timedelta = timedelta(days=30)) -> list[str]:
        """Sentences for ``chartside check``: agreements that are over, or soon will be."""
        day, found = at.date(), []
        for name, recipient in sorted(self.recipients.items()):
            if recipient.local or recipient.expires is None:
                continue
            if recipient.expires < day:
                found.append(
                    f"outbound.{name}: the agreement ended on {recipient.expires}; nothing is sent there"
                )
            elif recipient.expires <= day + within:
                found.append(f"outbound.{name}: the agreement ends on {recipient.expires}; renew it in time")
        return found
