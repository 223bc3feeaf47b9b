"""``plugin.toml``: what a plugin is and what it may touch, readable before any of its code is imported.

::

    [plugin]
    name = "scheduling"
    title = "Appointment reminders"
    api = 1
    settings = "chartside_scheduling.settings:Settings"   # a pydantic model
    commands = "chartside_scheduling.cli:app"             # a typer app, for `chartside scheduling ...`

    [access]                  # SMART v2 letters: c create, r read, u update, d delete, s search
    Appointment = "rs"

    [operations]              # FHIR operations by type
    Appointment = ["find"]

    [features]                # what the policy packs judge
    talks_to_client = true

    [outbound]                # kinds of recipients outside the EHR
    kinds = ["sms", "email"]
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chartside.config import problems
from chartside.errors import ManifestError
from chartside.installed import read_toml
from chartside.resource_types import RESOURCE_TYPES

API = 1
"""The plugin interface that this host speaks."""

LETTERS = "cruds"
_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")


def _letters(value: str) -> str:
    if not value or set(value) - set(LETTERS) or [x for x in LETTERS if x in value] != list(value):
        raise ValueError(f"use the SMART v2 letters {LETTERS!r}, each once and in this order")
    return value


def _type(value: str) -> str:
    if value not in RESOURCE_TYPES:
        close = difflib.get_close_matches(value, RESOURCE_TYPES, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"is no resource type of FHIR R4{hint}")
    return value


def _name(value: str) -> str:
    if not _NAME.match(value):
        raise ValueError("use lower-case letters, digits, - and _")
    return value


ResourceType = Annotated[str, AfterValidator(_type)]
Letters = Annotated[str, AfterValidator(_letters)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PluginTable(_Strict):
    """``[plugin]``."""

    name: Annotated[str, AfterValidator(_name)]
    title: str = Field(min_length=1)
    summary: str = ""
    api: int
    settings: str = ""
    commands: str = ""


class OutboundTable(_Strict):
    """``[outbound]``."""

    kinds: tuple[str, ...] = ()


class Manifest(_Strict):
    """A plugin's declared minimum. The scopes that the practice grants follow from it."""

    plugin: PluginTable
    access: dict[ResourceType, Letters] = Field(default_factory=dict)
    operations: dict[ResourceType, tuple[str, ...]] = Field(default_factory=dict)
    features: dict[str, bool] = Field(default_factory=dict)
    outbound: OutboundTable = OutboundTable()

    @property
    def name(self) -> str:
        """The plugin's name, the same as that of its entry point."""
        return self.plugin.name

    def allows(self, resource_type: str, letter: str) -> bool:
        """Whether ``letter`` (one of ``cruds``) is declared for the type."""
        return letter in self.access.get(resource_type, "")

    def declares(self, feature: str) -> bool:
        """Whether the feature is declared as true."""
        return self.features.get(feature, False)

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a ``plugin.toml``. Raises ManifestError that names each wrong key."""
        try:
            manifest = cls.model_validate(read_toml(path))
        except OSError as error:
            raise ManifestError(
                f"{path.name}: cannot be read ({error.strerror})",
                mend="put a plugin.toml into the plugin's package and ship it as package data",
            ) from None
        except ValidationError as error:
            lines = "; ".join(map(str, problems(error, cls)))
            raise ManifestError(f"{path.name}: {lines}") from None
        except ValueError as error:
            raise ManifestError(f"{path.name}: no valid TOML: {error}") from None
        if manifest.plugin.api != API:
            raise ManifestError(
                f"{manifest.name}: speaks plugin api {manifest.plugin.api}, this host speaks {API}",
                mend="install the version of the plugin that fits this version of chartside",
            )
        return manifest


def union(manifests: list[Manifest]) -> dict[str, str]:
    """The access that all of them together need: ``{type: letters}``, nothing more (H-3)."""
    types = sorted({name for manifest in manifests for name in manifest.access})
    return {
        name: "".join(x for x in LETTERS if any(manifest.allows(name, x) for manifest in manifests))
        for name in types
    }
