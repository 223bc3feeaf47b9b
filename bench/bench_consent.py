"""C-17: one decision over ten consents, and ten thousand clients' decisions with the fetching from an EHR.

Run: ``python bench/bench_consent.py``. Claimed (issue 2): p95 of one decision over ten consents at most 60
microseconds on one core; 10,000 clients' decisions for next week's reminders under 3 s, fetching included.

The first table: CPU time of one core, pure Python; garbage collection stays on. The requests differ from one another
and are prepared anew each time, as the gate does; the consents are compiled once.

The second: ``Host.gate.decide`` (consent plugin, then the law of the place) for one text message to each client, wall
clock and CPU time of this process. The sandbox runs in another process and holds for each client a lifelike set of
consents; each of its answers travels over HTTP on 127.0.0.1. Nothing is kept between the runs.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from chartside.codes import ACT_REASON_SYSTEM, CONSENT_TYPE_SYSTEM, coding, concept
from chartside.config import load
from chartside.gate.model import Action, DecisionRequest
from chartside.host import Host
from chartside.sandbox import Sandbox
from chartside.sandbox.practice import consents as lifelike
from chartside.sandbox.practice import people
from chartside.types import Resource
from chartside_consent.compiling import compile_consent
from chartside_consent.engine import answer, decide
from chartside_consent.query import prepare

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PURPOSES = ("TREAT", "HPAYMT", "HOPERAT", "HRESCH")
KINDS = (
    "treatment",
    "text-messages",
    "unencrypted-email",
    "recording",
    "ai-use",
    "release",
    "part2-tpo",
    "research",
)


def _consent(number: int, kind: str, rng: random.Random) -> dict[str, Any]:
    purposes = [coding(ACT_REASON_SYSTEM, code) for code in PURPOSES[:3]]
    nested = [
        {"type": "deny", "securityLabel": [coding(CONFIDENTIALITY, "R")]},
        {"type": "permit", "actor": [{"reference": {"reference": f"Practitioner/{rng.randrange(9)}"}}]},
        {"type": "deny", "dataPeriod": {"start": "2019-01-01", "end": "2019-12-31"}},
    ]
    return {
        "resourceType": "Consent",
        "id": f"c{number}",
        "meta": {"versionId": "1"},
        "status": "active",
        "category": [concept(CONSENT_TYPE_SYSTEM, kind)],
        "patient": {"reference": "Patient/1"},
        "dateTime": "2026-01-05",
        "provision": {
            "type": "permit",
            "period": {"start": "2026-01-01", "end": "2027-12-31"},
            "purpose": purposes,
            "provision": nested[: rng.randrange(4)] if kind == "privacy" else [],
        },
    }


def _resource(number: int, rng: random.Random) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "meta": {"security": [coding(CONFIDENTIALITY, rng.choice("NR"))]},
        "code": concept("http://loinc.org", "29463-7"),
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": f"20{rng.randrange(10, 27)}-03-01",
        "performer": [{"reference": f"Practitioner/{rng.randrange(9)}"}],
    }


def _requests(count: int, action: Action, rng: random.Random, *, with_data: bool) -> list[DecisionRequest]:
    return [
        DecisionRequest(
            "Patient/1",
            action,
            NOW + timedelta(minutes=n),
            purpose=rng.choice(PURPOSES),
            actor=f"Practitioner/{rng.randrange(9)}",
            resource=_resource(n, rng) if with_data else None,
        )
        for n in range(count)
    ]


def _show(name: str, seconds: list[float]) -> None:
    micro = sorted(s * 1e6 for s in seconds)
    p50, p95, p99 = (statistics.quantiles(micro, n=100)[k] for k in (49, 94, 98))
    print(f"{name:<46} p50 {p50:7.1f} us   p95 {p95:7.1f} us   p99 {p99:7.1f} us")


CONFIG = """\
[practice]
id = "bench"
name = "Larkspur"
phone = "+1 518 555 0100"
time_zone = "America/New_York"
state = "NY"

[ehr]
base_url = "{ehr}"
requests_per_second = 1000

[plugins.consent]
enabled = true
"""


def _practice(clients: int) -> Iterator[Resource]:
    """Patients and their consents, as lifelike as the sandbox's own practice has them."""
    maker, rng = people.People(1, NOW.date()), random.Random(1)
    for number in range(1, clients + 1):
        client = maker.client(number)
        yield people.patient(client)
        yield from (found for _, found in lifelike.consents(client, NOW, rng) if found)


def _serve(pipe: Connection, clients: int) -> None:
    """The EHR, in a process of its own."""
    sandbox = Sandbox()
    sandbox.store.bulk(_practice(clients))
    patients = [one for (one,) in sandbox.store.query("SELECT id FROM resource WHERE type = 'Patient'", ())]
    with sandbox.running() as url:
        pipe.send((url, patients))
        while pipe.recv():
            pipe.send((len(sandbox.seen), time.process_time()))


@contextmanager
def _ehr(clients: int) -> Iterator[tuple[str, list[str], Connection]]:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_serve, args=(theirs, clients), daemon=True)
    process.start()
    url, patients = ours.recv()
    yield url, patients, ours
    ours.send(False)
    process.join(20)


def _seen(pipe: Connection) -> tuple[int, float]:
    """Requests that the sandbox has seen, and CPU seconds that it has used."""
    pipe.send(True)
    found: tuple[int, float] = pipe.recv()
    return found


def _fetching(clients: int, runs: int) -> None:
    with _ehr(clients) as (url, patients, pipe), tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "chartside.toml"
        config.write_text(CONFIG.format(ehr=url), "utf-8")
        week = [
            DecisionRequest(
                f"Patient/{patient}",
                Action.SMS,
                NOW,
                purpose="REMIND",
                category="reminder",
                location="NY",
                features=frozenset({"talks_to_client"}),
            )
            for patient in patients
        ]
        for _ in range(runs):
            with Host(load(config)) as host:
                host.gate.decide(week[:1])  # the statement of the server, imports
                before, wall, cpu = _seen(pipe), time.perf_counter(), time.process_time()
                decisions = host.gate.decide(week)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                after = _seen(pipe)
                permitted = sum(decision.permitted for decision in decisions)
                print(
                    f"{len(week)} clients with fetching   {wall:5.2f} s wall   {cpu:5.2f} s CPU here   "
                    f"{after[1] - before[1]:5.2f} s CPU of the sandbox   {after[0] - before[0]} requests   "
                    f"{permitted} permitted",
                    flush=True,
                )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    _decisions(options.requests)
    _fetching(options.clients, options.runs)


def _decisions(count: int) -> None:
    rng = random.Random(17)
    ten_general = [_consent(n, "privacy", rng) for n in range(10)]
    ten_mixed = [_consent(n, kind, rng) for n, kind in enumerate((*KINDS, "privacy", "privacy"))]
    for name, consents, action, with_data in (
        ("10 privacy consents, data with labels and dates", ten_general, Action.READ, True),
        ("10 consents of a practice, data", ten_mixed, Action.DISCLOSE, True),
        ("10 consents of a practice, a text", ten_mixed, Action.SMS, False),
    ):
        compiled = [compile_consent(consent) for consent in consents]
        requests = _requests(count, action, rng, with_data=with_data)
        seconds = []
        for request in requests:
            start = time.process_time()
            answer(compiled, prepare(request))
            seconds.append(time.process_time() - start)
        _show(name, seconds)
    seconds = []
    for request in _requests(count // 10, Action.READ, rng, with_data=True):
        start = time.process_time()
        decide(ten_mixed, request)
        seconds.append(time.process_time() - start)
    _show("the same, ten consents compiled from JSON first", seconds)


if __name__ == "__main__":
    main()
