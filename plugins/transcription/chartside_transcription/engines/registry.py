"""Engines by name: those of this package and those of installed packages, imported only when named."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from chartside.errors import ConfigError, PluginError
from chartside_transcription.engines.base import Engine

GROUP = "chartside.transcription.engines"
engine_spec = pluggy.HookspecMarker("chartside_transcription")
engine_impl = pluggy.HookimplMarker("chartside_transcription")


class Specs:
    """The plug-in's own extension point."""

    @engine_spec
    def chartside_transcription_engines(self) -> Iterable[type[Engine]]:  # type: ignore[empty-body]
        """Return engine classes. A second one of the same ``name`` is refused."""


class BuiltIn:
    """The engines of this package register through the same hook as anybody's."""

    @engine_impl
    def chartside_transcription_engines(self) -> Iterable[type[Engine]]:
        """See Specs."""
        from chartside_transcription.engines.endpoint import OpenAiEndpoint
        from chartside_transcription.engines.whisper import Whisper

        return [Whisper, OpenAiEndpoint]


def find_engine(name: str, *, entries: Iterable[EntryPoint] | None = None) -> type[Engine]:
    """The engine class of this name. Raises ConfigError where there is none, PluginError where two have the name.

    The package of another engine is imported only where its entry point has the name that is asked for.
    """
    manager = pluggy.PluginManager("chartside_transcription")
    manager.add_hookspecs(Specs)
    manager.register(BuiltIn())
    found = list(entries if entries is not None else entry_points(group=GROUP))
    for entry in found:
        if entry.name == name:
            manager.register(_load(entry))
    classes: list[type[Engine]] = [
        c for answer in manager.hook.chartside_transcription_engines() for c in answer
    ]
    matching = [c for c in classes if c.name == name]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise PluginError(f"two engines have the name {name!r}", mend="uninstall one of them")
    known = ", ".join(sorted({c.name for c in classes} | {e.name for e in found}))
    raise ConfigError("plugins.transcription.engine", f"no engine {name!r}", mend=f"choose one of: {known}")


def _load(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except Exception as error:
        raise PluginError(
            f"engine {entry.name}: cannot be loaded ({type(error).__name__})", mend="reinstall its package"
        ) from error
