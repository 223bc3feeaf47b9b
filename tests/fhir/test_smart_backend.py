"""SMART backend services (S-3): assertions, the cache, one request in flight, refusals that say what to do."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.fhir.conftest import FAST, Reply

from chartside import errors
from chartside.clock import FrozenClock, SystemClock
from chartside.fhir import Budget, Create, FhirClient, Update
from chartside.sandbox import Client, Sandbox
from chartside.smart import ALGORITHMS, BackendTokens, KeyStore, backend_services, discover

ACCESS = {"Patient": "rs", "Communication": "crus"}


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 1, 2, 12, tzinfo=UTC))


@pytest.fixture(params=ALGORITHMS)
def keys(request, tmp_path, clock):
    store = KeyStore(tmp_path / "keys", clock)
    store.generate(request.param)
    store.algorithm = request.param
    return store


@pytest.fixture
def ec(tmp_path, clock):
    store = KeyStore(tmp_path / "keys", clock)
    store.generate("ES384")
    return store


def given(number=1, **more):
    return Reply(200, {"access_token": f"t{number}", "token_type": "bearer", "expires_in": 300, **more})


def answering(server, *replies):
    """Discovery, and then these answers of the token endpoint, the last one again and again."""
    left = list(replies)
    lock = threading.Lock()
    configuration = {"token_endpoint": f"{server.origin}/token", "capabilities": ["permission-v2"]}

    def answer(seen):
        if seen.path != "/token":
            return Reply(200, configuration)
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    server.script = [answer]


def token_calls(server):
    return [seen for seen in server.seen if seen.path == "/token"]


def tokens_of(server, keys, clock, **more):
    return BackendTokens(server.url, "our-id", keys, ACCESS, clock=clock, sleep=lambda _: None, **more)


@pytest.mark.slow
def test_the_assertion(server, keys, clock):
    """S-3: RS384 and ES384, kid, aud = token endpoint, exp at most 5 min, jti never twice."""
    answering(server, given())
    tokens = tokens_of(server, keys, clock, algorithm=keys.algorithm)
    jtis = set()
    for _ in range(3):
        tokens.invalidate(tokens.token())
        form = {k: v[0] for k, v in parse_qs(token_calls(server)[-1].body.decode()).items()}
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == "system/Communication.crus system/Patient.rs"
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        published = KeySet.import_key_set(keys.jwks())
        decoded = jwt.decode(form["client_assertion"], published, algorithms=[keys.algorithm])
        claims = decoded.claims
        assert decoded.header == {
            "alg": keys.algorithm,
            "kid": keys.current(keys.algorithm).kid,
            "typ": "JWT",
        }
        assert claims["iss"] == claims["sub"] == "our-id"
        assert claims["aud"] == f"{server.origin}/token"
        assert 0 < claims["exp"] - clock.now().timestamp() <= 300
        jtis.add(claims["jti"])
    assert len(jtis) == 3


def test_an_assertion_of_more_than_five_minutes_is_not_made(server, ec, clock):
    """S-3."""
    with pytest.raises(ValueError, match="5 minutes"):
        tokens_of(server, ec, clock, lifetime=timedelta(minutes=6))


def test_a_clock_that_is_ahead_can_be_dated_back(server, ec, clock):
    answering(server, given())
    tokens = tokens_of(server, ec, clock, skew=timedelta(seconds=60), lifetime=timedelta(minutes=5))
    claims = jwt.decode(
        tokens.assertion(clock.now()), KeySet.import_key_set(ec.jwks()), algorithms=["ES384"]
    ).claims
    assert claims["iat"] == clock.now().timestamp() - 60
    assert claims["exp"] == clock.now().timestamp() + 240


def test_a_token_is_cached_and_renewed_early(server, ec, clock):
    """S-3: 300 s of life: renewed after 240."""
    answering(server, given(1), given(2))
    tokens = tokens_of(server, ec, clock)
    assert tokens.token() == tokens.token() == "t1"
    clock.advance(239)
    assert tokens.token() == "t1"
    clock.advance(1)
    assert tokens.token() == "t2"
    assert len(token_calls(server)) == 2


@pytest.mark.parametrize(
    ("life", "renewed_after"),
    [
        (3600, 3540),
        (300, 240),
        (60, 48),
        ("300", 240),
        (None, 240),
        ("NaN", 240),
        (-1, 240),
        (0, 240),
        ([], 240),
        (1e99, 86_340),
        ("Infinity", 86_340),
    ],
)
def test_when_a_token_is_renewed(server, ec, clock, life, renewed_after):
    answering(server, given(1, expires_in=life), given(2))
    tokens = tokens_of(server, ec, clock)
    tokens.token()
    clock.advance(renewed_after - 1)
    assert tokens.token() == "t1"
    clock.advance(1)
    assert tokens.token() == "t2"


def test_one_request_in_flight_however_many_threads_ask(server, ec, clock):
    """S-3: athenahealth allows 50 token calls a minute."""

    def slowly(seen):
        if seen.path == "/token":
            time.sleep(0.2)
            return given(len(token_calls(server)))
        return Reply(200, {"token_endpoint": f"{server.origin}/token"})

    server.script = [slowly]
    tokens = tokens_of(server, ec, clock)
    found, gate = [], threading.Barrier(20)

    def ask():
        gate.wait()
        found.append(tokens.token())

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["t1"] * 20
    assert len(token_calls(server)) == 1


def test_nobody_waits_for_an_early_renewal(server, ec, clock):
    """While one thread renews, the others use the token that is still good."""
    hold, held = threading.Event(), threading.Event()

    def answer(seen):
        if seen.path != "/token":
            return Reply(200, {"token_endpoint": f"{server.origin}/token"})
        if len(token_calls(server)) > 1:
            held.set()
            hold.wait(5)
        return given(len(token_calls(server)))

    server.script = [answer]
    tokens = tokens_of(server, ec, clock)
    tokens.token()
    clock.advance(250)
    renewing = threading.Thread(target=tokens.token)
    renewing.start()
    assert held.wait(5)
    assert tokens.token() == "t1"
    hold.set()
    renewing.join()
    assert tokens.token() == "t2"


def test_a_failed_early_renewal_is_no_outage(server, ec, clock):
    answering(server, given(1), Reply(503), Reply(503), Reply(503), given(2))
    tokens = tokens_of(server, ec, clock)
    tokens.token()
    clock.advance(250)
    assert tokens.token() == "t1"
    calls = len(token_calls(server))
    assert tokens.token() == "t1"
    assert len(token_calls(server)) == calls, "not asked again at once"
    clock.advance(10)
    assert tokens.token() == "t2"


def test_an_invalidated_token_is_replaced_once(server, ec, clock):
    answering(server, given(1), given(2), given(3))
    tokens = tokens_of(server, ec, clock)
    old = tokens.token()
    tokens.invalidate(old)
    assert tokens.token() == "t2"
    tokens.invalidate(old)
    assert tokens.token() == "t2"


@pytest.mark.parametrize(
    ("status", "body", "code", "word"),
    [
        (401, {"error": "invalid_client", "error_description": "Zebediah"}, "invalid_client", "jwks.json"),
        (400, {"error": "invalid_scope"}, "invalid_scope", "chartside check"),
        (400, {"error": "unauthorized_client"}, "unauthorized_client", "switched on"),
        (400, b"Invalid Token Scope", "", "client id"),
        (403, b"<html>", "", "client id"),
        (400, {"error": "x" * 99}, "", "client id"),
        (400, {"error": ["a"]}, "", "client id"),
        (302, b"", "", "client id"),
    ],
)
def test_a_refusal_has_its_code_and_a_mend_and_nothing_else(server, ec, clock, status, body, code, word):
    """H-2, S-4: neither the assertion nor the server's words are in it. It is asked once."""
    answering(server, Reply(status, body))
    with pytest.raises(errors.TokenRefused) as caught:
        tokens_of(server, ec, SystemClock()).token()
    assert caught.value.error == code
    assert word in caught.value.mend
    told = "".join(traceback.format_exception(caught.value))
    assert "Zebediah" not in told
    assert "eyJ" not in told
    assert len(token_calls(server)) == 1


def test_a_clock_that_is_off_is_named(server, ec, clock):
    """invalid_client says nothing of it; the Date header does."""
    answering(server, Reply(401, {"error": "invalid_client"}))
    clock.set(datetime.now(UTC) + timedelta(hours=1))
    with pytest.raises(errors.TokenRefused, match="ahead of the server's"):
        tokens_of(server, ec, clock).token()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "t", "token_type": "mac"},
        {"access_token": "t\r\nX-Y: z"},
        b"x",
    ],
)
def test_an_answer_without_a_bearer_token(server, ec, clock, body):
    answering(server, Reply(200, body))
    with pytest.raises(errors.TokenRefused):
        tokens_of(server, ec, clock).token()


HALF = Reply(200, b'{"access_', {"Content-Length": "100", "Connection": "close"})


@pytest.mark.parametrize(
    "trouble", [Reply(500), Reply(429, b"", {"Retry-After": "1"}), Reply(cut=True), HALF]
)
def test_trouble_is_sat_out_with_a_new_assertion(server, ec, clock, trouble):
    """S-3: a repeated assertion would be refused as a replay."""
    answering(server, trouble, trouble, given(1))
    assert tokens_of(server, ec, clock).token() == "t1"
    assertions = [parse_qs(seen.body.decode())["client_assertion"][0] for seen in token_calls(server)]
    assert len(set(assertions)) == 3


def test_the_token_endpoint_is_pinned_at_first_use(server, elsewhere, ec, clock):
    """S-13: a discovery document that changes later moves nothing."""
    answering(server, given(1), given(2))
    tokens = tokens_of(server, ec, clock)
    tokens.token()
    server.script = [
        lambda s: given(2) if s.path == "/token" else Reply(200, {"token_endpoint": f"{elsewhere.origin}/t"})
    ]
    clock.advance(400)
    assert tokens.token() == "t2"
    assert elsewhere.seen == []


def test_what_was_not_granted_is_told(server, ec, clock, caplog):
    """H-2: `chartside check` shows it."""
    caplog.set_level(logging.WARNING)
    answering(server, given(1, scope="system/Patient.rs system/Communication.rs"))
    tokens = tokens_of(server, ec, clock)
    tokens.token()
    assert tokens.lacking() == ["system/Communication.cu"]
    assert "system/Communication.cu" in caplog.text
    assert "t1" not in caplog.text


def test_the_token_is_in_no_repr(server, ec, clock):
    answering(server, given(1, access_token="precious"))
    tokens = tokens_of(server, ec, clock)
    tokens.token()
    assert "precious" not in repr(vars(tokens))


# --- real authorisation servers ---------------------------------------------------------------------


def use(base_url, tokens):
    """A day's work in small: search, conditional create, update, with this token."""
    with FhirClient(base_url, auth=tokens, retries=FAST, budget=Budget(10_000, 100)) as ehr:
        list(ehr.search("Patient", count=2))
        body = {
            "resourceType": "Communication",
            "status": "preparation",
            "identifier": [{"system": "https://chartside.dev/fhir/effect", "value": tokens._client_id}],
        }
        condition = f"identifier=https://chartside.dev/fhir/effect|{tokens._client_id}"
        made = ehr.create(body, if_none_exist=condition)
        again = ehr.create(body, if_none_exist=condition)
        assert again.resource["id"] == made.resource["id"]
        assert not again.created
        done = ehr.update({**again.resource, "status": "completed"})
        with pytest.raises(errors.VersionConflict):
            ehr.update({**made.resource, "status": "not-done"})
        return done


def test_the_sandbox_checks_and_enforces(keys, tmp_path):
    """S-3, H-3: the declared access is granted and nothing more."""
    algorithm = keys.algorithm
    sandbox = Sandbox(clients=[Client("our-id", keys.jwks(algorithm))])
    with sandbox.running() as url:
        tokens = backend_services(
            url,
            client_id="our-id",
            keys=tmp_path / "keys",
            access=ACCESS,
            clock=SystemClock(),
            algorithm=algorithm,
        )
        use(url, tokens)
        assert tokens.lacking() == []
        with FhirClient(url, auth=tokens) as ehr:
            for act in (lambda: ehr.create({"resourceType": "Patient"}), lambda: list(ehr.search("Task"))):
                with pytest.raises(errors.Forbidden):
                    act()
        assert sandbox.authority.issued == 1
        sandbox.authority.revoke_all()
        with FhirClient(url, auth=tokens) as ehr:
            list(ehr.search("Patient", count=2))
        assert sandbox.authority.issued == 2


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sekmet_takes_our_assertions(sekmet_smart, tmp_path, algorithm):
    """S-3, issue "How it is shown" 2: a FHIR server that others wrote, RS384 and ES384."""
    registered = sekmet_smart.client(algorithm)
    store = KeyStore(tmp_path / "keys", SystemClock())
    store.add(registered.private, algorithm)
    tokens = BackendTokens(
        sekmet_smart.base_url, registered.client_id, store, ACCESS, clock=SystemClock(), algorithm=algorithm
    )
    assert use(sekmet_smart.base_url, tokens)["status"] == "completed"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_oidc_provider_takes_our_assertions(oidc, tmp_path, algorithm):
    """S-3: an authorisation server that others wrote."""
    registered = oidc.client(algorithm)
    store = KeyStore(tmp_path / "keys", SystemClock())
    store.add(registered.private, algorithm)
    tokens = BackendTokens(
        oidc.base_url,
        registered.client_id,
        store,
        {"Patient": "rs"},
        clock=SystemClock(),
        algorithm=algorithm,
    )
    token = tokens.token()
    configuration = discover(oidc.base_url)
    assert configuration.v2_scopes
    assert token.count(".") == 2
    assert tokens.lacking() == []
    store.delete(registered.public["kid"])
    store.generate(algorithm)
    tokens.invalidate(token)
    with pytest.raises(errors.TokenRefused) as caught:
        tokens.token()
    assert caught.value.error == "invalid_client"


def test_sekmet_without_tokens(sekmet):
    """The client on a FHIR server that others wrote: transactions, paging, history, conflicts."""
    with FhirClient(sekmet.base_url, retries=FAST, budget=Budget(10_000, 100)) as ehr:
        system = "https://chartside.dev/fhir/effect"
        entries = [
            Create(
                {
                    "resourceType": "Communication",
                    "status": "preparation",
                    "identifier": [{"system": system, "value": f"k{n}"}],
                },
                f"identifier={system}|k{n}",
            )
            for n in range(25)
        ]
        first = ehr.transaction(entries)
        second = ehr.execute(entries)
        assert [r.created for r in first] == [True] * 25
        assert [r.created for r in second] == [False] * 25
        assert [r.require()["id"] for r in first] == [r.require()["id"] for r in second]
        found = list(ehr.search("Communication", {"identifier": f"{system}|"}, count=10).matches())
        assert len({r["id"] for r in found}) >= 25
        one = ehr.read("Communication", first[0].require()["id"])
        new = ehr.save(one, {**one, "status": "in-progress"})
        assert new["status"] == "in-progress"
        with pytest.raises(errors.VersionConflict):
            ehr.save(one, {**one, "status": "completed"})
        stale, fine = ehr.execute(
            [Update({**one, "status": "not-done"}), Update({**new, "status": "completed"})]
        )
        assert isinstance(stale.error, errors.VersionConflict)
        assert fine.require()["status"] == "completed"
        assert len(list(ehr.history("Communication", one["id"]))) >= 3
        ids = [r.require()["id"] for r in first]
        assert set(ehr.read_many("Communication", [*ids, "never-was"])) == set(ids)
        with pytest.raises(errors.VersionConflict):
            ehr.transaction([Create({"resourceType": "Communication", "status": "unknown"}), Update(one)])
