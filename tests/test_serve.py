"""``chartside serve``: one plugin that hangs holds up no other, and what is printed is what is new (H-1)."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from chartside.clock import FrozenClock
from chartside.commands.rounds import Rounds
from chartside.jobs.model import Job, JobReport
from chartside.once import Parts, once
from chartside.serve import Runner

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
PATIENCE = 30.0
"""Only a test that fails waits so long."""


class House:
    """As much of a host as the runner uses; ``runs`` maps ``plugin.job`` to what the job does."""

    def __init__(self, runs: dict[str, Any]) -> None:
        self.clock, self._runs = FrozenClock(NOW), runs
        names = {name.partition(".")[0] for name in runs}
        loaded = {name: SimpleNamespace(loaded=True) for name in names}
        self.plugins = SimpleNamespace(found=loaded, each=lambda *_: [])

    def jobs(self) -> dict[str, tuple[str, Job]]:
        return {
            name: (name.partition(".")[0], Job(name.partition(".")[2], "", lambda *_: JobReport()))
            for name in self._runs
        }

    def run(self, name: str) -> JobReport:
        self._runs[name]()
        return JobReport()

    def set_aside(self, plugin: str) -> None:
        self.plugins.found[plugin].loaded = False


def test_a_job_that_hangs_holds_up_no_other_plugin() -> None:
    """The first in the alphabet waits until the second's job is done: in one thread neither would ever end."""
    other, both = threading.Event(), threading.Event()
    waited: list[bool] = []
    told: list[str] = []

    def report(name: str, _: JobReport) -> None:
        told.append(name)
        if len(told) == 2:
            both.set()

    house = House({"a.hangs": lambda: waited.append(other.wait(PATIENCE)), "b.works": other.set})
    with Runner(house, port=0, report=report).running():  # type: ignore[arg-type]
        assert both.wait(PATIENCE)
    assert waited == [True]
    assert sorted(told) == ["a.hangs", "b.works"]


def test_it_says_where_the_pages_are() -> None:
    """Nobody has to guess where a plugin's pages are served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    house = House({})
    answer = Route("/", lambda _: PlainTextResponse("here"))
    house.plugins.each = lambda *_: [("notes", [answer])]
    with Runner(house, port=port, report=lambda *_: None).running() as places:  # type: ignore[arg-type]
        assert places == [f"http://127.0.0.1:{port}/notes"]
        assert requests.get(f"{places[0]}/", timeout=PATIENCE).text == "here"


def test_the_end_waits_for_the_job_under_way() -> None:
    """SIGTERM: what has begun is ended and told, nothing further begins."""
    begun, go = threading.Event(), threading.Event()
    told: list[str] = []

    def work() -> None:
        begun.set()
        go.wait(PATIENCE)

    house = House({"a.one": work, "a.two": lambda: None})
    runner = Runner(house, port=0, report=lambda name, _: told.append(name))  # type: ignore[arg-type]
    with runner.running():
        assert begun.wait(PATIENCE)
        runner._stop.set()
        go.set()
    assert told == ["a.one"]


def test_a_plugin_that_was_set_aside_has_no_further_turn() -> None:
    """H-1: until the host is started anew."""
    told: list[str] = []
    house = House({"a.one": lambda: house.set_aside("a"), "a.two": lambda: None, "b.one": lambda: None})
    runner = Runner(house, port=0, report=lambda name, _: told.append(name))  # type: ignore[arg-type]
    runner.run_due()
    house.clock.advance(timedelta(days=1))
    runner.run_due()
    assert told == ["a.one", "b.one", "b.one"]


class Owner:
    """Makes something once."""

    def __init__(self) -> None:
        self.making, self.made = Parts(), 0
        self.together = threading.Barrier(8)

    @once
    def thing(self) -> object:
        """What is made."""
        self.made += 1
        return object()

    @once
    def broken(self) -> object:
        """What cannot be made the first time."""
        self.made += 1
        if self.made == 1:
            raise FileNotFoundError
        return object()

    def ask(self, _: int) -> object:
        self.together.wait(PATIENCE)
        return self.thing


def test_a_part_of_the_host_is_made_once_however_many_ask() -> None:
    """Two ledgers, or two rate budgets, would each believe to be the only one."""
    owner = Owner()
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(owner.ask, range(8)))) == 1
    assert owner.made == 1
    assert Owner.thing.__doc__ == "What is made."


def test_a_part_that_needs_itself_is_an_error_and_no_hang() -> None:
    parts: Parts = Parts()
    with pytest.raises(RuntimeError, match="the part 'a' needs itself"):
        parts.get("a", lambda: parts.get("b", lambda: parts.get("a", object)))
    assert parts.get("a", lambda: "made") == "made"


def test_a_part_in_the_making_holds_up_no_other() -> None:
    """H-1: one server that hangs must not keep a plugin from what it needs of another."""
    parts, begun, go = Parts(), threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go.wait(PATIENCE)
        return "made"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(parts.get, "slow", slow)
        assert begun.wait(PATIENCE)
        assert parts.get("other", lambda: "at once") == "at once"
        go.set()
        assert waiting.result(PATIENCE) == "made"


def test_who_waited_for_a_part_is_told_that_it_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten that wait for a server that is away do not try it one after the other, each for a minute."""
    asked = threading.Barrier(2)

    class Watched(Future[Any]):
        def result(self, timeout: float | None = None) -> Any:
            if not self.done():
                asked.wait(PATIENCE)  # from here on the waiting thread has this flight and no other
            return super().result(timeout)

    monkeypatch.setattr("chartside.once.Future", Watched)
    parts, tries = Parts(), []

    def away() -> None:
        tries.append(1)
        asked.wait(PATIENCE)
        raise ConnectionError

    with ThreadPoolExecutor(2) as pool:
        for flight in [pool.submit(parts.get, "ehr", away) for _ in range(2)]:
            with pytest.raises(ConnectionError):
                flight.result(PATIENCE)
    assert tries == [1]
    assert parts.get("ehr", lambda: "back") == "back"


def test_what_could_not_be_made_is_tried_again() -> None:
    """The EHR may be away when the host starts."""
    owner = Owner()
    with pytest.raises(FileNotFoundError):
        _ = owner.broken
    assert owner.broken is owner.broken


def round_of(**outcomes: str) -> JobReport:
    report = JobReport(columns=("client", "outcome"))
    for client, outcome in outcomes.items():
        report.rows.append({"client": client, "outcome": outcome})
        report.counts[outcome] += 1
    return report


def test_a_line_for_each_round_and_only_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    """A service's log must not grow by the same table four times an hour."""
    rounds = Rounds(FrozenClock(NOW), "America/New_York", verbose=False)
    rounds("s.reminders", round_of(c1="sent", c2="held back"))
    first = capsys.readouterr().out
    assert first.startswith("2026-11-24 10:00:00 s.reminders: 1 held back, 1 sent\n")
    assert "c1" in first
    assert "c2" in first
    for _ in range(2):
        rounds("s.reminders", round_of(c1="already sent", c2="held back"))
        again = capsys.readouterr().out
        assert again == "2026-11-24 10:00:00 s.reminders: 1 already sent, 1 held back\n"
    rounds("s.reminders", round_of(c1="already sent", c2="sent"))
    later = capsys.readouterr().out
    assert "c2" in later
    assert "c1" not in later
    rounds("b.claims", JobReport())
    assert capsys.readouterr().out.endswith("b.claims: nothing to do\n")


def test_what_goes_wrong_is_told_and_not_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure is in the line of each round; its reason once."""
    rounds = Rounds(FrozenClock(NOW), "America/New_York", verbose=False)
    wrong = JobReport(failed=True, notes=["Unreachable: no answer"], set_aside=["Appointment/1: no start"])
    rounds("s.reminders", wrong)
    assert "Unreachable" in capsys.readouterr().out
    rounds("s.reminders", wrong)
    assert capsys.readouterr().out == "2026-11-24 10:00:00 s.reminders: FAILED, 1 set aside\n"


def test_verbose_prints_the_whole_table(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = Rounds(FrozenClock(NOW), "America/New_York", verbose=True)
    for _ in range(2):
        rounds("s.reminders", round_of(c1="already sent"))
        assert "c1" in capsys.readouterr().out
