"""The peers themselves answer as the tests that rely on them assume."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import requests

from chartside.sandbox.practice import generate
from chartside.testing.peers import Medplum, Peer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("alg", ["RS384", "ES384"])
@pytest.mark.parametrize("name", ["sekmet_smart", "oidc"])
def test_peer_gives_a_token_for_both_algorithms(name: str, alg: str, request: pytest.FixtureRequest) -> None:
    """S-3: a real authorisation server takes private_key_jwt with RS384 and with ES384."""
    peer: Peer = request.getfixturevalue(name)
    form = peer.client(alg).form(peer.token_url, "system/*.cruds")
    answer = requests.post(peer.token_url, data=form, timeout=10)
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"]


@pytest.mark.parametrize("name", ["sekmet_smart", "oidc"])
def test_peer_refuses_a_used_jti(name: str, request: pytest.FixtureRequest) -> None:
    """S-3: jti is unique; the peers refuse a second use."""
    peer: Peer = request.getfixturevalue(name)
    form = peer.client("ES384").form(peer.token_url, "system/*.cruds")
    first, second = (requests.post(peer.token_url, data=form, timeout=10) for _ in range(2))
    assert (first.status_code, second.status_code // 100) == (200, 4)


def test_secured_sekmet_wants_a_token(sekmet_smart: Peer) -> None:
    """S-3: without a token nothing is read; with one it is."""
    assert requests.get(f"{sekmet_smart.base_url}/Patient", timeout=10).status_code == 401
    form = sekmet_smart.client("RS384").form(sekmet_smart.token_url, "system/*.cruds")
    token = requests.post(sekmet_smart.token_url, data=form, timeout=10).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{sekmet_smart.base_url}/Patient", headers=headers, timeout=10).status_code == 200


def test_open_sekmet_stores(sekmet: Peer) -> None:
    """A resource created at the open peer can be read."""
    body = {"resourceType": "Patient", "name": [{"family": "Peer"}]}
    created = requests.post(f"{sekmet.base_url}/Patient", json=body, timeout=10)
    assert created.status_code == 201
    assert requests.get(f"{sekmet.base_url}/Patient/{created.json()['id']}", timeout=10).status_code == 200


def test_medplum_is_another_dialect(medplum: Medplum) -> None:
    """Version ids that are no numbers, no next link, and what breaks its StructureDefinition is refused."""
    body = {"resourceType": "Patient", "identifier": [{"system": "urn:m", "value": "1"}]}
    headers = {"If-None-Exist": "identifier=urn:m|1", "Content-Type": "application/fhir+json"}
    first, second = (
        requests.post(f"{medplum.base_url}/Patient", json=body, headers=headers, timeout=10) for _ in "ab"
    )
    assert (first.status_code, second.status_code) == (201, 200)
    assert not first.json()["meta"]["versionId"].isdigit()
    bad = requests.post(f"{medplum.base_url}/Patient", json={**body, "nonsense": 1}, timeout=10)
    assert (bad.status_code, bad.json()["resourceType"]) == (400, "OperationOutcome")
    assert "link" not in requests.get(f"{medplum.base_url}/Patient?_count=1", timeout=10).json()


def test_medplum_validates(medplum: Medplum) -> None:
    """The independent validator tells the place of an error, and is content with what is right."""
    wrong = {"resourceType": "Appointment", "status": "booked", "nonsense": True}
    who = {"actor": {"reference": "Patient/1"}, "status": "accepted"}
    right = {"resourceType": "Appointment", "status": "proposed", "participant": [who]}
    first, second = medplum.issues([wrong, right])
    assert any("Appointment.nonsense" in issue for issue in first)
    assert second == []


def test_the_invented_practice_is_valid_for_others(medplum: Medplum) -> None:
    """Another validator than the one that the sandbox uses itself takes every resource of the practice."""
    resources = list(generate(clients=60, seed=3, now=datetime(2026, 11, 24, tzinfo=UTC)).resources())
    found = [
        (r["id"], issues) for r, issues in zip(resources, medplum.issues(resources), strict=True) if issues
    ]
    assert found == []
