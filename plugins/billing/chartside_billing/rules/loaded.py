"""What the practice has loaded, as the rules ask for it. Everything may be missing (``None``): then rules say so.

The look-ups are protocols: ``chartside_billing.codes`` implements them over its files, tests over a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Protocol

from pydantic import ConfigDict

from chartside_billing.model import Insurance


class IcdTable(Protocol):
    """ICD-10-CM. Codes come without the dot, in capitals."""

    def covers(self, on: date) -> bool:
        """Whether the release of that day's fiscal year is loaded; if not, an older one answers."""

    def exists(self, code: str, on: date) -> bool:
        """Whether the code (leaf or heading) stands in the release in force that day."""

    def billable(self, code: str, on: date) -> bool:
        """Whether it is a leaf."""

    def excludes1(self, code: str, other: str) -> bool:
        """Whether ``other`` is named by an Excludes1 note of ``code`` or of what it stands under."""

    def code_first(self, code: str) -> tuple[str, ...] | None:
        """None: no code-first note. Else the code prefixes that the note names (empty: it names a condition only)."""

    def use_additional(self, code: str) -> tuple[str, ...]:
        """Code prefixes that a "use additional code" note names; empty if there is none."""


class ProcedureTable(Protocol):
    """The loaded procedure codes (HCPCS Level II, and CPT where the practice is licensed for it)."""

    def active(self, code: str, on: date) -> bool | None:
        """Whether the code is active that day; None if the list does not cover codes of its kind."""


class PairTable(Protocol):
    """NCCI procedure-to-procedure edits for practitioners."""

    def indicator(self, column1: str, column2: str, on: date) -> str | None:
        """ "0" no modifier allowed, "1" modifier allowed; None: no active pair (9 counts as none)."""


class UnitTable(Protocol):
    """MUE values for practitioners."""

    def limit(self, code: str, on: date) -> tuple[int, int] | None:
        """(value, MAI); None: no entry."""


class AddOnTable(Protocol):
    """NCCI add-on codes."""

    def primaries(self, code: str, on: date) -> tuple[int, frozenset[str]] | None:
        """(type 1-3, listed primary codes; empty for type 2); None: the code is no add-on code."""


class PayerTable(Protocol):
    """The clearinghouse's payer list."""

    def accepts(self, payer_id: str) -> bool:
        """Whether professional claims can be routed to this id."""


class FeeTable(Protocol):
    """The practice's fees."""

    def fee(self, code: str, modifiers: tuple[str, ...], pos: str, on: date) -> Decimal | None:
        """The practice's charge for one unit; None: no fee stands for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayerProfile:
    """What a practice knows of one payer: from its companion guide, its contract, and experience. All optional."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str = ""
    filing: str = ""
    """The claim filing indicator that its plan takes (SBR09)."""
    live: bool | None = None
    filing_limit_days: int | None = None
    secondary_limit_days: int | None = None
    taxonomy_required: bool = False
    group_number_required: bool = False
    enrollment_done: bool | None = None
    behavioral_payer_id: str = ""
    video_modifier: str | None = None
    """The modifier of a video session ("95", "GT"); "" if none is wanted; None: not known."""
    telehealth_pos: frozenset[str] = frozenset({"02", "10"})
    """Places of service beside a telehealth modifier; add "11" where the payer wants it so."""
    em_modifier_25: bool = False
    authorization_codes: frozenset[str] | None = None
    authorization_after: Mapping[str, int] = field(default_factory=dict)
    attachment_codes: frozenset[str] | None = None
    referral_required: bool | None = None
    repeat_evaluation_months: int = 6
    screening_cap: int | None = None
    """Units of 96127 a day."""
    associates_may_render: bool = False
    supervision_modifiers: Mapping[str, str] = field(default_factory=dict)
    """Modifier by taxonomy, for example ``{"101YM0800X" = "HO"}``."""
    admission_date_pos: frozenset[str] = frozenset({"21"})
    zero_charge_codes: frozenset[str] = frozenset()
    eap: bool = False
    eap_modifier: bool = False
    share_90837: Decimal | None = None
    contract_rates: Mapping[str, Decimal] = field(default_factory=dict)
    mute: frozenset[str] = frozenset()
    """Rules or families that are not applied to this payer's claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Payer enrolments: ``(payer id, NPI) -> (from, to)``."""

    periods: Mapping[tuple[str, str], tuple[date | None, date | None]]

    def knows(self, payer_id: str) -> bool:
        """Whether it names anybody for this payer."""
        return any(payer == payer_id for payer, _ in self.periods)

    def enrolled(self, payer_id: str, npi: str, on: date) -> bool:
        """Whether the provider is enrolled with the payer that day."""
        period = self.periods.get((payer_id, npi))
        if period is None:
            return False
        start, end = period
        return (start is None or start <= on) and (end is None or on <= end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Everything beside the claim: code sets, the practice's own lists, its settings, and the day it is."""

    today: date
    icd: IcdTable | None = None
    procedures: ProcedureTable | None = None
    pairs: PairTable | None = None
    units: UnitTable | None = None
    add_ons: AddOnTable | None = None
    taxonomies: frozenset[str] | None = None
    payers: PayerTable | None = None
    fees: FeeTable | None = None
    profiles: Mapping[str, PayerProfile] = field(default_factory=dict)
    roster: Roster | None = None
    excluded_npis: frozenset[str] | None = None
    opted_out_npis: frozenset[str] | None = None
    telehealth: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Codes of the Medicare telehealth list by calendar year."""
    part2_programme: bool | None = None
    """Whether the practice is a 42 CFR Part 2 programme."""
    eligibility_days: int = 30
    schedule_tolerance_minutes: int = 10
    late_note_days: int = 7
    unspecified_after_visits: int = 3
    unbilled_after_days: int = 14
    group_size: int = 12
    commercial_limit_days: int = 90
    """Used where the payer's contract is not loaded: a warning only."""

    def profile_of(self, insurance: Insurance) -> PayerProfile | None:
        """The profile of this payer's id, else that of its claim filing indicator (``"MB"``), else None."""
        found = self.profiles.get(insurance.payer.id) if insurance.payer else None
        return found or self.profiles.get(insurance.filing)
