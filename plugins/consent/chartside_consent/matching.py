"""Does a provision speak about a request? Yes, no, or: that cannot be known."""

from __future__ import annotations

from chartside.codes import ACT_CODE_SYSTEM, BASE, CONFIDENTIALITY_SYSTEM, MESSAGE_CATEGORY_SYSTEM
from chartside.gate.model import Action

from . import references
from .dates import Span
from .directory import ROLE
from .facts import Facts
from .query import Query
from .rules import PERMIT, DataRule, Label, Rule, Who
from .vocabulary import Key

NO, MAYBE, YES = 0, 1, 2
"""Three truth values; ``min`` is AND, ``max`` is OR."""

_DATA_ACTIONS = frozenset({Action.READ, Action.DISCLOSE})
_RESOURCE_TYPES = frozenset({"http://hl7.org/fhir/resource-types", "http://hl7.org/fhir/fhir-types", ""})
_MEDIA = "urn:ietf:bcp:13"
_STAFF = frozenset({"Practitioner", "PractitionerRole", "Device"})


def context(rule: Rule, query: Query) -> int:
    """Action, period and actor, and the data of the provision to which this one is an exception."""
    if rule.actions is not None and rule.actions.isdisjoint(query.codes):
        return NO
    if rule.period is not None and not rule.period.holds(query.wall, query.at):
        return NO
    found, who = YES, rule.who
    if who is not None and not who.anyone:
        found = MAYBE if query.actors is None else among(who, query.actors, query, rule.effect)
    if found and rule.within is not None:
        found = min(found, data(rule.within, query))
    return found


def among(who: Who, people: frozenset[str], query: Query, effect: int) -> int:
    """Whether any of these people, with all that they belong to, is among those named."""
    if not who.refs.isdisjoint(people):
        return YES
    if who.vague or not who.tails.isdisjoint(people):
        return MAYBE
    if who.groups and not query.directory.judges(who.groups):
        return MAYBE
    return MAYBE if effect != PERMIT and _may_be_meant(who, people, query) else NO


def _may_be_meant(who: Who, people: frozenset[str], query: Query) -> bool:
    """Whether these people may be those named, for all that is known.

    Only denials ask this: a permit to somebody is none to one who is not shown to be that, or to belong there.
    """
    if all(not references.tail(person) and not person.startswith(BASE) for person in people):
        return True  # somebody known by an identifier alone, or by nothing
    if not who.refs.isdisjoint(references.tails(people)):
        return True
    unread = (ref.partition("|")[0] + "|" for ref in who.refs if "|" in ref and not ref.startswith(ROLE))
    if any(not any(person.startswith(system) for person in people) for system in unread):
        return True  # an identifier is named, and nothing is known of theirs
    return _may_work_there(who, people, query)


def _may_work_there(who: Who, people: frozenset[str], query: Query) -> bool:
    """Whether an organisation is named and these may be its people."""
    if not who.organizations or any(query.directory.knows(person) for person in people):
        return False
    return all(person.partition("/")[0] in _STAFF for person in people)


def data(rule: Rule, query: Query) -> int:
    """The data criteria, all of which must hold."""
    given, facts = rule.data, query.facts
    if given is None:
        return YES
    if facts is None:
        return MAYBE if query.action in _DATA_ACTIONS else _category(given, query)
    if given.labels_alone:  # the commonest kind
        return _label(given.labels, facts, rule.effect)
    return _of(given, facts, query, rule.effect)


def _of(rule: DataRule, facts: Facts, query: Query, effect: int) -> int:
    found = _named(rule, facts, query, effect) if rule.names else YES
    if found and rule.classes:
        found = min(found, _class(rule, facts))
    if found and rule.codes:
        found = min(found, _code(rule, facts))
    if found and rule.labels:
        found = min(found, _label(rule.labels, facts, effect))
    if found and rule.period is not None:
        found = min(found, _time(rule.period, facts, query))
    if found and rule.author_role is not None:
        found = min(found, _written_by(rule.author_role, facts, query, effect))
    return found


def _category(rule: DataRule, query: Query) -> int:
    """A message has a category where data has codes; other data criteria do not speak about messages."""
    if rule.classes or rule.labels or rule.period or rule.names or rule.author_role:
        return NO
    if not rule.codes.isdisjoint(query.categories):
        return YES
    asked = any(system == MESSAGE_CATEGORY_SYSTEM for system, _ in rule.codes)
    return MAYBE if asked and not query.category else NO


def _class(rule: DataRule, facts: Facts) -> int:
    return max(_one_class(key, facts) for key in rule.classes)


def _one_class(key: Key, facts: Facts) -> int:
    system, code = key
    if system in _RESOURCE_TYPES:  # a request may describe data by its labels alone
        return YES if code == facts.kind else NO if facts.kind else MAYBE
    if code.startswith("http") or system.endswith("StructureDefinition"):
        return YES if code in facts.profiles else NO
    if system == _MEDIA:
        if facts.media is None:
            return NO
        return MAYBE if not facts.media else YES if code in facts.media else NO
    if key in facts.codes:
        return YES
    return NO if any(system == other for other, _ in facts.codes) else MAYBE  # a type of document


def _code(rule: DataRule, facts: Facts) -> int:
    if not rule.codes.isdisjoint(facts.codes):
        return YES
    return NO if facts.codes and not _same_code(rule.codes, facts.codes) else MAYBE


def _same_code(some: frozenset[Key], others: frozenset[Key]) -> bool:
    """Whether one of them leaves the system out, and is the same else."""
    bare, known = {code for system, code in others if not system}, {code for _, code in others}
    return any(code in (bare if system else known) for system, code in some)


def _label(labels: tuple[Label, ...], facts: Facts, effect: int) -> int:
    """Whether one of the labels stands on the data; unlabelled data cannot be judged.

    v3-Confidentiality is a high-water mark: a permit of R reaches what is R or lower, a denial what is R or higher.
    """
    found = NO
    for label in labels:
        mark = label.level
        if mark < 0:
            found = max(found, _one_label(label, facts))
        elif (level := facts.level) < 0:
            found = max(found, MAYBE)
        elif level <= mark if effect == PERMIT else level >= mark:
            return YES
    return found


def _one_label(label: Label, facts: Facts) -> int:
    if label.key in facts.wide_labels:
        return YES
    labelled = {label.key[0], ACT_CODE_SYSTEM, CONFIDENTIALITY_SYSTEM}
    return NO if any(system in labelled for system, _ in facts.labels) else MAYBE


def _time(period: Span, facts: Facts, query: Query) -> int:
    """Inside: yes. Outside: no. Partly, or without a date: not known."""
    if facts.time is None:
        return MAYBE
    first, after = facts.time
    start, end = period.bounds(query.zone)
    if (end is not None and first >= end) or (start is not None and after <= start):
        return NO
    inside = (start is None or first >= start) and (end is None or after <= end)
    return YES if inside else MAYBE


def _named(rule: DataRule, facts: Facts, query: Query, effect: int) -> int:
    """``provision.data``: any of the resources, or of the authors, that it names."""
    itself, linked = rule.instances | rule.related, rule.related | rule.dependents
    if not itself.isdisjoint(facts.names) or not linked.isdisjoint(facts.links):
        return YES
    found = MAYBE if itself and not facts.own else _by_another_name(itself, linked, rule.tails, facts)
    if rule.authors is not None:
        found = max(found, _written_by(rule.authors, facts, query, effect))
    return found


def _by_another_name(
    itself: frozenset[str], linked: frozenset[str], tails: frozenset[str], facts: Facts
) -> int:
    """Whether it may be the data that is named, where one of the two names a server or an identifier only."""
    if any("|" in name for name in linked) or (facts.names == {facts.own} and any("|" in n for n in itself)):
        return MAYBE
    near = {facts.own, *facts.links}
    return NO if tails.isdisjoint(near) and linked.isdisjoint(references.tails(facts.links)) else MAYBE


def _written_by(who: Who, facts: Facts, query: Query, effect: int) -> int:
    if facts.authors is None:
        return MAYBE
    found = NO
    for author in facts.authors:
        if not author:
            found = max(found, MAYBE)
            continue
        found = max(found, among(who, query.directory.all_of(author), query, effect))
        if _unresolved(author, who) and not query.directory.knows(author):
            found = max(found, MAYBE)
    return found


def _unresolved(author: str, who: Who) -> bool:
    """Whether the author may be somebody under another name: a role, an identifier, or one of another server."""
    if author.startswith("PractitionerRole/") or "|" in author or references.leads_nowhere(author):
        return True
    return not who.refs.isdisjoint(references.tails((author,)))
