"""Resources as models: what the models refuse is salvaged or set aside, and nothing is lost by it (H-4)."""

from __future__ import annotations

import copy
import json
import random
from datetime import date

import pytest
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.appointment import Appointment
from fhir.resources.R4B.humanname import HumanName
from fhir.resources.R4B.patient import Patient

from chartside.errors import InputError
from chartside.fhir import FhirClient, Models, typed
from chartside.sandbox import Options, Sandbox

ODD = {
    "resourceType": "Patient",
    "id": "1",
    "meta": {"versionId": "1"},
    "birthDate": "31.12.1980",
    "_birthDate": {"extension": [{"url": "x", "valueString": 5}]},
    "name": [5, {"family": "Z", "period": {"start": "never"}}, {"given": ["B", None, 3]}],
    "contact": [{"name": {"family": []}}],
    "link": [{"type": "x"}],
    "odd": {"a": [1]},
}


def test_what_the_models_refuse_is_left_out_and_named():
    found = typed(Patient, ODD)
    assert set(found.dropped) == {
        ("birthDate",),
        ("_birthDate", "extension", 0, "valueString"),
        ("name", 0),
        ("name", 1, "period", "start"),
        ("name", 2, "given", 2),
        ("contact", 0, "name", "family"),
        ("link", 0),
        ("odd",),
    }
    assert [name.family for name in found.model.name] == ["Z", None]


def test_what_was_dropped_is_still_there_when_the_rest_is_changed():
    """H-4, lossless: only the plugin's own changes differ; the raw resource is not touched."""
    before = copy.deepcopy(ODD)
    found = typed(Patient, ODD)
    found.model.name[0].family = "Zuse"
    found.model.name.append(HumanName(family="New"))
    found.model.active = True
    expected = copy.deepcopy(ODD) | {"active": True}
    expected["name"][1]["family"] = "Zuse"
    expected["name"].append({"family": "New"})
    assert found.changed() == expected
    assert before == ODD


def test_numbers_dates_and_the_unchanged_keep_their_form():
    """1.50 stays 1.50 and a date with a short zone stays as it is written."""
    raw = {"resourceType": "Appointment", "id": "1", "status": "booked", "start": "2026-11-24T10:00:00.5Z"}
    raw["participant"] = [{"status": "accepted"}]
    found = typed(Appointment, raw)
    found.model.comment = "moved"
    assert found.changed() == {**raw, "comment": "moved"}


@pytest.mark.parametrize(
    "raw",
    [
        {"resourceType": "Appointment", "id": "1", "status": "booked"},
        {"resourceType": "Appointment", "id": "1", "participant": [{"status": "accepted"}]},
        {"resourceType": "Patient", "id": "1"},
        {},
    ],
    ids=["no participant", "no status", "another type", "empty"],
)
def test_what_is_no_such_resource_is_set_aside_and_counted(raw):
    with pytest.raises(InputError):
        typed(Appointment, raw)
    good = {
        "resourceType": "Appointment",
        "id": "2",
        "status": "booked",
        "participant": [{"status": "accepted"}],
    }
    visits = Models(Appointment, [raw, good, {**good, "start": "soon"}])
    assert [visit.model.id for visit in visits] == ["2", "2"]
    assert (visits.salvaged, visits.set_aside) == (1, [raw.get("id", "")])


def test_the_error_holds_nothing_of_the_resource():
    """S-8: element names only."""
    with pytest.raises(InputError) as caught:
        typed(Patient, {"resourceType": "Group", "name": [{"family": "Quellensprung"}]})
    assert "Quellensprung" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_saved_by_the_client():
    """The whole way: read, change the model, save; the server keeps what the model never understood."""
    sandbox = Sandbox(Options(validate=False))
    sandbox.store.put({**ODD, "birthDate": "1980-12-31"}, "PUT")
    with sandbox.running() as url, FhirClient(url) as client:
        found = typed(Patient, client.read("Patient", "1"))
        assert found.model.birthDate == date(1980, 12, 31)
        found.model.active = False
        client.save(found.raw, found.changed())
        again = client.read("Patient", "1")
    sandbox.close()
    assert again["odd"] == ODD["odd"]
    assert again["active"] is False


def resources(folder):
    for path in sorted((folder / "fhir").glob("*/*.json")):
        raw = json.loads(path.read_text())
        if "resourceType" in raw:
            yield path, raw


NONE_TO_BE_MADE = {
    "hl7-evidence-example.json",  # R4's Evidence; R4B has another one of the name
    "hl7-medicinalproductinteraction-example.json",  # R4B has no such type
}


@pytest.mark.slow
def test_the_corpus(shared_data):
    """H-4: of all that others made, each loads, or is salvaged, but for two types that R4B does not have; and
    a round trip through the model loses nothing."""
    seen = 0
    for path, raw in resources(shared_data):
        if path.name in NONE_TO_BE_MADE:
            continue
        found = typed(get_fhir_model_class(raw["resourceType"]), raw)
        assert bool(found.dropped) is (path.parent.name == "not-loading"), path.name
        assert found.changed() == raw, path.name
        seen += 1
    assert seen > 70


WRONG = (None, 5, "x", [], {}, [5], {"x": 1}, "2026-13-45", True, ["x", None])


def spoil(value, rng):
    """Replace one place, anywhere below, by something else."""
    if isinstance(value, dict) and value:
        key = rng.choice([k for k in value if k != "resourceType"] or ["odd"])
        deeper = rng.random() < 0.7 and isinstance(value.get(key), dict | list) and value[key]
        value[key] = spoil(value[key], rng) if deeper else copy.deepcopy(rng.choice(WRONG))
    elif isinstance(value, list) and value:
        n = rng.randrange(len(value))
        value[n] = spoil(value[n], rng) if rng.random() < 0.7 else copy.deepcopy(rng.choice(WRONG))
    return value


@pytest.mark.slow
def test_spoilt_resources_never_crash_and_lose_nothing(shared_data):
    """H-4: 2,000 spoilings of others' resources: a model without what is wrong, or InputError; never anything else."""
    rng = random.Random(4)
    sources = [
        (raw, get_fhir_model_class(raw["resourceType"]))
        for path, raw in resources(shared_data)
        if path.parent.name in ("us-core", "ihe-scheduling", "hl7-r4") and path.stat().st_size < 20_000
    ]
    made = 0
    for _ in range(2000):
        raw, model = rng.choice(sources)
        spoilt = copy.deepcopy(raw)
        for _ in range(rng.randint(1, 3)):
            spoil(spoilt, rng)
        try:
            found = typed(model, spoilt)
        except InputError:
            continue
        made += 1
        assert found.changed() == spoilt
    assert made > 1000
