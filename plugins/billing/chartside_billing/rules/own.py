"""Rule plugins: found by entry point, loaded only if the practice names them, each kept apart when it fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pluggy

from chartside.errors import ChartsideError, ConfigError
from chartside.installed import entry_points
from chartside_billing import hookspecs
from chartside_billing.rules.book import RuleBook
from chartside_billing.rules.loaded import PayerProfile

GROUP = "chartside_billing.rules"


class RulePlugins:
    """The rule plugins of a practice. ``problems`` names those that failed and were set aside."""

    def __init__(self, plugins: Mapping[str, object]) -> None:
        self.problems: dict[str, str] = {}
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for name, plugin in plugins.items():
            self._manager.register(plugin, name)

    @classmethod
    def load(cls, names: Iterable[str]) -> RulePlugins:
        """Those named, by their entry points. Raises ConfigError for one that is not installed or cannot load."""
        installed = {entry.name: entry for entry in entry_points(GROUP)}
        loaded: dict[str, object] = {}
        for name in names:
            if name not in installed:
                mend = f"install it; installed are: {', '.join(sorted(installed)) or 'none'}"
                raise ConfigError("plugins.billing.rules.plugins", f"no rule plugin {name!r}", mend=mend)
            try:
                loaded[name] = installed[name].load()
            except Exception as error:
                reason = f"{name} cannot be loaded ({type(error).__name__})"
                raise ConfigError("plugins.billing.rules.plugins", reason, mend="reinstall it") from error
        return cls(loaded)

    def extend(self, book: RuleBook) -> RuleBook:
        """The book with every plugin's rules; a plugin whose rules are no good is set aside as a whole."""
        for name, rules in self._each("billing_rules"):
            try:
                book = book.plus(rules, name)
            except ChartsideError as error:
                self.problems[name] = str(error)
            except Exception as error:
                self.problems[name] = f"its rules are no rules ({type(error).__name__})"
        return book

    def profiles(self) -> dict[str, PayerProfile]:
        """Payer profiles of all plugins; a later plugin wins."""
        found: dict[str, PayerProfile] = {}
        for name, packs in self._each("billing_payers"):
            try:
                found |= packs
            except TypeError:
                self.problems[name] = "billing_payers gave no mapping"
        return found

    def _each(self, hook: str) -> Iterable[tuple[str, Any]]:
        for name, plugin in self._manager.list_name_plugin():
            if plugin is None or name in self.problems or not hasattr(plugin, hook):
                continue
            others = [p for p in self._manager.get_plugins() if p is not plugin]
            try:
                results = self._manager.subset_hook_caller(hook, others)()
            except Exception as error:
                self.problems[name] = f"{hook} raised {type(error).__name__}"
                continue
            yield from ((name, result) for result in results)
