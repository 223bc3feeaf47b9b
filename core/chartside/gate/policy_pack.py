"""The form of a policy pack: rules of law as dated TOML, each with its source, its standing, and its own test cases.

::

    [pack]
    name = "us-states"
    date = 2026-11-24

    [[rule]]
    id = "US-IL-WOPR-RECORDING"
    jurisdiction = "IL"                 # a US state, US, EU, or * (everywhere)
    law = "IL PA 104-0054 (WOPR)"
    status = "enacted"                  # proposed rules are shown and do not bind
    from = 2025-08-01
    trigger = { any = ["records_audio", "transcribes"] }
    require = ["notice", "consent"]     # or: forbid = true
    text = "..."                        # one plain sentence for a compliance officer
    source = "225 ILCS 155/15(b)"
    basis = "primary"                   # secondary: (2), memory: (M); neither was read in the law itself
    verified_on = 2026-11-24            # empty: nobody has checked it against its source yet; the host warns
    case = [
      { expect = "deny", features = ["records_audio"] },
      { expect = "allow", features = ["records_audio"], fulfilled = ["notice", "consent"] },
    ]
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from chartside.errors import InputError
from chartside.installed import read_toml

_CODES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND"
    " OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI"
)
STATES: Final = frozenset(_CODES.split())
"""US states, the District of Columbia and the territories."""

DUTIES: Final = {
    "consent": "the client's own consent to this use",
    "crisis-protocol": "a protocol for self-harm and crisis, with referral to a person",
    "data-notice": "a notice of what data is collected and how it is processed",
    "disclaimer": "a statement that AI wrote it, and how to reach a person",
    "disclosure": "say that it is AI",
    "mark-output": "mark the output as made by AI, readable by machines",
    "minor-safeguards": "safeguards for minors",
    "model-card": "source attributes of the model (a model card)",
    "notice": "a written notice that AI is used, and for what",
    "review": "a licensed professional reviews the output before it is used",
}
"""What a rule can require, in plain words."""

Duty = Annotated[str, Field(pattern="^(" + "|".join(DUTIES) + ")$")]
Jurisdiction = Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")]
MaybeDate = Annotated[date | None, BeforeValidator(lambda value: value or None)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Trigger(_Table):
    """When a rule speaks. What is empty does not limit it; what is unknown about a case counts as a match."""

    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    min_age: int | None = None
    max_age: int | None = None

    @model_validator(mode="after")
    def _features(self) -> Self:
        if not (self.any or self.all):
            raise ValueError("name at least one feature under any or all")
        return self

    def matches(self, features: frozenset[str], role: str, channel: str, age: int | None) -> bool:
        """Whether a case with these (implied ones included) features is one of this rule's."""
        if (self.any and not features & set(self.any)) or not features >= set(self.all):
            return False
        if (self.roles and role and role not in self.roles) or (
            self.channels and channel and channel not in self.channels
        ):
            return False
        too_young = self.min_age is not None and age is not None and age < self.min_age
        too_old = self.max_age is not None and age is not None and age > self.max_age
        return not (too_young or too_old)


class Case(_Table):
    """A test of a rule: allowed or denied by this rule alone. Without a location it plays where the rule is law."""

    expect: Literal["allow", "deny"]
    features: tuple[str, ...]
    why: str = ""
    location: str | None = None
    licences: tuple[str, ...] | None = None
    at: date | None = None
    role: str = ""
    channel: str = ""
    age: int | None = None
    fulfilled: frozenset[Duty] = frozenset()


class Rule(_Table):
    """One rule. ``forbid``, or the duties of ``require``; ``unless`` names duties that, fulfilled, lift them."""

    id: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{2,59}$")]
    jurisdiction: Jurisdiction
    law: str
    status: Literal["enacted", "proposed"]
    from_: MaybeDate = Field(default=None, alias="from")
    to: MaybeDate = None
    trigger: Trigger
    forbid: bool = False
    require: tuple[Duty, ...] = ()
    unless: tuple[Duty, ...] = ()
    every_hours: float | None = None
    after_days: float | None = None
    text: Annotated[str, Field(min_length=20)]
    source: Annotated[str, Field(min_length=3)]
    basis: Literal["primary", "secondary", "memory"]
    verified_on: MaybeDate
    note: str = ""
    case: tuple[Case, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.forbid == bool(self.require):
            raise ValueError("write either forbid = true or require = [...]")
        if self.basis != "primary" and self.verified_on:
            raise ValueError("a rule from a secondary source or from memory cannot have been verified")
        if self.jurisdiction not in STATES | {"US", "EU", "*"}:
            raise ValueError("jurisdiction must be a US state, US, EU or *")
        return self

    def in_force(self, day: date) -> bool:
        """Whether it is enacted law on that day."""
        begun = self.from_ is None or self.from_ <= day
        return self.status == "enacted" and begun and (self.to is None or day <= self.to)


class MinorRule(_Table):
    """Ages that matter for consent in one jurisdiction (C-14). All of them come from memory until somebody checks.

    ``self_consent``: the age from which a minor may consent to outpatient mental-health care alone; None: not before
    majority.
    """

    jurisdiction: Jurisdiction
    majority: Annotated[int, Field(ge=16, le=21)]
    self_consent: Annotated[int, Field(ge=10, le=21)] | None = None
    source: str
    basis: Literal["primary", "secondary", "memory"]
    verified_on: MaybeDate
    note: str = ""


class Feature(_Table):
    """A word that a manifest may declare under ``[features]``, what it means, and what it implies."""

    text: str
    implies: tuple[str, ...] = ()


class PackTable(_Table):
    """``[pack]``."""

    name: str
    date: date
    title: str = ""


class Pack(_Table):
    """One file."""

    pack: PackTable
    rule: tuple[Rule, ...] = ()
    minor: tuple[MinorRule, ...] = ()
    feature: dict[str, Feature] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | Traversable) -> Self:
        """Read one pack. Raises InputError that names the file and every wrong key."""
        try:
            return cls.model_validate(read_toml(path))
        except OSError as error:
            mend = "correct policy.packs in the config"
            raise InputError(f"{path.name}: cannot be read ({error.strerror})", mend=mend) from None
        except ValidationError as error:
            lines = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors())
            raise InputError(
                f"{path.name}: {lines}", mend="see chartside.gate.policy_pack for the form"
            ) from None
        except ValueError as error:
            raise InputError(f"{path.name}: no valid TOML: {error}") from None


def _place(loc: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in loc)


_FOLDER: Final = files("chartside.gate") / "packs"


@cache
def shipped() -> tuple[Pack, ...]:
    """The packs that come with Chartside."""
    packs = sorted(_FOLDER.iterdir(), key=lambda file: file.name)
    return tuple(Pack.read(one) for one in packs if one.name.endswith(".toml"))


def features() -> dict[str, Feature]:
    """The words that a manifest may declare, as they are shipped."""
    return Pack.read(_FOLDER / "features.toml").feature


def unique(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules, when no id stands twice; else InputError."""
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in found:
            raise InputError(f"rule {rule.id} stands twice in the policy packs", mend="remove one of them")
        found[rule.id] = rule
    return tuple(found.values())
