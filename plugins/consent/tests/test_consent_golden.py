"""C-1: whole explanations, as they are shown, compared with files that were read and found right."""

from __future__ import annotations

from pathlib import Path

import pytest

from chartside.codes import concept
from chartside.gate.model import Action
from chartside_consent.compiling import compile_all
from chartside_consent.explaining import explain
from chartside_consent.query import prepare

GOLDEN = Path(__file__).parent / "golden"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
EIGHT = [{"role": {}, "reference": {"reference": "Practitioner/8"}}]
TREAT = [{"system": REASON, "code": "TREAT"}]
VERSION = {"meta": {"versionId": "3"}}
NO_EIGHT = {"type": "permit", "purpose": TREAT, "provision": [{"type": "deny", "actor": EIGHT}]}

CASES = {
    "permit": lambda c: [c(**VERSION, root=NO_EIGHT)],
    "deny": lambda c: [c(**VERSION, root=NO_EIGHT | {"provision": [{"type": "deny", "purpose": TREAT}]})],
    "deny-wins": lambda c: [c(id="a"), c(id="b", root={"type": "deny"}), c("release", id="r")],
    "none": lambda c: [
        c(id="a", status="inactive"),
        c(id="b", root={"type": "permit", "period": {"end": "2026-11-23"}}),
        c(id="c", root={"type": "permit", "period": {"start": "2026-11-25"}}),
        c(id="d", root={"type": "permit", "actor": EIGHT}),
        c("text-messages", id="e"),
        c(id="f", patient={"reference": "Patient/2"}),
    ],
    "not-computable": lambda c: [c(**VERSION, modifierExtension=[{"url": "https://example.org/not"}])],
    "opt-out": lambda c: [
        c(policyRule=concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", "OPTOUT"), root={})
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_explanations(name, consent, ask) -> None:
    """C-1: outcome, consents with versions, the provision's path, the base rule, in plain words."""
    explanation = explain(compile_all(CASES[name](consent)), prepare(ask()))
    assert "\n".join(explanation.lines()) + "\n" == (GOLDEN / f"{name}.txt").read_text("utf-8")


def test_explanations_hold_no_content(consent, ask, observation) -> None:
    """S-8: names, numbers and the data itself are in no explanation."""
    secret = "Rosalind Quimby 312-555-0142"
    given = consent(patient={"reference": "Patient/1", "display": secret}, sourceAttachment={"title": secret})
    given["provision"]["actor"] = [{"reference": {"reference": "Practitioner/8", "display": secret}}]
    request = ask(Action.DISCLOSE, resource=observation(valueString=secret))
    explanation = explain(compile_all([given]), prepare(request))
    assert secret not in "\n".join(explanation.lines()) + str(explanation.as_json())
