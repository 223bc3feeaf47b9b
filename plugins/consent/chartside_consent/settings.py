"""``[plugins.consent]`` of the config file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from chartside.codes import ConsentType

Age = Annotated[int, Field(ge=0, le=21)]
Days = Annotated[int, Field(ge=0, le=3650)]

_UNTIL_REVOKED = (
    ConsentType.TEXT_MESSAGES,
    ConsentType.UNENCRYPTED_EMAIL,
    ConsentType.PHONE_CALLS,
    ConsentType.PART2_TPO,  # 42 CFR 2.31(a): "none" is a sufficient expiry of a TPO consent
)


class Needs(BaseModel):
    """Which consents a visit needs; ``chartside consent coverage`` shows who lacks them.

    ``every_visit``; ``virtual_visit``: one by video or phone; ``by_type``: more for a code of
    ``Appointment.appointmentType`` or ``serviceType``; ``reminders_by``: a text consent is only wanted where
    reminders go by text. ``virtual_codes``: types of a virtual visit, beside a Location that is virtual.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_visit: tuple[ConsentType, ...] = (ConsentType.TREATMENT,)
    virtual_visit: tuple[ConsentType, ...] = (ConsentType.TELEHEALTH,)
    by_type: dict[str, tuple[ConsentType, ...]] = Field(default_factory=dict)
    reminders_by: tuple[Literal["sms", "email", "call"], ...] = ("sms",)
    virtual_codes: tuple[str, ...] = ("VR", "telehealth", "virtual", "video")


class Settings(BaseModel):
    """What a practice sets.

    ``majority``: ages of majority by state that differ from 18; ``alone_from``: the age from which a minor may
    consent to outpatient therapy alone, by state; where a state is not named, that is not judged.
    ``watch_days``: how long before its end the staff is told of a consent. ``forms``: a folder (relative to the
    config's) with the practice's own forms, each in the place of the shipped one of its kind and language.
    ``valid_days``: how long a signature holds, by kind of consent; 0: until it is taken back.
    ``needs``: which consents a visit needs. ``confirm_opt_out``: send the one text that confirms an opt-out.
    ``short_name``: the practice's name in texts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    majority: dict[str, Age] = Field(
        # (M) AL, NE: 19; MS: 21. To be checked against the statutes before it is relied on.
        default_factory=lambda: {"AL": 19, "NE": 19, "MS": 21}
    )
    alone_from: dict[str, Age] = Field(default_factory=dict)
    watch_days: Annotated[tuple[Annotated[int, Field(ge=1, le=365)], ...], Field(min_length=1)] = (30, 7)
    forms: Path | None = None
    valid_days: dict[ConsentType, Days] = Field(default_factory=dict)
    needs: Needs = Needs()
    confirm_opt_out: bool = True
    short_name: Annotated[str, Field(max_length=40)] = ""

    @field_validator("forms")
    @classmethod
    def _placed(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        """A relative path starts at the config's folder, which the host hands to validators."""
        context: dict[str, Any] = info.context or {}
        return value and context.get("folder", Path()) / value

    def days(self, kind: ConsentType) -> int:
        """How many days a signature of this kind holds; 0: until it is taken back."""
        return self.valid_days.get(kind, 0 if kind in _UNTIL_REVOKED else 365)
