"""Faults of the sandbox EHR: each does what it says, as a client sees it over the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import requests

from chartside.sandbox import Faults, Sandbox
from chartside.sandbox.faults import KINDS, Kind

BASIC = {"resourceType": "Basic", "code": {"text": "x"}}


@pytest.fixture
def sandbox() -> Sandbox:
    """Give an EHR with four invented clients."""
    found = Sandbox()
    found.load_practice(clients=4)
    return found


@pytest.fixture
def url(sandbox: Sandbox) -> Iterator[str]:
    """Give its base URL."""
    with sandbox.running() as base:
        yield base


def stored(sandbox: Sandbox) -> int:
    """Count the Basics."""
    return int(sandbox.store.query("SELECT COUNT(*) FROM resource WHERE type='Basic'")[0][0])


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "body"),
    [
        ("401", 401, "application/fhir+json", "OperationOutcome"),
        ("403", 403, "application/fhir+json", "OperationOutcome"),
        ("403-empty", 403, "", ""),
        ("404-empty", 404, "", ""),
        ("404-html", 404, "text/html; charset=utf-8", "<html>"),
        ("410", 410, "application/fhir+json", "OperationOutcome"),
        ("412", 412, "application/fhir+json", "OperationOutcome"),
        ("429", 429, "application/fhir+json", "OperationOutcome"),
        ("500-before", 500, "application/fhir+json", "OperationOutcome"),
        ("500-after", 500, "application/fhir+json", "OperationOutcome"),
        ("503", 503, "application/fhir+json", "OperationOutcome"),
        ("html-error", 502, "text/html; charset=utf-8", "<html>"),
    ],
)
def test_answers_instead(
    sandbox: Sandbox, url: str, kind: Kind, status: int, content_type: str, body: str
) -> None:
    """A status with the body that real servers send with it; only ``-after`` has done the write."""
    sandbox.faults.add(kind)
    answer = requests.post(f"{url}/Basic", json=BASIC, timeout=5)
    assert (answer.status_code, answer.headers.get("Content-Type", "")) == (status, content_type)
    assert body in answer.text if body else not answer.content
    assert stored(sandbox) == (1 if kind == "500-after" else 0)


@pytest.mark.parametrize(("kind", "done"), [("cut-before", 0), ("cut-after", 1), ("cut-body", 1)])
def test_cut_connections(sandbox: Sandbox, url: str, kind: Kind, done: int) -> None:
    """The connection ends without an answer, or in the middle of it; the write has happened or not."""
    sandbox.faults.add(kind)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.post(f"{url}/Basic", json=BASIC, timeout=5)
    assert stored(sandbox) == done
    assert sandbox.seen[-1] == ("POST", "/fhir/Basic", 0)


def test_retry_after(sandbox: Sandbox, url: str) -> None:
    """429 says how long to wait, unless it is told not to."""
    sandbox.faults.add("429", retry_after=7, nth=1)
    sandbox.faults.add("429", retry_after=None, nth=2)
    found = [requests.get(f"{url}/Patient", timeout=5).headers.get("Retry-After") for _ in range(3)]
    assert found == ["7", None, None]


def test_slow(sandbox: Sandbox, url: str) -> None:
    """A slow answer is slower than a client that waits less."""
    sandbox.faults.add("slow", delay=5, times=1)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{url}/Patient", timeout=0.2)
    assert requests.get(f"{url}/Patient", timeout=5).status_code == 200


def bundle(sandbox: Sandbox, url: str, kind: Kind) -> dict[str, Any]:
    """Search with one fault on."""
    sandbox.faults.add(kind)
    found: dict[str, Any] = requests.get(f"{url}/Patient?_count=2", timeout=5).json()
    return found


def test_bundles_as_real_servers_send_them(sandbox: Sandbox, url: str) -> None:
    """Type collection, an OperationOutcome among the entries, no total, versionId always 1."""
    assert bundle(sandbox, url, "collection")["type"] == "collection"
    assert "total" not in bundle(sandbox, url, "no-total")
    first = bundle(sandbox, url, "outcome-entry")["entry"][0]
    assert (first["resource"]["resourceType"], first["search"]["mode"]) == ("OperationOutcome", "outcome")


def test_links_that_lead_astray(sandbox: Sandbox, url: str) -> None:
    """S-13, S-14: a next link to another origin, and one that leads back to the same page."""
    away = {link["relation"]: link["url"] for link in bundle(sandbox, url, "next-elsewhere")["link"]}
    assert away["next"].startswith("https://elsewhere.example.net/")
    sandbox.faults.clear()
    loop = {link["relation"]: link["url"] for link in bundle(sandbox, url, "next-loop")["link"]}
    assert loop["next"] == loop["self"]


def test_versions_that_never_change(sandbox: Sandbox, url: str) -> None:
    """versionId always 1, no ETag, If-Match ignored: what an EHR without optimistic locking does."""
    for kind in ("version-1", "ignore-if-match"):
        sandbox.faults.add(kind)  # type: ignore[arg-type]
    place = f"{url}/Patient/c00001"
    body = requests.get(place, timeout=5).json()
    for active in (True, False):
        answer = requests.put(
            place, json={**body, "active": active}, headers={"If-Match": 'W/"1"'}, timeout=5
        )
        assert (answer.status_code, answer.json()["meta"]["versionId"]) == (200, "1")
        assert "ETag" not in answer.headers
    row = sandbox.store.read("Patient", "c00001")
    assert row is not None
    assert row.version == 3


def test_no_etag(sandbox: Sandbox, url: str) -> None:
    """An EHR that sends no ETag still sends meta.versionId."""
    sandbox.faults.add("no-etag")
    answer = requests.get(f"{url}/Patient/c00001", timeout=5)
    assert (answer.json()["meta"]["versionId"], "ETag" in answer.headers) == ("1", False)


def test_what_is_no_fhir(sandbox: Sandbox, url: str) -> None:
    """A POST answered by ``{pid, uuid}``, an invalid resource, JSON that ends too early."""
    sandbox.faults.add("not-fhir", times=1)
    assert set(requests.post(f"{url}/Basic", json=BASIC, timeout=5).json()) == {"pid", "uuid"}
    sandbox.faults.add("invalid-resource", times=1)
    assert requests.get(f"{url}/Patient/c00001", timeout=5).json()["status"] == ["not", "a", "code"]
    sandbox.faults.add("broken-json", times=1)
    with pytest.raises(requests.JSONDecodeError):
        requests.get(f"{url}/Patient/c00001", timeout=5).json()


def test_rules_meet_what_they_name(sandbox: Sandbox, url: str) -> None:
    """Method, path, nth and times choose the requests; all else is answered."""
    sandbox.faults.add("500-before", method="GET", path=r"/Patient/c00002$", nth=2)
    sandbox.faults.add("412", method="PUT", path=r"^/fhir/Patient/", times=1)

    def get(path: str) -> int:
        return requests.get(f"{url}/{path}", timeout=5).status_code

    assert [get("Patient/c00002") for _ in range(3)] == [200, 500, 200]
    assert get("Patient/c00001") == 200
    body = requests.get(f"{url}/Patient/c00001", timeout=5).json()
    assert [requests.put(f"{url}/Patient/c00001", json=body, timeout=5).status_code for _ in range(2)] == [
        412,
        200,
    ]
    assert sandbox.faults.injected == {"500-before": 1, "412": 1}


def test_a_seeded_share() -> None:
    """The same seed fails the same requests; the share is about the rate; discovery is left alone."""

    def picked(seed: int) -> list[str]:
        faults = Faults(rate=0.1, kinds=["429", "cut-after"], seed=seed)
        rules = [faults.pick("GET", "/fhir/Patient") for _ in range(1_000)]
        return [rule[0].kind if rule else "" for rule in rules]

    first, again, other = picked(1), picked(1), picked(2)
    assert first == again != other
    assert 70 < sum(map(bool, first)) < 130
    assert set(first) == {"", "429", "cut-after"}
    assert not Faults(rate=1.0).pick("POST", "/auth/token")


@pytest.mark.parametrize("wrong", [{"kinds": ["42"]}, {"rules": None}])
def test_a_fault_that_does_not_exist(wrong: dict[str, Any]) -> None:
    """A misspelt fault is an error: a rule that never fires would make a test that cannot fail."""
    if "kinds" in wrong:
        with pytest.raises(ValueError, match="no such fault"):
            Faults(**wrong)
    else:
        with pytest.raises(ValueError, match="no such fault"):
            Faults().add("slowly")  # type: ignore[arg-type]


def test_faults_over_http(sandbox: Sandbox, url: str) -> None:
    """A server that runs by itself is controlled at ``/_sandbox``, and counts what it was asked, without ids."""
    control = url.replace("/fhir", "/_sandbox")
    rule = {"kind": "429", "path": "/Patient", "times": 1}
    assert requests.post(f"{control}/faults", json=rule, timeout=5).status_code == 200
    statuses = [requests.get(f"{url}/Patient/c00001", timeout=5).status_code for _ in range(2)]
    requests.delete(f"{control}/faults", timeout=5)
    assert statuses == [429, 200]
    assert requests.get(f"{control}/faults", timeout=5).json() == {"rules": [], "injected": {"429": 1}}
    counted = requests.get(f"{control}/requests", timeout=5).json()
    assert counted == {"total": 2, "by": {"GET Patient 429": 1, "GET Patient 200": 1}}
    for wrong in ({"kind": "no"}, {"kind": "429", "when": "now"}, []):
        assert requests.post(f"{control}/faults", json=wrong, timeout=5).status_code == 400


def test_latency_is_added_to_every_answer() -> None:
    """No answer comes before the latency is over."""
    with Sandbox(latency=0.1).running() as url:
        for path in ("metadata", "Patient", "Patient/none"):
            started = time.monotonic()
            requests.get(f"{url}/{path}", timeout=20)
            assert time.monotonic() - started >= 0.1


def test_every_kind_is_tested_here() -> None:
    """No fault without a test in this file."""
    import inspect
    import sys

    source = inspect.getsource(sys.modules[__name__])
    assert [kind for kind in get_args(Kind) if f'"{kind}"' not in source] == []
    assert set(get_args(Kind)) == KINDS
