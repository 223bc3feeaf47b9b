"""The decision: consents and a request in, a ``Decision`` out.

1. Keep the consents that are active, in their period, of this client, and not superseded.
2. Walk the provisions: the deepest match wins over its parent, among siblings a deny wins.
3. Across consents a deny wins. No match: none, and the default of the action decides (``gate.model.DEFAULTS``).
4. What depends on something that is not known is not computable: deny, and the staff is asked to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from typing import Any, Final

from chartside.codes import ConsentType
from chartside.gate.model import Action, Decision, DecisionRequest, Outcome, Reason

from . import words
from .compiling import compile_all
from .dates import birthday
from .directory import Directory
from .matching import NO, YES, context, data
from .query import ACTION_CODES, Client, Query, prepare
from .rules import DENY, NONE, PERMIT, Instrument, Rule
from .vocabulary import ALONE, PART_2, PSYCHOTHERAPY_NOTE, SUD_COUNSELING_NOTE, TREATMENT, Key

NOTICE_PART_2: Final = "42-cfr-2.32-notice"
"""Obligation: the notice that prohibits redisclosure goes with the data (42 CFR 2.32)."""

_ONLY_BY: Final[Mapping[Key, ConsentType]] = {
    PSYCHOTHERAPY_NOTE: ConsentType.PSYCHOTHERAPY_NOTES,
    SUD_COUNSELING_NOTE: ConsentType.SUD_COUNSELING_NOTES,
    **dict.fromkeys(PART_2, ConsentType.PART2_TPO),
}
"""The only instrument that opens each protected class of records."""

_EFFECTIVE: Final = frozenset({"active", "inactive"})

Found = tuple[int, Rule]


def weigh(rule: Rule, query: Query) -> Found:
    """The outcomes that are possible under a provision (a mask), and the provision that spoke."""
    mask, speaker = NONE, rule
    for child in rule.children:  # a deny wins, then a permit; none only where none of them may speak
        found, who = weigh(child, query) if child.children else (_own(child, query), child)
        if found == NONE:
            continue
        if mask == NONE or (found & DENY and not mask & DENY):
            speaker = who
        mask = _both(mask, found)
    if mask & NONE:
        mask = (mask & ~NONE) | _own(rule, query)
    return mask, speaker


def _both(one: int, other: int) -> int:
    """All outcomes of two siblings, where each is one of its mask."""
    mask = (one | other) & DENY
    if (one | other) & PERMIT and one & ~DENY and other & ~DENY:
        mask |= PERMIT
    return mask | (one & other & NONE)


def _own(rule: Rule, query: Query) -> int:
    """What the provision itself says, without those below it. The commonest reasons for silence come first."""
    effect, purposes = rule.effect, rule.purposes
    if effect == NONE or (purposes is not None and purposes.isdisjoint(query.purposes)):
        return NONE
    said = YES if rule.plain else context(rule, query)
    if said != NO and rule.within is not None:
        said = min(said, data(rule.within, query))
    if said == NO:
        return NONE
    mask = effect
    if rule.data is not None:
        hit = data(rule, query)
        if hit != YES:
            miss = DENY if rule.only else NONE
            mask = miss if hit == NO else effect | miss
    return mask if said == YES else mask | NONE


class Verdict:
    """What one consent says: ``outcome`` (None: it is not consulted at all), where, and why in a few words."""

    __slots__ = ("_reason", "instrument", "outcome", "path", "review", "why")

    def __init__(
        self, instrument: Instrument, outcome: Outcome | None, why: str, path: str, review: bool
    ) -> None:
        self.instrument, self.outcome, self.why = instrument, outcome, why
        self.path, self.review = path, review
        self._reason: Reason | None = None

    def reason(self) -> Reason:
        """The same as a Reason of the gate; worded once."""
        if self._reason is None:
            outcome = self.outcome or Outcome.NONE
            text = words.reason(self.instrument, outcome, self.why)
            self._reason = Reason(self.instrument.source, outcome, self.path, text)
        return self._reason


def _say(
    instrument: Instrument, outcome: Outcome | None, why: str, path: str = "", review: bool = False
) -> Verdict:
    """A verdict of this consent; the same words are made once."""
    key = (outcome, why, path, review)
    found: Verdict | None = instrument.verdicts.get(key)
    if found is None:
        found = instrument.verdicts[key] = Verdict(instrument, outcome, why, path, review)
    return found


def judge(instrument: Instrument, query: Query, superseded: frozenset[str] = frozenset()) -> Verdict:
    """What one consent says about a request."""
    if why := _out_of_play(instrument, query, superseded):
        return _say(instrument, None, why)
    action = query.action
    if action not in instrument.closes and action not in instrument.refuses:
        return _say(instrument, None, words.OTHER_SUBJECT)
    if instrument.problem:
        if action in instrument.closes:
            return _say(instrument, Outcome.DENY, instrument.problem, review=True)
        return _say(instrument, None, words.OTHER_SUBJECT)
    mask, rule = weigh(instrument.root, query)
    path = rule.path
    if mask & NONE and instrument.base != NONE:
        mask, path = _base(instrument, query, mask), (path if mask != NONE else "policyRule")
    if action not in instrument.closes:
        plain = mask == DENY and rule.data is None
        return _say(
            instrument, Outcome.DENY if plain else None, words.REFUSED if plain else words.OTHER_SUBJECT, path
        )
    return _verdict(instrument, query, mask, path)


def _verdict(instrument: Instrument, query: Query, mask: int, path: str) -> Verdict:
    if mask == NONE:
        return _say(instrument, Outcome.NONE, words.SILENT)
    if mask == DENY:
        return _say(instrument, Outcome.DENY, words.FITS, path)
    if mask != PERMIT:
        return _say(instrument, Outcome.DENY, words.UNKNOWN, path, review=True)
    if why := _not_opened(instrument, query):
        return _say(instrument, Outcome.NONE, why, path)
    if query.client is None:
        return _say(instrument, Outcome.PERMIT, words.FITS, path)
    return _of_proxy(instrument, query.client, query, path)


def _out_of_play(instrument: Instrument, query: Query, superseded: frozenset[str]) -> str:
    """Why the consent has no effect here and now; empty where it has."""
    if instrument.patient != query.patient:
        return words.OTHER_CLIENT
    if instrument.status != "active":
        return words.NOT_ACTIVE
    if instrument.ignored or (instrument.notes_only and not _about(instrument, query)):
        return words.OTHER_SUBJECT
    if superseded and f"Consent/{instrument.id}" in superseded:
        return words.SUPERSEDED
    for period in instrument.periods:
        if not period.holds(query.wall, query.at):
            return words.EXPIRED if period.over(query.wall, query.at) else words.NOT_YET
    return ""


def _about(instrument: Instrument, query: Query) -> bool:
    """An authorisation for protected notes speaks about those notes only."""
    special = query.facts.special if query.facts else None
    return special is not None and _ONLY_BY[special] in instrument.types


def _base(instrument: Instrument, query: Query, mask: int) -> int:
    """The base rule in the place of silence; an opt-in opens no more than normal access for treatment.

    So whoever is denied access is sent nothing on its strength, though the denial does not name disclosure.
    """
    if instrument.base == DENY:
        return (mask & ~NONE) | DENY
    if TREATMENT not in query.purposes:
        return mask
    if query.action is Action.DISCLOSE:
        access, _ = weigh(instrument.root, replace(query, codes=ACTION_CODES[Action.READ]))
        mask |= access & DENY
        if access == DENY:
            return DENY
    return (mask & ~NONE) | PERMIT


def _not_opened(instrument: Instrument, query: Query) -> str:
    """Why a permit of this instrument does not open what is asked; empty where it does."""
    if query.action not in instrument.opens:
        return words.BUNDLED if query.action in instrument.closes else words.OTHER_SUBJECT
    special = query.facts.special if query.facts else None
    if special is None or originates(query):
        return ""
    needed = _ONLY_BY[special]
    alone = needed not in ALONE or len(instrument.types) == 1
    return "" if needed in instrument.types and alone else words.PROTECTED


def originates(query: Query) -> bool:
    """Whether the author of the notes uses them to treat (45 CFR 164.508(a)(2)(i)(A), 42 CFR 2.31(b))."""
    facts = query.facts
    if facts is None or query.actors is None or query.action is not Action.READ:
        return False
    return TREATMENT in query.purposes and not query.actors.isdisjoint(facts.authors or ())


def _of_proxy(instrument: Instrument, client: Client, query: Query, path: str) -> Verdict:
    """A permit, unless it was a proxy's for a minor who is of age now, or a minor's who may not sign alone."""
    if instrument.proxy:
        if client.born is None:
            return _say(instrument, Outcome.DENY, words.AGE_UNKNOWN, path, review=True)
        of_age = birthday(client.born, client.majority)
        if query.wall.date() >= of_age and (instrument.signed or date.min) < of_age:
            return _say(instrument, Outcome.NONE, words.PROXY_OVER, path, review=True)
    elif _signed_too_young(instrument, client):
        return _say(instrument, Outcome.NONE, words.TOO_YOUNG, path, review=True)
    return _say(instrument, Outcome.PERMIT, words.FITS, path)


def _signed_too_young(instrument: Instrument, client: Client) -> bool:
    if client.alone_from is None or client.born is None or instrument.signed is None:
        return False
    return instrument.signed < birthday(client.born, min(client.alone_from, client.majority))


def superseded_by(instruments: Iterable[Instrument]) -> frozenset[str]:
    """References of the consents that others replaced; what was once in effect has replaced them for good."""
    return frozenset(old for i in instruments if i.replaces and i.status in _EFFECTIVE for old in i.replaces)


def newest(instruments: Sequence[Instrument]) -> Sequence[Instrument]:
    """Of several versions of one consent, the last alone; all of them where it cannot be told."""
    if len({i.id for i in instruments if i.id}) == len(instruments):
        return instruments
    of: dict[str, list[Instrument]] = {}
    for n, instrument in enumerate(instruments):
        of.setdefault(instrument.id or f"#{n}", []).append(instrument)
    return [one for versions in of.values() for one in _last(versions)]


def _last(versions: list[Instrument]) -> list[Instrument]:
    """By the number of the version; where a server gives no numbers, by the time at which it was stored."""
    if all(one.version.isdigit() for one in versions):
        return [max(reversed(versions), key=lambda one: int(one.version))]
    try:
        return [max(versions, key=lambda one: datetime.fromisoformat(one.updated))]
    except (ValueError, TypeError):
        return versions


def decide(
    consents: Iterable[Instrument | Mapping[str, Any]],
    request: DecisionRequest,
    *,
    zone: tzinfo | None = None,
    client: Client | None = None,
    directory: Directory | None = None,
    codes: frozenset[str] | None = None,
) -> Decision:
    """Decide one request over a client's consents (compiled, or FHIR JSON of R4 or R5).

    ``zone``: whose day a date without a time means (the client's in ``client`` wins, then this, then that of
    ``request.at``). ``client``: age and zone, where known. ``directory``: who belongs to which group.
    ``codes``: how provisions may name the action, where it is not one of Chartside's own.
    """
    query = prepare(request, zone=zone, client=client, directory=directory, codes=codes)
    return answer(newest(compile_all(consents)), query)


def answer(instruments: Sequence[Instrument], query: Query) -> Decision:
    """Decide a prepared request over compiled consents."""
    if query.action is Action.CRISIS:
        return Decision(Outcome.PERMIT, (Reason("default", Outcome.PERMIT, text=words.CRISIS),))
    superseded = superseded_by(instruments)
    denies: list[Verdict] = []
    permits: list[Verdict] = []
    notes: list[Verdict] = []
    for instrument in instruments:
        verdict = judge(instrument, query, superseded)
        if verdict.outcome is Outcome.DENY:
            denies.append(verdict)
        elif verdict.outcome is Outcome.PERMIT:
            permits.append(verdict)
        elif verdict.review:
            notes.append(verdict)
    return _joined(query, denies, permits, notes)


def _joined(query: Query, denies: list[Verdict], permits: list[Verdict], notes: list[Verdict]) -> Decision:
    review = any(v.review for v in denies) or bool(notes)
    if denies:
        return Decision(Outcome.DENY, tuple(v.reason() for v in denies), review=review)
    noted = tuple(v.reason() for v in notes)
    if permits:
        return Decision(
            Outcome.PERMIT, tuple(v.reason() for v in permits) + noted, _duties(query, permits), review
        )
    special = query.facts.special if query.facts else None
    if special in {PSYCHOTHERAPY_NOTE, SUD_COUNSELING_NOTE} and not originates(query):
        text = words.protected_default(_ONLY_BY[special])
        return Decision(Outcome.DENY, (*noted, Reason("default", Outcome.DENY, text=text)), review=review)
    return Decision(Outcome.NONE, noted, review=review)


def _duties(query: Query, permits: list[Verdict]) -> tuple[str, ...]:
    """What goes with a permit: the notice of 42 CFR 2.32 with each disclosure of Part 2 records."""
    if query.action is not Action.DISCLOSE:
        return ()
    marked = query.facts is not None and query.facts.special in {*PART_2, SUD_COUNSELING_NOTE}
    by_part_2 = any(ConsentType.PART2_TPO in v.instrument.types for v in permits)
    return (NOTICE_PART_2,) if marked or by_part_2 else ()
