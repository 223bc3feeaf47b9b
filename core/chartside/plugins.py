"""Find plugins without importing them, load those that the config enables, and keep a broken one apart (H-1)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from chartside import hookspecs
from chartside.errors import ManifestError, PluginError
from chartside.installed import entries, folder
from chartside.manifest import Manifest

PATIENCE = 30.0
"""Seconds that a plugin may take to load, or to answer a hook. Jobs and decisions may take longer."""
R = TypeVar("R")
_log = logging.getLogger("chartside.plugins")


@dataclass(slots=True)
class Found:
    """An installed plugin. ``problem`` says why it is not, or no longer, usable."""

    name: str
    entry: EntryPoint
    manifest: Manifest | None = None
    problem: str = ""
    enabled: bool = False
    loaded: bool = False

    @property
    def status(self) -> str:
        """``failed``, ``loaded``, ``enabled`` or ``installed``: never more than is true."""
        if self.problem:
            return "failed"
        return "loaded" if self.loaded else "enabled" if self.enabled else "installed"


def find() -> dict[str, Found]:
    """All installed plugins by name, manifests read, nothing imported."""
    found: dict[str, Found] = {}
    for entry in entries():
        if entry.name in found:
            found[entry.name].problem = "two installed packages give a plugin of this name: uninstall one"
            continue
        found[entry.name] = _read(entry)
    return found


def _read(entry: EntryPoint) -> Found:
    plugin = Found(entry.name, entry)
    try:
        plugin.manifest = Manifest.load(folder(entry) / "plugin.toml")
        if plugin.manifest.name != entry.name:
            raise ManifestError(
                f"plugin.toml says name = {plugin.manifest.name!r}, the entry point {entry.name!r}"
            )
    except PluginError as error:
        plugin.problem = str(error)
    return plugin


class Plugins:
    """The loaded plugins. Each hook call goes to every plugin by itself: one that raises is reported,
    set aside and never called again in this process, while the rest go on."""

    def __init__(self, found: dict[str, Found], enabled: Iterable[str]) -> None:
        self.found = found
        self._manager = pluggy.PluginManager("chartside")
        self._manager.add_hookspecs(hookspecs)
        for name in enabled:
            self._enable(name)

    def _enable(self, name: str) -> None:
        plugin = self.found.get(name)
        if plugin is None:
            return
        plugin.enabled = True  # also where it cannot be loaded: a decider that is missing denies
        if plugin.problem:
            return
        try:
            self._manager.register(bounded(plugin.entry.load, name), name)
            self._manager.check_pending()
            plugin.loaded = True
        except Exception as error:
            self._manager.unregister(name=name) if self._manager.has_plugin(name) else None
            self.set_aside(name, error)

    def set_aside(self, name: str, error: BaseException) -> None:
        """Report a plugin and stop calling it. The message is the error's type: its text may hold PHI."""
        plugin = self.found[name]
        plugin.loaded = False
        plugin.problem = str(error) if isinstance(error, PluginError) else f"raised {_where(error)}"
        _log.error("plugin %s set aside: %s", name, plugin.problem)

    @property
    def loaded(self) -> list[str]:
        """Names of the plugins that are loaded and whole."""
        return [name for name, plugin in self.found.items() if plugin.loaded]

    def has(self, name: str, hook: str) -> bool:
        """Whether a loaded plugin implements a hook."""
        registered = self._manager.get_plugin(name)
        if registered is None or not self.found[name].loaded:
            return False
        callers = self._manager.get_hookcallers(registered) or []
        return any(caller.name == hook for caller in callers)  # by whatever name the plugin gave its function

    def call(self, hook: str, name: str, **arguments: Any) -> Any:
        """Call one plugin's implementation of a hook; None where it has none. Raises what it raises."""
        registered = self._manager.get_plugin(name)
        if registered is None or not self.found[name].loaded:
            return None
        others = [p for p in self._manager.get_plugins() if p is not registered]
        results = self._manager.subset_hook_caller(hook, others)(**arguments)
        return results[0] if results else None

    def each(
        self, hook: str, kind: type[Any], arguments: Callable[[str], dict[str, Any]] = lambda _name: {}
    ) -> list[tuple[str, list[Any]]]:
        """``(plugin, results)`` of every plugin that implements the hook. One that raises, hangs, or gives anything
        but ``kind`` (instances, or subclasses of it) is set aside."""

        def ask(name: str) -> list[Any]:
            return _all_of(kind, hook, self.call(hook, name, **arguments(name)))

        results = []
        for name in [each for each in self.loaded if self.has(each, hook)]:
            try:
                results.append((name, bounded(partial(ask, name), name)))
            except Exception as error:
                self.set_aside(name, error)
        return [(name, found) for name, found in results if found]


def _all_of(kind: type[Any], hook: str, given: Any) -> list[Any]:
    """Read to its end here: a generator runs the plugin's code with each step."""
    found = list(given or ())
    if not all(isinstance(x, kind) or (isinstance(x, type) and issubclass(x, kind)) for x in found):
        raise PluginError(f"{hook} gave something else than {kind.__name__}")
    return found


def bounded(call: Callable[[], R], name: str, seconds: float | None = None) -> R:
    """Run a plugin's code with a limit of time (``PATIENCE``): one that hangs is set aside, not waited for (H-1).

    The thread cannot be ended from outside; it is a daemon, so that it does not keep the host alive. An attempt to
    end the process from within is an error like any other. Raises what it raises, and PluginError.
    """
    answer: list[R] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(call())
        except BaseException as error:
            raised.append(error)

    limit = PATIENCE if seconds is None else seconds
    thread = threading.Thread(target=work, name=f"plugin-{name}", daemon=True)
    thread.start()
    thread.join(limit)
    if answer:
        return answer[0]
    if not raised:
        raise PluginError(f"{name}: gave no answer within {limit:g} s")
    if isinstance(raised[0], Exception):
        raise raised[0]
    raise PluginError(f"{name}: raised {_where(raised[0])}")


def _where(error: BaseException) -> str:
    """Type and place of an error, without its text."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{place}"
