"""Killed at any point, a run of reminders neither loses nor repeats one (R-10)."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections import Counter
from datetime import timedelta

import pytest

from chartside.messaging.gateway import Gateway
from chartside.sandbox import Sandbox
from chartside_scheduling import trial

KILLS = int(os.environ.get("CHARTSIDE_KILLS", "300"))
DUE = 200
LATER = timedelta(minutes=6)  # each restart comes when the lease (5 minutes) of the killed worker is over
SEED = 20261124

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["chartside_scheduling.trial", "chartside_scheduling.reminders"])


class Round:
    """One practice with due reminders, worked on by workers of which most are killed after up to ``takes`` seconds."""

    def __init__(self, world, rng, takes):
        self.world, self.rng, self.takes = world, rng, takes
        self.now, self.kills = trial.NOW, 0

    def start(self):
        worker = processes.Process(target=trial.run_once, args=(str(self.world.config), self.now))
        worker.start()
        self.now += LATER
        return worker

    def kill_one(self):
        """SIGKILL at a random moment; a worker that had ended before was not killed."""
        worker = self.start()
        worker.join(self.rng.uniform(0.0, self.takes))
        alive = worker.exitcode is None
        worker.kill()
        worker.join()
        self.kills += alive

    def finish(self):
        worker = self.start()
        worker.join(120)
        assert worker.exitcode == 0

    def records(self):
        store = self.world.sandbox.store
        pks = store.query("SELECT pk FROM resource WHERE type=? AND deleted=0", ("Communication",))
        return [row.resource() for row in store.rows([pk for (pk,) in pks])]

    def tasks(self):
        return self.world.sandbox.store.query("SELECT 1 FROM resource WHERE type='Task' AND deleted=0", ())


def play(folder, rng, takes, due, *, blind):
    """A whole round: a few kills, then a run to its end; checked."""
    folder.mkdir()
    sandbox, gateway = Sandbox(), Gateway(blind=blind)
    sandbox.store.bulk(trial.clients(due, trial.NOW))
    with trial.world(folder, sandbox, gateway) as world:
        played = Round(world, rng, takes)
        for _ in range(rng.randint(1, 6)):
            played.kill_one()
        played.finish()
        seen = Counter(message.reference for message in gateway.messages)
        states = Counter(record["status"] for record in played.records())
        assert len(played.records()) == due
        assert max(seen.values(), default=1) == 1, "a message went out twice"
        if blind:
            # Whatever was begun when the worker died is listed for the staff; nothing is lost, nothing repeated.
            undecided = states.pop("in-progress", 0)
            assert states == +Counter(completed=due - undecided)
            assert len(played.tasks()) == undecided
            assert due - undecided <= len(seen) <= due
        else:
            assert states == {"completed": due}
            assert len(seen) == due
    sandbox.close()
    return played.kills


def timed(folder, due):
    """How long an undisturbed run takes here; the second one, for the first starts the server of processes."""
    took = 0.0
    for name in ("first", "second"):
        (folder / name).mkdir()
        sandbox, gateway = Sandbox(), Gateway()
        sandbox.store.bulk(trial.clients(due, trial.NOW))
        with trial.world(folder / name, sandbox, gateway) as world:
            started = time.monotonic()
            Round(world, random.Random(0), 0).finish()
            took = time.monotonic() - started
        assert len(gateway.messages) == due
        sandbox.close()
    return took


def rounds(folder, kills, due):
    """Rounds until so many workers were killed, every second one with a provider that cannot tell."""
    rng = random.Random(SEED)
    takes = timed(folder, due)
    killed = number = 0
    while killed < kills:
        number += 1
        killed += play(folder / f"round{number}", rng, takes, due, blind=number % 2 == 0)
    return killed


@pytest.mark.slow
def test_a_few_kills(tmp_path):
    """R-10: the same as below on a small scale, to be told of a fault in seconds."""
    assert rounds(tmp_path, 3, 15) >= 3


@pytest.mark.slow
def test_300_kills(tmp_path):
    """Issue 1, "How it is shown", 3: SIGKILL at 300 random points of runs over 200 due reminders."""
    assert rounds(tmp_path, KILLS, DUE) >= KILLS
