from __future__ import annotations

import itertools
from typing import Any

import pytest

from chartside.codes import CONSENT_TYPE_SYSTEM, coding, concept
from chartside.gate.model import Action
from chartside_consent.compiling import compile_consent
from chartside_consent.engine import decide

REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONF = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
TPO = [{"system": REASON, "code": code} for code in ("TREAT", "HPAYMT", "HOPERAT")]
RESTRICTED = [{"system": CONF, "code": "R"}]
EIGHT = [{"role": {}, "reference": {"reference": "Practitioner/8"}}]
PERIOD = {"start": "2026-01-01", "end": "2026-11-24"}


def r5(kind: str = "privacy", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "category": [concept(CONSENT_TYPE_SYSTEM, kind)],
        "subject": {"reference": "Patient/1"},
        "date": "2026-01-05",
        "grantor": [{"reference": "Patient/1"}],
        "controller": [{"reference": "Organization/practice"}],
        **more,
    }


PAIRS = {
    "plain permit": ({"type": "permit"}, {"decision": "permit"}),
    "plain deny": ({"type": "deny"}, {"decision": "deny"}),
    "permit but restricted data": (
        {"type": "permit", "provision": [{"type": "deny", "securityLabel": RESTRICTED}]},
        {"decision": "permit", "provision": [{"securityLabel": RESTRICTED}]},
    ),
    "permit but restricted data, but for one": (
        {
            "type": "permit",
            "provision": [
                {
                    "type": "deny",
                    "securityLabel": RESTRICTED,
                    "provision": [{"type": "permit", "actor": EIGHT}],
                }
            ],
        },
        {"decision": "permit", "provision": [{"securityLabel": RESTRICTED, "provision": [{"actor": EIGHT}]}]},
    ),
    "deny but to one for care": (
        {"type": "deny", "provision": [{"type": "permit", "actor": EIGHT, "purpose": TPO}]},
        {"decision": "deny", "provision": [{"actor": EIGHT, "purpose": TPO}]},
    ),
    "for care only": (
        {"type": "permit", "purpose": TPO},
        {"decision": "permit", "provision": [{"purpose": TPO}]},
    ),
    "for care only, observations only": (
        {"type": "permit", "purpose": TPO, "class": [{"code": "Observation"}]},
        {"decision": "permit", "provision": [{"purpose": TPO, "resourceType": [{"code": "Observation"}]}]},
    ),
    "in a period": (
        {"type": "permit", "period": PERIOD},
        {"decision": "permit", "period": PERIOD},
    ),
    "in a period that is over": (
        {"type": "permit", "period": {"end": "2026-11-23"}},
        {"decision": "permit", "period": {"end": "2026-11-23"}},
    ),
    "but not to one, nor for marketing, nor restricted data": (
        {
            "type": "permit",
            "provision": [
                {"type": "deny", "actor": EIGHT},
                {"type": "deny", "purpose": [coding(REASON, "HMARKT")]},
                {"type": "deny", "securityLabel": RESTRICTED},
            ],
        },
        {
            "decision": "permit",
            "provision": [
                {"actor": EIGHT},
                {"purpose": [coding(REASON, "HMARKT")]},
                {"securityLabel": RESTRICTED},
            ],
        },
    ),
    "only to one": (
        {"type": "deny", "provision": [{"type": "permit", "actor": EIGHT}]},
        {"decision": "deny", "provision": [{"actor": EIGHT}]},
    ),
    "class by its name of R4, one concept in the place of a list": (
        {"type": "permit", "provision": [{"type": "deny", "class": [{"code": "Observation"}]}]},
        {
            "decision": "permit",
            "provision": [{"class": [{"code": "Observation"}]}],
            "regulatoryBasis": concept(ACT_CODE, "hipaa-self-pay"),
        },
    ),
    "nothing said": ({}, {"regulatoryBasis": [concept(ACT_CODE, "INFA")]}),
}


def test_the_same_consent_in_r4_and_r5(consent, ask, observation, each) -> None:
    """C-16: the same consent in both forms decides alike."""

    def check(name, actor, purpose, label) -> None:
        old, new = PAIRS[name]
        request = ask(actor=actor, purpose=purpose, resource=observation(label))
        first, second = decide([consent(root=old)], request), decide([r5(**new)], request)
        assert first.permitted == second.permitted
        if name.startswith(("plain", "in ", "for care")):
            assert first.outcome == second.outcome

    actors, purposes = ["Practitioner/7", "Practitioner/8"], ["TREAT", "HPAYMT", "HRESCH"]
    each(itertools.product(PAIRS, actors, purposes, ["N", "R"]), check)


def test_hl7s_own_example_in_r5(ask) -> None:
    """C-16: consent-example-OrgToOrg of FHIR R5: denied, but disclosure to one organisation is allowed."""
    there = {"reference": "Organization/f203"}
    disclose = [concept("http://terminology.hl7.org/CodeSystem/consentaction", "disclose")]
    example = r5(
        "release", decision="deny", provision=[{"actor": [{"reference": there}], "action": disclose}]
    )
    assert decide([example], ask(Action.DISCLOSE, actor="Organization/f203")).permitted
    assert not decide([example], ask(Action.DISCLOSE, actor="Organization/f204")).permitted
    assert not decide([example], ask(Action.READ, actor="Organization/f203")).permitted


def test_a_constraint_for_care_opens_nothing_else(ask) -> None:
    """C-16: "permit" with a provision for treatment is read as a constraint, and never opens what lies outside."""
    example = r5(decision="permit", provision=[{"purpose": TPO}, {"securityLabel": RESTRICTED}])
    assert decide([example], ask(purpose="HRESCH")).outcome.value != "permit"


@pytest.mark.parametrize(
    "change",
    [
        {"provision": [{"purpose": TPO}]},
        {
            "decision": "permit",
            "provision": [{"expression": {"language": "text/fhirpath", "expression": "true"}}],
        },
        {"decision": "maybe"},
        {"decision": "permit", "modifierExtension": [{"url": "https://example.org/x"}]},
    ],
)
def test_r5_that_is_not_understood(change, ask) -> None:
    """C-16 and rule 6: no decision but criteria, an expression, unknown codes."""
    decision = decide([r5(**change)], ask())
    assert (decision.outcome.value, decision.review) == ("deny", True)


def test_a_proxy_in_r5() -> None:
    """C-14, C-16: who granted it."""
    assert compile_consent(r5(decision="permit", grantor=[{"reference": "RelatedPerson/m"}])).proxy
    assert not compile_consent(r5(decision="permit")).proxy


@pytest.mark.parametrize("kind", ["release", "research", "ai-use", "part2-tpo", "psychotherapy-notes"])
def test_what_an_authorisation_names_is_what_it_allows(kind, ask) -> None:
    """C-16: "permit" with a recipient is for that recipient, never for everybody else."""
    action = Action.AI if kind == "ai-use" else Action.DISCLOSE
    example = r5(kind, decision="permit", provision=[{"actor": EIGHT}])
    asked = {"purpose": "HRESCH"} if kind == "research" else {}
    assert not decide([example], ask(action, actor="Practitioner/7", **asked)).permitted
    if kind != "psychotherapy-notes":  # those speak about notes only
        assert decide([example], ask(action, actor="Practitioner/8", **asked)).permitted


def test_a_text_consent_in_r5_may_leave_out_a_category(ask) -> None:
    """R-6, C-16: a category is data, and data is an exception."""
    billing = concept("https://chartside.dev/fhir/CodeSystem/message-category", "billing")
    example = r5("text-messages", decision="permit", provision=[{"code": [billing]}])
    assert decide([example], ask(Action.SMS, category="reminder")).permitted
    assert not decide([example], ask(Action.SMS, category="billing")).permitted


@pytest.mark.parametrize("named", ["HRESCH", "HMARKT"])
@pytest.mark.parametrize("asked", ["TREAT", "HRESCH", "HMARKT"])
def test_a_refusal_of_purposes_allows_nothing(named, asked, ask) -> None:
    """C-16, rule 6: "deny" and marketing alone: only that, or not that? It opens nothing, and is shown."""
    example = r5(decision="deny", provision=[{"purpose": [coding(REASON, named)]}])
    decision = decide([example], ask(purpose=asked))
    assert (decision.outcome.value, decision.review) == ("deny", True)


PCF = {"profile": ["https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentBasic"]}
TO_EIGHT = {"purpose": TPO, "actor": EIGHT}
MARKETING = {"purpose": [coding(REASON, "HMARKT")]}
RESEARCH = {"purpose": [coding(REASON, "HRESCH")]}
EMERGENCY = {"purpose": [coding(REASON, "ETREAT")]}
NORMAL = {"securityLabel": [coding(CONF, "N")]}
WAYS = {
    # name: (R5, what is asked, whether it is permitted)
    "only for care, said by a denial": ({"decision": "deny", "provision": [{"purpose": TPO}]}, {}, True),
    "and nothing else": ({"decision": "deny", "provision": [{"purpose": TPO}]}, {"purpose": "HRESCH"}, False),
    "PCF: care refused": ({"decision": "deny", "provision": [{"purpose": TPO}], "meta": PCF}, {}, False),
    "PCF: research": (
        {"decision": "permit", "provision": [RESEARCH], "meta": PCF},
        {"purpose": "HRESCH"},
        True,
    ),
    "PCF: to one for care": ({"decision": "permit", "provision": [TO_EIGHT], "meta": PCF}, {}, False),
    "all but marketing": ({"decision": "permit", "provision": [MARKETING]}, {}, True),
    "marketing": ({"decision": "permit", "provision": [MARKETING]}, {"purpose": "HMARKT"}, False),
    "neither marketing nor research": (
        {"decision": "permit", "provision": [MARKETING, RESEARCH]},
        {"purpose": "HRESCH"},
        False,
    ),
    "nothing but in an emergency": (
        {"decision": "deny", "provision": [EMERGENCY]},
        {"purpose": "ETREAT"},
        True,
    ),
    "up to normal": ({"decision": "permit", "provision": [NORMAL]}, {"resource": "N"}, True),
    "above normal": ({"decision": "permit", "provision": [NORMAL]}, {"resource": "R"}, False),
    "a provision that only holds others": (
        {"decision": "permit", "provision": [{"provision": [{"actor": EIGHT}]}]},
        {},
        True,
    ),
    "and what it holds": (
        {"decision": "permit", "provision": [{"provision": [{"actor": EIGHT}]}]},
        {"actor": "Practitioner/8"},
        False,
    ),
    "types kept, moved root": (
        {"decision": "permit", "provision": [{"type": "permit", "purpose": TPO}]},
        {"purpose": "HRESCH"},
        False,
    ),
    "types kept, exceptions": (
        {"decision": "permit", "provision": [{"type": "deny", **RESEARCH}, {"type": "deny", **MARKETING}]},
        {},
        True,
    ),
    "a type in place of a decision": ({"provision": {"type": "permit", "purpose": TPO}}, {}, True),
}


@pytest.mark.parametrize("name", WAYS)
def test_ways_to_write_r5(name, ask, observation) -> None:
    """C-16: exceptions, as HL7 has it, and limits where an exception would make no sense."""
    new, asked, permitted = WAYS[name]
    if "resource" in asked:
        asked = asked | {"resource": observation(asked["resource"])}
    assert decide([r5(**new)], ask(**asked)).permitted is permitted


@pytest.mark.parametrize(
    "provision", [TO_EIGHT, RESEARCH, {"purpose": TPO, "securityLabel": RESTRICTED}], ids=["to", "for", "of"]
)
@pytest.mark.parametrize("actor", ["Practitioner/7", "Practitioner/8"])
@pytest.mark.parametrize("purpose", ["TREAT", "HRESCH"])
def test_what_can_be_read_both_ways_opens_nothing(provision, actor, purpose, ask) -> None:
    """C-16 and rule 6: "only that" or "not that"? HL7's example No-Emergency is written as PCF would write a permit."""
    decision = decide([r5(decision="permit", provision=[provision])], ask(actor=actor, purpose=purpose))
    assert (decision.outcome.value, decision.review) == ("deny", True)
