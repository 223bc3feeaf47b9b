"""The law of the place, consulted by the gate after consent. It forbids and lays duties on; it never permits.

The rules stand in dated TOML packs (``policy_pack``). The client's location and every licence's state count
together, so the strictest holds; where one of them is unknown, the rules of all places hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from chartside.gate.model import Action, Decision, DecisionRequest, Outcome, Reason
from chartside.gate.policy_pack import DUTIES, STATES, Case, Feature, MinorRule, Pack, Rule, shipped, unique

STALE: Final = timedelta(days=180)
"""P-6: a rule that was verified longer ago than this is worth a warning."""

_CHANNELS: Final = {Action.SMS: "sms", Action.EMAIL: "email", Action.CALL: "call"}
_IMPLIED: Final = {
    Action.SMS: "talks_to_client",
    Action.EMAIL: "talks_to_client",
    Action.CALL: "talks_to_client",
    Action.RECORD: "records_audio",
    Action.TRANSCRIBE: "transcribes",
    Action.AI: "uses_ai",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """What one rule does to one case: forbids it, or requires ``duties`` unless one of ``unless`` is fulfilled."""

    rule: Rule

    @property
    def forbids(self) -> bool:
        """Whether nothing that anybody does makes it allowed."""
        return self.rule.forbid

    def missing(self, fulfilled: Collection[str]) -> tuple[str, ...]:
        """The duties that are still open."""
        if any(duty in fulfilled for duty in self.rule.unless):
            return ()
        return tuple(duty for duty in self.rule.require if duty not in fulfilled)

    def allows(self, fulfilled: Collection[str] = ()) -> bool:
        """Whether this rule lets the case pass with these duties fulfilled."""
        return not self.forbids and not self.missing(fulfilled)


@dataclass(frozen=True, slots=True)
class Ages:
    """What C-14 needs to know, by the strictest of the places that count, in years.

    ``proxy_until``: a proxy's permits end at this birthday (the lowest age of majority); ``majority``: from this
    one the client surely decides alone (the highest); ``self_consent``: from this one a minor may consent to
    outpatient mental-health care alone, None: not before majority. ``confirmed``: no fact is unverified.
    """

    proxy_until: int
    majority: int
    self_consent: int | None
    confirmed: bool
    jurisdictions: tuple[str, ...]


class PolicyBook:
    """All rules of the packs, ready to be asked. Immutable, so that threads may share it."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        """Join the packs. Raises InputError where a rule's id stands twice."""
        self.rules: tuple[Rule, ...] = unique(rule for pack in packs for rule in pack.rule)
        self.minors: tuple[MinorRule, ...] = tuple(one for pack in packs for one in pack.minor)
        self.features: dict[str, Feature] = {k: v for pack in packs for k, v in pack.feature.items()}
        self._decided = lru_cache(maxsize=4096)(self._decide)

    @classmethod
    def load(cls, paths: Iterable[Path] = ()) -> Self:
        """The packs at ``paths`` instead of the shipped ones, or the shipped ones. Raises InputError.

        Replacing packs that bring no words for features keep the shipped words.
        """
        packs = [Pack.read(path) for path in paths]
        if not packs:
            return cls(shipped())
        if not any(pack.feature for pack in packs):
            words = [pack.model_copy(update={"rule": (), "minor": ()}) for pack in shipped() if pack.feature]
            packs = [*words, *packs]
        return cls(packs)

    # --- asking

    def implied(self, features: Iterable[str]) -> frozenset[str]:
        """The features and all that they imply."""
        found: set[str] = set()
        queue = list(features)
        while queue:
            name = queue.pop()
            if name not in found:
                found.add(name)
                queue += self.features[name].implies if name in self.features else ()
        return frozenset(found)

    def evaluate(
        self,
        features: Iterable[str],
        *,
        location: str,
        licence_states: Iterable[str],
        at: datetime,
        role: str = "",
        channel: str = "",
        age: int | None = None,
    ) -> list[Effect]:
        """What the rules in force do to a case. Empty or unknown ``location`` or licences: the rules of all places.

        ``role`` of the person or plugin that acts (``licensed``, ``provider``, ``supplier``), ``channel``
        (``sms``), ``age`` of the client in years; what is not known counts as a match.
        """
        have, where, day = self.implied(features), places(location, licence_states), at.date()
        return [
            Effect(rule)
            for rule in self.rules
            if rule.in_force(day) and _speaks(rule, where, have, role, channel, age)
        ]

    def decide(
        self,
        request: DecisionRequest,
        *,
        licence_states: Iterable[str] = (),
        role: str = "",
        age: int | None = None,
    ) -> Decision | None:
        """The gate's question: deny where a rule forbids, else the duties as obligations, None where no rule speaks."""
        features = request.features | ({_IMPLIED[request.action]} if request.action in _IMPLIED else set())
        channel = _CHANNELS.get(request.action, "")
        return self._decided(
            features, request.location, frozenset(licence_states), request.at.date(), role, channel, age
        )

    def _decide(
        self,
        features: frozenset[str],
        location: str,
        licences: frozenset[str],
        day: date,
        role: str,
        channel: str,
        age: int | None,
    ) -> Decision | None:
        at = datetime.combine(day, datetime.min.time())
        effects = self.evaluate(
            features, location=location, licence_states=licences, at=at, role=role, channel=channel, age=age
        )
        if not effects:
            return None
        forbidden = any(effect.forbids for effect in effects)
        duties = () if forbidden else tuple(sorted({duty for e in effects for duty in e.rule.require}))
        reasons = tuple(_reason(effect) for effect in sorted(effects, key=lambda e: not e.forbids))
        return Decision(Outcome.DENY if forbidden else Outcome.NONE, reasons, duties)

    def refusals(self, features: Iterable[str], licence_states: Iterable[str], at: datetime) -> list[Effect]:
        """P-1: what forbids to start a plugin with these features at a practice licensed in these states."""
        licences = list(licence_states)
        found = [
            effect
            for place in (licences or [""])
            for effect in self.evaluate(features, location=place, licence_states=licences, at=at)
            if effect.forbids
        ]
        return list({effect.rule.id: effect for effect in found}.values())

    def unknown_features(self, features: Iterable[str]) -> list[str]:
        """Declared features that no pack knows: no rule can judge them."""
        return sorted(set(features) - set(self.features))

    def ages(self, location: str, licence_states: Iterable[str] = ()) -> Ages:
        """Ages of majority and of consent for a client at ``location``; the licences count, too."""
        where = places(location, licence_states or [location])
        known = {one.jurisdiction: one for one in self.minors}
        if where is None:
            rows = list(self.minors)
        else:
            picked = [known.get(place, known.get("US")) for place in sorted(where & STATES)]
            rows = [one for one in picked if one is not None]
        if not rows:
            return Ages(18, 21, None, False, ())
        alone = [one.self_consent for one in rows]
        return Ages(
            proxy_until=min(one.majority for one in rows),
            majority=max(one.majority for one in rows),
            self_consent=None if None in alone else max(age for age in alone if age is not None),
            confirmed=all(one.verified_on for one in rows),
            jurisdictions=tuple(sorted(one.jurisdiction for one in rows)),
        )

    # --- looking after the packs

    def stale_rules(self, at: datetime) -> list[str]:
        """P-6: one sentence for each law whose rules nobody has verified, or not for 180 days."""
        laws: dict[tuple[str, str], list[str]] = defaultdict(list)
        for rule in self.rules:
            if problem := staleness(rule.verified_on, rule.basis, at.date()):
                laws[rule.law, problem].append(rule.id)
        unsure = [one.jurisdiction for one in self.minors if staleness(one.verified_on, one.basis, at.date())]
        found = [f"{law}: {problem} ({', '.join(ids)})" for (law, problem), ids in laws.items()]
        if unsure:
            found.append(
                f"ages of majority and of consent: not confirmed against the law ({', '.join(unsure)})"
            )
        return found

    def run_case(self, rule: Rule, case: Case) -> bool:
        """Whether a rule's own test comes out as it says. A proposed rule is tried as if it were enacted."""
        here = {"*": "", "US": "WY"}.get(rule.jurisdiction, rule.jurisdiction)
        location = here if case.location is None else case.location
        where = places(location, [location] if case.licences is None else case.licences)
        law = rule.model_copy(update={"status": "enacted"})
        speaks = law.in_force(case.at or rule.from_ or date.max) and _speaks(
            law, where, self.implied(case.features), case.role, case.channel, case.age
        )
        allowed = not speaks or Effect(rule).allows(case.fulfilled)
        return allowed == (case.expect == "allow")


def _speaks(
    rule: Rule,
    where: frozenset[str] | None,
    features: frozenset[str],
    role: str,
    channel: str,
    age: int | None,
) -> bool:
    here = where is None or rule.jurisdiction in where
    return here and rule.trigger.matches(features, role, channel, age)


def places(location: str, licence_states: Iterable[str]) -> frozenset[str] | None:
    """The jurisdictions that count together; None: all of them, because something is unknown (the strictest)."""
    licences = [one.strip().upper().removeprefix("US-") for one in licence_states]
    here = location.strip().upper().removeprefix("US-")
    codes = {here, *licences}
    if not licences or not codes <= STATES | {"EU"}:
        return None
    return frozenset(codes | {"*"} | ({"US"} if codes & STATES else set()))


def staleness(verified_on: date | None, basis: str, day: date) -> str:
    """What is wrong with a fact's verification; empty when nothing is."""
    if verified_on is None:
        marks = {"secondary": " (from a secondary source)", "memory": " (from memory)", "primary": ""}
        return f"unconfirmed: not verified against the law itself{marks[basis]}"
    if day - verified_on > STALE:
        return f"verified more than {STALE.days} days ago, on {verified_on}"
    return ""


def _reason(effect: Effect) -> Reason:
    rule = effect.rule
    law = rule.law if rule.verified_on else f"{rule.law} (unconfirmed)"
    if effect.forbids:
        return Reason(rule.id, Outcome.DENY, text=f"{law} forbids it: {rule.text}")
    duties = "; ".join(DUTIES[duty] for duty in rule.require)
    return Reason(rule.id, Outcome.NONE, text=f"{law} requires: {duties}. {rule.text}")
