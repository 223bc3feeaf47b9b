"""``[plugins.scheduling]`` of ``chartside.toml``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chartside_scheduling.steps import Rules

Hours = Annotated[int, Field(ge=1, le=336)]
Kind = Literal["sms", "email"]
Language = Literal["en", "es"]


class Settings(BaseModel):
    """When, how and in which words clients are reminded.

    ``hours_before``: the steps before each visit (R-1; 72 and 24 together gave the fewest missed visits, AJMC
    2018;24(8):377). ``by_type``: other steps for a code of ``Appointment.appointmentType`` or
    ``serviceType``; an empty list means no reminder. ``channels``: in the practice's order; a client's own ranking
    goes before it.
    ``minimum_notice_hours``: nothing is sent later than this. ``catch_up_hours``: how late a step may still be sent,
    which must outlast a night. ``adult_age``: who is younger is reached through a guardian only. ``texts``: the
    practice's own, by ``sms.en``, ``email.en``, ``cancelled.en`` (an e-mail), and the same with ``es``.
    ``short_name``: the practice's name in text messages.
    ``reply_keys``: name the keys 1, 2 and 3 in the text; only where somebody reads the replies. ``calendar``:
    put a calendar file into e-mails.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours_before: Annotated[tuple[Hours, ...], Field(min_length=1, max_length=4)] = (72, 24)
    by_type: dict[str, Annotated[tuple[Hours, ...], Field(max_length=4)]] = Field(default_factory=dict)
    channels: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("sms", "email")
    minimum_notice_hours: Annotated[int, Field(ge=1, le=24)] = 2
    catch_up_hours: Annotated[int, Field(ge=14, le=72)] = 24
    adult_age: Annotated[int, Field(ge=12, le=21)] = 18
    language: Language = "en"
    texts: dict[str, str] = Field(default_factory=dict)
    short_name: Annotated[str, Field(max_length=40)] = ""
    reply_keys: bool = False
    calendar: bool = True

    @model_validator(mode="after")
    def _known(self) -> Self:
        known = {f"{kind}.{language}" for kind in ("sms", "email", "cancelled") for language in ("en", "es")}
        unknown = sorted(set(self.texts) - known)
        if unknown:
            raise ValueError(f"texts: {', '.join(unknown)} is no text; known are {', '.join(sorted(known))}")
        return self

    @property
    def rules(self) -> Rules:
        """The steps."""
        return Rules(self.hours_before, self.by_type, self.minimum_notice_hours, self.catch_up_hours)
