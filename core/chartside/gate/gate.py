"""The gate: declared purpose, consent, law; in this order, and each may only narrow what the one before allowed.

Fail closed: a decider that raises, hangs, answers nonsense or is enabled but not loaded counts as a deny for
everything but the crisis card. A server that cannot be reached is not a deny but an error that may be retried.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chartside.errors import ChartsideError, FhirError, PluginError
from chartside.gate.model import Action, Decision, DecisionRequest, Outcome, Reason, default_of
from chartside.plugins import Plugins, bounded

if TYPE_CHECKING:
    from chartside.context import Context

FEATURE = "decides"
"""The manifest feature of a plugin that implements ``chartside_decide``."""

PATIENCE = 300.0
"""Seconds for the decisions of one batch, the EHR's retries included; who takes longer denies."""

UNASKED = "No consent plugin is enabled, so nobody looked for a restriction (45 CFR 164.522)."
"""Ends the reason of a disclosure that nobody was asked about."""

Policy = Callable[[DecisionRequest], "Decision | None"]
_log = logging.getLogger("chartside.gate")


class Gate:
    """Asks all deciders and joins their answers. ``context_of`` gives a decider's own context."""

    def __init__(self, plugins: Plugins, context_of: Callable[[str], Context], policy: Policy) -> None:
        self._plugins, self._context_of, self._policy = plugins, context_of, policy
        self._told = False

    def decide(self, requests: Sequence[DecisionRequest]) -> list[Decision]:
        """One decision for each request, in order; ``outcome`` is permit or deny, never none.

        Raises a retryable FhirError where the consents cannot be read now.
        """
        if not requests:
            return []
        answers = [self._ask(name, requests) for name in self._deciders()]
        if not answers:
            self._tell_once()
        joined = [join(request, [column[n] for column in answers]) for n, request in enumerate(requests)]
        return [
            self._with_policy(request, decision) for request, decision in zip(requests, joined, strict=True)
        ]

    def _deciders(self) -> list[str]:
        found = self._plugins.found.values()
        return [p.name for p in found if p.enabled and p.manifest and p.manifest.declares(FEATURE)]

    def _ask(self, name: str, requests: Sequence[DecisionRequest]) -> list[Decision]:
        """One decider's answers, or a deny for each where it cannot answer."""
        try:
            context = self._context_of(name)
            ask = partial(self._plugins.call, "chartside_decide", name, context=context, requests=requests)
            answer = bounded(ask, name, PATIENCE)
            given = answer if isinstance(answer, list | tuple) else ()
            if len(given) == len(requests) and all(isinstance(each, Decision) for each in given):
                return list(given)
            problem = "gave no answer"
        except PluginError as error:
            self._plugins.set_aside(name, error)
            problem = "was set aside"
        except FhirError as error:
            if error.retryable:
                raise
            problem = f"failed: {type(error).__name__}"
        except ChartsideError as error:
            problem = f"failed: {type(error).__name__}"
        except Exception as error:
            self._plugins.set_aside(name, error)
            problem = "was set aside"
        return [_refusal(f"{name} {problem}")] * len(requests)

    def _tell_once(self) -> None:
        if not self._told:
            _log.warning(
                "no consent plugin is enabled: whatever needs a consent is refused -> enable [plugins.consent]"
            )
        self._told = True

    def _with_policy(self, request: DecisionRequest, decision: Decision) -> Decision:
        """The law may forbid what a consent permits, and lay duties on it; it never permits."""
        if request.action is Action.CRISIS:
            return decision
        law = self._policy(request)
        if law is None:
            return decision
        outcome = Outcome.DENY if Outcome.DENY in (law.outcome, decision.outcome) else decision.outcome
        return Decision(
            outcome,
            decision.reasons + law.reasons,
            decision.obligations + law.obligations,
            decision.review or law.review,
        )


def _refusal(text: str) -> Decision:
    return Decision(Outcome.DENY, (Reason("gate", Outcome.DENY, text=text),), review=True)


def join(request: DecisionRequest, answers: Sequence[Decision]) -> Decision:
    """Deny wins, then permit, then the action's default (``model.default_of``)."""
    if request.action is Action.CRISIS:
        text = "A crisis card and the number 988 are always allowed."
        return Decision(Outcome.PERMIT, (Reason("default", Outcome.PERMIT, text=text),))
    outcomes = {answer.outcome for answer in answers}
    reasons = tuple(reason for answer in answers for reason in answer.reasons)
    duties = tuple(duty for answer in answers for duty in answer.obligations)
    review = any(answer.review for answer in answers)
    for outcome in (Outcome.DENY, Outcome.PERMIT):
        if outcome in outcomes:
            return Decision(outcome, reasons, duties, review)
    default = default_of(request.action, request.purpose, request.resource)
    text = _default_text(request.action, default, asked=bool(answers))
    return Decision(default, (*reasons, Reason("default", default, text=text)), duties, review)


def _default_text(action: Action, default: Outcome, *, asked: bool) -> str:
    if action is Action.DISCLOSE and default is Outcome.PERMIT:
        text = "No consent speaks about it; a claim may go out for payment (45 CFR 164.506(c))."
        return text if asked else f"{text} {UNASKED}"
    return f"No consent speaks about it; the rule for {action.value!r} is then: {default.value}."
