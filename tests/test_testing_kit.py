"""The test kit's own fixtures."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import httpx
import pytest
import requests
import respx

from chartside.clock import FrozenClock
from chartside.context import Context
from chartside.errors import ConfigError, Forbidden
from chartside.sandbox import Faults
from chartside.sandbox.practice import Practice
from chartside.testing import Ehr, host_for


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    """The kit is loaded by other people's pytest runs: it must not import what they did not ask for."""
    heavy = "requests httpx respx starlette uvicorn fhir orjson joserfc authlib pydantic chartside.sandbox"
    code = f"import sys, pytest, chartside.testing.plugin; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_clock_stands_until_it_is_moved(clock: FrozenClock) -> None:
    """Time is the test's own."""
    first = clock.now()
    clock.advance(60)
    assert clock.now() - first == timedelta(minutes=1)


def test_ehr_is_a_running_server_with_a_practice(ehr: Ehr, practice: Practice) -> None:
    """`ehr` answers over HTTP, and holds what `practice` says was planted."""
    answer = requests.get(f"{ehr.base_url}/Patient", params={"_summary": "count"}, timeout=5).json()
    assert answer["total"] == practice.clients == 40
    kinds = [key for key, count in practice.consents.items() if count and key.startswith("text-messages")]
    assert len(kinds) > 3


@pytest.mark.ehr(clients=3, no_transaction=True)
def test_ehr_takes_its_options_from_the_marker(ehr: Ehr) -> None:
    """The server that is told to have no transactions really refuses one."""
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": []}
    assert requests.post(ehr.base_url, json=bundle, timeout=5).status_code == 405
    assert len(ehr.all("Patient")) == 3


def test_faults_reach_the_ehr(ehr: Ehr, faults: Faults) -> None:
    """A fault that is added happens, as often as it was told to."""
    faults.add("429", path="/Patient", times=1, retry_after=7)
    first, second = (requests.get(f"{ehr.base_url}/Patient?_count=1", timeout=5) for _ in range(2))
    assert (first.status_code, first.headers["Retry-After"]) == (429, "7")
    assert second.status_code == 200


@pytest.mark.ehr(clients=3, secured=True)
def test_host_on_a_secured_ehr(ehr: Ehr, clock: FrozenClock) -> None:
    """S-7: a whole host gets one token with a key of its own, which reaches what is declared and no more."""
    event = {
        "resourceType": "AuditEvent",
        "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110100"},
        "recorded": clock.now().isoformat(),
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "test"}},
    }
    with host_for(ehr, clock, plugins={}) as host:
        host.route.ehr.client.create(event)
        with pytest.raises(Forbidden):
            list(host.route.ehr.client.search("Appointment", {}, count=50))
    assert len(ehr.all("AuditEvent")) == 1
    assert ehr.sandbox.authority is not None
    assert ehr.sandbox.authority.issued == 1


def test_a_wrong_plugin_is_told_as_the_config_tells_it(ehr: Ehr, clock: FrozenClock) -> None:
    """A plugin that is not installed is no silent success."""
    from chartside.config import ConfigErrors

    with (
        pytest.raises((ConfigErrors, ConfigError), match="not installed"),
        host_for(ehr, clock, plugins={"no-such": {"enabled": True}}),
    ):
        pass


@pytest.mark.chartside_plugin("consent")
def test_context_of_a_plugin(context: Context) -> None:
    """`context` is what the named plugin is handed, and reads within its manifest."""
    assert context.plugin.plugin.name == "consent"
    assert next(iter(context.fhir.search("Consent", {}, count=1)))["resourceType"] == "Consent"


def test_respx_answers_requests(respx_requests: respx.Router) -> None:
    """One mocking idiom: patterns, json, headers, call counts."""
    route = respx_requests.get("https://ehr.example.org/fhir/Patient/1", params={"a": "b"})
    route.return_value = httpx.Response(200, json={"id": "1"}, headers={"ETag": 'W/"1"'})
    answer = requests.get("https://ehr.example.org/fhir/Patient/1", params={"a": "b"}, timeout=5)
    assert (answer.json(), answer.headers["etag"]) == ({"id": "1"}, 'W/"1"')
    assert route.call_count == 1


def test_respx_sees_the_body(respx_requests: respx.Router) -> None:
    """What is posted reaches the router."""
    route = respx_requests.post("https://ehr.example.org/fhir", json={"resourceType": "Bundle"})
    route.return_value = httpx.Response(201)
    assert (
        requests.post("https://ehr.example.org/fhir", json={"resourceType": "Bundle"}, timeout=5).status_code
        == 201
    )


def test_respx_errors_are_those_of_requests(respx_requests: respx.Router) -> None:
    """A side effect of httpx becomes the error that requests raises for the same."""
    respx_requests.get("https://a.example.org").mock(side_effect=httpx.ConnectTimeout)
    respx_requests.get("https://b.example.org").mock(side_effect=httpx.ConnectError)
    with pytest.raises(requests.ConnectTimeout):
        requests.get("https://a.example.org", timeout=5)
    with pytest.raises(requests.ConnectionError):
        requests.get("https://b.example.org", timeout=5)


def test_respx_streams_and_decodes(respx_requests: respx.Router) -> None:
    """A compressed answer arrives compressed, so that code that counts bytes can count them."""
    import gzip

    packed = gzip.compress(b'{"a": 1}')
    respx_requests.get("https://ehr.example.org/z").return_value = httpx.Response(
        200, content=packed, headers={"Content-Encoding": "gzip"}
    )
    answer = requests.get("https://ehr.example.org/z", timeout=5, stream=True)
    assert answer.raw.read(decode_content=False) == packed
    assert requests.get("https://ehr.example.org/z", timeout=5).json() == {"a": 1}


def test_nothing_unmocked_leaves(respx_requests: respx.Router) -> None:
    """A request that no route fits is an error, never the network."""
    with pytest.raises(Exception, match="not mocked"):
        requests.get("https://ehr.example.org/other", timeout=5)
