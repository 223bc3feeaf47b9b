"""The rule book: ``rulebook.toml`` bound to its checks, with own rules added and a practice's overrides applied."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

from chartside.errors import ConfigError
from chartside_billing.rules.base import CHECKS, SEVERITIES, Outcome
from chartside_billing.rules.papers import DOCUMENT_CHECKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: what it is, why it matters, how to mend what it finds, and its check.

    ``check(view, loaded)`` is pure and returns hits, nothing, or ``NotChecked``. ``codes`` names procedure codes
    without which the rule has nothing to say, ``needs`` keys of ``base.NEEDS`` without which it cannot be judged;
    both let the scrubber leave the call out. ``basis`` is ``exercised``, ``read`` or ``unconfirmed``.
    """

    id: str
    severity: str
    title: str
    check: Callable[[Any, Any], Outcome]
    message: str = ""
    mend: str = ""
    prevents: tuple[str, ...] = ()
    rule: str = ""
    source: str = ""
    basis: str = "unconfirmed"
    x12: str = ""
    fhir: str = ""
    codes: frozenset[str] | None = None
    needs: tuple[str, ...] = ()
    superseded_by: tuple[str, ...] = ()
    """Rules that say the same better of the same line or place (``rules.supersede``)."""
    superseded_anywhere_by: tuple[str, ...] = ()
    """The same for rules whose finding may stand anywhere on the claim."""
    document: type | None = None
    """The kind of document that the rule judges; None: the claim."""
    owner: str = ""
    """The plugin that brought it; empty: this one."""
    overridden: bool = False
    """Whether the practice set its severity."""

    @property
    def family(self) -> str:
        """``"EDI"``, ``"PAT"`` ...: what stands before the number."""
        return self.id.rpartition("-")[0]

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        names = ("id", "severity", "title", "rule", "message", "mend", "source", "basis", "x12", "fhir")
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        found |= {"family": self.family, "prevents": list(self.prevents)}
        found["superseded_by"] = [*self.superseded_by, *self.superseded_anywhere_by]
        return found | ({"plugin": self.owner} if self.owner else {})


@lru_cache(maxsize=1)
def _built_in() -> tuple[Rule, ...]:
    table = tomllib.loads(files("chartside_billing.rules").joinpath("rulebook.toml").read_text("utf-8"))
    return tuple(_bound(rule_id, data) for rule_id, data in table.items())


def _bound(rule_id: str, data: dict[str, Any]) -> Rule:
    lists = ("prevents", "superseded_by", "superseded_anywhere_by")
    data = {**data, **{name: tuple(data.get(name, ())) for name in lists}}
    if rule_id in DOCUMENT_CHECKS:
        kind, function = DOCUMENT_CHECKS[rule_id]
        return Rule(id=rule_id, check=function, document=kind, **data)
    check = CHECKS[rule_id]
    return Rule(id=rule_id, check=check.function, codes=check.codes, needs=check.needs, **data)


class RuleBook:
    """The rules in force, by id, in the book's order. ``muted`` are those that the practice switched off."""

    def __init__(self, rules: Iterable[Rule], muted: Iterable[Rule] = ()) -> None:
        self.rules: dict[str, Rule] = {rule.id: rule for rule in rules}
        self.muted: dict[str, Rule] = {rule.id: rule for rule in muted}

    @classmethod
    def load(cls) -> RuleBook:
        """The built-in rules."""
        return cls(_built_in())

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules.values())

    def __len__(self) -> int:
        return len(self.rules)

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self.rules

    def __getitem__(self, rule_id: str) -> Rule:
        return self.rules[rule_id]

    def plus(self, own: Iterable[Rule], owner: str) -> RuleBook:
        """With a plugin's rules. Raises ConfigError where an id is taken or a severity is none."""
        rules = dict(self.rules)
        for rule in own:
            if rule.id in rules:
                raise ConfigError(f"rule {rule.id}", "two rules have this id", mend=f"rename it in {owner}")
            if rule.severity not in SEVERITIES:
                raise ConfigError(f"rule {rule.id}", f"severity is none of {', '.join(SEVERITIES)}")
            rules[rule.id] = replace(rule, owner=owner)
        return RuleBook(rules.values(), self.muted.values())

    def overridden(self, mute: Iterable[str] = (), severity: Mapping[str, str] | None = None) -> RuleBook:
        """With rules muted (an id, or a family such as ``"TIM"``) or of another severity.

        Raises ConfigError for a rule that does not exist.
        """
        rules, muted = dict(self.rules), dict(self.muted)
        for name in mute:
            for rule_id in self._named(name, "mute"):
                if rule_id in rules:
                    muted[rule_id] = rules.pop(rule_id)
        for name, level in (severity or {}).items():
            for rule_id in self._named(name, "severity"):
                if rule_id in rules:
                    rules[rule_id] = replace(rules[rule_id], severity=level, overridden=True)
        return RuleBook(rules.values(), muted.values())

    def _named(self, name: str, key: str) -> list[str]:
        found = [r.id for r in (*self.rules.values(), *self.muted.values()) if name in {r.id, r.family}]
        if not found:
            mend = "see `chartside billing rules`"
            raise ConfigError(f"plugins.billing.rules.{key}", f"there is no rule {name!r}", mend=mend)
        return found
