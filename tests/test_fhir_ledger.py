"""The ledger in a real FHIR server, on every kind of server that it meets (R-10)."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from requests.adapters import HTTPAdapter

from chartside import Effect, Result, State, effect_key
from chartside.clock import FrozenClock
from chartside.fhir import Budget, Create, FhirClient, Update
from chartside.fhir import search as searching
from chartside.jobs.fhir_ledger import FhirLedger
from chartside.sandbox import Options, Sandbox

LEASE = timedelta(minutes=5)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SERVERS = {
    "transactions": Options(),
    "batches only": Options(no_transaction=True),
    "neither": Options(no_transaction=True, no_batch=True),
}
AUDIT = {
    "resourceType": "AuditEvent",
    "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110106"},
    "recorded": "2026-11-24T12:00:00Z",
    "agent": [{"requestor": True, "name": "chartside"}],
    "source": {"observer": {"display": "chartside"}},
}


class Bench:
    """A sandbox, and ledgers of several workers on it."""

    def __init__(self, sandbox, url, kind):
        self.sandbox, self.kind = sandbox, kind
        self.clock = FrozenClock(NOON)
        self.client = FhirClient(url, budget=Budget(10_000, 1000))

    def ledger(self, worker="w1"):
        return FhirLedger(
            self.client, self.kind, worker=worker, clock=self.clock, lease=LEASE, audit_events=True
        )

    def effects(self, n=3, audit=()):
        return [Effect(effect_key("p", str(i)), self.resource(), tuple(audit)) for i in range(n)]

    def resource(self):
        return {"resourceType": "Communication", "subject": {"reference": "Patient/1"}}

    def stored(self, kind=None):
        return list(self.client.search(kind or self.kind).matches())


@pytest.fixture(
    params=[(s, k) for s in SERVERS for k in ("Communication", "Task")], ids=lambda p: f"{p[0]}, {p[1]}"
)
def bench(request):
    name, kind = request.param
    sandbox = Sandbox(SERVERS[name])
    with sandbox.running() as url:
        made = Bench(sandbox, url, kind)
        made.client.update_where(
            {"resourceType": "Patient", "id": "1", "identifier": [{"value": "x"}]}, "identifier=x"
        )
        yield made
        made.client.close()


def states(claims):
    return [c.state for c in claims]


def test_the_whole_way_and_again(bench):
    """R-10: claimed, begun, ended; recorded in the EHR; another worker finds it done."""
    one = bench.ledger()
    claims = one.begin(one.claim(bench.effects(audit=[AUDIT])))
    assert states(claims) == [State.BEGUN] * 3
    assert len(bench.stored("AuditEvent")) == 3
    ended = one.finish(
        [Result(c, done=i != 1, reason="rejected" if i == 1 else "") for i, c in enumerate(claims)]
    )
    assert states(ended) == [State.DONE, State.NOT_DONE, State.DONE]
    assert states(bench.ledger("w2").claim(bench.effects())) == [State.DONE, State.NOT_DONE, State.DONE]
    assert len(bench.stored()) == 3
    assert sorted(r["status"] for r in bench.stored())[0] == "completed"


def test_killed_in_preparation_is_taken_over(bench):
    """R-10: nothing is lost. Where the claim itself writes, others wait for its lease."""
    bench.ledger().claim(bench.effects())
    other = bench.ledger("w2")
    if bench.stored():
        assert states(other.claim(bench.effects())) == [State.HELD] * 3
        bench.clock.advance(301)
    assert states(other.begin(other.claim(bench.effects()))) == [State.BEGUN] * 3


def test_killed_after_begin_is_undecided(bench):
    """R-10: begun and never ended: listed, not repeated; reopened only on purpose."""
    first = bench.ledger()
    first.begin(first.claim(bench.effects(2)))
    other = bench.ledger("w2")
    assert states(other.claim(bench.effects(2))) == [State.HELD] * 2
    assert list(other.undecided()) == []
    bench.clock.advance(301)
    claims = other.claim(bench.effects(2))
    assert states(claims) == [State.UNDECIDED] * 2
    assert len(list(bench.ledger("w3").undecided())) == 2
    assert states(other.reopen(claims[:1])) == [State.BEGUN]
    assert states(other.finish([Result(claims[1], True)])) == [State.DONE]


def test_a_race_has_one_winner(bench):
    """R-10: eight workers claim the same effects at once; each effect is begun once."""
    begun, lock = [], threading.Lock()

    def work(n):
        ledger = bench.ledger(f"w{n}")
        claims = ledger.begin([c for c in ledger.claim(bench.effects(5)) if c.state is State.CLAIMED])
        with lock:
            begun.extend(c.effect.key for c in claims if c.state is State.BEGUN)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(begun) == sorted(e.key for e in bench.effects(5))
    assert len(bench.stored()) == 5


def test_a_worker_that_slept_too_long_does_not_begin(bench):
    """R-10: its claim was taken meanwhile, so the update fails and it stands back."""
    slow = bench.ledger()
    mine = slow.claim(bench.effects(1))
    bench.clock.advance(301)
    quick = bench.ledger("w2")
    assert states(quick.begin(quick.claim(bench.effects(1)))) == [State.BEGUN]
    assert states(slow.begin(mine)) == [State.HELD]


@pytest.fixture
def heedless(bench):
    """The same servers where they ignore If-Match, number no versions, and do not claim otherwise (testing.md)."""
    for kind in ("version-1", "ignore-if-match"):
        bench.sandbox.faults.add(kind)
    for resource in bench.client.capabilities(refresh=True).raw["rest"][0]["resource"]:
        resource.pop("versioning", None)
    return bench


def test_a_sleeper_does_not_begin_where_versions_are_ignored(heedless):
    """R-10: there the ledger looks before it writes."""
    slow = heedless.ledger()
    mine = slow.claim(heedless.effects(1))
    heedless.clock.advance(301)
    quick = heedless.ledger("w2")
    assert states(quick.begin(quick.claim(heedless.effects(1)))) == [State.BEGUN]
    assert states(slow.begin(mine)) == [State.HELD]


def test_who_was_overwritten_where_versions_are_ignored_stands_back(heedless):
    """R-10: two workers look, then both write: the ledger looks after its write, too, and one of them stands back."""
    heedless.ledger("dead").claim(heedless.effects(1))
    heedless.clock.advance(301)
    looked, wrote = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)
    begun, lock = [], threading.Lock()

    def work(name):
        ledger = heedless.ledger(name)
        plain = ledger._send

        def together(entries, audit=()):
            if not any(isinstance(e, Update) for e in entries):
                return plain(entries, audit)
            looked.wait()  # both have looked before either writes
            answers = plain(entries, audit)
            wrote.wait()  # both have written before either looks again
            return answers

        ledger._send = together
        claims = [c for c in ledger.claim(heedless.effects(1)) if c.state is State.CLAIMED]
        with lock:
            begun.extend(claims)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("w2", "w3")]
    if not heedless.stored():
        pytest.skip("without bundles a claim is no write")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) == 1


def test_released_claims_are_free_at_once(bench):
    """Quiet hours: what is not yet to be sent does not wait for a lease."""
    one = bench.ledger()
    one.release(one.claim(bench.effects(1)))
    other = bench.ledger("w2")
    assert states(other.begin(other.claim(bench.effects(1)))) == [State.BEGUN]


def test_one_bad_record_does_not_hold_up_the_rest(bench):
    """Fail soft: what the server refuses is named, the others go on."""
    bad = Effect(
        effect_key("bad"), {"resourceType": "Communication", "subject": {"reference": 7}, "medium": "x"}
    )
    if bench.kind == "Task":
        bad = Effect(bad.key, {"resourceType": "Task", "intent": 7})
    one = bench.ledger()
    claims = one.claim([*bench.effects(2), bad])
    claims = one.begin([c for c in claims if c.state is State.CLAIMED])
    assert states(claims).count(State.BEGUN) == 2
    assert State.BEGUN not in [c.state for c in claims if c.effect.key == bad.key]


def test_audit_that_cannot_be_written_stops_the_effect(bench):
    """S-10: no audit, no disclosure."""
    from chartside.errors import AuditUnavailable

    one = bench.ledger()
    claims = one.claim(bench.effects(1, audit=[{"resourceType": "AuditEvent", "recorded": 7}]))
    with pytest.raises(AuditUnavailable):
        one.begin(claims)
    assert "in-progress" not in [r["status"] for r in bench.stored()]


def test_foreign_writes_are_kept(bench):
    """S-20: what somebody else added to the record is not lost by our updates."""
    one = bench.ledger()
    claims = one.begin(one.claim(bench.effects(1)))
    [resource] = bench.stored()
    bench.client.update({**resource, "note": [{"text": "seen by the front desk"}]})
    assert states(one.finish([Result(claims[0], True)])) == [State.DONE]
    [resource] = bench.stored()
    assert resource["note"] == [{"text": "seen by the front desk"}]
    assert resource["status"] == "completed"


def test_creates_need_no_identifier_clash():
    """The identifier alone decides: another system's identifier of the same value is another thing."""
    with Sandbox().running() as url, FhirClient(url) as client:
        key = effect_key("p", "0")
        client.execute(
            [Create({"resourceType": "Communication", "status": "completed", "identifier": [{"value": key}]})]
        )
        clock = FrozenClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
        ledger = FhirLedger(client, "Communication", worker="w", clock=clock, lease=LEASE, audit_events=False)
        assert states(ledger.claim([Effect(key, {"resourceType": "Communication"})])) == [State.CLAIMED]


class Deaf(HTTPAdapter):
    """A server that lists ``conditionalCreate`` and does not heed it."""

    def send(self, request, **options):
        request.headers.pop("If-None-Exist", None)
        if isinstance(request.body, bytes):
            request.body = request.body.replace(b"ifNoneExist", b"ifNobodyHears")
        request.headers["Content-Length"] = str(len(request.body or b""))
        return super().send(request, **options)


@pytest.mark.parametrize("options", SERVERS.values(), ids=SERVERS)
def test_a_server_that_only_says_that_it_heeds_the_condition(options):
    """R-10: the next run, by another worker, finds what was done, and among several records the one that says so."""
    sandbox = Sandbox(options)
    with sandbox.running() as url:
        bench = Bench(sandbox, url, "Communication")
        bench.client = FhirClient(url, budget=Budget(10_000, 1000), adapter=Deaf())
        effects = bench.effects(2)
        first = bench.ledger()
        first.finish([Result(c, done=True) for c in first.begin(first.claim(effects))])
        for worker in ("w2", "w3"):
            assert [c.state for c in bench.ledger(worker).claim(effects)] == [State.DONE] * 2
        late = next(r for r in bench.stored() if r["status"] == "completed")
        bench.client.create(
            {k: v for k, v in late.items() if k not in ("id", "meta")} | {"status": "preparation"}
        )
        assert {c.state for c in bench.ledger("w4").claim(effects)} == {State.DONE}


@pytest.mark.parametrize(
    "garbled",
    [
        {"meta": 7},
        {"status": ["completed"]},
        {"status": None},
        {"identifier": 7},
        {"id": "a b"},
        {"id": None},
        {"sent": 7},
    ],
)
def test_a_garbled_record_is_no_crash_and_no_reason_to_send(monkeypatch, garbled):
    """H-4, R-10: what is there in a form that nobody can read is never claimed anew."""
    sandbox = Sandbox(clock=FrozenClock(NOON))
    with sandbox.running() as url:
        bench = Bench(sandbox, url, "Communication")
        effects = [replace(e, recipient="r") for e in bench.effects(2)]
        ledger = bench.ledger()
        ledger.finish([Result(c, done=True) for c in ledger.begin(ledger.claim(effects))])
        read_page = searching.read_page

        def spoiled(*given):
            page = read_page(*given)
            page.matches[:1] = [r | garbled for r in page.matches[:1]]
            return page

        monkeypatch.setattr(searching, "read_page", spoiled)
        other = bench.ledger("w2")
        states = [c.state for c in other.claim(effects)]
        assert State.CLAIMED not in states
        assert State.DONE in states
        assert len(other.recent(["r"], bench.clock.now() - LEASE)["r"]) >= 1
        assert list(other.undecided()) == []


def test_a_record_without_a_version_is_not_written_over(monkeypatch):
    """S-20, H-4: told as failed for this one; the others go on."""
    sandbox = Sandbox()
    with sandbox.running() as url:
        bench = Bench(sandbox, url, "Communication")
        ledger, effects = bench.ledger(), bench.effects(2)
        claims = ledger.claim(effects)
        read_page = searching.read_page

        def spoiled(*given):
            page = read_page(*given)
            page.matches[:] = [r | ({"meta": {}} if effects[0].key in str(r) else {}) for r in page.matches]
            return page

        monkeypatch.setattr(searching, "read_page", spoiled)
        other = bench.ledger("w2")
        bench.clock.advance(LEASE * 2)
        states = [c.state for c in other.begin(other.claim(effects))]
        assert states == [State.FAILED, State.BEGUN]
        ledger.release(claims)


def test_a_long_look_up_is_asked_for_side_by_side(monkeypatch):
    """A hundred effects take one round trip, not one for each fifty: both are under way before either is answered."""
    meeting = threading.Barrier(2)
    send = HTTPAdapter.send

    def together(self, request, *args, **kwargs):
        if "identifier=" in request.url:
            meeting.wait(10)
        return send(self, request, *args, **kwargs)

    monkeypatch.setattr(HTTPAdapter, "send", together)
    with Sandbox(Options()).running() as url:
        made = Bench(None, url, "Communication")
        assert made.ledger()._find(made.effects(100)) == {}
        made.client.close()
