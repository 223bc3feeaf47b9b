"""The client against the sandbox EHR: everything it can do, on servers of several abilities."""

from __future__ import annotations

import threading

import pytest

from chartside import errors
from chartside.fhir import Create, Delete, Get, Patch, Update
from chartside.sandbox import Options

SYSTEM = "https://clinic.example/id"


def patient(key="1", **more):
    return {
        "resourceType": "Patient",
        "identifier": [{"system": SYSTEM, "value": key}],
        "name": [{"family": "Example", "given": ["Ann"]}],
        **more,
    }


def test_create_read_update_history_delete(sandboxed):
    ehr = sandboxed()
    made = ehr.create(patient()).resource
    assert ehr.read("Patient", made["id"]) == made
    changed = ehr.update({**made, "active": True})
    assert changed["meta"]["versionId"] != made["meta"]["versionId"]
    assert "active" not in ehr.vread("Patient", made["id"], made["meta"]["versionId"])
    assert [r.get("active") for r in ehr.history("Patient", made["id"])] == [True, None]
    ehr.delete("Patient", made["id"])
    with pytest.raises(errors.Gone):
        ehr.read("Patient", made["id"])
    with pytest.raises(errors.NotFound):
        ehr.read("Patient", "never-was")


def test_conditional_writes(sandboxed):
    """R-10: the claim of the ledger rests on it."""
    ehr = sandboxed()
    first = ehr.create(patient(), if_none_exist={"identifier": f"{SYSTEM}|1"})
    second = ehr.create(patient(), if_none_exist={"identifier": f"{SYSTEM}|1"})
    assert (first.created, second.created) == (True, False)
    assert second.resource["id"] == first.resource["id"]
    changed = ehr.update_where(patient(active=True), f"identifier={SYSTEM}|1")
    assert not changed.created
    ehr.create(patient())
    for act in (
        lambda: ehr.create(patient(), if_none_exist=f"identifier={SYSTEM}|1"),
        lambda: ehr.update_where(patient(), f"identifier={SYSTEM}|1"),
        lambda: ehr.delete_where("Patient", f"identifier={SYSTEM}|1"),
    ):
        with pytest.raises(errors.MultipleMatches):
            act()
    for act in (
        lambda: ehr.create(patient(), if_none_exist=" "),
        lambda: ehr.update_where(patient(), {}),
        lambda: ehr.delete_where("Patient", "?"),
    ):
        with pytest.raises(errors.InputError):
            act()


def test_a_stale_version_is_a_conflict_and_never_an_overwrite(sandboxed):
    """S-20."""
    ehr = sandboxed()
    old = ehr.create(patient()).resource
    ehr.update({**old, "gender": "female"})
    for act in (
        lambda: ehr.update({**old, "gender": "male"}),
        lambda: ehr.save(old, {**old, "gender": "male"}),
        lambda: ehr.patch("Patient", old["id"], [{"op": "add", "path": "/gender", "value": "male"}],
                          version=old["meta"]["versionId"]),
        lambda: ehr.delete("Patient", old["id"], version=old["meta"]["versionId"]),
        lambda: ehr.transaction([Update({**old, "gender": "male"})]),
    ):  # fmt: skip
        with pytest.raises(errors.VersionConflict):
            act()
    assert ehr.read("Patient", old["id"])["gender"] == "female"


@pytest.mark.parametrize("options", [Options(), Options(no_patch=True)], ids=["patch", "put"])
def test_a_race_loses_nothing(sandboxed, options):
    """S-20: 8 threads add to one resource at once, reading again on each conflict; every addition arrives."""
    ehr = sandboxed(options)
    made = ehr.create(patient(telecom=[])).resource
    conflicts = []

    def add(number):
        while True:
            seen = ehr.read("Patient", made["id"])
            more = [*seen.get("telecom", []), {"system": "phone", "value": str(number)}]
            try:
                ehr.save(seen, {**seen, "telecom": more})
                return
            except errors.VersionConflict:
                conflicts.append(number)

    threads = [threading.Thread(target=add, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = ehr.read("Patient", made["id"])
    assert sorted(t["value"] for t in after["telecom"]) == sorted(str(n) for n in range(8))
    assert len(list(ehr.history("Patient", made["id"]))) == 9
    assert conflicts, "there was no race at all"


@pytest.mark.parametrize("options", [Options(), Options(no_patch=True)], ids=["patch", "put"])
def test_saving_writes_the_difference_only(sandboxed, options):
    ehr = sandboxed(options)
    odd = patient(
        extension=[{"url": "https://odd.example/x", "valueString": "kept"}], _active={"id": "a"}, active=True
    )
    before = ehr.create(odd).resource
    after = ehr.save(before, {**before, "gender": "other"})
    assert after == ehr.read("Patient", before["id"])
    assert {k: v for k, v in after.items() if k not in ("gender", "meta")} == {
        k: v for k, v in before.items() if k != "meta"
    }
    assert ehr.save(after, dict(after)) is after
    with pytest.raises(errors.InputError):
        ehr.save(after, {**after, "id": "another"})


def test_a_transaction_is_all_or_nothing(sandboxed):
    ehr = sandboxed()
    old = ehr.create(patient("old")).resource
    ehr.update({**old, "active": True})
    with pytest.raises(errors.VersionConflict):
        ehr.transaction([Create(patient("new")), Update(old)])
    assert ehr.search("Patient", {"identifier": f"{SYSTEM}|new"}).first() is None
    now = ehr.read("Patient", old["id"])
    results = ehr.transaction(
        [
            Create(patient("new"), f"identifier={SYSTEM}|new"),
            Create(patient("old"), f"identifier={SYSTEM}|old"),
            Update({**now, "gender": "female"}),
            Get("Patient", old["id"]),
        ]
    )
    assert [r.status // 100 for r in results] == [2, 2, 2, 2]
    assert [r.created for r in results] == [True, False, False, False]


ABILITIES = {
    "batch": Options(),
    "no batch": Options(no_batch=True),
    "neither": Options(no_batch=True, no_transaction=True),
}


@pytest.mark.parametrize("options", ABILITIES.values(), ids=ABILITIES)
def test_execute_gives_the_same_results_on_every_server(sandboxed, options):
    """Few round trips where the server has batches, the same calls fanned out where not."""
    ehr = sandboxed(options)
    old = ehr.create(patient("old")).resource
    version = old["meta"]["versionId"]
    stale = {**ehr.create(patient("stale")).resource}
    ehr.update({**stale, "active": True})
    results = ehr.execute(
        [
            Create(patient("new"), f"identifier={SYSTEM}|new"),
            Create(patient("old"), f"identifier={SYSTEM}|old"),
            Update(stale),
            Patch("Patient", old["id"], [{"op": "add", "path": "/active", "value": True}], version),
            Get("Patient", "never-was"),
            Get("Patient", condition=f"identifier={SYSTEM}|stale"),
            Delete("Patient", stale["id"], "99"),
        ]
    )
    assert [type(r.error) for r in results] == [
        type(None), type(None), errors.VersionConflict, type(None), errors.NotFound, type(None), errors.VersionConflict,
    ]  # fmt: skip
    assert [r.created for r in results[:2]] == [True, False]
    assert results[3].require()["active"] is True
    assert results[5].require()["resourceType"] == "Bundle"


@pytest.mark.parametrize("options", ABILITIES.values(), ids=ABILITIES)
def test_groups_are_atomic_or_stop_at_the_first_error(sandboxed, options):
    ehr = sandboxed(options)
    stale = ehr.create(patient("stale")).resource
    ehr.update({**stale, "active": True})
    good, bad = ehr.execute_groups(
        [[Create(patient("a")), Create(patient("b"))], [Update(stale), Create(patient("never"))]]
    )
    assert [r.created for r in good] == [True, True]
    assert all(isinstance(r.error, errors.VersionConflict) for r in bad)
    assert ehr.search("Patient", {"identifier": f"{SYSTEM}|never"}).first() is None


def test_round_trips_of_a_batch(sandboxed):
    ehr = sandboxed()
    ehr.capabilities()
    sent = []
    send = ehr._transport.send
    ehr._executor._send = lambda request: sent.append(request) or send(request)
    ehr.execute([Create(patient(str(n)), f"identifier={SYSTEM}|{n}") for n in range(150)])
    assert len(sent) == 2


def test_pages_with_their_includes(sandboxed):
    ehr = sandboxed()
    people = [r.require() for r in ehr.execute([Create(patient(str(n))) for n in range(5)])]
    ehr.execute(
        [
            Create(
                {
                    "resourceType": "Appointment",
                    "status": "booked",
                    "participant": [{"actor": {"reference": f"Patient/{p['id']}"}, "status": "accepted"}],
                }
            )
            for p in people
            for _ in range(5)
        ]
    )
    search = ehr.search("Appointment", {"_include": "Appointment:patient"}, count=4)
    seen = 0
    for match in search.matches():
        seen += 1
        assert search.included[match["participant"][0]["actor"]["reference"]]["resourceType"] == "Patient"
    assert seen == 25
    assert len(ehr.read_many("Patient", [p["id"] for p in people])) == 5


def test_the_statement_is_told_apart(sandboxed):
    able = sandboxed(
        Options(no_transaction=True, no_patch=True, read_only=frozenset({"Appointment"}))
    ).capabilities()
    assert not able.transaction
    assert able.batch
    assert able.supports("Appointment", "search-type")
    assert not able.supports("Appointment", "create")
    assert not able.json_patch("Patient")
    assert able.versioned_update("Patient")
    assert able.conditional_create("Patient")
    assert "patient" in able.search_params("Appointment")
    assert able.fhir_version == "4.0.1"
