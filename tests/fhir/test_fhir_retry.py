"""What is repeated, what is not, and how politely."""

from __future__ import annotations

import threading

import pytest
from tests.fhir.conftest import FAST, Reply

from chartside import errors
from chartside.fhir import Breaker, Budget, Create, Delete, FhirClient, Get, NeverSent, Patch, Retries, Update

PATIENT = {"resourceType": "Patient", "id": "12", "meta": {"versionId": "3"}}
CUT = Reply(cut=True)
BUSY = Reply(503)


def quiet(server, **keywords):
    return FhirClient(server.url, **{"retries": FAST, "budget": Budget(100_000, 1000)} | keywords)


@pytest.mark.parametrize("trouble", [CUT, BUSY, Reply(500), Reply(429), Reply(502, b"<html>")])
@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.read("Patient", "12"),
        lambda c: c.update(PATIENT),
        lambda c: c.create({"resourceType": "Patient"}, if_none_exist="identifier=a|b"),
        lambda c: c.patch("Patient", "12", [{"op": "remove", "path": "/a"}], version="3"),
        lambda c: c.update_where(PATIENT, "identifier=a|b"),
    ],
    ids=["read", "update", "conditional create", "patch", "conditional update"],
)
def test_what_is_safe_to_repeat_is_repeated(server, client, trouble, act):
    server.script = [trouble, trouble, Reply(200, PATIENT)]
    act(client)
    assert len(server.seen) == 3


@pytest.mark.parametrize("trouble", [CUT, BUSY, Reply(500)])
@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.create({"resourceType": "Patient"}),
        lambda c: c.transaction([Create({"resourceType": "Patient"}), Update(PATIENT)]),
        lambda c: c.operation("Appointment", "book", {"resourceType": "Parameters"}),
    ],
    ids=["create", "transaction with a create", "operation"],
)
def test_what_might_happen_twice_is_sent_once(server, client, trouble, act):
    """R-10: after a cut answer nobody knows whether a plain create was done."""
    server.script = [trouble, Reply(201, PATIENT)]
    with pytest.raises((errors.Unreachable, errors.ServerError)):
        act(client)
    assert len(server.seen) == 1


def test_a_transaction_of_repeatable_entries_is_repeated(server, client):
    entries = [
        Create({"resourceType": "Task"}, "identifier=a|b"),
        Update(PATIENT),
        Patch("Task", "1", [], "2"),
        Delete("Task", "2"),
        Get("Task", "3"),
    ]
    rows = [{"response": {"status": "200"}, "resource": PATIENT}] * 5
    server.script = [CUT, Reply(200, {"resourceType": "Bundle", "entry": rows})]
    assert len(client.transaction(entries)) == 5
    assert len(server.seen) == 2


def test_even_a_plain_create_is_repeated_when_it_was_refused_or_never_sent(server, client, nowhere):
    server.script = [Reply(429), Reply(201, PATIENT)]
    assert client.create({"resourceType": "Patient"}).created
    with pytest.raises(NeverSent):
        FhirClient(nowhere, retries=FAST).create({"resourceType": "Patient"})


def test_retry_after_is_honoured_for_everybody(server):
    """A 429 makes all threads wait, not only the one that got it."""
    slept = []
    now = [1000.0]
    budget = Budget(1000, 10, monotonic=lambda: now[0], sleep=slept.append)
    client = quiet(server, budget=budget)
    server.script = [Reply(429, b"", {"Retry-After": "7"}), Reply(200, PATIENT)]
    client.read("Patient", "12")
    assert slept == [pytest.approx(7.0)]
    slept.clear()
    client.read("Patient", "12")
    assert slept == [pytest.approx(7.0, abs=0.01)]


def test_a_retry_after_beyond_patience_is_an_error_that_says_how_long(server, client):
    server.script = [Reply(429, b"", {"Retry-After": "3600"})]
    with pytest.raises(errors.RateLimited) as caught:
        client.read("Patient", "12")
    assert caught.value.retry_after == 3600
    assert len(server.seen) == 1


def test_backoff_grows_and_is_jittered(server):
    waits = []
    client = quiet(server, retries=Retries(attempts=5, first=0.5, most=3.0))
    client._transport._sleep = waits.append
    server.script = [BUSY]
    for _ in range(8):
        with pytest.raises((errors.ServerError, errors.CircuitOpen)):
            client.read("Patient", "12")
    assert all(0 <= wait <= 3.0 for wait in waits)
    assert len(set(waits)) > 10


def test_the_breaker_opens_probes_and_closes(server):
    """Nothing is sent while it is open; one probe goes through after the cool-down."""
    now = [0.0]
    client = quiet(server, breaker=Breaker(2, 30.0, monotonic=lambda: now[0]), retries=Retries(attempts=1))
    server.script = [BUSY]
    for _ in range(2):
        with pytest.raises(errors.ServerError):
            client.read("Patient", "12")
    with pytest.raises(errors.CircuitOpen) as caught:
        client.read("Patient", "12")
    assert caught.value.retryable
    assert caught.value.retry_after == pytest.approx(30.0)
    assert len(server.seen) == 2
    now[0] = 31.0
    with pytest.raises(errors.ServerError):
        client.read("Patient", "12")
    with pytest.raises(errors.CircuitOpen):
        client.read("Patient", "12")
    now[0] = 62.0
    server.script = [Reply(200, PATIENT)]
    client.read("Patient", "12")
    client.read("Patient", "12")


def test_refusals_do_not_open_the_breaker_and_clients_share_none(server):
    now = [0.0]
    one = quiet(server, breaker=Breaker(1, monotonic=lambda: now[0]), retries=Retries(attempts=1))
    other = quiet(server)
    server.script = [Reply(404)]
    for _ in range(3):
        with pytest.raises(errors.NotFound):
            one.read("Patient", "12")
    server.script = [BUSY, Reply(200, PATIENT)]
    with pytest.raises(errors.ServerError):
        one.read("Patient", "12")
    with pytest.raises(errors.CircuitOpen):
        one.read("Patient", "12")
    assert other.read("Patient", "12")["id"] == "12"


def test_the_budget_spaces_requests_and_gives_up_in_time():
    slept = []
    budget = Budget(10, 2, longest_wait=0.25, monotonic=lambda: 0.0, sleep=slept.append)
    for _ in range(4):
        budget.take()
    assert slept == [pytest.approx(0.1), pytest.approx(0.2)]
    with pytest.raises(errors.RateLimited):
        budget.take()


class Tokens:
    def __init__(self):
        self.given, self.refused, self.lock = 0, [], threading.Lock()

    def token(self):
        with self.lock:
            self.given += 1
            return f"t{self.given}"

    def invalidate(self, token):
        self.refused.append(token)


def test_a_401_gets_one_fresh_token_and_no_second(server):
    tokens = Tokens()
    client = quiet(server, auth=tokens)
    server.script = [Reply(401), Reply(200, PATIENT)]
    client.read("Patient", "12")
    assert [seen.headers["Authorization"] for seen in server.seen] == ["Bearer t1", "Bearer t2"]
    assert tokens.refused == ["t1"]
    server.script = [Reply(401)]
    with pytest.raises(errors.Unauthorized):
        client.create({"resourceType": "Patient"})
    assert len(server.seen) == 4
