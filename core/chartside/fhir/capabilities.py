"""What a server says that it can do, read from its CapabilityStatement as it comes, however dirty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chartside.types import Resource

_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"


class Capabilities:
    """A view on a CapabilityStatement; ``raw`` is what the server sent."""

    def __init__(self, raw: Resource) -> None:
        self.raw = raw
        self._rest = next((r for r in _dicts(raw.get("rest")) if r.get("mode", "server") == "server"), {})
        self._types = {str(r["type"]): r for r in _dicts(self._rest.get("resource")) if r.get("type")}

    @property
    def software(self) -> str:
        """Name and version of the server's software, e.g. ``Medplum 5.0``; empty where it does not say."""
        software = self.raw.get("software")
        parts = (software.get("name"), software.get("version")) if isinstance(software, dict) else ()
        return " ".join(str(part) for part in parts if part)

    @property
    def fhir_version(self) -> str:
        """E.g. ``4.0.1``."""
        return str(self.raw.get("fhirVersion", ""))

    @property
    def types(self) -> list[str]:
        """The resource types that are served."""
        return sorted(self._types)

    def supports(self, resource_type: str, interaction: str) -> bool:
        """Whether ``read``, ``vread``, ``update``, ``patch``, ``delete``, ``create``, ``search-type``,
        ``history-instance`` or ``history-type`` works on a type, by the statement."""
        return interaction in _codes(self._types.get(resource_type, {}))

    def search_params(self, resource_type: str) -> set[str]:
        """Names of the search parameters of a type, those for all types included."""
        common = _names(self._rest.get("searchParam"))
        return common | _names(self._types.get(resource_type, {}).get("searchParam"))

    def includes(self, resource_type: str) -> set[str]:
        """Values that ``_include`` takes, e.g. ``Appointment:patient``."""
        return _strings(self._types.get(resource_type, {}).get("searchInclude"))

    def operations(self, resource_type: str = "") -> set[str]:
        """Names of the operations of a type, or of the system."""
        place = self._types.get(resource_type, {}) if resource_type else self._rest
        return {name.removeprefix("$") for name in _names(place.get("operation"))}

    def versioned_update(self, resource_type: str) -> bool:
        """Whether the server says that it heeds ``If-Match`` on this type."""
        return bool(self._types.get(resource_type, {}).get("versioning") == "versioned-update")

    def conditional_create(self, resource_type: str) -> bool:
        """Whether the server says that it heeds ``If-None-Exist`` on this type."""
        return self._types.get(resource_type, {}).get("conditionalCreate") is True

    def json_patch(self, resource_type: str) -> bool:
        """Whether JSON Patch works on this type."""
        formats = _strings(self._rest.get("patchFormat"))
        return self.supports(resource_type, "patch") and (
            not formats or "application/json-patch+json" in formats
        )

    @property
    def transaction(self) -> bool:
        """Whether the server takes transactions."""
        return "transaction" in _codes(self._rest)

    @property
    def batch(self) -> bool:
        """Whether the server takes batches."""
        return "batch" in _codes(self._rest)

    @property
    def oauth_uris(self) -> dict[str, str]:
        """``authorize``, ``token`` ... of the SMART extension, for servers without a smart-configuration."""
        security = self._rest.get("security")
        outer = _dicts(security.get("extension")) if isinstance(security, dict) else iter(())
        inner = (
            each for one in outer if one.get("url") == _OAUTH_URIS for each in _dicts(one.get("extension"))
        )
        return {str(each.get("url")): str(each["valueUri"]) for each in inner if each.get("valueUri")}


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (each for each in (value if isinstance(value, list) else []) if isinstance(each, dict))


def _codes(place: dict[str, Any]) -> set[str]:
    return {str(each.get("code")) for each in _dicts(place.get("interaction"))}


def _names(value: Any) -> set[str]:
    return {str(each["name"]) for each in _dicts(value) if each.get("name")}


def _strings(value: Any) -> set[str]:
    return {each for each in (value if isinstance(value, list) else []) if isinstance(each, str)}
