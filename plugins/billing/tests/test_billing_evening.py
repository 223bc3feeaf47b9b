"""The evening scrub against the sandbox EHR: findings are written, a second run writes nothing, mended ones close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B.task import Task

from chartside import JobOptions, JobReport
from chartside.clock import FrozenClock
from chartside.context import Context
from chartside.host import Host
from chartside.testing import Ehr, host_for
from chartside_billing.clearinghouse.refused import SentClaim, SentFile, of_group
from chartside_billing.evening.findings import is_scrub_task
from chartside_billing.evening.submit import _touched, clean_claims
from chartside_billing.evening.worklist import worklist
from chartside_billing.x12.acks import GroupAnswer

WRITES = {"POST", "PUT", "PATCH", "DELETE"}
pytestmark = pytest.mark.ehr(clients=12)


@contextmanager
def opened(ehr: Ehr, clock: FrozenClock, **settings: Any) -> Iterator[Host]:
    with host_for(ehr, clock, plugins={"billing": {"enabled": True, **settings}}) as host:
        yield host


@pytest.fixture
def host(ehr: Ehr, clock: FrozenClock) -> Iterator[Host]:
    with opened(ehr, clock) as made:
        yield made


def scrub(host: Host, *, dry_run: bool = False) -> JobReport:
    report = host.run("billing.scrub", JobOptions(dry_run=dry_run))
    assert not report.failed, (report.notes, report.set_aside)
    return report


def tasks(ehr: Ehr) -> dict[str, dict[str, Any]]:
    """Scrub Tasks by what they are about."""
    return {t["focus"]["reference"]: t for t in ehr.all("Task") if is_scrub_task(t)}


def writes(ehr: Ehr) -> list[tuple[str, str, int]]:
    return [seen for seen in ehr.sandbox.seen if seen[0] in WRITES]


def faulty(ehr: Ehr, kind: str) -> str:
    """A claim with a planted fault of this kind."""
    return next(f"Claim/{name}" for name, fault in sorted(ehr.practice.faults.items()) if fault == kind)


def test_the_evening_writes_the_findings_and_a_second_one_writes_nothing(ehr: Ehr, host: Host) -> None:
    """Issue 4, shown 4: every planted fault has its Task; the same findings again change nothing."""
    dry = scrub(host, dry_run=True)
    assert tasks(ehr) == {}
    first = scrub(host)
    found = tasks(ehr)
    assert len(found) == first.counts["tasks written"] == dry.counts["tasks written (would be)"] > 0
    assert {f"Claim/{name}" for name in ehr.practice.faults} <= found.keys()
    before = writes(ehr)
    second = scrub(host)
    assert (second.counts["tasks unchanged"], second.counts["tasks written"]) == (len(found), 0)
    assert writes(ehr) == before
    assert tasks(ehr) == found


def test_a_task_says_what_is_wrong_and_names_nobody(ehr: Ehr, host: Host) -> None:
    """billing.md, "Where findings live": focus, code, one coded output a rule, deadline, OperationOutcome; no names."""
    scrub(host)
    names = ehr.practice.canaries()
    for task in tasks(ehr).values():
        Task.model_validate(task)
        assert not [name for name in names if name in str({**task, "for": ""})]
    task = tasks(ehr)[faulty(ehr, "minutes")]
    told = [o for o in task["output"] if o["type"].get("coding")]
    assert told[0]["type"]["coding"][0]["code"].startswith("TIM-00")
    assert "the session lasted" in told[0]["valueString"]
    (outcome,) = task["contained"]
    assert len(outcome["issue"]) == len(told)
    assert task["restriction"]["period"]["end"] > "2026-11-24"
    assert task["for"]["reference"].startswith("Patient/")


def test_a_corrected_claim_closes_its_task_and_a_broken_one_opens_it_again(ehr: Ehr, host: Host) -> None:
    """Issue 4: resolved findings close; the same Task opens when something is wrong again."""
    scrub(host)
    name = faulty(ehr, "total")
    claim = ehr.read(*name.split("/"))
    broken = claim["total"]["value"]
    ehr.put({**claim, "total": claim["item"][0]["net"]})
    report = scrub(host)
    assert report.counts["tasks closed"] == 1
    closed = tasks(ehr)[name]
    assert (closed["status"], closed["businessStatus"]["coding"][0]["code"]) == ("completed", "resolved")
    assert scrub(host).counts["tasks closed"] == 0
    ehr.put({**claim, "total": {"value": broken, "currency": "USD"}})
    assert scrub(host).counts["tasks changed"] == 1
    opened = tasks(ehr)[name]
    assert (opened["status"], "businessStatus" in opened) == ("requested", False)


def test_what_the_staff_did_to_a_task_stays(ehr: Ehr, host: Host) -> None:
    """An owner, a note, a status of theirs survive; a Task that they closed stays closed for the same findings."""
    scrub(host)
    taken, dismissed = faulty(ehr, "total"), faulty(ehr, "minutes")
    ehr.put(
        {**tasks(ehr)[taken], "status": "in-progress", "owner": {"reference": "Practitioner/clinician-001"}}
    )
    ehr.put({**tasks(ehr)[dismissed], "status": "cancelled", "note": [{"text": "agreed with the payer"}]})
    before = writes(ehr)
    scrub(host)
    assert writes(ehr) == before
    claim = ehr.read(*taken.split("/"))
    ehr.put({**claim, "total": {"value": 1, "currency": "USD"}})
    scrub(host)
    changed = tasks(ehr)[taken]
    assert (changed["status"], changed["owner"]["reference"]) == ("in-progress", "Practitioner/clinician-001")
    assert "The total is $1.00" in str(changed["output"])


def test_a_claim_that_is_gone_or_answered_closes_its_task(ehr: Ehr, host: Host) -> None:
    """A cancelled claim, and one that the payer decided on, need nobody any more."""
    scrub(host)
    cancelled, answered = faulty(ehr, "total"), faulty(ehr, "minutes")
    ehr.put({**ehr.read(*cancelled.split("/")), "status": "cancelled"})
    claim = ehr.read(*answered.split("/"))
    response = {
        "resourceType": "ClaimResponse",
        "id": "answer",
        "status": "active",
        "type": claim["type"],
        "use": "claim",
        "patient": claim["patient"],
        "created": "2026-11-24",
        "insurer": {"display": "payer"},
        "request": {"reference": answered},
        "outcome": "complete",
    }
    ehr.put(response)
    scrub(host)
    found = tasks(ehr)
    assert {found[cancelled]["status"], found[answered]["status"]} == {"completed"}


def test_an_old_claim_with_an_open_task_is_looked_at_again(ehr: Ehr, host: Host, clock: FrozenClock) -> None:
    """However old: what was found stays on the list until it is mended."""
    scrub(host)
    name = faulty(ehr, "total")
    clock.advance(100 * 86400)
    scrub(host)
    assert tasks(ehr)[name]["status"] == "requested"
    claim = ehr.read(*name.split("/"))
    ehr.put({**claim, "total": claim["item"][0]["net"]})
    scrub(host)
    assert tasks(ehr)[name]["status"] == "completed"


def test_the_worklist_is_sorted_by_money_and_deadline(ehr: Ehr, host: Host) -> None:
    """Issue 4: a worklist sorted by money at risk and deadline, from the EHR's own Tasks."""
    scrub(host)
    found = worklist(host.context("billing"))
    assert {work.claim for work in found} == tasks(ehr).keys()
    keys = [(-work.at_risk, work.deadline) for work in found]
    assert keys == sorted(keys)
    assert all(
        work.sentences and work.rules and work.errors + work.warnings == len(work.sentences) for work in found
    )


def test_one_bad_record_loses_no_other(ehr: Ehr, host: Host) -> None:
    """Fail soft: resources of any form are judged or left out, the evening goes on."""
    claims = sorted(c["id"] for c in ehr.all("Claim"))
    for name, change in zip(
        claims,
        (
            {"item": "none", "insurance": 7},
            {"item": [None, {"net": {"value": "x"}}], "diagnosis": [{"sequence": "one"}]},
            {"patient": {"reference": 5}, "meta": None, "careTeam": {}},
            {"item": [{"sequence": 1, "servicedDate": "9999-12-31", "net": {"value": 1e300}}]},
        ),
        strict=False,
    ):
        ehr.put({**ehr.read("Claim", name), **change})
    ehr.put({**ehr.all("Encounter")[0], "period": "yesterday", "class": [], "length": {"value": True}})
    ehr.put({**ehr.all("Coverage")[0], "payor": None, "period": {"start": "soon"}, "type": "x"})
    report = scrub(host)
    assert report.counts["claims looked at"] >= len(claims) - 4
    assert {f"Claim/{n}" for n in ehr.practice.faults if n not in claims[:4]} <= tasks(ehr).keys()


@pytest.mark.ehr(absent=frozenset({"Task"}))
def test_without_task_the_findings_take_the_next_rung(ehr: Ehr, host: Host) -> None:
    """The ladder: told once in a Communication to the staff; the worklist is computed anew."""
    first = scrub(host)
    told = [c for c in ehr.all("Communication") if "Before this claim goes out" in str(c.get("payload"))]
    assert len(told) == first.counts["findings written"] > 0
    assert "Communication" in " ".join(first.notes)
    assert scrub(host).counts["findings written"] == 0
    assert len(worklist(host.context("billing"))) == len(told)


@pytest.mark.ehr(all_read_only=True)
def test_a_read_only_ehr_shows_the_findings_only(ehr: Ehr, host: Host) -> None:
    """The ladder's end: nothing is written, the rows are shown and computed again."""
    before = writes(ehr)
    report = scrub(host)
    assert len(report.rows) == report.counts["findings shown only"] > 0
    assert writes(ehr) == before
    assert len(worklist(host.context("billing"))) == len(report.rows)


@pytest.mark.ehr(absent=frozenset({"Claim"}))
def test_without_claims_the_visits_are_judged(ehr: Ehr, clock: FrozenClock, tmp_path_factory: Any) -> None:
    """Issue 4: built in memory from Encounter, Condition, Coverage ...; Tasks are about the Encounter. Minutes are
    held against the code of the appointment; who has no coverage is self-pay."""
    covered = {c["beneficiary"]["reference"] for c in ehr.all("Coverage") if c["status"] == "active"}
    timed = {a["id"] for a in ehr.all("Appointment") if a["serviceType"][0]["coding"][0]["code"] == "90834"}
    visit = next(
        e
        for e in sorted(ehr.all("Encounter"), key=lambda e: e["id"])
        if e["subject"]["reference"] in covered and e["appointment"][0]["reference"].split("/")[1] in timed
    )
    ehr.put({**visit, "length": {**visit["length"], "value": 9}})
    with opened(ehr, clock, video_place="10") as host:
        report = scrub(host)
        found = tasks(ehr)
        assert all(name.startswith("Encounter/") for name in found)
        assert report.counts["visits without an active coverage (self-pay)"] > 0
        assert report.counts["claims looked at"] > 5
        rules = [o["type"]["coding"][0]["code"] for o in found[f"Encounter/{visit['id']}"]["output"][:-1]]
        assert {"TIM-004", "TIM-007"} <= set(rules)
        assert "load your fee schedule" in " ".join(report.notes)
        assert scrub(host).counts["tasks written"] == 0


@pytest.mark.ehr(search={"Claim": frozenset({"_id", "identifier"})}, unknown_parameter="refuse")
def test_an_ehr_that_searches_claims_by_id_only_is_told(ehr: Ehr, host: Host) -> None:
    """Epic's kind: what cannot be had is named, nothing crashes."""
    report = scrub(host)
    assert "Claim" in " ".join(report.notes)


def test_requests_do_not_grow_with_the_claims(ehr: Ehr, host: Host) -> None:
    """No N+1: a batch for each type, not a request for each claim."""
    scrub(host, dry_run=True)
    kinds = Counter(
        path.split("/")[2].split("?")[0] for method, path, _ in ehr.sandbox.seen if method == "GET"
    )
    assert max(kinds.values()) <= 4, kinds


def test_settings_tell_what_is_wrong(ehr: Ehr, clock: FrozenClock) -> None:
    """``chartside check``: a clearinghouse that the registry does not hold; a rule that does not exist."""
    house = {
        "type": "local",
        "recipient": "nobody",
        "folder": "house",
        "submitter_id": "ELM01",
        "receiver_id": "CH01",
        "receiver_name": "HOUSE",
    }
    with opened(ehr, clock, clearinghouse=house, rules={"mute": ["XXX-9"]}) as host:
        said = host.plugins.call("chartside_check", "billing", context=host.context("billing"))
    assert any("'nobody' is no registered recipient" in s for s in said)
    assert any("there is no rule 'XXX-9'" in s for s in said)


def test_the_context_reads_paths_beside_the_config(ehr: Ehr, clock: FrozenClock) -> None:
    """Paths are relative to the config file, wherever the program was started."""
    with opened(ehr, clock, codes="sets") as host:
        context: Context = host.context("billing")
        assert context.settings.path(context.settings.codes) == host.config.folder / "sets"


def test_a_claim_that_a_task_held_beyond_the_window_goes_out(
    ehr: Ehr, host: Host, clock: FrozenClock
) -> None:
    """Held by a scrub Task, or mended after a refusal: no claim is lost because it is older than the window."""

    def clean() -> set[str]:
        return {claim.where for claim in clean_claims(host.context("billing"), JobOptions())}

    refused = min(clean())
    scrub(host)
    held = faulty(ehr, "total")
    clock.advance(100 * 86400)
    assert not clean() & {held, refused}
    claim = ehr.read(*held.split("/"))
    ehr.put({**claim, "total": claim["item"][0]["net"]})
    assert held in clean()
    assert scrub(host).counts["tasks closed"] == 1
    assert held in clean()
    refusal = of_group(
        GroupAnswer("HC", "12", "", status="R"),
        {"000000012": SentFile("DocumentReference/1", (SentClaim(refused), SentClaim("Claim/none", "S")))},
        clock.now(),
    )
    ehr.put({**next(iter(refusal)), "id": "refused", "status": "completed"})
    assert refused in clean()


def test_a_task_that_was_closed_long_ago_names_nothing_to_send() -> None:
    """Else every evening would look at every claim that was ever mended."""
    since = datetime(2026, 11, 1, tzinfo=UTC)
    assert _touched({"meta": {"lastUpdated": "2026-11-02T10:00:00Z"}}, since)
    assert not _touched({"meta": {"lastUpdated": "2026-10-02T10:00:00Z"}}, since)
    assert _touched({}, since)
