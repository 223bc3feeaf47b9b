"""With an EHR that fails one answer in ten, a sweep of reminders completes, and each is sent once (R-10)."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from chartside.messaging.gateway import Gateway
from chartside.sandbox import Faults, Options, Sandbox
from chartside_scheduling import trial

KINDS = ("429", "500-before", "500-after", "cut-before", "cut-after", "cut-body", "slow")


def sweep(folder, count, options, seed):
    """Runs, six minutes apart, until everything is sent; returns the gateway, the faults, and the number of runs."""
    faults = Faults(rate=0.1, kinds=KINDS, seed=seed, delay=0.1)
    sandbox, gateway = Sandbox(options, faults=faults), Gateway()
    sandbox.store.bulk(trial.clients(count, trial.NOW))
    with trial.world(folder, sandbox, gateway) as world:
        for run in range(1, 11):
            trial.run_once(str(world.config), trial.NOW + run * timedelta(minutes=6))
            rows = sandbox.store.query("SELECT pk FROM resource WHERE type='Communication' AND deleted=0", ())
            states = Counter(row.resource()["status"] for row in sandbox.store.rows([pk for (pk,) in rows]))
            if states == {"completed": count}:
                break
    sandbox.close()
    return gateway, faults, run, states


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [Options(), Options(no_transaction=True)], ids=["transactions", "batches"]
)
def test_each_is_sent_once_though_the_ehr_fails(tmp_path, options):
    """R-10, faults: 429, 500 before and after the write, cut before and after, half an answer, slow."""
    gateway, faults, _, states = sweep(tmp_path, 30, options, seed=7)
    assert sum(faults.injected.values()) > 0
    assert states == {"completed": 30}
    assert sorted(Counter(m.reference for m in gateway.messages).values()) == [1] * 30


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [Options(), Options(no_transaction=True), Options(no_transaction=True, no_batch=True)],
    ids=["transactions", "batches", "neither"],
)
def test_a_thousand_reminders_with_faults(tmp_path, options):
    """Issue 1, "How it is shown", 4: 10 % of the EHR's answers fail, 1,000 reminders, each sent once."""
    gateway, faults, _, states = sweep(tmp_path, 1000, options, seed=11)
    assert sum(faults.injected.values()) > 0
    assert states == {"completed": 1000}
    assert sorted(Counter(m.reference for m in gateway.messages).values()) == [1] * 1000
