"""What this EHR can and cannot do, so that the sandbox can play EHRs that do less than FHIR allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chartside.sandbox import parameters
from chartside.sandbox.parameters import Param

_WRITES = frozenset({"create", "update", "patch", "delete"})
_PAST = frozenset({"vread", "history-instance", "history-type"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The server refuses what is switched off here, and its CapabilityStatement does not list it.

    ``absent``: resource types that it does not have (404); ``only``: the types that it has, if not all.
    ``read_only``: types that it does not write (405). ``interactions``: type -> all that can be done with it (FHIR
    codes: ``read``, ``search-type`` ...); ``search``: type -> all parameters that it understands. Both for some types.
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
    interactions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    search: Mapping[str, frozenset[str]] = field(default_factory=dict)
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

    def __hash__(self) -> int:
        return hash((self.absent, self.only, self.read_only, self.unknown_parameter, self.page_size))

    def has(self, resource_type: str) -> bool:
        """Whether the server knows this type."""
        known = resource_type in parameters.table() and resource_type not in self.absent
        return known and (not self.only or resource_type in self.only)

    def allows(self, resource_type: str, interaction: str) -> bool:
        """Whether the server does this interaction (a FHIR code such as ``search-type``) with this type."""
        if not self.has(resource_type):
            return False
        if interaction not in self.interactions.get(resource_type, (interaction,)):
            return False
        if interaction in _WRITES and (self.all_read_only or resource_type in self.read_only):
            return False
        off = {"patch": self.no_patch, "delete": self.no_delete} | dict.fromkeys(_PAST, self.no_history)
        return not off.get(interaction, False)

    def params(self, resource_type: str) -> dict[str, Param]:
        """Return the search parameters of a type that the server understands."""
        known = parameters.table().get(resource_type, {})
        listed = self.search.get(resource_type)
        return known if listed is None else {name: param for name, param in known.items() if name in listed}

    def understands(self, resource_type: str, name: str) -> bool:
        """Whether the server understands ``_id`` or ``_lastUpdated``, which are no index rows."""
        return name in self.search.get(resource_type, (name,))

    def types(self) -> list[str]:
        """Return the types that the server knows."""
        return [name for name in parameters.table() if self.has(name)]
