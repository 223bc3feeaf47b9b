"""People and organisations: providers, payers, clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from chartside_billing.model.parts import Address, Contact, Reference, Segment


@dataclass(slots=True)
class Qualification:
    """A licence or certificate: the state that issued it, its period, the taxonomy code or title it stands for."""

    state: str = ""
    code: str = ""
    number: str = ""
    start: date | None = None
    end: date | None = None


@dataclass(slots=True)
class ProviderFacts:
    """What the practice knows of a provider and no 837P says. ``None``: not known."""

    qualifications: list[Qualification] | None = None
    compact_states: frozenset[str] | None = None
    """States where a compact privilege (PSYPACT, Counseling Compact, ...) stands in for a licence."""
    pre_licensed: bool | None = None
    active: bool | None = None
    credential: str = ""
    """LCSW, PhD, PMHNP ... as the practice writes it."""


@dataclass(slots=True)
class Party:
    """An NM1 with what follows it: a provider, payer, submitter, receiver, facility or person.

    ``entity`` is NM102: ``"1"`` a person, ``"2"`` anything else. ``last`` is the family name or the
    organisation's name.
    ``id``/``id_qualifier`` are NM109/NM108 (XX: an NPI, PI: a payer id, MI: a member id, 46: an ETIN).
    """

    entity: str = ""
    last: str = ""
    first: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""
    id_qualifier: str = ""
    id: str = ""
    tax_id: str = ""
    tax_id_qualifier: str = ""
    """REF01: EI (employer's number) or SY (social security number)."""
    taxonomy: str = ""
    """PRV03."""
    address: Address | None = None
    contacts: list[Contact] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    facts: ProviderFacts | None = None
    ref: str = ""
    """The FHIR reference it was made from, ``Practitioner/7``; empty from a file."""
    where: str = ""
    extra: list[Segment] = field(default_factory=list)

    @property
    def npi(self) -> str:
        """NM109 where NM108 is XX, else empty."""
        return self.id if self.id_qualifier == "XX" else ""


@dataclass(slots=True)
class Person(Party):
    """A subscriber or patient: a party with DMG and, for a patient, PAT."""

    birth_date: date | None = None
    birth_date_raw: str = ""
    sex: str = ""
    """DMG03: F, M or U."""
    death_date: date | None = None
    """PAT06, or Patient.deceasedDateTime."""
    has_demographics: bool = True
    """Whether a DMG was sent at all."""
