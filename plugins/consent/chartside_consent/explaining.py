"""The whole story of one decision: what each consent said, and which rule decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from chartside.codes import ACT_REASON_SYSTEM, PURPOSE_SYSTEM
from chartside.gate.model import Decision, Outcome, default_of

from . import words
from .engine import Verdict, answer, judge, superseded_by
from .query import Query
from .rules import Instrument


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision, and every consent that was looked at with what it said and why."""

    query: Query
    decision: Decision
    considered: tuple[Verdict, ...]

    @property
    def default(self) -> Outcome:
        """What holds where no consent speaks."""
        query = self.query
        data = query.facts.resource if query.facts else None
        codes = [c for system, c in query.purposes if system in (ACT_REASON_SYSTEM, PURPOSE_SYSTEM)]
        free = any(default_of(query.action, code, data) is Outcome.PERMIT for code in codes or [""])
        return Outcome.PERMIT if free else Outcome.DENY

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``--json``: ids, codes and plain words, nothing of the client's data."""
        decision = self.decision
        return {
            "outcome": decision.outcome.value,
            "permitted": decision.permitted,
            "default": self.default.value,
            "review": decision.review,
            "obligations": list(decision.obligations),
            "reasons": [
                {"source": r.source, "outcome": r.outcome.value, "path": r.path, "text": r.text}
                for r in decision.reasons
            ],
            "considered": [_verdict(v) for v in self.considered],
        }

    def lines(self) -> list[str]:
        """The same in plain words."""
        decision = self.decision
        found = [f"{decision.outcome.value.upper()}: {_headline(self)}"]
        found += [f"  {r.text} [{r.source}{' ' + r.path if r.path else ''}]" for r in decision.reasons]
        found += [f"  duty: {_DUTIES.get(duty, duty)}" for duty in decision.obligations]
        if decision.review:
            found.append("  The staff is asked to look at this.")
        silent = [v for v in self.considered if v.outcome in (None, Outcome.NONE) and not v.review]
        if silent:
            found.append("Also looked at:")
            found += [f"  {v.instrument.source}: {words.title(v.instrument)}; {v.why}." for v in silent]
        return found


_DUTIES = {"42-cfr-2.32-notice": "the notice of 42 CFR 2.32 goes with this disclosure"}


def _headline(explanation: Explanation) -> str:
    action = explanation.query.action.value
    match explanation.decision.outcome:
        case Outcome.PERMIT:
            return f"{action} is allowed."
        case Outcome.DENY:
            return f"{action} is not allowed."
        case _:
            return f"no consent speaks about it; the rule for {action} is then: {explanation.default.value}."


def _verdict(verdict: Verdict) -> dict[str, Any]:
    instrument = verdict.instrument
    return {
        "source": instrument.source,
        "types": sorted(instrument.types),
        "base": instrument.base_text,
        "outcome": verdict.outcome.value if verdict.outcome else "not consulted",
        "path": verdict.path,
        "why": verdict.why,
    }


def explain_all(instruments: Sequence[Instrument], queries: Sequence[Query]) -> Explanation:
    """One request for several purposes: it is allowed when it is for each of them, else the strictest answer holds."""
    found = [explain(instruments, query) for query in queries]
    for outcome in (Outcome.DENY, Outcome.NONE):
        for one in found:
            if one.decision.outcome is outcome:
                return one
    reasons = dict.fromkeys(reason for one in found for reason in one.decision.reasons)
    duties = dict.fromkeys(duty for one in found for duty in one.decision.obligations)
    review = any(one.decision.review for one in found)
    return replace(found[0], decision=Decision(Outcome.PERMIT, tuple(reasons), tuple(duties), review))


def explain(instruments: Sequence[Instrument], query: Query) -> Explanation:
    """Decide, and keep what each consent said."""
    superseded = superseded_by(instruments)
    verdicts = tuple(judge(instrument, query, superseded) for instrument in instruments)
    return Explanation(query, answer(instruments, query), verdicts)
