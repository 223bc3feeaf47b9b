"""What this EHR can and cannot do, so that the sandbox can play EHRs that do less than FHIR allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chartside.sandbox import parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The server refuses what is switched off here, and its CapabilityStatement does not list it.

    ``absent``: resource types that it does not have (404). ``read_only``: types that it does not write (405).
    ``required_search``: type -> parameters of which a search needs at least one (400).
    ``unknown_parameter``: what an unknown search parameter does: it is left out and missing from the self link,
    it is refused (400), or the answer is 200 with no entry. ``Prefer: handling=strict`` always refuses.
    ``validate``: check what is written against the models of ``fhir.resources.R4B`` (422).
    ``page_size``, ``max_page_size``: entries of a page where ``_count`` is absent, and at most.
    """

    absent: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    all_read_only: bool = False
    required_search: Mapping[str, frozenset[str]] = field(default_factory=dict)
    no_transaction: bool = False
    no_batch: bool = False
    no_patch: bool = False
    no_delete: bool = False
    no_history: bool = False
    no_conditional_create: bool = False
    no_conditional_update: bool = False
    no_client_ids: bool = False
    no_include: bool = False
    no_sort: bool = False
    unknown_parameter: Literal["ignore", "refuse", "nothing"] = "ignore"
    validate: bool = True
    page_size: int = 50
    max_page_size: int = 1000

    def has(self, resource_type: str) -> bool:
        """Whether the server knows this type."""
        known = resource_type in parameters.table() and resource_type not in self.absent
        return known and (not self.only or resource_type in self.only)

    def writes(self, resource_type: str) -> bool:
        """Whether the server writes this type."""
        return not self.all_read_only and resource_type not in self.read_only and self.has(resource_type)

    def types(self) -> list[str]:
        """Return the types that the server knows."""
        return [name for name in parameters.table() if self.has(name)]
