"""The local hash-chained trail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chartside.audit import AuditRecord, Event, Result, Trail
from chartside.audit.decisions import because
from chartside.errors import AuditUnavailable
from chartside.gate.model import Decision, Outcome, Reason

AT = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
KEY = b"k" * 32


def record(n: int = 1, **changes: object) -> AuditRecord:
    made = AuditRecord(
        Event.CREATE,
        "scheduling",
        AT,
        patient=f"Patient/p{n}",
        target="Communication/c1",
        purpose="REMIND",
    )
    return replace(made, **changes)


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "audit.jsonl", KEY)


def reopened(trail: Trail) -> Trail:
    return Trail(trail.path, KEY)


def lines(trail: Trail) -> list[bytes]:
    return trail.path.read_bytes().splitlines(keepends=True)


def test_records_come_back_as_they_were_written(trail: Trail) -> None:
    """S-9: every field survives."""
    full = AuditRecord(
        event=Event.DECISION,
        plugin="scheduling",
        at=AT,
        outcome=Result.DENY,
        patient="Patient/p1",
        target="Appointment/a/_history/2",
        consents=("Consent/1/_history/3", "Consent/2"),
        rules=("US-IL-WOPR-1", "default"),
        purpose="http://terminology.hl7.org/CodeSystem/v3-ActReason|TREAT",
        action="sms",
        recipient="twilio",
        data_class="contact",
        user="Practitioner/9",
        parameters="date&status",
        request_id="r-1",
    )
    trail.append_many([full, record(2)])
    assert list(trail.records()) == [full, record(2)]
    assert list(trail.records(patient="Patient/p2")) == [record(2)]
    assert trail.verify().ok
    assert trail.verify().records == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("patient", "Dora Example"),
        ("patient", "+13125550142"),
        ("target", "Patient?name=Dora"),
        ("parameters", "name=Dora"),
        ("parameters", "date status"),
        ("purpose", "to remind Dora"),
        ("plugin", "a b"),
        ("plugin", ""),
        ("recipient", "dora@example.org"),
        ("request_id", "x y"),
        ("consents", ("Consent/1", "of Dora")),
        ("rules", ("a rule with words",)),
        ("user", "Dr. Example"),
    ],
)
def test_only_ids_and_codes_get_in(field: str, value: object) -> None:
    """S-8, S-9: a name, number or query value is refused, and the refusal does not repeat it."""
    with pytest.raises(ValueError, match=f"AuditRecord.{field}") as raised:
        record(**{field: value})
    assert "Dora" not in str(raised.value)


def test_an_instant_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        record(at=datetime(2026, 1, 1))


def tampered(trail: Trail, change: object) -> Trail:
    trail.append_many([record(n) for n in range(1, 9)])
    now = lines(trail)
    trail.path.write_bytes(b"".join(change(now)))  # type: ignore[operator]
    return reopened(trail)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda now: [*now[:3], now[3].replace(b"Patient/p4", b"Patient/p5"), *now[4:]],
            "line 4: was altered",
        ),
        (lambda now: [*now[:3], *now[4:]], "line 4: does not follow"),
        (lambda now: [now[0], now[2], now[1], *now[3:]], "line 2: does not follow"),
        (lambda now: [*now[:3], now[2], *now[3:]], "line 4: does not follow"),
        (lambda now: now[1:], "line 1: does not follow"),
        (lambda now: now[:-1], "cut off"),
        (lambda _: [], "cut off"),
        (lambda now: [*now[:-1], now[-1][:-20]], "line 8: was altered"),
        (lambda now: [*now[:-1], now[-1].replace(b"Patient/p8", b"Patient/p1")], "line 8: was altered"),
        (lambda now: [*now[:5], b"garbage\n", *now[5:]], "line 6: was altered"),
        (lambda now: [*now[:5], b'{"n":6,"hash":"caf\xc3\xa9"}\n', *now[5:]], "line 6: was altered"),
    ],
    ids=[
        "edit",
        "delete",
        "reorder",
        "repeat",
        "delete-first",
        "truncate",
        "empty",
        "tear",
        "edit-last",
        "insert",
        "no-ascii",
    ],
)
def test_tampering_is_detected(trail: Trail, change: object, says: str) -> None:
    """S-9: edits, deletion, reordering and truncation are found and the place is named."""
    found = tampered(trail, change).verify()
    assert not found.ok
    assert any(says in problem for problem in found.problems), found.problems


def test_a_forger_without_the_key_is_detected(tmp_path: Path, trail: Trail) -> None:
    """S-9: a whole trail made anew, head included, does not fit the key."""
    Trail(tmp_path / "audit.jsonl", b"another key").append_many([record(1)])
    assert not trail.verify().ok
    with pytest.raises(AuditUnavailable, match="key is another"):
        trail.append(record(2))


def test_a_trail_put_back_to_an_older_state_is_found_by_a_head_kept_elsewhere(trail: Trail) -> None:
    """The limit that is documented: trail and head together, older, are only found by comparing."""
    trail.append(record(1))
    head = trail.path.with_name("audit.jsonl.head")
    old = trail.path.read_bytes(), head.read_bytes()
    trail.append(record(2))
    kept = trail.verify().head
    trail.path.write_bytes(old[0])
    head.write_bytes(old[1])
    assert reopened(trail).verify().ok
    assert not reopened(trail).verify(expect=kept).ok
    with pytest.raises(AuditUnavailable, match="older"):
        trail.append(record(3))  # the running host remembers


def test_a_head_kept_elsewhere_is_found_in_the_trail_that_went_on(trail: Trail) -> None:
    trail.append(record(1))
    kept = trail.verify().head
    trail.append(record(2))
    assert trail.verify(expect=kept).ok


def test_nothing_is_appended_to_a_trail_that_was_cut(trail: Trail) -> None:
    """S-10: no audit, no disclosure."""
    cut = tampered(trail, lambda now: now[:-1])
    with pytest.raises(AuditUnavailable, match="shorter than its anchor"):
        cut.append(record(9))


def test_a_missing_anchor_stops_the_trail(trail: Trail) -> None:
    trail.append(record(1))
    trail.path.with_name("audit.jsonl.head").unlink()
    assert not trail.verify().ok
    with pytest.raises(AuditUnavailable, match="anchor"):
        reopened(trail).append(record(2))


@pytest.mark.parametrize("keep", [1, 40, -60, -1])
def test_a_torn_last_line_is_sealed_and_the_trail_goes_on(trail: Trail, keep: int) -> None:
    """S-9: what a process killed while writing leaves behind is recognised, sealed, and not fatal."""
    trail.append_many([record(1), record(2)])
    whole = trail.path.read_bytes()
    other = Trail(trail.path.with_name("other.jsonl"), KEY)
    other.append_many([record(1), record(2), record(3)])
    # What would have been line 3 of this very trail, cut at `keep`.
    state = trail.path.with_name("audit.jsonl.head").read_bytes()
    reopened(trail).append(record(3))
    third = trail.path.read_bytes()[len(whole) :]
    trail.path.write_bytes(whole + third[:keep])
    trail.path.with_name("audit.jsonl.head").write_bytes(state)

    before = reopened(trail).verify()
    assert before.ok
    assert before.torn is (keep != -1)
    fresh = reopened(trail)
    fresh.append(record(4))
    fresh.append(record(5))
    after = reopened(trail).verify()
    assert after.ok, after.problems
    assert after.sealed == (0 if keep == -1 else 1)
    # Only the line feed was lost: the third record is whole and counts.
    assert [r.patient for r in fresh.records()] == [
        f"Patient/p{n}" for n in ([1, 2, 3, 4, 5] if keep == -1 else [1, 2, 4, 5])
    ]


def test_a_seal_covers_its_bytes_and_no_others(trail: Trail) -> None:
    """A sealed fragment cannot be swapped for another one."""
    trail.append(record(1))
    with trail.path.open("ab") as file:
        file.write(b'{"n":2,"prev":"torn')
    reopened(trail).append(record(2))
    assert reopened(trail).verify().ok
    trail.path.write_bytes(trail.path.read_bytes().replace(b'"torn\n', b'"turn\n'))
    assert not reopened(trail).verify().ok


def test_a_trail_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """S-10: AuditUnavailable, with the mend."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AuditUnavailable, match="cannot be written") as raised:
        Trail(tmp_path / "file" / "audit.jsonl").append(record())
    assert raised.value.mend


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which Linux has")
def test_a_full_disk_says_so(tmp_path: Path) -> None:
    """S-10: the lines of a failed write do not count, and later ones do."""
    trail = Trail(tmp_path / "audit.jsonl", KEY)
    trail.append(record(1))
    kept = trail.path.read_bytes()
    trail.path.unlink()
    trail.path.symlink_to("/dev/full")
    with pytest.raises(AuditUnavailable):
        trail.append(record(2))
    trail.path.unlink()
    trail.path.write_bytes(kept)
    trail.append(record(3))
    assert [r.patient for r in trail.records()] == ["Patient/p1", "Patient/p3"]
    assert trail.verify().ok


def test_whatever_ends_a_shared_write_nobody_takes_it_for_done(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-10: the one whose records another caller took along must not go on as if they stood in the trail."""
    entered, queued = threading.Event(), threading.Event()
    write, told = Trail._write, []

    def broken(self: Trail, records: list[AuditRecord]) -> None:
        if len(records) == 1:
            entered.set()
            assert queued.wait(30)
            return write(self, records)
        raise TypeError("something that nobody thought of")

    def append(number: int) -> None:
        try:
            trail.append(record(number))
        except (AuditUnavailable, TypeError) as error:
            told.append(type(error))

    monkeypatch.setattr(Trail, "_write", broken)
    threads = [threading.Thread(target=append, args=(n,)) for n in range(3)]
    threads[0].start()
    assert entered.wait(30)
    for thread in threads[1:]:
        thread.start()
    while len(trail._queue) < 2:  # both wait for the first
        time.sleep(0.001)
    queued.set()
    for thread in threads:
        thread.join()
    assert sorted(told, key=str) == sorted([TypeError, AuditUnavailable], key=str)
    assert len(list(trail.records())) == 1


def test_files_are_for_this_user_only(trail: Trail) -> None:
    trail.append(record())
    for path in trail.path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_threads_and_trails_share_one_chain(trail: Trail) -> None:
    """S-9: many writers, each with its own object, make one unbroken chain."""
    second = reopened(trail)

    def work(number: int) -> None:
        mine = trail if number % 2 else second
        for step in range(10):
            mine.append(record(number * 100 + step))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = trail.verify()
    assert found.ok, found.problems
    assert found.records == 80
    assert len({r.patient for r in trail.records()}) == 80


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from chartside.audit import AuditRecord, Event, Trail
trail = Trail(Path(sys.argv[1]), b"k" * 32)
for n in range(100_000):
    batch = [AuditRecord(Event.READ, sys.argv[2], datetime.now(UTC), patient=f"Patient/{n}-{i}") for i in range(20)]
    trail.append_many(batch)
    sys.stdout.write(f"{n}\\n"); sys.stdout.flush()
"""


@pytest.mark.slow
def test_sigkill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """S-9: two writers, each killed at some point; what they were told is written, is there."""
    path = tmp_path / "audit.jsonl"
    acknowledged: dict[str, int] = {}
    for turn in range(4):
        workers = {
            name: subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), name], stdout=subprocess.PIPE, text=True
            )
            for name in (f"a{turn}", f"b{turn}")
        }
        for name, worker in workers.items():
            assert worker.stdout is not None
            for _ in range(turn * 3 + 1):
                acknowledged[name] = int(worker.stdout.readline())
            os.kill(worker.pid, signal.SIGKILL)
            rest = worker.communicate()[0].split()
            acknowledged[name] = int(rest[-1]) if rest else acknowledged[name]
    trail = Trail(path, KEY)
    trail.append(record(1))
    found = trail.verify()
    assert found.ok, found.problems
    have = {(r.plugin, r.patient) for r in trail.records()}
    for name, last in acknowledged.items():
        assert {(name, f"Patient/{n}-{i}") for n in range(last + 1) for i in range(20)} <= have


def test_a_line_is_plain_json(trail: Trail) -> None:
    trail.append(record())
    data = json.loads(lines(trail)[0])
    assert set(data) == {
        "n",
        "prev",
        "hash",
        "event",
        "plugin",
        "at",
        "outcome",
        "patient",
        "target",
        "purpose",
    }


def test_a_consent_without_a_proper_id_keeps_nobodys_decision_out() -> None:
    """C-8, H-4: it is told as such; the others keep their names."""
    permit = Outcome.PERMIT
    reasons = (
        Reason("Consent/x\x1b[31m/_history/1", permit),
        Reason("Consent/1", permit),
        Reason("default", permit),
    )
    found = because(Decision(permit, reasons))
    assert found["consents"] == ("Consent/1",)
    assert found["rules"] == ("unnamed-consent", "default")
    AuditRecord(Event.DECISION, "p", datetime(2026, 11, 24, tzinfo=UTC), **found)
