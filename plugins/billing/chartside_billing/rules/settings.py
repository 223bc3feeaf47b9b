"""What a practice says of its rules and payers in ``[plugins.billing]``, as the scrubber wants it."""

from __future__ import annotations

import csv
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chartside.errors import ConfigError
from chartside_billing.codes import CodeSets
from chartside_billing.codes.telehealth import MEDICARE_TELEHEALTH
from chartside_billing.rules.book import RuleBook
from chartside_billing.rules.loaded import Loaded, PayerProfile, Roster
from chartside_billing.rules.own import RulePlugins

_SAME = (
    *("part2_programme", "eligibility_days", "schedule_tolerance_minutes", "late_note_days"),
    *("unspecified_after_visits", "unbilled_after_days", "group_size", "commercial_limit_days"),
)
"""Settings that are fields of ``Loaded`` under the same name."""
_PROFILES = TypeAdapter(dict[str, PayerProfile])


class RuleSettings(BaseModel):
    """``[plugins.billing.rules]``."""

    model_config = ConfigDict(extra="forbid")

    mute: list[str] = []
    """Rules (``"TIM-010"``) or whole families (``"GFE"``) that are not applied."""
    severity: dict[str, Literal["error", "warning", "info"]] = {}
    """Another severity for a rule or a family."""
    plugins: list[str] = []
    """Installed rule plugins to load."""


class Enrollment(BaseModel):
    """One row of ``[[plugins.billing.roster]]``: a clinician's enrolment with a payer."""

    model_config = ConfigDict(extra="forbid")

    payer: str
    npi: str
    start: date | None = None
    end: date | None = None


class ScrubSettings(BaseModel):
    """The part of ``[plugins.billing]`` that the rules read. Paths are relative to the config file."""

    codes: Path | None = None
    """Where imported code sets lie."""
    rules: RuleSettings = RuleSettings()
    payers: dict[str, PayerProfile] = {}
    """Profiles by payer id, or by claim filing indicator (``MB``) for all payers of that kind."""
    payer_packs: list[Path] = []
    """TOML files of such profiles, shared between practices; what stands in ``payers`` wins."""
    roster: list[Enrollment] | None = None
    exclusions_file: Path | None = None
    """CSV with an NPI column: the OIG's LEIE file."""
    opted_out_npis: list[str] | None = None
    """Clinicians who opted out of Medicare; an empty list says that nobody did."""
    telehealth_file: Path | None = None
    """CSV of ``year,code``: the Medicare telehealth list, instead of the built-in list (*unconfirmed*)."""
    part2_programme: bool | None = None
    eligibility_days: Annotated[int, Field(ge=1)] = 30
    schedule_tolerance_minutes: Annotated[int, Field(ge=0)] = 10
    late_note_days: Annotated[int, Field(ge=1)] = 7
    unspecified_after_visits: Annotated[int, Field(ge=1)] = 3
    unbilled_after_days: Annotated[int, Field(ge=1)] = 14
    group_size: Annotated[int, Field(ge=2)] = 12
    commercial_limit_days: Annotated[int, Field(ge=1)] = 90

    def scrubbing(self, today: date, folder: Path = Path()) -> tuple[RuleBook, Loaded]:
        """The rule book and what is loaded. Raises ConfigError; code sets are read when first asked for."""
        own = RulePlugins.load(self.rules.plugins)
        book = own.extend(RuleBook.load()).overridden(self.rules.mute, self.rules.severity)
        for name, problem in own.problems.items():
            raise ConfigError(
                "plugins.billing.rules.plugins", f"{name}: {problem}", mend="correct the plugin"
            )
        profiles = own.profiles()
        for path in self.payer_packs:
            profiles |= read_pack(folder / path)
        return book, self._loaded(today, folder, profiles | self.payers)

    def _loaded(self, today: date, folder: Path, profiles: dict[str, PayerProfile]) -> Loaded:
        sets = CodeSets.open(folder / self.codes if self.codes else None)
        return Loaded(
            today=today,
            icd=sets.icd,
            procedures=sets.procedures,
            pairs=sets.pairs,
            units=sets.units,
            add_ons=sets.add_ons,
            taxonomies=sets.taxonomies,
            payers=sets.payers,
            fees=sets.fees,
            profiles=profiles,
            roster=self._roster(),
            excluded_npis=_npis(folder / self.exclusions_file) if self.exclusions_file else None,
            opted_out_npis=None if self.opted_out_npis is None else frozenset(self.opted_out_npis),
            telehealth=_telehealth(folder / self.telehealth_file)
            if self.telehealth_file
            else MEDICARE_TELEHEALTH,
            **{name: getattr(self, name) for name in _SAME},
        )

    def _roster(self) -> Roster | None:
        if self.roster is None:
            return None
        return Roster(periods={(row.payer, row.npi): (row.start, row.end) for row in self.roster})


def read_pack(path: Path) -> dict[str, PayerProfile]:
    """A payer pack: a TOML file of profiles by payer id. Raises ConfigError, naming the key."""
    try:
        return _PROFILES.validate_python(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeError) as error:
        raise ConfigError("plugins.billing.payer_packs", f"{path.name} cannot be read") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("plugins.billing.payer_packs", f"{path.name} is no TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path.name}: {key}", str(first["msg"])) from None


def _rows(path: Path, key: str) -> list[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines))
    except (OSError, UnicodeError, csv.Error) as error:
        raise ConfigError(f"plugins.billing.{key}", f"{path.name} cannot be read") from error


def _npis(path: Path) -> frozenset[str]:
    rows = _rows(path, "exclusions_file")
    if not rows or "NPI" not in rows[0]:
        mend = "give the OIG's LEIE file (UPDATED.csv)"
        raise ConfigError("plugins.billing.exclusions_file", f"{path.name} has no column NPI", mend=mend)
    return frozenset(npi for row in rows if (npi := (row["NPI"] or "").strip()) and npi.strip("0"))


def _telehealth(path: Path) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for row in _rows(path, "telehealth_file"):
        year, code = (row.get("year") or "").strip(), (row.get("code") or "").strip().upper()
        if not year.isdigit() or not code:
            mend = "write two columns with the headings year,code"
            raise ConfigError(
                "plugins.billing.telehealth_file", f"{path.name} has a row without them", mend=mend
            )
        found.setdefault(int(year), set()).add(code)
    return {year: frozenset(codes) for year, codes in found.items()}
