from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chartside.gate.model import Action, DecisionRequest, Outcome
from chartside_consent.directory import Directory
from chartside_consent.engine import decide

ACTIONS = {"access": Action.READ, "disclose": Action.DISCLOSE}
CONF = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
TPO = [{"system": REASON, "code": code} for code in ("TREAT", "HPAYMT", "HOPERAT")]


def request_of(row: dict[str, str], pcf: dict[str, Any]) -> DecisionRequest:
    return DecisionRequest(
        patient="Patient/ex-patient",
        action=ACTIONS[row["action"]],
        at=datetime.fromisoformat(row["request_date"]).replace(hour=12, tzinfo=UTC),
        purpose=row["purpose"],
        actor=row["actor"],
        resource=pcf[row["resource"]],
    )


def consent_of(row: dict[str, str], pcf: dict[str, Any]) -> dict[str, Any]:
    return pcf[row["consent_file"].removeprefix("pcf/").removesuffix(".json").replace("-", "/", 1)]


def test_every_row_of_the_oracle(oracle: list[dict[str, str]], pcf: dict[str, Any]) -> None:
    """C-2: the 188 rows that can be computed decide as the guide says, by a consent or by no match, as it says."""
    rows = [row for row in oracle if row["kind"] != "edge"]
    assert len(rows) == 188
    for row in rows:
        decision = decide([consent_of(row, pcf)], request_of(row, pcf))
        assert decision.permitted == (row["expected"] == "permit"), row
        assert (decision.outcome is Outcome.NONE) == (row["decided_by"] == "no match"), row
        assert not decision.review, row


def test_what_cannot_be_known_denies(oracle: list[dict[str, str]], pcf: dict[str, Any]) -> None:
    """C-2: in the 10 edge rows the data lacks what the rule needs; we fail closed, and ask the staff."""
    rows = [row for row in oracle if row["kind"] == "edge"]
    assert len(rows) == 10
    for row in rows:
        decision = decide([consent_of(row, pcf)], request_of(row, pcf))
        assert decision.outcome is Outcome.DENY, row
        assert decision.review, row


# The advanced examples of PCF 1.1.1 and its break-glass dissent, which are not among the shared files.
PRACTITIONER = [{"role": {}, "reference": {"reference": "Practitioner/ex-practitioner"}}]
GROUP = [{"role": {}, "reference": {"reference": "Group/ex-privilegedUsers"}}]
BTG = [{"system": REASON, "code": "BTG"}]


def label(code: str) -> dict[str, str]:
    return {"system": CONF if code in "NR" else ACT_CODE, "code": code}


def permit_normal(*nested: dict[str, Any]) -> dict[str, Any]:
    root: dict[str, Any] = {"type": "permit", "purpose": TPO, "securityLabel": [label("N")]}
    return root | ({"provision": list(nested)} if nested else {})


ADVANCED = {
    "normal": permit_normal(),
    "normal-restricted": permit_normal() | {"securityLabel": [label("N"), label("R")]},
    "not-restricted": permit_normal({"type": "deny", "securityLabel": [label("R")]}),
    "focused-restricted": permit_normal(
        {"type": "permit", "securityLabel": [label("R")], "actor": PRACTITIONER}
    ),
    "focused-psy": permit_normal({"type": "permit", "securityLabel": [label("PSY")], "actor": PRACTITIONER}),
    "psy-or-sdv": permit_normal(
        {"type": "permit", "securityLabel": [label("PSY"), label("SDV")], "actor": PRACTITIONER}
    ),
    "break-glass": permit_normal(
        {"type": "permit", "purpose": BTG, "securityLabel": [label("R")], "actor": GROUP}
    ),
    "dissent": {"type": "deny", "provision": [{"type": "permit", "purpose": BTG, "actor": GROUP}]},
}
ROWS = [
    ("normal", "ex-author", "TREAT", "N", "permit"),
    ("normal", "ex-author", "TREAT", "R", "deny"),
    ("normal", "ex-author", "TREAT", "ETHUD R", "deny"),
    ("normal", "ex-author", "HRESCH", "N", "none"),
    ("normal-restricted", "ex-author", "TREAT", "N", "permit"),
    ("normal-restricted", "ex-author", "HPAYMT", "R", "permit"),
    ("normal-restricted", "ex-author", "TREAT", "V", "deny"),
    ("not-restricted", "ex-author", "TREAT", "N", "permit"),
    ("not-restricted", "ex-author", "TREAT", "R", "deny"),
    ("not-restricted", "ex-author", "TREAT", "V", "deny"),
    ("focused-restricted", "ex-practitioner", "TREAT", "R", "permit"),
    ("focused-restricted", "ex-practitioner", "TREAT", "N", "permit"),
    ("focused-restricted", "ex-author", "TREAT", "R", "deny"),
    ("focused-restricted", "ex-author", "TREAT", "N", "permit"),
    ("focused-psy", "ex-practitioner", "TREAT", "PSY R", "permit"),
    ("focused-psy", "ex-practitioner", "TREAT", "PSY", "permit"),
    ("focused-psy", "ex-practitioner", "TREAT", "ETHUD R", "deny"),
    ("focused-psy", "ex-author", "TREAT", "PSY R", "deny"),
    ("focused-psy", "ex-author", "TREAT", "N", "permit"),
    ("psy-or-sdv", "ex-practitioner", "TREAT", "SDV R", "permit"),
    ("psy-or-sdv", "ex-author", "TREAT", "SDV R", "deny"),
    ("break-glass", "ex-practitioner", "BTG", "R", "permit"),
    ("break-glass", "ex-practitioner", "BTG", "N", "permit"),
    ("break-glass", "ex-practitioner", "TREAT", "R", "deny"),
    ("break-glass", "ex-author", "BTG", "R", "none"),
    ("break-glass", "ex-author", "TREAT", "N", "permit"),
    ("dissent", "ex-practitioner", "BTG", "R", "permit"),
    ("dissent", "ex-practitioner", "TREAT", "N", "deny"),
    ("dissent", "ex-author", "BTG", "N", "deny"),
]
PRIVILEGED = {
    "resourceType": "Group",
    "id": "ex-privilegedUsers",
    "member": [{"entity": {"reference": "Practitioner/ex-practitioner"}}],
}


@pytest.mark.parametrize(("name", "actor", "purpose", "labels", "expected"), ROWS)
def test_the_advanced_examples(name, actor, purpose, labels, expected, consent, ask, observation) -> None:
    """C-2: PCF's advanced examples (labels, permit in permit, break-glass), after the guide's notes on each."""
    request = ask(purpose=purpose, actor=f"Practitioner/{actor}", resource=observation(*labels.split()))
    decision = decide([consent(root=ADVANCED[name])], request, directory=Directory([PRIVILEGED]))
    assert decision.outcome.value == expected


def test_a_group_whose_members_are_not_known(consent, ask, observation) -> None:
    """Rule 6: an actor that cannot be resolved is not computable, whoever asks."""
    request = ask(purpose="BTG", actor="Practitioner/ex-practitioner", resource=observation("R"))
    decision = decide([consent(root=ADVANCED["dissent"])], request)
    assert decision.outcome is Outcome.DENY
    assert decision.review


def test_unlabelled_data_under_a_rule_on_labels(consent, ask, observation) -> None:
    """Rule 6: a label that the rule needs and the data lacks."""
    for name in ("normal", "not-restricted"):
        decision = decide([consent(root=ADVANCED[name])], ask(resource=observation()))
        assert (decision.outcome, decision.review) == (Outcome.DENY, True)


def test_every_row_of_the_oracle_in_r5(oracle, pcf, as_r5) -> None:
    """C-16: the guide's examples turned into R5 decide as they do in R4, row by row, and permit nothing more."""
    for row in oracle:
        old = consent_of(row, pcf)
        if any("provision" in p for p in old["provision"].get("provision", ())):
            continue
        request = request_of(row, pcf)
        first, second = decide([old], request), decide([as_r5(old)], request)
        assert first.permitted == second.permitted, row
        assert first.review == second.review, row
