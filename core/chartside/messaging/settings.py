"""``[messaging]``: what holds for every message, whichever plugin sends it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chartside.config import ConfigErrors, problems

LAWFUL = (time(8), time(21))
"""47 CFR 64.1200(c)(1): no earlier and no later at the recipient's place. A practice may only narrow it."""


class MessagingSettings(BaseModel):
    """``hours``: from and to, at the recipient's place (R-8). ``per_day``, ``per_week``: for each number (R-3).

    ``record_text``: keep the text itself in the EHR's record; without it, the template's id (see ``Rendered``).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: tuple[time, time] = (time(9), time(20))
    per_day: Annotated[int, Field(ge=1, le=1)] = 1
    per_week: Annotated[int, Field(ge=1, le=3)] = 3
    record_text: bool = False

    @model_validator(mode="after")
    def _lawful(self) -> Self:
        start, end = self.hours
        if not LAWFUL[0] <= start < end <= LAWFUL[1]:
            raise ValueError(
                "hours are not allowed; they must lie within 08:00 and 21:00 (47 CFR 64.1200), in this order"
            )
        return self

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Self:
        """Check the table. Raises ConfigErrors."""
        try:
            return cls.model_validate(dict(table))
        except ValidationError as error:
            raise ConfigErrors(problems(error, cls, "messaging")) from None
