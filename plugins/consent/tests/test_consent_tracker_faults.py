"""Supersession and revocation killed at any point; races with decisions and with other writers (C-5, C-6)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from chartside.codes import ConsentType
from chartside.errors import FhirError
from chartside.gate.model import Action, DecisionRequest
from chartside_consent import recording
from chartside_consent.compiling import compile_consent
from chartside_consent.engine import superseded_by
from chartside_consent.keeping import Keeper
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel


def permitted(tracker, patient):
    asked = DecisionRequest(
        patient, Action.SMS, tracker.clock.now(), purpose="REMIND", category="reminder", location="NY"
    )
    return tracker.context.decide([asked])[0].permitted


def in_force(tracker, patient):
    """The consents that decisions go by: active and not superseded."""
    compiled = [compile_consent(c) for c in tracker.consents(patient)]
    gone = superseded_by(compiled)
    return [i.id for i in compiled if i.status == "active" and f"Consent/{i.id}" not in gone]


SERVERS = {
    "transactions": {},
    "none": {"no_transaction": True},
    "no-patch": {"no_transaction": True, "no_patch": True},
}


@pytest.fixture(
    scope="module",
    params=["transactions", "none", pytest.param("no-patch", marks=pytest.mark.slow)],
)
def world(request, make_tracker):
    with make_tracker(**SERVERS[request.param]) as tracker:
        yield tracker


class Killed(BaseException):
    """The process ends here; nothing catches it."""


@pytest.fixture
def kill(monkeypatch):
    """Ends the process at the n-th write, before or after it."""

    def at(number, after):
        count = 0

        def wrapped(inner):
            def call(self, *arguments):
                nonlocal count
                count += 1
                if count == number and not after:
                    raise Killed
                result = inner(self, *arguments)
                if count == number:
                    raise Killed
                return result

            return call

        monkeypatch.setattr(Keeper, "_one", wrapped(ONE))
        monkeypatch.setattr(Keeper, "_all", wrapped(ALL))

    return at


ONE, ALL = Keeper._one, Keeper._all


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_superseding_killed_at_any_write(world, sign, kill, monkeypatch, number, after):
    """C-6: at every point decisions see exactly one consent: never two, never none; the next run completes it."""
    patient = world.new()
    record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    signing = sign("text-messages", patient, world.clock.now())
    kill(number, after)
    try:
        record(world.context, signing)
    except Killed:
        killed = True
    else:
        killed = False
    assert killed or world.context.fhir.route.place("ehr").adapter.capabilities.transaction
    assert len(in_force(world, patient)) == 1
    assert permitted(world, patient)
    monkeypatch.undo()
    done = record(world.context, signing)
    assert in_force(world, patient) == [done.consent.partition("/")[2]]
    assert sorted(c["status"] for c in world.consents(patient)) == ["active", "inactive"]
    traces = [p for p in world.ehr.all("Provenance") if {"reference": done.consent} in p["target"]]
    assert len(traces) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_revocation_killed_at_any_write(world, sign, kill, monkeypatch, number, after):
    """C-5: killed, it is revoked or it is not; the next run completes it, and the Provenance stands there once."""
    patient = world.new()
    done = record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    asked = Revocation(patient, Channel.PHONE, world.clock.now(), ConsentType.TEXT_MESSAGES)
    kill(number, after)
    with suppress(Killed):
        revoke(world.context, asked)
    monkeypatch.undo()
    revoke(world.context, asked)
    assert not permitted(world, patient)
    assert [c["status"] for c in world.consents(patient)] == ["inactive"]
    traces = [p for p in world.ehr.all("Provenance") if {"reference": done.consent} in p["target"]]
    assert [p["activity"]["coding"][0]["code"] for p in traces] == ["CREATE", "CANCEL"]


@pytest.mark.parametrize("revoker", ["chartside", "the EHR"])
def test_a_superseded_consent_never_comes_back(world, sign, kill, monkeypatch, revoker):
    """C-3, C-5: killed between new and old, then the new one is revoked, here or in the EHR: nothing is permitted."""
    patient = world.new()
    record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    kill(2, True)
    with suppress(Killed):
        record(world.context, sign("text-messages", patient, world.clock.now()))
    monkeypatch.undo()
    newest = max(world.consents(patient), key=lambda c: c["dateTime"])
    if revoker == "chartside":
        asked = Revocation(patient, Channel.PHONE, world.clock.now(), ConsentType.TEXT_MESSAGES)
        kill(1, True)
        with suppress(Killed):
            revoke(world.context, asked)
        monkeypatch.undo()
        revoke(world.context, asked)
        assert {c["status"] for c in world.consents(patient)} == {"inactive"}
    else:
        world.ehr.put({**newest, "status": "inactive"})
    assert not permitted(world, patient)


def test_the_watch_completes_what_was_killed(world, sign, kill, monkeypatch):
    """C-6: without another record of this client, the daily job makes the superseded one inactive."""
    patient = world.new()
    record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    kill(2, True)
    with suppress(Killed):
        record(world.context, sign("text-messages", patient, world.clock.now()))
    monkeypatch.undo()
    assert not world.host.run("consent.watch").failed
    assert len([c for c in world.consents(patient) if c["status"] == "active"]) == 1
    assert world.host.run("consent.watch").counts["superseding finished"] == 0


@pytest.mark.parametrize(
    "kind",
    [
        "412",
        *(
            pytest.param(k, marks=pytest.mark.slow)
            for k in ("500-before", "500-after", "cut-before", "cut-after", "403")
        ),
    ],
)
@pytest.mark.parametrize(
    "where",
    [
        ("POST", r"/fhir/?$"),
        ("POST", "/QuestionnaireResponse"),
        ("POST", "/Consent"),
        ("PUT", "/Consent/"),
        ("POST", "/Provenance"),
    ],
    ids=["bundle", "response", "consent", "old", "provenance"],
)
def test_superseding_with_a_fault_of_the_server(world, sign, kind, where):
    """C-6, fault injection: whatever the server answers, exactly one is in force, and trying again completes it."""
    method, path = where
    patient = world.new()
    record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    signing = sign("text-messages", patient, world.clock.now())
    world.ehr.faults.add(kind, method=method, path=path, times=1)
    with suppress(FhirError):
        record(world.context, signing)
    world.ehr.faults.rules.clear()
    assert len(in_force(world, patient)) == 1
    assert permitted(world, patient)
    done = record(world.context, signing)
    assert in_force(world, patient) == [done.consent.partition("/")[2]]
    assert sorted(c["status"] for c in world.consents(patient)) == ["active", "inactive"]


# --- others write, too -----------------------------------------------------------------------------------------------


def test_somebody_else_writes_in_between(world, sign, monkeypatch):
    """S-20: the old consent changed after it was read. It is read again; nobody's change is lost."""
    patient = world.new()
    first = record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    old = first.consent.partition("/")[2]
    inner, times = recording.consents_of, iter([True])

    def meanwhile(context, who):
        found = inner(context, who)
        if next(times, False):
            world.ehr.put({**world.ehr.read("Consent", old), "language": "en"})
        return found

    monkeypatch.setattr(recording, "consents_of", meanwhile)
    done = record(world.context, sign("text-messages", patient, world.clock.now()))
    assert world.ehr.read("Consent", old)["language"] == "en"
    assert in_force(world, patient) == [done.consent.partition("/")[2]]


def test_no_permit_begins_after_a_revocation_has_returned(world, sign):
    """C-5, a race: eight threads decide without pause while the consent is revoked."""
    patient = world.new()
    record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    returned, running, seen = threading.Event(), threading.Event(), []

    def decide():
        late = permits = 0
        while late < 3:
            began_after = returned.is_set()
            allowed = permitted(world, patient)
            running.set()
            late += began_after
            permits += allowed
            if began_after:
                seen.append(allowed)
        return permits

    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(decide) for _ in range(8)]
        assert running.wait(60)
        revoke(world.context, Revocation(patient, Channel.TEXT, world.clock.now(), ConsentType.TEXT_MESSAGES))
        returned.set()
        permits = sum(thread.result() for thread in threads)
    assert permits > 0
    assert seen == [False] * len(seen)
    assert len(seen) == 24


def test_the_same_paper_is_entered_by_two_at_once(world, sign):
    """C-6: one consent, not two, where the server heeds conditions."""
    patient = world.new()
    signing = sign("text-messages", patient, world.clock.now())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: record(world.context, signing), range(4)))
    assert len({done.consent for done in found}) == 1
    assert len(world.consents(patient)) == 1


def test_two_different_papers_are_entered_at_once(world, sign, monkeypatch):
    """C-6: two people record a new form of the same client in the same moment; one is in force afterwards."""
    patient = world.new()
    record(world.context, sign("text-messages", patient, world.clock.now() - timedelta(days=9)))
    inner, times = recording.consents_of, iter([True])

    def meanwhile(context, who):
        found = inner(context, who)
        if next(times, False):
            record(context, sign("text-messages", patient, world.clock.now() - timedelta(hours=2)))
        return found

    monkeypatch.setattr(recording, "consents_of", meanwhile)
    done = record(world.context, sign("text-messages", patient, world.clock.now(), language="es"))
    assert in_force(world, patient) == [done.consent.partition("/")[2]]
    assert sorted(c["status"] for c in world.consents(patient)) == ["active", "inactive", "inactive"]
    assert permitted(world, patient)
