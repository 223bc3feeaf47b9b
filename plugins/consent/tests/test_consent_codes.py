"""C-2, C-16, rule 6: codes, modifiers, periods and versions as consents of other systems carry them."""

from __future__ import annotations

from typing import Any

import pytest

from chartside.codes import concept
from chartside.gate.model import Action
from chartside_consent.engine import decide

REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CATEGORY = "http://terminology.hl7.org/CodeSystem/consentcategorycodes"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
LOINC = "http://loinc.org"
MARK = [{"url": "https://example.org/modifier", "valueBoolean": True}]
TO_8 = {"type": "permit", "actor": [{"role": {}, "reference": {"reference": "Practitioner/8"}}]}
NOT_8 = TO_8 | {"type": "deny"}
CARE_ONLY = {"type": "permit", "purpose": [{"system": REASON, "code": "TREAT"}]}


def but_not(**criteria: Any) -> dict[str, Any]:
    return {"type": "permit", "provision": [{"type": "deny", **criteria}]}


NO_SYSTEM = {
    # name: (root, labels of the data)
    "a label of the scale": (but_not(securityLabel=[{"code": "R"}]), "R"),
    "a sensitivity": (but_not(securityLabel=[{"code": "PSY"}]), "PSY"),
    "a code": (but_not(code=[{"coding": [{"code": "29463-7"}]}]), "N"),
    "a purpose": (but_not(purpose=[{"code": "TREAT"}]), "N"),
}


@pytest.mark.parametrize("name", NO_SYSTEM)
def test_a_code_without_a_system_still_denies(name, consent, ask, as_r5, observation) -> None:
    """Rule 6: what a system was left out of is no way around a denial, in R4 and R5."""
    root, label = NO_SYSTEM[name]
    for form in (consent(root=root), as_r5(consent(root=root))):
        assert not decide([form], ask(resource=observation(label))).permitted


def test_a_label_of_the_data_without_a_system_counts(consent, ask, observation) -> None:
    """Rule 6: the same of the data's own label."""
    root = but_not(securityLabel=[{"system": ACT_CODE, "code": "PSY"}])
    data = observation("N")
    data["meta"]["security"].append({"code": "PSY"})
    assert decide([consent(root=root)], ask(resource=data)).outcome.value == "deny"


def note(code: str) -> dict[str, Any]:
    return {"resourceType": "DocumentReference", "id": "d", "type": concept(LOINC, code)}


@pytest.mark.parametrize(("code", "permitted"), [("11488-4", False), ("34133-9", True)])
def test_a_type_of_document(code, permitted, consent, ask, as_r5) -> None:
    """C-2, C-16: R4 ``class`` and R5 ``documentType`` name a document by its code; others are not meant."""
    root = but_not(**{"class": [{"system": LOINC, "code": "11488-4"}]})
    for form in (consent(root=root), as_r5(consent(root=root))):
        assert decide([form], ask(resource=note(code))).permitted is permitted


@pytest.mark.parametrize(
    "more",
    [
        {"policy": [{"uri": "https://example.org/p", "modifierExtension": MARK}]},
        {"policyBasis": {"url": "https://example.org/p", "modifierExtension": MARK}},
        {"verification": [{"verified": True, "modifierExtension": MARK}]},
    ],
)
def test_a_modifier_anywhere_is_not_ignored(more, consent, ask) -> None:
    """Rule 6: a modifier extension of the policy or of the verification is one of the consent, too."""
    decision = decide([consent(**more)], ask())
    assert (decision.outcome.value, decision.review) == ("deny", True)


@pytest.mark.parametrize("element", ["period", "dataPeriod"])
def test_a_period_that_ends_before_it_begins_cannot_be_computed(element, consent, ask, as_r5) -> None:
    """Rule 6: a denial for no time at all was meant for some time."""
    root = but_not(**{element: {"start": "2026-12-01", "end": "2026-11-01"}})
    for form in (consent(root=root), as_r5(consent(root=root))):
        assert decide([form], ask()).review


RULES = {
    # code: (provision, whether another than Practitioner/8 is permitted)
    "OPTIN": (NOT_8, "permit"),
    "OPTINR": (NOT_8, "permit"),
    "OPTOUT": (TO_8, "deny"),
    "OPTOUTE": (TO_8, "deny"),
}


@pytest.mark.parametrize("code", RULES)
def test_the_base_rule_in_its_variants(code, consent, ask) -> None:
    """C-2: opt-in with restrictions and opt-out with exceptions are base rules like their plain forms."""
    provision, expected = RULES[code]
    found = decide([consent(root={"provision": [provision]}, policyRule=concept(ACT_CODE, code))], ask())
    assert found.outcome.value == expected


@pytest.mark.parametrize(
    "more", [{"category": [concept(CATEGORY, "emrgonly")]}, {"policyRule": concept(ACT_CODE, "EMRGONLY")}]
)
def test_emergencies_only(more, consent, ask) -> None:
    """C-2: ``emrgonly`` limits disclosure to emergency treatment (v3-ActCode); it is no advance directive."""
    told = consent(root={}, **more)
    outcomes = [decide([told], ask(purpose=p)).outcome.value for p in ("TREAT", "ETREAT", "BTG")]
    assert outcomes == ["deny", "permit", "permit"]


def test_treatment_in_an_emergency_is_treatment(consent, ask) -> None:
    """C-2: v3-ActReason puts ETREAT under TREAT; breaking the glass is left to a provision of its own (PCF)."""
    outcomes = [decide([consent(root=CARE_ONLY)], ask(purpose=p)).outcome.value for p in ("ETREAT", "BTG")]
    assert outcomes == ["permit", "none"]


@pytest.mark.parametrize(
    "code", [(CATEGORY, "rsdid"), (CATEGORY, "rsreid"), (ACT_CODE, "RESEARCH"), (LOINC, "64293-4")]
)
def test_consents_to_research_or_a_procedure_release_nothing(code, consent, ask, as_r5) -> None:
    """C-2, C-16: what is asked of a consent to something else is not taken for a release of information."""
    old = consent(category=[concept(*code)], scope=concept(SCOPE, "research"))
    for form in (old, as_r5(old)):
        assert not decide([form], ask(Action.DISCLOSE)).permitted


@pytest.mark.parametrize("first", ["b7", "7"])
def test_the_last_version_counts_whatever_its_name(first, consent, ask) -> None:
    """C-3, C-5: where versions are no numbers, the time at which the server stored them tells the last."""
    old = consent(meta={"versionId": first, "lastUpdated": "2026-01-01T00:00:00Z"})
    new = consent(meta={"versionId": "a1", "lastUpdated": "2026-02-01T00:00:00+01:00"}, status="inactive")
    for pile in ([old, new], [new, old]):
        assert decide(pile, ask()).outcome.value == "none"


def test_one_that_cannot_be_computed_still_supersedes(consent, ask) -> None:
    """C-3, C-6: the old one does not come back because the new one cannot be read."""
    link = {
        "url": "https://chartside.dev/fhir/StructureDefinition/consent-replaces",
        "valueReference": {"reference": "Consent/c1"},
    }
    new = consent("text-messages", root=but_not(period={"end": "soon"}), id="c2", extension=[link])
    assert decide([consent(), new], ask()).outcome.value == "none"
