"""C-3: nothing that takes consent away ever widens access, and order does not matter."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chartside.codes import CONSENT_TYPE_SYSTEM, concept
from chartside.gate.model import Action, DecisionRequest
from chartside_consent.compiling import REPLACES
from chartside_consent.engine import decide

REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONF = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
CONSENT_ACTION = "http://terminology.hl7.org/CodeSystem/consentaction"
AT = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)

purposes = st.sampled_from(["TREAT", "HPAYMT", "HRESCH", "CLINTRCH", "BTG"]).map(
    lambda c: {"system": REASON, "code": c}
)
labels = st.sampled_from(
    [(CONF, "N"), (CONF, "R"), (ACT_CODE, "PSY"), (ACT_CODE, "ETH"), (ACT_CODE, "ETHUD")]
).map(lambda k: {"system": k[0], "code": k[1]})
references = st.sampled_from(["Practitioner/7", "Practitioner/8", "Group/g", "Organization/o", ""])
actors = references.map(lambda r: {"role": {}, "reference": {"reference": r} if r else {"display": "x"}})
dates = st.sampled_from(["2025-12-31", "2026-11-23", "2026-11-24", "2026-11-25", "2027", "2026-11"])
periods = st.fixed_dictionaries({}, optional={"start": dates, "end": dates})
data = st.fixed_dictionaries(
    {
        "meaning": st.sampled_from(["instance", "related", "authoredby", "dependents"]),
        "reference": st.sampled_from(["Observation/o1", "Encounter/e1", "Practitioner/9"]).map(
            lambda r: {"reference": r}
        ),
    }
)
actions = st.sampled_from(["access", "disclose", "use"]).map(lambda c: concept(CONSENT_ACTION, c))


def some(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, min_size=1, max_size=2)


criteria = {
    "purpose": some(purposes),
    "actor": some(actors),
    "action": some(actions),
    "period": periods,
    "securityLabel": some(labels),
    "dataPeriod": periods,
    "class": some(st.sampled_from(["Observation", "Condition"]).map(lambda c: {"code": c})),
    "data": some(data),
}
effects = st.sampled_from(["permit", "deny"])
leaves = st.fixed_dictionaries({"type": effects}, optional=criteria)
provisions = st.recursive(
    leaves,
    lambda inner: st.fixed_dictionaries({"type": effects, "provision": some(inner)}, optional=criteria),
    max_leaves=5,
)
kinds = st.sampled_from(["privacy", "text-messages", "release", "part2-tpo", "ai-use", "psychotherapy-notes"])
statuses = st.sampled_from(["active", "active", "active", "inactive", "draft"])
consents = st.builds(
    lambda kind, root, status: {
        "resourceType": "Consent",
        "status": status,
        "category": [concept(CONSENT_TYPE_SYSTEM, kind)],
        "patient": {"reference": "Patient/1"},
        "provision": root,
    },
    kinds,
    provisions,
    statuses,
)
resources = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(["Observation", "Condition"]), "id": st.just("o1")},
    optional={
        "meta": st.lists(labels, max_size=2).map(lambda found: {"security": found}),
        "effectiveDateTime": dates,
        "performer": st.just([{"reference": "Practitioner/9"}]),
        "encounter": st.just({"reference": "Encounter/e1"}),
    },
)
requests = st.builds(
    lambda action, purpose, actor, resource: DecisionRequest(
        "Patient/1", action, AT, purpose=purpose["code"], actor=actor, resource=resource
    ),
    st.sampled_from([Action.READ, Action.DISCLOSE, Action.SMS, Action.AI]),
    purposes,
    st.sampled_from(["Practitioner/7", "Practitioner/8", ""]),
    st.none() | resources,
)
piles = st.lists(consents, max_size=4).map(
    lambda found: [{**consent, "id": f"c{n}"} for n, consent in enumerate(found)]
)
IDLE = ["draft", "proposed", "rejected", "inactive", "entered-in-error"]
few = settings(max_examples=15, deadline=None)  # test_thousands does more of each


def permitted(found: list[dict[str, Any]], request: DecisionRequest) -> bool:
    return decide(found, request).permitted


@few
@given(piles, requests, st.randoms())
def test_order_does_not_matter(
    pile: list[dict[str, Any]], request: DecisionRequest, rng: random.Random
) -> None:
    """C-3: the same consents in another order give the same decision for the same reasons."""
    shuffled = rng.sample(pile, len(pile))
    first, second = decide(pile, request), decide(shuffled, request)
    assert (first.outcome, first.review, set(first.reasons)) == (
        second.outcome,
        second.review,
        set(second.reasons),
    )


@few
@given(piles, consents, requests)
def test_adding_a_consent_that_denies_denies(pile: Any, extra: Any, request: DecisionRequest) -> None:
    """C-3: what one consent denies, no others can permit; and only what permits alone can add a permit."""
    extra = {**extra, "id": "extra"}
    alone, before = decide([extra], request).outcome.value, permitted(pile, request)
    after = permitted([*pile, extra], request)
    if alone == "deny" and extra["status"] == "active" and request.resource is None:
        assert not after
    if alone != "permit":
        assert after <= before


@few
@given(
    piles,
    requests,
    st.integers(0, 3),
    st.sampled_from(["inactive", "entered-in-error", "rejected", "expired"]),
)
def test_revoking_and_expiring_never_widens(pile: Any, request: DecisionRequest, n: int, how: str) -> None:
    """C-3: taking away a consent that denies nothing gives nobody access."""
    if n >= len(pile) or decide([pile[n]], request).outcome.value == "deny":
        return
    changed = deepcopy(pile)
    if how == "expired":
        changed[n]["provision"]["period"] = {"end": "2026-11-23"}
    else:
        changed[n]["status"] = how
    assert permitted(changed, request) <= permitted(pile, request)


@few
@given(
    piles,
    requests,
    consents,
    st.sampled_from(IDLE),
)
def test_what_is_not_active_has_no_effect(
    pile: Any, request: DecisionRequest, extra: Any, status: str
) -> None:
    """C-3: draft, proposed, rejected, inactive, entered-in-error change nothing, neither outcome nor reasons."""
    assert decide([*pile, {**extra, "id": "extra", "status": status}], request) == decide(pile, request)


@few
@given(piles, requests, leaves, st.randoms())
def test_adding_a_denial_anywhere_never_widens(
    pile: Any, request: DecisionRequest, leaf: Any, rng: Any
) -> None:
    """C-3: a deny put at any place of any consent's provisions takes access away, or leaves it."""
    if not pile:
        return
    changed = deepcopy(pile)
    place = rng.choice(changed)["provision"]
    while place.get("provision") and rng.random() < 0.6:
        place = rng.choice(place["provision"])
    place.setdefault("provision", []).append({**leaf, "type": "deny"})
    assert permitted(changed, request) <= permitted(pile, request)


LESS = ("actor", "labels", "date", "author", "data")


def knowing_less(request: DecisionRequest, what: str) -> DecisionRequest:
    """The same request with one thing less known about it."""
    if what == "actor":
        return replace(request, actor="")
    resource = dict(request.resource) if request.resource else None
    if what == "data":
        return replace(request, resource=None)
    if resource:
        resource.pop({"labels": "meta", "date": "effectiveDateTime", "author": "performer"}[what], None)
    return replace(request, resource=resource)


@few
@given(piles, requests, st.sampled_from(LESS))
def test_knowing_less_never_permits_more(pile: Any, request: DecisionRequest, what: str) -> None:
    """Rule 6: what is permitted without knowing something is permitted whatever it turns out to be."""
    if what == "data" and request.action not in (Action.READ, Action.DISCLOSE):
        return  # a message is about no data
    if permitted(pile, knowing_less(request, what)):
        assert permitted(pile, request)


@few
@given(piles, requests, st.randoms())
def test_saying_it_twice_changes_nothing(pile: Any, request: DecisionRequest, rng: random.Random) -> None:
    """C-3: copies of consents, each under an id of its own and shuffled in, leave the outcome as it is."""
    copies = [{**consent, "id": f"copy{n}"} for n, consent in enumerate(pile)]
    both = rng.sample([*pile, *copies], 2 * len(pile))
    assert decide(both, request).outcome is decide(pile, request).outcome


@few
@given(piles, requests, st.randoms())
def test_superseding_never_widens_what_the_new_one_allows(
    pile: Any, request: DecisionRequest, rng: random.Random
) -> None:
    """C-3, C-6: after a consent is superseded, the decision is that of the pile without it."""
    if len(pile) < 2:
        return
    new, old = rng.sample(pile, 2)
    link = {"url": REPLACES, "valueReference": {"reference": f"Consent/{old['id']}"}}
    linked = [{**c, "extension": [link]} if c is new else c for c in pile]
    if new["status"] == "active":
        assert decide(linked, request).outcome is decide([c for c in pile if c is not old], request).outcome


@few
@given(piles, requests)
def test_a_permit_names_active_consents(pile: Any, request: DecisionRequest) -> None:
    """C-1: every reason of a permit is an active consent of the pile, with the place in it."""
    decision = decide(pile, request)
    active = {f"Consent/{c['id']}" for c in pile if c["status"] == "active"}
    if decision.permitted:
        assert decision.reasons
        assert all(r.source in active and r.path.startswith("provision") for r in decision.reasons)


PROPERTIES = {
    test_order_does_not_matter: (piles, requests, st.randoms()),
    test_adding_a_consent_that_denies_denies: (piles, consents, requests),
    test_adding_a_denial_anywhere_never_widens: (piles, requests, leaves, st.randoms()),
    test_knowing_less_never_permits_more: (piles, requests, st.sampled_from(LESS)),
    test_saying_it_twice_changes_nothing: (piles, requests, st.randoms()),
    test_superseding_never_widens_what_the_new_one_allows: (piles, requests, st.randoms()),
    test_revoking_and_expiring_never_widens: (
        piles,
        requests,
        st.integers(0, 3),
        st.sampled_from(["inactive", "entered-in-error", "rejected", "expired"]),
    ),
    test_what_is_not_active_has_no_effect: (piles, requests, consents, st.sampled_from(IDLE)),
    test_a_permit_names_active_consents: (piles, requests),
}


@pytest.mark.slow
@pytest.mark.parametrize("test", PROPERTIES)
def test_thousands(test: Any) -> None:
    """C-3: the same properties over thousands of consents and requests."""
    thorough = given(*PROPERTIES[test])(test.hypothesis.inner_test)
    settings(max_examples=3000, deadline=None)(thorough)()
