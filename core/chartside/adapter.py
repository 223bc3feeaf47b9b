"""One adapter for each kind of EHR: what it can do, and how to ask it.

A complete adapter, in a package of its own:

``my_ehr/plugin.toml``::

    [plugin]
    name = "my-ehr"
    title = "Adapter for My EHR"
    api = 1

``my_ehr/__init__.py``::

    from chartside import hookimpl
    from chartside.adapter import Adapter

    class MyEhr(Adapter):
        name = "my-ehr"
        title = "My EHR"
        refuses = frozenset({("Task", "create")})      # though its statement claims to take it

        @classmethod
        def recognises(cls, statement):
            return statement.get("publisher") == "My EHR, Inc."

    class Plugin:
        @hookimpl
        def chartside_adapters(self):
            return [MyEhr]

    plugin = Plugin()

with the entry point ``my-ehr = "my_ehr:plugin"`` in the group ``chartside.plugins``. Test it by inheriting
``chartside.testing.conformance.AdapterConformance``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from chartside.types import Resource

if TYPE_CHECKING:
    from chartside.fhir import Capabilities

Params = Mapping[str, Any]

_LETTERS = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search-type"}


class Adapter(ABC):
    """What one vendor's EHR can do, read from its CapabilityStatement and corrected by what is known of it."""

    name: ClassVar[str]
    """Its key in ``[ehr] adapter = "..."``."""

    title: ClassVar[str]
    """For people."""

    refuses: ClassVar[frozenset[tuple[str, str]]] = frozenset()
    """``(type, interaction)`` pairs that the vendor's statement claims and its server refuses, or that
    the vendor grants to nobody. Give the source in a comment."""

    takes_preliminary: ClassVar[bool] = True
    """Whether a DocumentReference may be written with ``docStatus`` preliminary (T-10)."""

    def __init__(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities

    @classmethod
    @abstractmethod
    def recognises(cls, statement: Resource) -> bool:
        """Whether a server with this (raw) CapabilityStatement is this vendor's (for ``adapter = "auto"``)."""

    def supports(self, resource_type: str, interaction: str) -> bool:
        """Whether an interaction (``create``, ``read``, ``search-type`` ...) works on a type here."""
        return (resource_type, interaction) not in self.refuses and self.capabilities.supports(
            resource_type, interaction
        )

    def supports_all(self, resource_type: str, letters: str) -> bool:
        """Whether every SMART letter (``cruds``) works on a type here. Patch serves for update."""
        return all(self._letter(resource_type, letter) for letter in letters)

    def _letter(self, resource_type: str, letter: str) -> bool:
        if letter == "u" and self.supports(resource_type, "patch"):
            return True
        return self.supports(resource_type, _LETTERS[letter])

    def search_params(self, resource_type: str, params: Params) -> Params:
        """The search as this vendor wants it asked (an extra category, another name); unchanged by default."""
        return params


def says(statement: Resource, *names: str) -> bool:
    """Whether one of the names (lower case) stands where a CapabilityStatement names its vendor."""
    places: list[tuple[Any, str]] = [(statement, "publisher"), (statement, "name")]
    places += [(statement.get("software"), "name"), (statement.get("implementation"), "description")]
    told = [place.get(name) for place, name in places if isinstance(place, dict)]
    text = " ".join(str(part) for part in told if part).lower()
    return any(name in text for name in names)
