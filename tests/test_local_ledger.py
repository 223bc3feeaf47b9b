"""The last rung of the ledger: opaque, and as strict as the others (R-10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chartside import Effect, Result, State, effect_key
from chartside.clock import FrozenClock
from chartside.jobs.local_ledger import LocalLedger

LEASE = timedelta(minutes=5)


@pytest.fixture
def clock():
    return FrozenClock(datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
def ledger(tmp_path, clock):
    """A function that opens the same file as another worker."""
    return lambda worker="w1": LocalLedger(
        tmp_path / "l.db", b"k" * 32, worker=worker, clock=clock, lease=LEASE
    )


def effects(n=3):
    return [Effect(effect_key("practice", str(i)), {}) for i in range(n)]


def states(claims):
    return [c.state for c in claims]


def test_the_whole_way(ledger):
    """R-10: claimed, begun, done; a second run finds it done and does nothing."""
    one = ledger()
    claims = one.begin(one.claim(effects()))
    assert states(claims) == [State.BEGUN] * 3
    one.finish([Result(claims[0], True), Result(claims[1], False, "rejected"), Result(claims[2], True)])
    assert states(ledger("w2").claim(effects())) == [State.DONE, State.NOT_DONE, State.DONE]


def test_another_worker_waits_for_the_lease_then_takes_over(ledger, clock):
    """R-10: killed in preparation, nothing is lost."""
    ledger().claim(effects())
    other = ledger("w2")
    assert states(other.claim(effects())) == [State.HELD] * 3
    clock.advance(301)
    assert states(other.begin(other.claim(effects()))) == [State.BEGUN] * 3


def test_killed_after_begin_is_undecided_never_repeated(ledger, clock):
    """R-10: the outcome is unknown, so it is listed; only `reopen`, after asking, gives it back."""
    first = ledger()
    first.begin(first.claim(effects(2)))
    other = ledger("w2")
    assert states(other.claim(effects(2))) == [State.HELD] * 2
    clock.advance(301)
    claims = other.claim(effects(2))
    assert states(claims) == [State.UNDECIDED] * 2
    assert states(other.begin(claims)) == [State.UNDECIDED] * 2
    assert len(list(other.undecided())) == 2
    assert states(other.reopen(claims[:1])) == [State.BEGUN]
    other.finish([Result(claims[1], True)])
    assert list(other.undecided()) == []


def test_two_workers_never_both_begin(ledger, clock):
    """R-10: the one whose lease was over and taken does not begin."""
    slow, quick = ledger(), ledger("w2")
    mine = slow.claim(effects(1))
    clock.advance(301)
    theirs = quick.claim(effects(1))
    assert states(quick.begin(theirs)) == [State.BEGUN]
    assert states(slow.begin(mine)) == [State.HELD]


def test_released_effects_are_free_at_once(ledger):
    """Quiet hours: what is not yet to be sent does not wait for a lease."""
    one = ledger()
    one.release(one.claim(effects(1)))
    assert states(ledger("w2").claim(effects(1))) == [State.CLAIMED]


def test_the_file_names_nobody(ledger, tmp_path):
    """S-8: neither the key nor what it was made of stands in the file."""
    one = ledger()
    key = effect_key("riverside", "Appointment/4711", "+13125550142")
    one.begin(one.claim([Effect(key, {"subject": "Patient/77"})]))
    one.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (key.encode(), b"4711", b"555", b"Patient", b"riverside"):
        assert secret not in raw


def test_key_too_short_is_refused(tmp_path, clock):
    """An empty secret must not pass as one."""
    with pytest.raises(ValueError, match="too short"):
        LocalLedger(tmp_path / "l.db", b"", worker="w", clock=clock, lease=LEASE)
