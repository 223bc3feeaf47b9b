"""S-8: after everything, names, numbers, MRNs and message texts are found nowhere in what the host wrote."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from chartside.messaging.gateway import Gateway
from chartside.sandbox import Faults, Options, Sandbox
from chartside_scheduling import trial

COUNT = 60
HOST = """
import faulthandler, logging, sys
from datetime import timedelta
faulthandler.enable()
logging.basicConfig(level=logging.DEBUG, filename="everything.log")
from chartside.clock import FrozenClock
from chartside.commands.run import show
from chartside.config import load
from chartside.host import Host
from chartside.jobs.model import JobOptions
from chartside_scheduling import trial
from pathlib import Path

at = trial.NOW + int(sys.argv[2]) * timedelta(minutes=6)
with Host(load(Path(sys.argv[1])), clock=FrozenClock(at)) as host:
    show("dry", host.run(trial.JOB, JobOptions(dry_run=True)))
    report = host.run(trial.JOB)
    show("run", report)
if len(sys.argv) > 3:
    held = list(report.rows), host, host.context("scheduling")
    raise RuntimeError("a defect, so that there is a traceback")
"""


def run_host(home, config, number, *, kill_after=None, crash=False):
    """The host as a process of its own: its folder, its temporary folder and its home are all inside ``home``."""
    home.mkdir(exist_ok=True)
    (home / "tmp").mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (home / f"out{number}.txt").open("wb") as out:
        command = [
            sys.executable,
            "-X",
            "dev",
            "-c",
            HOST,
            str(config),
            str(number),
            *(["crash"] if crash else []),
        ]
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=out, stderr=out)
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        process.wait(120)
    return process.returncode


def planted(gateway):
    """What must not be found: all that was planted, and every text that was sent."""
    numbers = {message.to.removeprefix("+1") for message in gateway.messages}
    texts = {message.body for message in gateway.messages}
    return [
        trial.FAMILY,
        "Ottokar",
        trial.MRN,
        "1980-05-17",
        "your appointment is",
        "su cita es",
        *numbers,
        *texts,
    ]


def scan(folder, wanted):
    """Every file below the folder, as bytes, however it is written; digits also without what stands between them."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        digits = re.sub(rb"(?<=\d)[ ().-]+(?=\d)", b"", raw)
        forms = (raw, raw.decode("utf-16-le", "ignore").encode(), digits)
        for canary in wanted:
            if any(canary.encode() in form for form in forms):
                found.append((path.name, canary[:12]))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(no_transaction=True, no_batch=True),
        Options(all_read_only=True),
    ],
    ids=["ledger in the EHR", "single writes", "local ledger"],
)
def test_nothing_of_a_client_is_found(tmp_path, options):
    """S-8, R-12: over a dry run, a kill, faults of EHR and gateway, an undecided message, and a crash, at log level
    DEBUG: files, database, logs, output and tracebacks of the host hold nothing of a client."""
    faults = Faults(rate=0.05, kinds=("500-before", "cut-after", "invalid-resource"), seed=3)
    outside = tmp_path / "outside"
    outside.mkdir()
    gateway = Gateway(file=outside / "gateway.log")
    gateway.fault = lambda n: {3: "cut-after", 5: "fail-before", 9: "busy"}.get(n, "")
    sandbox = Sandbox(options, faults=faults)
    sandbox.store.bulk(trial.clients(COUNT, trial.NOW))
    home = tmp_path / "host"
    home.mkdir()
    with trial.world(home, sandbox, gateway) as world:
        run_host(home, world.config, 0, kill_after=3.0)
        for number in (1, 2, 3):
            run_host(home, world.config, number)
        faults.clear()
        assert run_host(home, world.config, 4, crash=True) == 1
    sandbox.close()
    assert len(gateway.messages) == COUNT
    assert "Traceback" in (home / "out4.txt").read_text()
    assert "already sent" in (home / "out4.txt").read_text()
    assert (home / "state" / "audit.jsonl").stat().st_size > 0
    assert (home / "everything.log").stat().st_size > 0
    assert (home / "state" / "ledger.db").exists() is options.all_read_only
    assert scan(outside, planted(gateway)), (
        "the scan must find what the gateway, which is outside, has logged"
    )
    assert scan(home, planted(gateway)) == []
