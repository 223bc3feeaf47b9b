from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chartside.errors import InputError
from chartside_consent.cli import app


def write(path: Path, content: Any) -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return str(path)


def run(*arguments: str):
    result = CliRunner().invoke(app, ["decide", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_permit_with_its_reason(tmp_path: Path, consent) -> None:
    """C-1, issue: without an EHR; the consent, its version, the provision and the base rule are named."""
    consents = write(tmp_path / "c.json", consent(meta={"versionId": "3"}))
    request = write(tmp_path / "r.json", {"action": "access", "date": "2026-11-24"})
    result = run("--consents", consents, "--request", request, "--json")
    assert result.exit_code == 0
    answer = json.loads(result.output)
    assert answer["outcome"] == "permit"
    [reason] = answer["reasons"]
    assert (reason["source"], reason["path"]) == ("Consent/c1/_history/3", "provision")
    assert "Base rule: permit at the root" in reason["text"]


def test_a_denial_and_a_silence_exit_with_1(tmp_path: Path, consent) -> None:
    """Issue: exit 0 permit, 1 deny or none."""
    consents = write(tmp_path / "c.json", consent(root={"type": "deny"}))
    assert run("--consents", consents, "--request", write(tmp_path / "r", {"action": "use"})).exit_code == 1
    result = run(
        "--consents", consents, "--request", write(tmp_path / "r", {"action": "disclose", "patient": "2"})
    )
    assert result.exit_code == 1
    assert "no consent speaks about it" in result.output
    assert "it is another client's" in result.output


def test_bundles_lists_ndjson_and_several_files(tmp_path: Path, consent) -> None:
    """Issue: FILE...: one resource, a list, a Bundle, NDJSON, and more than one file after one option."""
    deny = consent(root={"type": "deny"}, id="deny")
    group = {
        "resourceType": "Bundle",
        "entry": [{"resource": consent(id="a")}, {"resource": {"resourceType": "Patient"}}],
    }
    lines = "\n".join(json.dumps(c) for c in (consent(id="b"), deny))
    first, second = write(tmp_path / "b.json", group), write(tmp_path / "n.ndjson", lines)
    third = write(tmp_path / "l.json", [consent(id="c")])
    request = write(tmp_path / "r.json", {"action": "read"})
    assert run("--consents", first, third, "--request", request).exit_code == 0
    result = run("--consents", first, second, third, "--request", request)
    assert result.exit_code == 1
    assert "Consent/deny" in result.output


def test_groups_and_ages_from_the_files(tmp_path: Path, consent, observation) -> None:
    """Actors are resolved and proxies judged by what lies among the files."""
    group = {"resourceType": "Group", "id": "g", "member": [{"entity": {"reference": "Practitioner/7"}}]}
    client = {"resourceType": "Patient", "id": "1", "birthDate": "2008-06-15"}
    given = consent(
        "text-messages",
        performer=[{"reference": "RelatedPerson/m"}],
        dateTime="2020-01-01",
        root={"type": "permit", "actor": [{"reference": {"reference": "Group/g"}}]},
    )
    consents = write(tmp_path / "c.json", [given, group, client])
    asked = {"action": "sms", "actor": {"reference": "Practitioner/7"}, "date": "2026-06-14"}
    assert run("--consents", consents, "--request", write(tmp_path / "r", asked)).exit_code == 0
    asked["date"] = "2026-06-15"
    assert run("--consents", consents, "--request", write(tmp_path / "r", asked)).exit_code == 1


def test_the_oracle_through_the_command(tmp_path: Path, oracle, pcf, shared_data: Path) -> None:
    """C-2, issue: rows of the oracle as request files, their data with --resource."""
    for row in oracle[::23]:
        resource = write(tmp_path / "d.json", pcf[row["resource"]])
        asked = {"date": row["request_date"], **{k: row[k] for k in ("actor", "purpose", "action")}}
        request = write(tmp_path / "r.json", asked)
        consents = str(shared_data / "consent" / row["consent_file"])
        result = run("--consents", consents, "--request", request, "--resource", resource)
        expected = "deny" if row["kind"] == "edge" else row["expected"]
        assert (result.exit_code == 0) == (expected == "permit"), row


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "no JSON"),
        ("[]", "one JSON object"),
        ({"action": "fly"}, "action is not known"),
        ({"action": "sms", "date": "soon"}, "date is no FHIR date"),
        ({"action": "sms", "zone": "Mars/Base"}, "no time zone"),
        ({"action": "sms", "actor": 7}, "actor is no reference"),
        ({"action": "sms", "purpose": ["TREAT", {"text": "research"}]}, "purpose is no code"),
        ({"action": "read", "resource": "Observation/9"}, "not among the files"),
    ],
)
def test_a_request_that_cannot_be_read(content, says, tmp_path: Path, consent) -> None:
    """Exit 2: the error names the key and the mend, and repeats nothing of the content."""
    consents = write(tmp_path / "c.json", consent())
    with pytest.raises(InputError, match=says) as caught:
        run("--consents", consents, "--request", write(tmp_path / "r.json", content))
    assert caught.value.mend
    assert "Mars" not in str(caught.value)
    assert "Observation/9" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    ["", "nonsense", '{"resourceType": "Patient", "id": "1"}', '{"a": 1}', "[" * 100_000, '{"a": 1}\n{"b":'],
)
def test_files_that_hold_no_consents(content, tmp_path: Path) -> None:
    """Exit 2: hostile and wrong files are a clear error."""
    with pytest.raises(InputError):
        run(
            "--consents",
            write(tmp_path / "c.json", content),
            "--request",
            write(tmp_path / "r.json", {"action": "sms"}),
        )


def test_filter_a_bundle_by_the_command(tmp_path: Path, consent, observation) -> None:
    """C-7."""
    root = {"type": "deny", "provision": [{"type": "permit", "class": [{"code": "Observation"}]}]}
    found = {
        "resourceType": "Bundle",
        "total": 2,
        "entry": [{"resource": observation()}, {"resource": {"resourceType": "Condition"}}],
    }
    consents, request = write(tmp_path / "c", consent(root=root)), write(tmp_path / "r", {"action": "access"})
    result = CliRunner().invoke(
        app, ["filter", write(tmp_path / "b", found), "--consents", consents, "--request", request]
    )
    assert json.loads(result.output)["total"] == 1
