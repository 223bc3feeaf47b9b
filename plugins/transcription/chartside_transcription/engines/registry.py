"""Engines and drafters by name: those of this package and those of installed packages, imported only when named."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pluggy

from chartside.errors import ConfigError, PluginError
from chartside.installed import entry_points

if TYPE_CHECKING:
    from chartside_transcription.draft.model import Drafter
    from chartside_transcription.engines.base import Engine

GROUP = "chartside.transcription.engines"
DRAFTERS = "chartside.transcription.drafters"
engine_spec = pluggy.HookspecMarker("chartside_transcription")
engine_impl = pluggy.HookimplMarker("chartside_transcription")


class Specs:
    """The plug-in's own extension points."""

    @engine_spec
    def chartside_transcription_engines(self) -> Iterable[type[Engine]]:  # type: ignore[empty-body]
        """Return engine classes. A second one of the same ``name`` is refused."""

    @engine_spec
    def chartside_transcription_drafters(self) -> Iterable[type[Drafter]]:  # type: ignore[empty-body]
        """Return drafter classes. A second one of the same ``name`` is refused."""


class BuiltIn:
    """What this package brings registers through the same hooks as anybody's."""

    @engine_impl
    def chartside_transcription_engines(self) -> Iterable[type[Engine]]:
        """See Specs."""
        from chartside_transcription.engines.endpoint import OpenAiEndpoint
        from chartside_transcription.engines.whisper import Whisper

        return [Whisper, OpenAiEndpoint]

    @engine_impl
    def chartside_transcription_drafters(self) -> Iterable[type[Drafter]]:
        """See Specs."""
        from chartside_transcription.draft.rules import Rules

        return [Rules]


def find_engine(name: str, *, entries: Iterable[EntryPoint] | None = None) -> type[Engine]:
    """The engine class of this name. Raises ConfigError where there is none, PluginError where two have the name.

    The package of another engine is imported only where its entry point has the name that is asked for.
    """
    found: type[Engine] = _find("engine", GROUP, name, entries)
    return found


def find_drafter(name: str, *, entries: Iterable[EntryPoint] | None = None) -> type[Drafter]:
    """The drafter class of this name; else as ``find_engine``."""
    found: type[Drafter] = _find("drafter", DRAFTERS, name, entries)
    return found


def _find(kind: str, group: str, name: str, entries: Iterable[EntryPoint] | None) -> Any:
    manager = pluggy.PluginManager("chartside_transcription")
    manager.add_hookspecs(Specs)
    manager.register(BuiltIn())
    found = list(entries if entries is not None else entry_points(group))
    for entry in found:
        if entry.name == name:
            manager.register(_load(kind, entry))
    hook = getattr(manager.hook, f"chartside_transcription_{kind}s")
    classes: list[Any] = [one for answer in hook() for one in answer]
    matching = [one for one in classes if one.name == name]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise PluginError(f"two {kind}s have the name {name!r}", mend="uninstall one of them")
    known = ", ".join(sorted({one.name for one in classes} | {entry.name for entry in found}))
    raise ConfigError(f"plugins.transcription.{kind}", f"no {kind} {name!r}", mend=f"choose one of: {known}")


def _load(kind: str, entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        raise PluginError(
            f"{kind} {entry.name}: cannot be loaded ({type(error).__name__})", mend="reinstall its package"
        ) from error
