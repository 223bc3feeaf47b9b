"""Reading appointments with their clients in pages of 200: Chartside beside a bare loop, fhirpy and fhirclient.

    python bench/bench_read.py [--appointments 5000] [--rounds 5]

The EHR (the sandbox) runs in a process of its own; all readers take turns in one run, and the medians are compared.
``CPU`` is the reader's own. Claimed (issue 1): raw at most 1.25 times a bare ``requests`` + ``orjson`` loop, models
faster than fhirpy and fhirclient make theirs, memory flat from 1,000 to 50,000 appointments.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from chartside.fhir import Budget, FhirClient, Models, typed
from chartside.sandbox import Sandbox
from chartside_scheduling import trial

PATIENTS, PAGE = 1_000, 200
QUERY = {"_include": "Appointment:patient", "_count": str(PAGE)}
Reader = Callable[[str], tuple[int, int]]
"""Reads everything at a base URL; gives the numbers of appointments and of included clients that it saw."""


def serve(pipe: Connection, appointments: int) -> None:
    """The EHR."""
    sandbox = Sandbox()
    sandbox.store.bulk(r for r in trial.clients(PATIENTS, trial.NOW) if r["resourceType"] == "Patient")
    sandbox.store.bulk(
        trial.visit(f"v{n:06d}", n % PATIENTS, trial.NOW + timedelta(minutes=n)) for n in range(appointments)
    )
    with sandbox.running() as url:
        pipe.send(url)
        pipe.recv()


@contextmanager
def server(appointments: int) -> Iterator[str]:
    """The EHR in a process of its own."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=serve, args=(theirs, appointments), daemon=True)
    process.start()
    yield ours.recv()
    ours.send(None)
    process.join(20)


def bare(url: str) -> tuple[int, int]:
    """What anybody would write first: no limits, no retries, no typed errors."""
    import orjson
    import requests

    session, matches, included = requests.Session(), 0, 0
    target, params = f"{url}/Appointment", QUERY
    while target:
        bundle = orjson.loads(session.get(target, params=params, timeout=30).content)
        for entry in bundle.get("entry", []):
            if entry["search"]["mode"] == "match":
                matches += 1
            else:
                included += 1
        target, params = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), ""), {}
    return matches, included


def client(url: str) -> FhirClient:
    """Ours, with no limit of rate that would show."""
    return FhirClient(url, budget=Budget(100_000, 1000))


def raw(url: str) -> tuple[int, int]:
    """Chartside, as JSON."""
    matches = included = 0
    with client(url) as fhir:
        for page in fhir.search("Appointment", {"_include": "Appointment:patient"}, count=PAGE).pages():
            matches += len(page.matches)
            included += len(page.extra)
    return matches, included


def models(url: str) -> tuple[int, int]:
    """Chartside, as models of fhir.resources."""
    from fhir.resources.R4B.appointment import Appointment
    from fhir.resources.R4B.patient import Patient

    matches = included = 0
    with client(url) as fhir:
        for page in fhir.search("Appointment", {"_include": "Appointment:patient"}, count=PAGE).pages():
            matches += sum(1 for _ in Models(Appointment, page.matches))
            included += sum(1 for patient in page.extra if typed(Patient, patient).model)
    return matches, included


def fhirpy(url: str) -> tuple[int, int]:
    """fhirpy, with the same models, made as fhirpy makes them."""
    from fhir.resources.R4B.appointment import Appointment
    from fhir.resources.R4B.patient import Patient
    from fhirpy import SyncFHIRClient

    kinds, seen = {"Appointment": Appointment, "Patient": Patient}, {"Appointment": 0, "Patient": 0}
    fhir = SyncFHIRClient(url)
    bundle = fhir.execute("Appointment", "get", params=QUERY)
    while True:
        for entry in bundle["entry"]:
            kind = entry["resource"]["resourceType"]
            kinds[kind](**entry["resource"])
            seen[kind] += 1
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            return seen["Appointment"], seen["Patient"]
        bundle = fhir.execute(following[0], "get")


def fhirclient(url: str) -> tuple[int, int]:
    """fhirclient, with its own models."""
    from fhirclient.client import FHIRClient
    from fhirclient.models.appointment import Appointment

    smart = FHIRClient(settings={"app_id": "bench", "api_base": url})
    search = Appointment.where({"_include": "Appointment:patient", "_count": str(PAGE)})
    kinds = [found.resource_type for found in search.perform_resources_iter(smart.server)]
    return kinds.count("Appointment"), kinds.count("Patient")


READERS: dict[str, Reader] = {
    "bare requests + orjson": bare,
    "Chartside, raw": raw,
    "Chartside, models": models,
    "fhirpy, models": fhirpy,
    "fhirclient, models": fhirclient,
}


def timed(reader: Reader, url: str) -> tuple[float, float, tuple[int, int]]:
    """Seconds by the wall, seconds of CPU, and what was seen."""
    wall, cpu = time.perf_counter(), time.process_time()
    seen = reader(url)
    return time.perf_counter() - wall, time.process_time() - cpu, seen


def compare(url: str, appointments: int, rounds: int) -> None:
    """All readers in turn, round after round; the first round (imports) is not counted."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in READERS}
    for number in range(rounds + 1):
        for name, reader in READERS.items():
            wall, cpu, seen = timed(reader, url)
            assert seen[0] == appointments, (name, seen)
            assert seen[1] >= min(PATIENTS, appointments), (name, seen)
            if number:
                taken[name].append((wall, cpu))
    first = [median(each) for each in zip(*taken["bare requests + orjson"], strict=True)]
    print(f"{appointments} appointments with their clients, pages of {PAGE}, median of {rounds}")
    print(f"{'reader':<26}{'seconds':>9}{'to bare':>9}{'CPU s':>8}{'to bare':>9}")
    for name, rows in taken.items():
        wall, cpu = (median(each) for each in zip(*rows, strict=True))
        print(f"{name:<26}{wall:>9.2f}{wall / first[0]:>9.2f}{cpu:>8.2f}{cpu / first[1]:>9.2f}", flush=True)


def peak(pipe: Connection, url: str) -> None:
    """Read it all in a fresh process; send its peak memory in MB."""
    raw(url)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pipe.send(most / (1024 if sys.platform == "linux" else 1024**2))


def memory(appointments: int) -> float:
    """Peak MB of a process that reads so many, raw."""
    processes: Any = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    with server(appointments) as url:
        process = processes.Process(target=peak, args=(theirs, url))
        process.start()
        most: float = ours.recv()
        process.join()
    return most


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--appointments", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with server(options.appointments) as url:
        compare(url, options.appointments, options.rounds)
    print("\nPeak memory of the reading process, raw, imports included")
    for count in (1_000, 10_000, 50_000):
        print(f"{count:>8} appointments{memory(count):>9.0f} MB", flush=True)


if __name__ == "__main__":
    main()
