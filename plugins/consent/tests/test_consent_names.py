"""Rule 6, C-2, C-16: who or what is named by an identifier, from another server, or inside of the consent."""

from __future__ import annotations

from typing import Any

import pytest

from chartside_consent.directory import Directory
from chartside_consent.engine import decide

NPI = "http://hl7.org/fhir/sid/us-npi"
MARK: list[dict[str, Any]] = [{"url": "https://example.org/modifier", "valueBoolean": True}]


def to(reference: str) -> dict[str, Any]:
    return {"reference": reference}


def npi(value: str) -> dict[str, Any]:
    return {"identifier": {"system": NPI, "value": value}}


def but_not(actor: dict[str, Any]) -> dict[str, Any]:
    return {"type": "permit", "provision": [{"type": "deny", "actor": [{"role": {}, "reference": actor}]}]}


def only(actor: dict[str, Any]) -> dict[str, Any]:
    return {"type": "deny", "provision": [{"type": "permit", "actor": [{"role": {}, "reference": actor}]}]}


def not_the_data(meaning: str, reference: dict[str, Any]) -> dict[str, Any]:
    data = [{"meaning": meaning, "reference": reference}]
    return {"type": "permit", "provision": [{"type": "deny", "data": data}]}


def group(**more: Any) -> dict[str, Any]:
    members = [{"entity": to("Practitioner/7")}, {"entity": to("Practitioner/6"), "inactive": True}]
    return {"resourceType": "Group", "id": "g", "actual": True, "member": members} | more


STAFF = [
    {"resourceType": "Practitioner", "id": "7", "identifier": [{"system": NPI, "value": "777"}]},
    {"resourceType": "Practitioner", "id": "8", "identifier": [{"system": NPI, "value": "888"}]},
    {"resourceType": "Organization", "id": "clinic", "identifier": [{"system": NPI, "value": "999"}]},
    {
        "resourceType": "PractitionerRole",
        "id": "r",
        "practitioner": to("Practitioner/7"),
        "organization": to("Organization/clinic"),
    },
]
YES, NO, ASK = "permit", "deny", "ask"

ACTORS = {
    # name: (root, who asks, what is known, contained, answer)
    "not to an identifier that nobody knows": (but_not(npi("777")), "Practitioner/7", [], [], ASK),
    "not to an identifier: it is theirs": (but_not(npi("777")), "Practitioner/7", STAFF, [], NO),
    "not to an identifier: it is another's": (but_not(npi("777")), "Practitioner/8", STAFF, [], YES),
    "not to the identifier of their clinic": (but_not(npi("999")), "Practitioner/7", STAFF, [], NO),
    "only to an identifier that nobody knows": (only(npi("777")), "Practitioner/7", [], [], NO),
    "only to an identifier: it is theirs": (only(npi("777")), "Practitioner/7", STAFF, [], YES),
    "asked by an identifier: it is theirs": (but_not(to("Practitioner/7")), f"{NPI}|777", STAFF, [], NO),
    "asked by an identifier that nobody knows": (but_not(to("Practitioner/7")), f"{NPI}|1", [], [], ASK),
    "asked by a whole reference": (
        but_not(to("Practitioner/7")),
        "https://ehr.example/fhir/Practitioner/7",
        [],
        [],
        ASK,
    ),
    "only to a contained group": (only(to("#g")), "Practitioner/7", [], [group()], YES),
    "only to a contained group: not a member now": (only(to("#g")), "Practitioner/6", [], [group()], NO),
    "only to a contained group with a modifier": (
        only(to("#g")),
        "Practitioner/7",
        [],
        [group(modifierExtension=MARK)],
        ASK,
    ),
    "only to a contained role": (only(to("#g")), "Practitioner/7", [], [STAFF[3] | {"id": "g"}], YES),
    "not to a contained care team": (
        but_not(to("#g")),
        "Practitioner/7",
        [],
        [{"resourceType": "CareTeam", "id": "g", "participant": [{"member": to("Practitioner/7")}]}],
        NO,
    ),
    "not to a group that is only described": (
        but_not(to("Group/g")),
        "Practitioner/7",
        [{"resourceType": "Group", "id": "g", "actual": False, "characteristic": [{"exclude": False}]}],
        [],
        ASK,
    ),
    "not to a group with one whom nobody can tell": (
        but_not(to("Group/g")),
        "Practitioner/7",
        [group(member=[{"entity": {"display": "Dr Seven"}}])],
        [],
        ASK,
    ),
    "only to a group with a modifier": (
        only(to("Group/g")),
        "Practitioner/7",
        [group(modifierExtension=MARK)],
        [],
        ASK,
    ),
}


def answer(decision: Any) -> str:
    return ASK if decision.review and not decision.permitted else decision.outcome.value


@pytest.mark.parametrize("name", ACTORS)
def test_who_is_meant(name: str, consent, ask, as_r5) -> None:
    """Rule 6: an actor that cannot be resolved is no way around a denial, in R4 and R5."""
    root, actor, known, contained, expected = ACTORS[name]
    old = consent(root=root, **({"contained": contained} if contained else {}))
    for form in (old, as_r5(old)):
        assert answer(decide([form], ask(actor=actor), directory=Directory(known))) == expected


DATA = {
    # name: (meaning, reference, what the data holds, answer)
    "a whole reference": ("instance", to("https://ehr.example/fhir/Observation/o1"), {}, ASK),
    "a whole reference to another": ("instance", to("https://ehr.example/fhir/Observation/o2"), {}, YES),
    "its identifier": ("instance", npi("1"), {"identifier": [{"system": NPI, "value": "1"}]}, NO),
    "another identifier": ("instance", npi("1"), {"identifier": [{"system": NPI, "value": "2"}]}, YES),
    "an identifier of what has none": ("instance", npi("1"), {}, ASK),
    "a reference of its own Bundle": ("instance", to("urn:uuid:0d5b9a3e"), {}, ASK),
    "what it links by a whole reference": (
        "related",
        to("Encounter/e1"),
        {"encounter": to("https://ehr.example/fhir/Encounter/e1")},
        ASK,
    ),
    "an identifier that it links": ("related", npi("1"), {"encounter": npi("1")}, NO),
    "an author by a whole reference": (
        "authoredby",
        to("Practitioner/9"),
        {"performer": [to("https://ehr.example/fhir/Practitioner/9")]},
        ASK,
    ),
    "an author by an identifier": ("authoredby", to("Practitioner/9"), {"performer": [npi("9")]}, ASK),
    "an author inside of the data": ("authoredby", to("Practitioner/9"), {"performer": [to("#a")]}, ASK),
    "another author": ("authoredby", to("Practitioner/9"), {"performer": [to("Practitioner/8")]}, YES),
}


@pytest.mark.parametrize("name", DATA)
def test_which_data_is_meant(name: str, consent, ask, as_r5, observation) -> None:
    """Rule 6: data named in another way than it names itself is no way around a denial, in R4 and R5."""
    meaning, reference, more, expected = DATA[name]
    old = consent(root=not_the_data(meaning, reference))
    for form in (old, as_r5(old)):
        assert answer(decide([form], ask(resource=observation("N", **more)))) == expected
