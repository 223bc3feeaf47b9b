"""Reminders on an EHR that answers by other things than was asked for: never to the wrong person (R-3, R-10, H-4)."""

from __future__ import annotations

import copy
import random
from contextlib import contextmanager
from datetime import timedelta

import pytest

from chartside.codes import ROLE_CODE_SYSTEM
from chartside.fhir import search as searching
from chartside.jobs.model import JobOptions
from chartside.messaging.gateway import Gateway
from chartside.testing.hosts import host_for
from chartside_scheduling import trial

TYPES = ("Appointment", "Patient", "RelatedPerson", "Consent")
BLIND = {kind: frozenset() for kind in TYPES} | {
    "Appointment": frozenset({"patient"})
}  # the latter to include

pytestmark = pytest.mark.ehr(clients=0)


@pytest.fixture
def open_host(ehr, clock):
    """A function that opens a host on the EHR and a gateway: ``with open_host() as (host, gateway)``."""

    @contextmanager
    def opened():
        gateway = Gateway()
        with gateway.running() as url:
            entry = {"kind": "sms", "address": url, "local": True, "data_classes": ["appointment"]}
            channel = {"type": "gateway", "recipient": "gw", "url": url, "timeout": 2}
            plugins = {"consent": {"enabled": True}, "scheduling": {"enabled": True}}
            with host_for(
                ehr, clock, plugins=plugins, outbound={"gw": entry}, channels={"sms": channel}
            ) as host:
                yield host, gateway

    return opened


def run(host):
    report = host.run("scheduling.reminders")
    assert not report.failed, report.notes
    return report


def fill(ehr, clock, count=6):
    for resource in trial.clients(count, clock.now()):
        ehr.put(resource)


@pytest.mark.ehr(search=BLIND)
def test_a_server_that_ignores_every_parameter(open_host, ehr, clock):
    """All Appointments, Patients, RelatedPersons and Consents come back whatever is asked: each client still gets the
    own reminder alone, and who has no consent, is not due, or is a minor without an own guardian, gets none."""
    fill(ehr, clock)
    ehr.put(ehr.read("Consent", "r00001-texts") | {"patient": {"reference": "Patient/r00000"}})
    ehr.put(ehr.read("Appointment", "due00002") | {"start": (clock.now() + timedelta(hours=40)).isoformat()})
    ehr.put(ehr.read("Patient", "r00003") | {"birthDate": "2015-01-01"})
    parent = {"relationship": [{"coding": [{"system": ROLE_CODE_SYSTEM, "code": "MTH"}]}]}
    contact = {"telecom": [{"system": "sms", "value": "+1 518 555 0190"}], "active": True}
    another = {"resourceType": "RelatedPerson", "id": "g1", "patient": {"reference": "Patient/r00004"}}
    ehr.put(another | parent | contact)
    with open_host() as (host, gateway):
        report = run(host)
        assert run(host).counts["sent"] == 0
    outcomes = {row["client"]: row["outcome"] for row in report.rows}
    assert outcomes == {
        "r00000": "sent",
        "r00001": "held back",
        "r00003": "held back",
        "r00004": "sent",
        "r00005": "sent",
    }
    own = {ehr.read("Patient", f"r0000{n}")["telecom"][0]["value"] for n in (0, 4, 5)}
    assert {message.to for message in gateway.messages} == own
    assert len(gateway.messages) == 3


def test_a_visit_that_comes_twice_is_reminded_of_once(open_host, ehr, clock, monkeypatch):
    """R-10: pages overlap where visits are written while they are read, and some servers repeat entries."""
    fill(ehr, clock, 3)
    read_page = searching.read_page

    def twice(*given):
        page = read_page(*given)
        page.matches.extend(list(page.matches) if given[1] == "Appointment" else [])
        return page

    monkeypatch.setattr(searching, "read_page", twice)
    with open_host() as (host, gateway):
        report = run(host)
    assert len(gateway.messages) == 3
    assert report.counts["sent"] == 3


@pytest.mark.parametrize(
    "reference", ["Patient/a b", "Patient/", "Patient/1,2", "https://other.example/fhir/Patient/r00001"]
)
def test_one_reference_that_leads_nowhere_stops_nobody_else(open_host, ehr, clock, reference):
    """H-4: set aside and named; the others are reminded."""
    fill(ehr, clock, 3)
    broken = [{"actor": {"reference": reference}, "status": "accepted"}]
    ehr.put(ehr.read("Appointment", "due00000") | {"participant": broken})
    with open_host() as (host, gateway):
        report = run(host)
    assert report.counts["sent"] == len(gateway.messages) == 2
    assert report.set_aside == ["Appointment/due00000: no client takes part"]


@pytest.mark.parametrize("record", [{}, {"identifier": "x"}, {"identifier": [7, {"value": 1}]}, {"id": None}])
def test_a_dry_run_lives_with_any_communication(open_host, ehr, clock, record, monkeypatch):
    """H-4: what a search brings that was not asked for breaks nothing, and is taken for no proof of sending."""
    fill(ehr, clock, 1)
    with open_host() as (host, _):
        client = type(host.context("scheduling").fhir)
        search = client.search

        def answered(self, kind, *given, **more):
            found = search(self, kind, *given, **more)
            return (
                Given([{"resourceType": "Communication", "status": "completed"} | record])
                if kind == "Communication"
                else found
            )

        monkeypatch.setattr(client, "search", answered)
        report = host.run("scheduling.reminders", JobOptions(dry_run=True))
    assert not report.failed
    assert report.counts["would be sent"] == 1


JUNK = [None, 7, "", [], {}, [None], {"a": 1}, "x\x1b[31m", True, "Patient/", "Patient/r00001", "2026-99-99"]


def garbled(rng, node):
    """A copy with one value, at any depth, made into something else."""
    made = here = copy.deepcopy(node)
    while True:
        place = rng.choice(
            [k for k in here if k != "resourceType"] if isinstance(here, dict) else range(len(here))
        )
        if not isinstance(here[place], dict | list) or not here[place] or rng.random() < 0.4:
            here[place] = rng.choice(JUNK)
            return made
        here = here[place]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_garbled_records_stop_nobody_and_reach_nobody_wrong(open_host, ehr, clock, monkeypatch, seed):
    """H-4: a fourth of all records of every search is broken somewhere. The run ends, who opted out and a minor
    without a guardian get nothing, and nobody gets anything twice, the next run with whole records included."""
    fill(ehr, clock, 8)
    ehr.put(ehr.read("Consent", "r00005-texts") | {"status": "inactive"})
    ehr.put(ehr.read("Patient", "r00003") | {"birthDate": "2015-01-01"})
    never = {ehr.read("Patient", f"r0000{n}")["telecom"][0]["value"] for n in (3, 5)}
    rng, read_page = random.Random(seed), searching.read_page

    def spoiled(*given):
        page = read_page(*given)
        page.matches[:] = [garbled(rng, r) if rng.random() < 0.25 else r for r in page.matches]
        return page

    monkeypatch.setattr(searching, "read_page", spoiled)
    with open_host() as (host, gateway):
        run(host)
        run(host)
        monkeypatch.setattr(searching, "read_page", read_page)
        clock.advance(timedelta(minutes=15))
        run(host)
    numbers = [message.to for message in gateway.messages]
    assert numbers
    assert len(set(numbers)) == len(numbers)
    assert not never & set(numbers)


class Given:
    """A search's answer that was made up."""

    def __init__(self, resources):
        self.resources = resources

    def matches(self):
        return iter(self.resources)
