"""The reminders against an EHR with 50 ms of latency: seconds, EHR requests, and what the calendar's size costs.

    python bench/bench_reminders.py [--reminders 1000] [--latency 0.05]

EHR and gateway run in processes of their own, so that the host's own time is not theirs. Claimed (issue 1): 1,000
reminders in at most 15 s, at most 0.2 EHR requests a reminder with transactions, 2.5 without; cost linear in due
reminders, not in all appointments. ``[audit] singly`` has two AuditEvents a reminder written one by one, on demand.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from chartside.messaging.gateway import Gateway
from chartside.sandbox import Options, Sandbox
from chartside_scheduling import trial

SINGLY = "[audit]\nsingly = true\n"
SERVERS = {
    "transactions": (Options(), ""),
    "batches only": (Options(no_transaction=True), ""),
    "single writes": (Options(no_transaction=True, no_batch=True), ""),
    "single, [audit] singly": (Options(no_transaction=True, no_batch=True), SINGLY),
    "single, no AuditEvent": (
        Options(no_transaction=True, no_batch=True, absent=frozenset({"AuditEvent"})),
        "",
    ),
}


def serve(
    pipe: Connection, folder: str, options: Options, tables: str, latency: float, due: int, others: int
) -> None:
    """The outside world: an EHR with so many due reminders and other appointments, and an SMS gateway."""
    sandbox, gateway = Sandbox(options, latency=latency), Gateway()
    sandbox.store.bulk(trial.clients(due, trial.NOW))
    far = trial.NOW + timedelta(days=5)
    sandbox.store.bulk(
        trial.visit(f"far{n:06d}", n % due, far + timedelta(minutes=n % 40_000)) for n in range(others)
    )
    with trial.world(Path(folder), sandbox, gateway) as world:
        world.config.write_text(tables + world.config.read_text("utf-8"), "utf-8")
        pipe.send(str(world.config))
        while pipe.recv():
            pipe.send((len(sandbox.seen), len(gateway.messages)))


@contextmanager
def outside(
    options: Options, tables: str, latency: float, due: int, others: int
) -> Iterator[tuple[str, Connection]]:
    """Run ``serve`` in a process; gives the config's path and the pipe for questions."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    with tempfile.TemporaryDirectory(prefix="chartside-bench-") as folder:
        arguments = (theirs, folder, options, tables, latency, due, others)
        process = processes.Process(target=serve, args=arguments, daemon=True)
        process.start()
        yield ours.recv(), ours
        ours.send(False)
        process.join(20)


def ask(pipe: Connection) -> tuple[int, int]:
    """Requests that the EHR has seen, messages that the gateway has."""
    pipe.send(True)
    found: tuple[int, int] = pipe.recv()
    return found


def measure(
    options: Options, latency: float, due: int, others: int = 0, tables: str = ""
) -> tuple[float, int, int]:
    """Seconds of one run, EHR requests, messages sent."""
    with outside(options, tables, latency, due, others) as (config, pipe):
        before, _ = ask(pipe)
        started = time.monotonic()
        trial.run_once(config)
        seconds = time.monotonic() - started
        after, sent = ask(pipe)
    return seconds, after - before, sent


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reminders", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.05)
    options = parser.parse_args()
    due, latency = options.reminders, options.latency
    measure(Options(), 0.0, 10)  # imports
    print(f"{due} reminders, {latency * 1000:.0f} ms of latency at the EHR")
    print(f"{'server':<24}{'seconds':>9}{'requests':>10}{'a reminder':>12}{'sent':>7}")
    for name, (kind, tables) in SERVERS.items():
        seconds, requests, sent = measure(kind, latency, due, tables=tables)
        print(f"{name:<24}{seconds:>9.1f}{requests:>10}{requests / due:>12.3f}{sent:>7}", flush=True)
    print("\nThe calendar's size, with transactions and no latency")
    print(f"{'due':>6}{'appointments':>14}{'seconds':>9}{'requests':>10}{'a reminder':>12}{'peak MB':>9}")
    for count, others in ((100, 0), (100, 1_000), (100, 50_000), (200, 50_000), (400, 50_000)):
        seconds, requests, sent = measure(Options(), 0.0, count, others)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            1024 if sys.platform == "linux" else 1024**2
        )
        total = count + others
        print(
            f"{count:>6}{total:>14}{seconds:>9.2f}{requests:>10}{requests / count:>12.3f}{peak:>9.0f}",
            flush=True,
        )
        assert sent == count


if __name__ == "__main__":
    main()
