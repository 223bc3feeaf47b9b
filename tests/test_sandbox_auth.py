"""The sandbox EHR behind SMART backend services (SMART App Launch 2.2): every check, and scopes on every request."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from chartside.clock import FrozenClock
from chartside.sandbox import Client, Sandbox, TrustedIssuer
from chartside.sandbox.scopes import covers, parse
from chartside.testing.keys import SmartClient, make_client
from chartside.testing.peers import Peer
from chartside.testing.plugin import OIDC_AUDIENCE

RSA, EC, STRANGER = make_client("rsa", "RS384"), make_client("ec", "ES384"), make_client("ec", "ES384")
SCOPES = "system/Patient.rs system/Communication.cu system/Consent.read"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """Give an EHR with two registered clients and three invented ones."""
    found = Sandbox(clients=[Client(client.client_id, client.jwks, SCOPES) for client in (RSA, EC)])
    found.load_practice(clients=3)
    return found


@pytest.fixture(scope="module")
def url(sandbox: Sandbox) -> Iterator[str]:
    """Give its base URL."""
    with sandbox.running() as base:
        yield base


def endpoint(url: str) -> str:
    """Discover the token endpoint."""
    return str(requests.get(f"{url}/.well-known/smart-configuration", timeout=5).json()["token_endpoint"])


def ask(url: str, client: SmartClient, scope: str = SCOPES, **changes: Any) -> requests.Response:
    """Ask for a token."""
    token_url = endpoint(url)
    return requests.post(token_url, data=client.form(token_url, scope, **changes), timeout=5)


def bearer(url: str, client: SmartClient, scope: str = SCOPES) -> dict[str, str]:
    """Return the header of a fresh token."""
    answer = ask(url, client, scope)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("client", [RSA, EC], ids=["RS384", "ES384"])
def test_a_token_for_both_algorithms(url: str, client: SmartClient) -> None:
    """S-3: RS384 and ES384 give a token with what was granted of what was asked."""
    answer = ask(url, client, "system/Patient.rs system/Appointment.rs system/Patient.c")
    body = answer.json()
    assert (answer.status_code, body["scope"], body["token_type"]) == (200, "system/Patient.rs", "bearer")
    assert body["expires_in"] <= 300
    assert answer.headers["Cache-Control"] == "no-store"
    header = {"Authorization": f"Bearer {body['access_token']}"}
    assert requests.get(f"{url}/Patient", headers=header, timeout=5).json()["total"] == 3


NOW = time.time()


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example.org/token"},
        {"exp": NOW + 3600},
        {"exp": NOW - 60},
        {"exp": None},
        {"jti": None},
        {"sub": "somebody"},
        {"iss": "somebody"},
    ],
    ids=["aud", "exp over 5 minutes", "exp past", "no exp", "no jti", "sub", "iss"],
)
def test_wrong_claims_are_refused(url: str, changes: dict[str, Any]) -> None:
    """S-3: each claim is checked."""
    answer = ask(url, EC, **changes)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_jti_is_used_once(url: str) -> None:
    """S-3: the same assertion a second time is refused, another client's same jti is not."""
    token_url = endpoint(url)
    form = EC.form(token_url, SCOPES, jti="same")
    first, second = (requests.post(token_url, data=form, timeout=5) for _ in range(2))
    other = requests.post(token_url, data=RSA.form(token_url, SCOPES, jti="same"), timeout=5)
    assert [answer.status_code for answer in (first, second, other)] == [200, 401, 200]


def test_another_key_is_refused(url: str) -> None:
    """S-3: the right client id and kid with another key's signature."""
    assert STRANGER.public["kid"] == EC.public["kid"]
    assert ask(url, STRANGER).status_code == 401


def test_unsigned_and_shared_secret_tokens_are_refused(url: str) -> None:
    """S-3: algorithms outside the allow-list, `none` first of all, are refused."""
    token_url = endpoint(url)
    form = EC.form(token_url, SCOPES)
    _, claims, signature = form["client_assertion"].split(".")
    for alg in ("none", "HS256", "RS256", "ES256"):
        header = (
            base64.urlsafe_b64encode(json.dumps({"alg": alg, "kid": EC.public["kid"]}).encode())
            .decode()
            .rstrip("=")
        )
        for tail in ("", signature):
            forged = {**form, "client_assertion": f"{header}.{claims}.{tail}"}
            assert requests.post(token_url, data=forged, timeout=5).status_code in (400, 401)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "x"}, "invalid_request"),
        ({"client_assertion": "no.jwt"}, "invalid_request"),
        ({"client_assertion": ""}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "system/Task.rs"}, "invalid_scope"),
        ({"scope": "system/Patient.rs?category=x"}, "invalid_scope"),
    ],
)
def test_wrong_requests_are_refused(url: str, changes: dict[str, str], error: str) -> None:
    """The OAuth error says what is wrong (RFC 6749, 5.2)."""
    token_url = endpoint(url)
    form = EC.form(token_url, SCOPES) | changes
    answer = requests.post(token_url, data=form, timeout=5)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_without_token_nothing_but_metadata(url: str) -> None:
    """401 without a token, with a made-up one, and with another scheme; discovery and /metadata are open."""
    for header in ({}, {"Authorization": "Bearer made-up"}, {"Authorization": "Basic eDp5"}):
        answer = requests.get(f"{url}/Patient", headers=header, timeout=5)
        assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
    statement = requests.get(f"{url}/metadata", timeout=5).json()
    assert statement["rest"][0]["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    (uris,) = statement["rest"][0]["security"]["extension"]
    assert uris["extension"][0]["valueUri"] == endpoint(url)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "Patient/c00001", None, 200),
        ("GET", "Patient?_count=1", None, 200),
        ("POST", "Patient", {"resourceType": "Patient"}, 403),
        ("PUT", "Patient/c00001", {"resourceType": "Patient"}, 403),
        ("DELETE", "Patient/c00001", None, 403),
        ("GET", "Appointment", None, 403),
        ("GET", "Patient?_revinclude=Appointment:patient", None, 403),
        ("GET", "Patient?_has:Appointment:patient:status=booked", None, 403),
        ("GET", "Consent?_include=Consent:organization", None, 403),
        ("GET", "Consent?_include=Consent:patient", None, 200),
        ("GET", "Consent?patient.name=x", None, 200),
        ("GET", "Consent?organization.name=x", None, 403),
        ("POST", "Communication", {"resourceType": "Communication", "status": "preparation"}, 201),
        ("GET", "Communication", None, 403),
        ("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"request": {"method": "GET", "url": "Appointment"}}]}, 403),
    ],
)  # fmt: skip
def test_scopes_are_enforced(url: str, method: str, path: str, body: Any, status: int) -> None:
    """S-7: letters c r u d s on each type, also through includes, chains and bundles."""
    answer = requests.request(method, f"{url}/{path}", json=body, headers=bearer(url, EC), timeout=5)
    assert answer.status_code == status, answer.text


def test_a_token_expires_and_is_revoked() -> None:
    """An expired token and a revoked one are 401 with different codes."""
    clock = FrozenClock(datetime.now(UTC))
    sandbox = Sandbox(clients=[Client(EC.client_id, EC.jwks)], clock=clock)
    with sandbox.running() as url:
        header = bearer(url, EC, "system/*.cruds")
        assert requests.get(f"{url}/Patient", headers=header, timeout=5).status_code == 200
        clock.advance(301)
        expired = requests.get(f"{url}/Patient", headers=header, timeout=5)
        clock.advance(-301)
        assert sandbox.authority is not None
        sandbox.authority.revoke_all()
        revoked = requests.get(f"{url}/Patient", headers=header, timeout=5)
    assert [answer.status_code for answer in (expired, revoked)] == [401, 401]
    assert expired.json()["issue"][0]["code"] == "expired"


def test_an_open_server_has_no_smart_configuration() -> None:
    """A server that asks for no token does not pretend to."""
    with Sandbox().running() as url:
        assert requests.get(f"{url}/.well-known/smart-configuration", timeout=5).status_code == 404
        assert "service" not in requests.get(f"{url}/metadata", timeout=5).json()["rest"][0]["security"]


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        ("system/Patient.rs", ("Patient", "rs")),
        ("system/*.cruds", ("*", "cruds")),
        ("system/Patient.read", ("Patient", "rs")),
        ("system/Patient.write", ("Patient", "cdu")),
        ("system/Patient.*", ("Patient", "cdrsu")),
        ("system/Patient.sr", None),
        ("system/Patient.", None),
        ("patient/Patient.rs", None),
        ("system/Patient.rs?category=x", None),
        ("openid", None),
    ],
)
def test_scopes_are_read(text: str, reach: tuple[str, str] | None) -> None:
    """H-3: v2 letters in their order, v1 words, and nothing else."""
    scope = parse(text)
    assert (None if scope is None else (scope.type, sorted(scope.letters))) == (
        None if reach is None else (reach[0], sorted(reach[1]))
    )


def test_what_covers_what() -> None:
    """Several grants add up; a wildcard is not covered by one type."""
    allowed = [scope for text in ("system/Patient.r", "system/*.s") if (scope := parse(text))]
    wanted = {
        text: parse(text) for text in ("system/Patient.rs", "system/*.rs", "system/Task.s", "system/Task.r")
    }
    found = {text: scope is not None and covers(allowed, scope) for text, scope in wanted.items()}
    assert found == {
        "system/Patient.rs": True,
        "system/*.rs": False,
        "system/Task.s": True,
        "system/Task.r": False,
    }


@pytest.mark.slow
def test_tokens_of_another_issuer(oidc: Peer) -> None:
    """The sandbox as a mere resource server: a token of a real authorisation server opens it, a forged one does not."""
    configuration = requests.get(f"{oidc.base_url}/.well-known/smart-configuration", timeout=5).json()
    keys = requests.get(configuration["jwks_uri"], timeout=5).json()
    guard = TrustedIssuer(oidc.base_url, OIDC_AUDIENCE, keys, configuration)
    client = oidc.client("ES384")
    form = client.form(oidc.token_url, "system/Patient.rs")
    token = requests.post(oidc.token_url, data=form, timeout=5).json()["access_token"]
    with Sandbox(guard=guard).running() as url:
        assert endpoint(url) == oidc.token_url
        headers = {"Authorization": f"Bearer {token}"}
        forged = {"Authorization": f"Bearer {token[:-8]}AAAAAAAA"}
        own = {"Authorization": f"Bearer {client.assertion(OIDC_AUDIENCE)}"}
        statuses = [
            requests.get(f"{url}/{path}", headers=header, timeout=5).status_code
            for path, header in (
                ("Patient", headers),
                ("Task", headers),
                ("Patient", forged),
                ("Patient", own),
            )
        ]
    assert statuses == [200, 403, 401, 401]
