"""One fault, one finding: the rule that says it best speaks, the more general one is kept as its repeat.

Which rule gives way to which is data of the rule book: ``superseded_by`` on the same line or place,
``superseded_anywhere_by`` on the same claim. Only a finding that was made, and that is at least as severe, makes
another one a repeat: a muted rule hides nothing, and no error disappears behind a warning.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chartside_billing.rules.base import SEVERITIES

if TYPE_CHECKING:
    from chartside_billing.scrub import Finding


def settle(findings: list[Finding]) -> list[Finding]:
    """The same findings; one that only repeats another names in ``repeats`` the rule that says it better."""
    settled = []
    for one in findings:
        better = next((other for other in findings if supersedes(other, one)), None)
        settled.append(one if better is None else replace(one, repeats=better.rule.id))
    return settled


def supersedes(better: Finding, one: Finding) -> bool:
    """Whether ``better`` says what ``one`` says, of the same thing, and no less severely."""
    rule = one.rule
    anywhere = better.rule.id in rule.superseded_anywhere_by
    if not anywhere and better.rule.id not in rule.superseded_by:
        return False
    if SEVERITIES.index(better.severity) > SEVERITIES.index(one.severity):
        return False
    return anywhere or _same_thing(better, one)


def _same_thing(one: Finding, other: Finding) -> bool:
    """A shared line, or the same place; where both name what they are about (a diagnosis), the same of that."""
    if one.about != other.about:
        return False
    if one.lines and other.lines:
        return not set(one.lines).isdisjoint(other.lines)
    return bool(one.about) or one.where == other.where
