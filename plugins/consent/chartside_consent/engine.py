"""The decision: consents and a request in, a ``Decision`` out.

1. Keep the consents that are active, in their period, of this client, and not superseded.
2. Walk the provisions: the deepest match wins over its parent, among siblings a deny wins.
3. Across consents a deny wins. No match: none, and the default of the action decides (``gate.model.DEFAULTS``).
4. What depends on something that is not known is not computable: deny, and the staff is asked to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from .rules import DENY, NONE, PERMIT, Instrument, Rule, Said
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

_PERMITTED, _DENIED, _SILENT = Outcome.PERMIT, Outcome.DENY, Outcome.NONE
"""By names of this module: to read a member of an Enum takes as long as a comparison of two sets."""

_NOT_ABOUT_IT: Final[Said] = (None, words.OTHER_SUBJECT, "", False)
_SAYS_NOTHING: Final[Said] = (_SILENT, words.SILENT, "", False)

Found = tuple[int, Rule]
Spoken = tuple[Instrument, Said]


def weigh(rule: Rule, query: Query) -> Found:
    """The outcomes that are possible under a provision (a mask), and the provision that spoke."""
    mask, speaker = NONE, rule
    for child in rule.children:  # a deny wins, then a permit; none only where none of them may speak
        if child.children:
            found, who = weigh(child, query)
        else:
            found, who = _own(child, query), child
        if found == NONE:
            continue
        if mask == NONE or (found & DENY and not mask & DENY):
            speaker = who
        mask = found if mask == NONE else _both(mask, found)
        if mask == DENY:  # whatever the others say
            return mask, speaker
    if mask & NONE:
        mask = mask ^ NONE | _own(rule, query)
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
    said = YES
    if not rule.plain:
        said = context(rule, query)
        if said == NO:
            return NONE
    elif rule.data is None:
        return effect
    mask = effect
    if rule.data is not None:
        hit = data(rule, query)
        if hit != YES:
            miss = DENY if rule.only else NONE
            mask = miss if hit == NO else effect | miss
    return mask if said == YES else mask | NONE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one consent says: ``outcome`` (None: it is not consulted at all), where, and why in a few words."""

    instrument: Instrument
    outcome: Outcome | None
    why: str
    path: str
    review: bool

    def reason(self) -> Reason:
        """The same as a Reason of the gate."""
        return _reason(self.instrument, (self.outcome, self.why, self.path, self.review))


def _reason(instrument: Instrument, said: Said) -> Reason:
    """What this consent says as a Reason of the gate; worded once."""
    found = instrument.reasons.get(said)
    if found is None:
        outcome, why, path, _ = said
        text = words.reason(instrument, outcome or _SILENT, why)
        found = instrument.reasons[said] = Reason(instrument.source, outcome or _SILENT, path, text)
    return found


def judge(instrument: Instrument, query: Query, superseded: frozenset[str] = frozenset()) -> Verdict:
    """What one consent says about a request."""
    return Verdict(instrument, *_said(instrument, query, superseded))


def _said(instrument: Instrument, query: Query, superseded: frozenset[str]) -> Said:
    if why := _out_of_play(instrument, query, superseded):
        return None, why, "", False
    closes = query.action in instrument.closes
    if not closes and (instrument.problem or query.action not in instrument.refuses):
        return _NOT_ABOUT_IT
    if instrument.problem:
        return _DENIED, instrument.problem, "", True
    mask, rule = weigh(instrument.root, query)
    path = rule.path
    if mask & NONE and instrument.base != NONE:
        mask, path = _base(instrument, query, mask), (path if mask != NONE else "policyRule")
    if closes:
        return _verdict(instrument, query, mask, path)
    if mask == DENY and rule.data is None:
        return _DENIED, words.REFUSED, path, False
    return None, words.OTHER_SUBJECT, path, False


def _verdict(instrument: Instrument, query: Query, mask: int, path: str) -> Said:
    if mask == NONE:
        return _SAYS_NOTHING
    if mask == DENY:
        return _DENIED, words.FITS, path, False
    if mask != PERMIT:
        return _DENIED, words.UNKNOWN, path, True
    if why := _not_opened(instrument, query):
        return _SILENT, why, path, False
    if query.client is None:
        return _PERMITTED, words.FITS, path, False
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


def _of_proxy(instrument: Instrument, client: Client, query: Query, path: str) -> Said:
    """A permit, unless it was a proxy's for a minor who is of age now, or a minor's who may not sign alone."""
    if instrument.proxy:
        if client.born is None:
            return _DENIED, words.AGE_UNKNOWN, path, True
        of_age = birthday(client.born, client.majority)
        if query.wall.date() >= of_age and (instrument.signed or date.min) < of_age:
            return _SILENT, words.PROXY_OVER, path, True
    elif _signed_too_young(instrument, client):
        return _SILENT, words.TOO_YOUNG, path, True
    return _PERMITTED, words.FITS, path, False


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
    denies: list[Spoken] = []
    permits: list[Spoken] = []
    notes: list[Spoken] = []
    review = False
    for instrument in instruments:
        said = _said(instrument, query, superseded)
        if said[0] is _DENIED:
            denies.append((instrument, said))
            review |= said[3]
        elif said[0] is _PERMITTED:
            permits.append((instrument, said))
        elif said[3]:
            notes.append((instrument, said))
            review = True
    return _joined(query, denies, permits, notes, review)


def _joined(
    query: Query, denies: list[Spoken], permits: list[Spoken], notes: list[Spoken], review: bool
) -> Decision:
    if denies:
        return Decision(_DENIED, _reasons(denies), (), review)
    if permits:
        return Decision(_PERMITTED, _reasons(permits + notes), _duties(query, permits), review)
    noted = _reasons(notes)
    special = query.facts.special if query.facts else None
    if special in {PSYCHOTHERAPY_NOTE, SUD_COUNSELING_NOTE} and not originates(query):
        text = words.protected_default(_ONLY_BY[special])
        return Decision(_DENIED, (*noted, Reason("default", _DENIED, text=text)), review=review)
    return Decision(_SILENT, noted, (), review)


def _reasons(spoken: list[Spoken]) -> tuple[Reason, ...]:
    return tuple([i.reasons.get(said) or _reason(i, said) for i, said in spoken])


def _duties(query: Query, permits: list[Spoken]) -> tuple[str, ...]:
    """What goes with a permit: the notice of 42 CFR 2.32 with each disclosure of Part 2 records."""
    if query.action is not Action.DISCLOSE:
        return ()
    marked = query.facts is not None and query.facts.special in {*PART_2, SUD_COUNSELING_NOTE}
    by_part_2 = any(ConsentType.PART2_TPO in instrument.types for instrument, _ in permits)
    return (NOTICE_PART_2,) if marked or by_part_2 else ()
