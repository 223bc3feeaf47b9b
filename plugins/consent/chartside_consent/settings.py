"""``[plugins.consent]`` of the config file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Age = Annotated[int, Field(ge=0, le=21)]


class Settings(BaseModel):
    """What a practice sets.

    ``majority``: ages of majority by state that differ from 18; ``alone_from``: the age from which a minor may
    consent to outpatient therapy alone, by state; where a state is not named, that is not judged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    majority: dict[str, Age] = Field(
        # (M) AL, NE: 19; MS: 21. To be checked against the statutes before it is relied on.
        default_factory=lambda: {"AL": 19, "NE": 19, "MS": 21}
    )
    alone_from: dict[str, Age] = Field(default_factory=dict)
    watch_days: tuple[int, ...] = (30, 7)
