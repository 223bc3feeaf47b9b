"""The internal model: a Consent of any FHIR version, compiled once, evaluated often."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from chartside.codes import ConsentType
from chartside.gate.model import Action, Outcome, Reason

from . import references
from .dates import Span
from .vocabulary import Key

NONE, PERMIT, DENY = 1, 2, 4
"""Outcomes as bits: a mask with several bits says that the outcome depends on what is not known."""

Said = tuple[Outcome | None, str, str, bool]
"""What one consent says: the outcome (None: it is not consulted at all), why in a few words, the path of the
provision that spoke, and whether the staff is asked to look."""


@dataclass(frozen=True, slots=True)
class Who:
    """Actors or authors that a criterion names; any of them will do.

    ``refs``: as the consent writes them. ``tails``: ``Type/id`` of absolute references, which may or may not be
    ours. ``groups``: those refs that stand for several people, and must be known to be judged. ``vague``: one
    of them has no reference that could be resolved. ``anyone``: a class of recipients that needs no list.
    """

    refs: frozenset[str]
    tails: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()
    vague: bool = False
    anyone: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A security label; ``level`` is its place on the scale of v3-Confidentiality, -1 for other systems."""

    key: Key
    level: int = -1


@dataclass(frozen=True, slots=True)
class DataRule:
    """Data criteria: each that is given must hold (AND), of each list one suffices (OR)."""

    classes: tuple[Key, ...] = ()
    codes: frozenset[Key] = frozenset()
    labels: tuple[Label, ...] = ()
    period: Span | None = None
    instances: frozenset[str] = frozenset()
    related: frozenset[str] = frozenset()
    dependents: frozenset[str] = frozenset()
    authors: Who | None = None
    author_role: Who | None = None

    names: bool = field(init=False, default=False)
    """Whether single resources or authors are named (``provision.data``)."""
    labels_alone: bool = field(init=False, default=False)
    """Whether security labels are its only criterion."""
    tails: frozenset[str] = field(init=False, default=frozenset())
    """``Type/id`` of the resources that it names on a server of their own, which may or may not be ours."""

    def __post_init__(self) -> None:
        named = bool(self.instances or self.related or self.dependents or self.authors)
        object.__setattr__(self, "names", named)
        if named:
            resources = self.instances | self.related | self.dependents
            object.__setattr__(self, "tails", references.tails(resources))
        others = named or self.classes or self.codes or self.period or self.author_role
        object.__setattr__(self, "labels_alone", bool(self.labels and not others))


@dataclass(frozen=True, slots=True)
class Rule:
    """A provision. The context (purposes, actions, who, period) already holds what it inherits; the
    period of the root bounds the whole consent and stands in ``Instrument.periods``.

    ``effect`` is PERMIT, DENY or NONE (a base that decides nothing). ``only``: a permit at the root whose data
    criteria mean that nothing but that data is allowed. ``within``: the nested rule with data criteria to
    which a permit without criteria of its own is an exception; it does not reach beyond that data.
    """

    path: str
    effect: int
    purposes: frozenset[Key] | None = None
    actions: frozenset[str] | None = None
    who: Who | None = None
    period: Span | None = None
    data: DataRule | None = None
    only: bool = False
    within: Rule | None = None
    children: tuple[Rule, ...] = ()

    plain: bool = field(init=False, default=False)
    """Whether its context is its purposes alone."""

    def __post_init__(self) -> None:
        others = (self.actions, self.who, self.period, self.within)
        object.__setattr__(self, "plain", all(other is None for other in others))


@dataclass(frozen=True, slots=True)
class Instrument:
    """A compiled Consent. ``source`` is ``Consent/12/_history/3`` (or without the version).

    ``problem``: why it cannot be computed, in plain words; empty when it can. ``base``: what holds where no
    provision matches (OPTIN, OPTOUT, or the root's own type), NONE where nothing is said.
    """

    id: str
    version: str
    status: str
    patient: str
    types: frozenset[ConsentType]
    root: Rule
    problem: str = ""
    base: int = NONE
    base_text: str = ""
    periods: tuple[Span, ...] = ()
    signed: date | None = None
    proxy: bool = False
    replaces: frozenset[str] = frozenset()
    ignored: bool = False
    updated: str = ""
    opens: frozenset[Action] = field(default_factory=frozenset)
    closes: frozenset[Action] = field(default_factory=frozenset)
    refuses: frozenset[Action] = field(default_factory=frozenset)
    notes_only: bool = False
    reasons: dict[Said, Reason] = field(default_factory=dict, compare=False, repr=False)
    """``updated``: when the server stored this version. ``opens``: what its permits may open; ``closes``: what its
    denials close; ``refuses``: what it closes only by a plain refusal, one without data criteria and without anything
    unknown. ``notes_only``: an authorisation for protected notes, which speaks about nothing else. ``reasons``:
    sentences about this consent that were worded already; a decision itself is never kept."""

    @property
    def source(self) -> str:
        """The reference of exactly this version."""
        return f"Consent/{self.id}/_history/{self.version}" if self.version else f"Consent/{self.id}"
