"""A plugin's client against a real server: its manifest and no more, every use in the trail (S-7, S-9, S-10)."""

from __future__ import annotations

import pytest

from chartside.audit import Auditor, Event, Observer, Trail
from chartside.clock import SystemClock
from chartside.errors import AuditUnavailable, GateError, InputError, PolicyRefused, UndeclaredAccess
from chartside.fhir import Budget, Create, FhirClient, Get, Update
from chartside.gate.client import GatedFhir, Place, Route, patient_of
from chartside.manifest import Manifest
from chartside_adapters.generic import Generic


def manifest(**access):
    return Manifest.model_validate({"plugin": {"name": "tester", "title": "T", "api": 1}, "access": access})


@pytest.fixture
def make(ehr, tmp_path):
    """A function that opens a plugin's client with some access."""
    client = FhirClient(ehr.base_url, budget=Budget(10_000, 1000))
    place = Place(client, Generic)
    assert place.adapter  # the tests count what is asked from here on
    auditor = Auditor(Trail(tmp_path / "audit.jsonl"), Observer("h", "p", ehr.base_url))

    def made(guard=lambda _m, _f, _e: None, companion=None, **access):
        return GatedFhir(manifest(**access), Route(place, companion), auditor, SystemClock(), guard)

    made.records = lambda: list(auditor.trail.records())
    yield made
    client.close()


def test_reads_what_is_declared_and_nothing_else(make, ehr):
    """S-7: a typed error before anything is sent, and an entry in the trail."""
    fhir = make(Appointment="rs")
    first = fhir.search("Appointment", {"_count": "1"}).first()
    assert fhir.read("Appointment", first["id"])["id"] == first["id"]
    before = len(ehr.sandbox.seen)
    for attempt in (
        lambda: fhir.read("Patient", "1"),
        lambda: fhir.search("Patient"),
        lambda: fhir.create({"resourceType": "Appointment"}),
        lambda: fhir.update(first),
        lambda: fhir.save(first, {**first, "status": "cancelled"}),
        lambda: fhir.patch("Appointment", first["id"], [], version="1"),
        lambda: fhir.delete("Appointment", first["id"]),
        lambda: fhir.operation("Appointment", "find"),
        lambda: fhir.history("Patient", "1"),
        lambda: fhir.vread("Patient", "1", "1"),
        lambda: fhir.read_many("Patient", ["1"]),
        lambda: fhir.execute([Get("Patient", "1")]),
        lambda: fhir.execute([Get("Appointment", condition="actor:Patient.name=Doe")]),
        lambda: fhir.transaction([Create({"resourceType": "Task"})]),
    ):
        with pytest.raises(UndeclaredAccess):
            attempt()
    assert len(ehr.sandbox.seen) == before
    assert sum(r.event is Event.REFUSED for r in make.records()) == 14


def test_includes_of_undeclared_types_do_not_come_through(make):
    """S-7: the server sends the Patient along; the plugin does not get it."""
    fhir = make(Appointment="rs")
    found = list(fhir.search("Appointment", {"_include": "Appointment:patient", "_count": "20"}))
    assert found
    assert {r["resourceType"] for r in found} == {"Appointment"}
    both = make(Appointment="rs", Patient="r")
    kinds = {r["resourceType"] for r in both.search("Appointment", {"_include": "Appointment:patient"})}
    assert kinds == {"Appointment", "Patient"}


def test_every_use_is_in_the_trail_by_ids_only(make, practice):
    """S-9: who, what, when, about whom: ids; no parameter's value."""
    fhir = make(Patient="rs", Task="c")
    [patient] = [fhir.search("Patient", {"name": "a", "_count": "1"}).first()]
    fhir.read("Patient", patient["id"])
    fhir.create(
        {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "for": {"reference": f"Patient/{patient['id']}"},
        }
    )
    records = make.records()
    assert [r.event for r in records] == [Event.SEARCH, Event.READ, Event.CREATE]
    assert records[0].parameters == "_count&name"
    assert records[1].patient == records[2].patient == f"Patient/{patient['id']}"


def test_without_audit_nothing_is_read(make, tmp_path):
    """S-10: the trail cannot be written, so the plugin gets nothing."""
    fhir = make(Appointment="rs")
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(AuditUnavailable):
        fhir.search("Appointment")


def test_the_guard_sees_every_write(make):
    """P-3's place: create, update, save, patch, delete, batch and transaction all pass the guard."""

    def refuse(_manifest, _fhir, _entries):
        raise PolicyRefused("no")

    fhir = make(guard=refuse, Task="cruds")
    task = {
        "resourceType": "Task",
        "id": "1",
        "meta": {"versionId": "1"},
        "status": "requested",
        "intent": "order",
    }
    for attempt in (
        lambda: fhir.create(task),
        lambda: fhir.update(task),
        lambda: fhir.save(task, {**task, "status": "completed"}),
        lambda: fhir.patch("Task", "1", [{"op": "remove", "path": "/status"}], version="1"),
        lambda: fhir.delete("Task", "1"),
        lambda: fhir.execute([Update(task)]),
        lambda: fhir.transaction([Create(task)]),
    ):
        with pytest.raises(PolicyRefused):
            attempt()


@pytest.mark.ehr(read_only=frozenset({"Communication", "Task"}))
def test_a_type_has_one_home(make, ehr):
    """Promise 1: what the EHR does not take lives in the companion, and is read from there."""
    from chartside.sandbox import Sandbox

    with Sandbox().running() as url, FhirClient(url) as second:
        companion = Place(second, Generic)
        fhir = make(companion=companion, Communication="crus", Appointment="rs")
        made = fhir.create({"resourceType": "Communication", "status": "completed"})
        assert made.created
        assert fhir.read("Communication", made.resource["id"])["status"] == "completed"
        assert fhir.search("Appointment").first() is not None
    assert not ehr.all("Communication") or made.resource["id"] not in [
        c["id"] for c in ehr.all("Communication")
    ]


class Disguised(Get):
    """A plugin's own kind of entry: what it says it asks is not what it sends."""

    def request(self):
        return {"request": {"method": "GET", "url": "Patient"}}


@pytest.mark.parametrize(
    "entry",
    [
        Get("Appointment", condition="?_revinclude=Task:focus"),
        Get("Appointment", condition="&?_include=*"),
        Get("Appointment", condition="_has:Task:focus:status=requested"),
        Get("Appointment", condition="%5Finclude=*"),
        Get("Appointment", condition="?actor:Patient.name=Doe"),
        Get("Appointment", condition="_count=1;_include=*"),
        Get("Appointment/../Patient", "1"),
        Get("Appointment", "../Patient/1"),
        Get("Appointment", "1?_format=json"),
        Disguised("Appointment", condition="_count=1"),
        Create({"resourceType": "Appointment"}, "?patient.name=Doe"),
        Update({"resourceType": "Appointment", "id": "1/../../Patient/2"}, "1"),
        Create({"resourceType": "Bundle", "type": "transaction"}),
    ],
)
def test_no_entry_is_a_side_door(make, ehr, entry):
    """S-7: conditions are judged as they are sent, and only the five kinds of entries are carried."""
    fhir = make(Appointment="crus")
    before = len(ehr.sandbox.seen)
    for attempt in (lambda: fhir.execute([entry]), lambda: fhir.transaction([entry])):
        with pytest.raises((GateError, InputError)):
            attempt()
    assert len(ehr.sandbox.seen) == before


@pytest.mark.parametrize("way", ["execute", "transaction"])
def test_includes_of_a_search_within_a_bundle_do_not_come_through(make, way):
    """S-7: the same as for a search of its own."""
    search = Get("Appointment", condition="_include=Appointment:patient&_count=20")
    [result] = getattr(make(Appointment="rs"), way)([search])
    assert {e["resource"]["resourceType"] for e in result.require()["entry"]} == {"Appointment"}


@pytest.mark.parametrize(
    "garbled", [5, True, {"actor": {"reference": "Patient/1"}}, "Patient/1", [7, None], None]
)
def test_a_garbled_participant_names_nobody(garbled):
    """H-4: what a server sends must not end a read that was done."""
    assert patient_of({"resourceType": "Appointment", "participant": garbled, "subject": garbled}) == ""
