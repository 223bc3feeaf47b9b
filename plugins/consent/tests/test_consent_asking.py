"""Requests as strangers write them down."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chartside.errors import InputError
from chartside.gate.model import Action
from chartside_consent.asking import Asked, read_request
from chartside_consent.cli import app
from chartside_consent.files import Pile

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
DO = "http://terminology.hl7.org/CodeSystem/consentaction"
REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
CONF = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
WEIGHT = {"resourceType": "Observation", "id": "w"}

PLAIN = {
    "patient": "Patient/1",
    "action": "disclose",
    "purpose": "HRESCH",
    "actor": "Practitioner/7",
    "date": "2022-07-01",
}
FORMS: dict[str, Any] = {
    "plain": PLAIN,
    "other names": {
        "subject": "1",
        "Action": f"{DO}|disclose",
        "purposeOfUse": f"{REASON}|HRESCH",
        "recipient": "Practitioner/7",
        "request_date": "2022-07-01",
    },
    "FHIR types": {
        "patient": {"reference": "Patient/1"},
        "action": {"coding": [{"system": DO, "code": "disclose"}]},
        "purpose": [{"system": REASON, "code": "HRESCH"}],
        "actor": {"reference": "Practitioner/7"},
        "dateTime": "2022-07-01",
    },
    "a word for it": {**PLAIN, "action": "Share"},
    "whole resources": {
        **PLAIN,
        "patient": {"resourceType": "Patient", "id": "1"},
        "actor": {"resourceType": "Practitioner", "id": "7"},
    },
    "within request": {"request": PLAIN, "expected": "deny"},
    "a CDS Hooks consult": {
        "hook": "patient-consent-consult",
        "context": {
            "patientId": "1",
            "action": "disclose",
            "purposeOfUse": "HRESCH",
            "actor": ["Practitioner/7"],
            "date": "2022-07-01",
        },
    },
    "Parameters": {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "patient", "valueReference": {"reference": "Patient/1"}},
            {"name": "action", "valueCode": "disclose"},
            {"name": "purpose", "valueCoding": {"system": REASON, "code": "HRESCH"}},
            {"name": "actor", "valueReference": {"reference": "Practitioner/7"}},
            {"name": "date", "valueDateTime": "2022-07-01"},
        ],
    },
}


def read(content: Any, folder: Path, pile: Pile | None = None) -> Asked:
    path = folder / "r.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_request(path, pile or Pile(), None, NOW)


@pytest.mark.parametrize("name", FORMS)
def test_the_same_request_in_many_forms(name: str, tmp_path: Path) -> None:
    request = read(FORMS[name], tmp_path).requests[0]
    assert (request.patient, request.action, request.actor) == (
        "Patient/1",
        Action.DISCLOSE,
        "Practitioner/7",
    )
    assert request.purpose.rpartition("|")[2] == "HRESCH"
    assert request.at == datetime(2022, 7, 1, 12, tzinfo=UTC)


def test_data_in_the_request_among_the_files_or_described(tmp_path: Path) -> None:
    pile = Pile()
    pile.add([WEIGHT])
    for given in (WEIGHT, "Observation/w", "Observation/w/_history/2", {"reference": "Observation/w"}):
        assert read({**PLAIN, "resource": given}, tmp_path, pile).requests[0].resource == WEIGHT
    asked = read({**PLAIN, "class": "Observation", "securityLabel": ["R", "PSY"]}, tmp_path)
    found = asked.requests[0].resource
    assert found is not None
    assert found["resourceType"] == "Observation"
    assert [label["code"] for label in found["meta"]["security"]] == ["R", "PSY"]
    assert found["meta"]["security"][0]["system"] == CONF
    assert read(PLAIN, tmp_path).requests[0].resource is None


def test_what_means_nothing_is_named(tmp_path: Path, consent) -> None:
    """A misspelt part must not be passed over in silence."""
    assert read({**PLAIN, "aims": ["TREAT"], "comment": "x"}, tmp_path).ignored == ("aims",)
    consents, request = tmp_path / "c.json", tmp_path / "q.json"
    consents.write_text(json.dumps(consent()), encoding="utf-8")
    request.write_text(json.dumps({"action": "access", "aims": ["TREAT"]}), encoding="utf-8")
    result = CliRunner().invoke(
        app, ["decide", "--consents", str(consents), "--request", str(request), "--json"]
    )
    assert "'aims' means nothing here" in result.stderr
    assert json.loads(result.stdout)["outcome"] == "permit"


def test_a_folder_of_files_and_data_picked_by_name(tmp_path: Path, consent, observation) -> None:
    folder = tmp_path / "consents"
    folder.mkdir()
    root = {"type": "permit", "provision": [{"type": "deny", "data": [
        {"meaning": "instance", "reference": {"reference": "Observation/o2"}}]}]}  # fmt: skip
    (folder / "c.json").write_text(json.dumps(consent(root=root)), encoding="utf-8")
    (folder / "notes.txt").write_text("not JSON", encoding="utf-8")
    data, request = tmp_path / "d.ndjson", tmp_path / "q.json"
    data.write_text("\n".join(json.dumps(observation(id=i)) for i in ("o1", "o2")), encoding="utf-8")
    for name, status in (("o1", 0), ("o2", 1)):
        request.write_text(
            json.dumps({"action": "access", "resource": f"Observation/{name}"}), encoding="utf-8"
        )
        arguments = ["decide", "--consents", str(folder), "--request", str(request), "--resource", str(data)]
        assert CliRunner().invoke(app, arguments).exit_code == status


@pytest.mark.parametrize(("role", "expected"), [("doctor", 0), ("clerk", 1), ("", 1)])
def test_an_actor_by_role(role: str, expected: int, tmp_path: Path, consent) -> None:
    """C-16: R5 lets an actor be a role; who has it must be said, else it is not computable."""
    coded = {"coding": [{"system": "http://example.org/roles", "code": "doctor"}]}
    given = {"type": "deny", "provision": [{"type": "permit", "actor": [{"role": coded}]}]}
    consents, request = tmp_path / "c.json", tmp_path / "q.json"
    consents.write_text(json.dumps(consent(root=given)), encoding="utf-8")
    actor: dict[str, Any] = {"reference": "Practitioner/7"}
    if role:
        actor["role"] = {"coding": [{"system": "http://example.org/roles", "code": role}]}
    request.write_text(json.dumps({"action": "access", "actor": actor}), encoding="utf-8")
    arguments = ["decide", "--consents", str(consents), "--request", str(request), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == expected
    assert json.loads(result.stdout)["review"] == (role == "")


def test_the_help_shows_a_whole_request() -> None:
    text = CliRunner().invoke(app, ["decide", "--help"]).output
    for word in ('"patient"', '"purpose"', '"actor"', '"date"', '"zone"', "Exit: 0 permit", "--resource"):
        assert word in text


SEVERAL = {
    "a list": {"purpose": ["TREAT", "HRESCH"]},
    "by another name, with systems": {"purposes": [f"{REASON}|TREAT", {"system": REASON, "code": "HRESCH"}]},
    "as Parameters": {
        "resourceType": "Parameters",
        "parameter": [{"name": "purpose", "valueCode": code} for code in ("TREAT", "HRESCH")],
    },
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_purposes_must_each_be_permitted(name: str, tmp_path: Path) -> None:
    """C-1, rule 5: one request for several purposes is allowed when every one of them is, and denied by one denial."""
    consent = tmp_path / "consent.json"
    request = tmp_path / "request.json"
    request.write_text(json.dumps(SEVERAL[name]), encoding="utf-8")
    for purposes, deny, expected in (
        (["TREAT"], [], "none"),
        (["TREAT", "HRESCH"], [], "permit"),
        (["TREAT", "HRESCH"], ["HRESCH"], "deny"),
    ):
        root: dict[str, Any] = {
            "type": "permit",
            "purpose": [{"system": REASON, "code": p} for p in purposes],
        }
        if deny:
            root["provision"] = [{"type": "deny", "purpose": [{"system": REASON, "code": p} for p in deny]}]
        told = {
            "resourceType": "Consent",
            "id": "c",
            "status": "active",
            "patient": {"reference": "Patient/1"},
            "provision": root,
        }
        consent.write_text(json.dumps(told), encoding="utf-8")
        result = CliRunner().invoke(
            app, ["decide", "--consents", str(consent), "--request", str(request), "--json"]
        )
        assert json.loads(result.stdout)["outcome"] == expected, (purposes, deny)
        assert result.exit_code == (0 if expected == "permit" else 1)


def test_a_purpose_that_is_no_code_is_named(tmp_path: Path) -> None:
    """C-1: bad input gets a clear error."""
    with pytest.raises(InputError, match="purpose is no code"):
        read({**PLAIN, "purpose": ["TREAT", {"text": "research"}]}, tmp_path)
