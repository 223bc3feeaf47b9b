"""``[plugins.billing]`` of ``chartside.toml``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from chartside_billing.codes import CodeSets
from chartside_billing.rules.book import RuleBook
from chartside_billing.rules.loaded import Loaded
from chartside_billing.rules.settings import ScrubSettings

CODES = Path("chartside-codes")
"""Where code sets lie, beside the config, if ``codes`` does not say it."""
Id = Annotated[str, Field(min_length=2, max_length=15)]
"""ISA06 and ISA08 have room for 15 characters."""


class House(BaseModel):
    """``[plugins.billing.clearinghouse]``: what every kind has.

    ``recipient``: the name of its ``[outbound.NAME]`` entry (kind ``clearinghouse``, data class ``claim``). ``send``:
    let the job send clean claims by itself. ``production``: the files are meant (ISA15 P). ``submitter_id`` and
    ``receiver_id``: the ids of the account, ``contact`` and ``phone`` who answers questions about a file.
    ``appeal_days``: the payers' window for an appeal, where one number fits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipient: str
    send: bool = False
    production: bool = False
    submitter_id: Id
    submitter_name: str = ""
    receiver_id: Id
    receiver_name: str
    contact: str = "BILLING"
    phone: str = ""
    appeal_days: Annotated[int, Field(ge=1, le=730)] | None = None


class SftpHouse(House):
    """Files by SFTP. ``known_hosts`` pins the server's key."""

    type: Literal["sftp"]
    host: str
    user: str
    known_hosts: Path
    key_file: Path | None = None
    password: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    outbox: str = "in"
    inbox: str = "out"


class HttpHouse(House):
    """Files by HTTPS."""

    type: Literal["http"]
    url: str
    token: Annotated[str, Field(min_length=1)]


class LocalHouse(House):
    """The made-up one on this machine, for trying out. It keeps what it is sent in ``folder``: no real clients."""

    type: Literal["local"]
    folder: Path


AnyHouse = Annotated[SftpHouse | HttpHouse | LocalHouse, Field(discriminator="type")]


class Settings(ScrubSettings):
    """What the rules read (``ScrubSettings``), and what the evening needs.

    ``days``: how far back visits are looked at every evening. ``history_days``: how far back a client's earlier claims
    are read, for duplicates. ``tasks_from``: the mildest finding that makes a Task. ``video_place``: the place of
    service of video visits for which the EHR stores no claim (10: clients are at home; 02: elsewhere).
    ``charges``: put each visit's charge into the EHR as a ChargeItem.
    ``invoices``: put a draft Invoice of the client's part into the EHR when the last payer has decided.
    ``eligibility_ahead``: days before a visit in which payers are asked about the client's cover.
    """

    model_config = ConfigDict(extra="forbid")

    days: Annotated[int, Field(ge=1, le=400)] = 30
    history_days: Annotated[int, Field(ge=1, le=800)] = 120
    tasks_from: Literal["error", "warning", "info"] = "warning"
    video_place: Literal["", "02", "10"] = ""
    charges: bool = False
    invoices: bool = False
    eligibility_ahead: Annotated[int, Field(ge=1, le=60)] = 7
    clearinghouse: AnyHouse | None = None
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _placed(self, info: ValidationInfo) -> Self:
        """Paths are relative to the config's folder, which the host hands to validators."""
        context: dict[str, Any] = info.context or {}
        self._folder = context.get("folder", Path())
        if self.codes is None and (self._folder / CODES).is_dir():
            self.codes = CODES
        return self

    def path(self, relative: Path) -> Path:
        """A path of the config."""
        return self._folder / relative

    def rule_book(self, today: date) -> tuple[RuleBook, Loaded]:
        """The rules in force and what is loaded. Raises ConfigError."""
        return self.scrubbing(today, self._folder)

    @property
    def sets(self) -> CodeSets:
        """The practice's code sets."""
        return CodeSets.open(self._folder / self.codes if self.codes else None)
