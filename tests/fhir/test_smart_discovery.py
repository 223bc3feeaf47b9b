"""Discovery, on the documents of real vendors and on broken ones."""

from __future__ import annotations

import json

import pytest
from tests.fhir.conftest import Reply

from chartside import errors
from chartside.fhir import Capabilities
from chartside.smart import SmartConfiguration, discover
from chartside.smart.discovery import read_configuration


def well_known(body, status=200):
    return lambda seen: Reply(status, body) if seen.path.endswith("smart-configuration") else Reply(404)


def metadata(uris):
    inner = [{"url": k, "valueUri": v} for k, v in uris.items()]
    url = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    security = {"extension": [{"url": "other"}, {"url": url, "extension": inner}]}
    statement = {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "security": security}]}
    return lambda seen: Reply(200, statement) if seen.path.endswith("/metadata") else Reply(404, b"<html>")


def test_the_documents_of_vendors(shared_data):
    """As athenahealth's, Epic's and Oracle Health's servers answered on 2026-08-14."""
    files = sorted((shared_data / "fhir" / "capability").glob("*-configuration*.json"))
    assert len(files) == 5
    for path in files:
        configuration = read_configuration(json.loads(path.read_bytes()))
        assert configuration is not None, path.name
        assert configuration.token_endpoint.startswith("https://"), path.name


@pytest.mark.parametrize(
    "listed",
    [
        [["system/*.rs", "openid"]],
        ["system/*.rs openid"],
        "system/*.rs openid",
        [["system/*.rs"], ["openid", None, 5]],
    ],
)
def test_scopes_supported_of_every_shape(server, listed):
    """Seen: a nested array."""
    server.script = [well_known({"token_endpoint": "https://a.example/token", "scopes_supported": listed})]
    assert discover(server.url).scopes == {"system/*.rs", "openid"}


def test_the_fallback_is_the_capability_statement(server):
    server.script = [metadata({"token": "https://a.example/token", "authorize": "https://a.example/auth"})]
    found = discover(server.url)
    assert (found.token_endpoint, found.authorization_endpoint) == (
        "https://a.example/token",
        "https://a.example/auth",
    )
    assert found.fallback
    assert not found.v2_scopes


@pytest.mark.parametrize(
    "answer", [b"<html>", b"", b"[]", b"{broken", {"issuer": "x"}, {"token_endpoint": 5}]
)
def test_a_document_that_is_none_leads_to_the_fallback(server, answer):
    fallback = metadata({"token": "https://a.example/token"})
    server.script = [lambda s: Reply(200, answer) if "well-known" in s.path else fallback(s)]
    assert discover(server.url).fallback


def test_nothing_anywhere_says_what_to_do(server):
    server.script = [Reply(404)]
    with pytest.raises(errors.SmartError, match="base_url"):
        discover(server.url)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_fails_for_a_moment_is_not_misconfigured(server, status):
    """H-4: tried again, in place of "check ehr.base_url"; 500 for .well-known alone is seen in the field."""
    server.script = [Reply(status)]
    with pytest.raises(errors.ServerError) as caught:
        discover(server.url)
    assert caught.value.retryable
    fallback = metadata({"token": "https://a.example/token"})
    server.script = [lambda s: Reply(status) if "well-known" in s.path else fallback(s)]
    assert discover(server.url).fallback


def test_a_server_that_is_away_is_retryable(nowhere):
    with pytest.raises(errors.Unreachable):
        discover(nowhere)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://a.example/token",
        "ftp://a.example/",
        "token",
        "https://u:p@a.example/t",
        "https://a.example/t#x",
        "https://",
    ],
)
def test_an_endpoint_that_would_give_the_assertion_away(server, endpoint):
    """S-4: https, or this machine."""
    server.script = [well_known({"token_endpoint": endpoint})]
    with pytest.raises(errors.SmartError, match="https"):
        discover(server.url)


def test_a_redirect_is_not_followed(server, elsewhere):
    """S-13."""
    server.script = [Reply(302, b"", {"Location": f"{elsewhere.url}/.well-known/smart-configuration"})]
    with pytest.raises(errors.SmartError):
        discover(server.url)
    assert elsewhere.seen == []


def test_real_capability_statements(shared_data):
    """Adapters choose by them."""
    for path in sorted((shared_data / "fhir" / "capability").glob("*capabilitystatement*.json")):
        able = Capabilities(json.loads(path.read_bytes()))
        assert able.types, path.name
        assert able.supports("Patient", "read")
        assert able.search_params("Patient")
    secure = shared_data / "fhir/capability/oracle-health-capabilitystatement-r4-secure.json"
    assert Capabilities(json.loads(secure.read_bytes())).oauth_uris["token"].startswith("https://")


@pytest.mark.parametrize(
    "raw",
    [{}, {"rest": None}, {"rest": [None]}, {"rest": [{"resource": [None, {"type": 5}]}]},
     {"rest": [{"resource": [{"type": "Patient", "interaction": "read"}]}]}, {"software": "x"},
     {"rest": [{"security": []}]}, {"rest": [{"patchFormat": "x", "interaction": {}}]}],
)  # fmt: skip
def test_dirty_statements_say_no_and_do_not_fail(raw):
    able = Capabilities(raw)
    assert not able.supports("Patient", "read")
    assert not able.transaction
    assert not able.json_patch("Patient")
    assert able.oauth_uris == {}
    assert able.software == ""
    assert able.search_params("Patient") == able.includes("Patient") == able.operations() == set()


def test_a_statement_in_full():
    resource = {
        "type": "Appointment",
        "interaction": [{"code": "read"}, {"code": "patch"}],
        "versioning": "versioned-update",
        "conditionalCreate": True,
        "searchParam": [{"name": "date"}],
        "searchInclude": ["Appointment:patient"],
        "operation": [{"name": "$find"}],
    }
    rest = {
        "mode": "server",
        "resource": [resource],
        "interaction": [{"code": "batch"}],
        "searchParam": [{"name": "_id"}],
    }
    able = Capabilities(
        {
            "software": {"name": "X", "version": "1"},
            "fhirVersion": "4.0.1",
            "rest": [{"mode": "client"}, rest],
        }
    )
    assert (able.software, able.fhir_version, able.types) == ("X 1", "4.0.1", ["Appointment"])
    assert able.search_params("Appointment") == {"_id", "date"}
    assert able.includes("Appointment") == {"Appointment:patient"}
    assert able.operations("Appointment") == {"find"}
    assert able.json_patch("Appointment")
    assert able.versioned_update("Appointment")
    assert able.conditional_create("Appointment")
    assert able.batch
    assert not able.transaction
    rest["patchFormat"] = ["application/fhir+json"]
    assert not able.json_patch("Appointment")
    assert isinstance(SmartConfiguration("https://a.example").scopes, frozenset)
