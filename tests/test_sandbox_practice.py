"""The invented practice: reproducible, valid, of every kind, and nobody in it exists."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from chartside.codes import CONSENT_TYPE_SYSTEM
from chartside.sandbox import Sandbox
from chartside.sandbox.practice import Practice, generate
from chartside.sandbox.practice.billing import FAULTS
from chartside.sandbox.practice.consents import KINDS
from chartside.sandbox.practice.people import npi
from chartside.sandbox.practice.places import AREAS, HOME_PHONE
from chartside.sandbox.validate import check_model

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
Resources = list[dict[str, Any]]


@pytest.fixture(scope="module")
def practice() -> Practice:
    """Give a practice of 300."""
    return generate(clients=300, seed=7, now=NOW)


@pytest.fixture(scope="module")
def resources(practice: Practice) -> Resources:
    """Give all its resources."""
    return list(practice.resources())


def of(resources: Resources, resource_type: str) -> Resources:
    """Return the resources of one type."""
    return [resource for resource in resources if resource["resourceType"] == resource_type]


def test_the_same_seed_invents_the_same(resources: Resources) -> None:
    """Seeded and reproducible; another seed invents others."""
    assert list(generate(clients=300, seed=7, now=NOW).resources()) == resources
    assert list(generate(clients=300, seed=8, now=NOW).resources()) != resources


def test_a_client_is_the_same_at_any_size(resources: Resources) -> None:
    """The fifth client of ten is the fifth of three hundred."""
    small = of(list(generate(clients=10, seed=7, now=NOW).resources()), "Patient")
    assert small == of(resources, "Patient")[:10]


@pytest.mark.slow
def test_all_are_valid(resources: Resources) -> None:
    """Each resource is one that the R4B models take."""
    for resource in resources:
        check_model(resource)


def test_every_reference_leads_somewhere(resources: Resources) -> None:
    """No reference dangles, and what is referred to comes first, so that any server can be filled in this order."""
    known: set[str] = set()

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["reference"]] if isinstance(value.get("reference"), str) else []
            return own + [found for inner in value.values() for found in references(inner)]
        return [found for inner in value for found in references(inner)] if isinstance(value, list) else []

    for resource in resources:
        known.add(f"{resource['resourceType']}/{resource['id']}")
        assert set(references(resource)) <= known, resource["id"]


def test_numbers_are_the_ones_kept_for_fiction(resources: Resources) -> None:
    """Every number is 555-01xx of a real area code, valid for phonenumbers, and not the practice's own."""
    people = of(resources, "Patient") + of(resources, "RelatedPerson")
    points = [point for person in people for point in person.get("telecom", [])]
    numbers = [point["value"] for point in points if point["system"] == "phone"]
    assert len(set(numbers)) == len(numbers) > 250
    for number in numbers:
        assert number[5:10] == "55501"
        assert number != HOME_PHONE
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))
    assert {point["value"].partition("@")[2] for point in points if point["system"] == "email"} == {
        "example.org"
    }


def test_every_area_code_can_be_called() -> None:
    """No area code is in the table that phonenumbers does not know; each stands there once."""
    wrong = [a for _, a in AREAS if not phonenumbers.is_valid_number(phonenumbers.parse(f"+1{a}5550123"))]
    assert wrong == []
    assert len({area for _, area in AREAS}) == len(AREAS)


def test_people_of_all_kinds(resources: Resources) -> None:
    """All ages, several zones and languages, guardians for minors, people without a phone."""
    patients = of(resources, "Patient")
    ages = [(NOW.date() - date.fromisoformat(p["birthDate"])).days / 365.25 for p in patients]
    assert min(ages) < 14
    assert max(ages) > 75
    assert len({p["extension"][0]["valueCode"] for p in patients if "extension" in p}) >= 5
    assert any("extension" not in p for p in patients)
    languages = Counter(p["communication"][0]["language"]["coding"][0]["code"] for p in patients)
    assert 0.1 < languages["es"] / len(patients) < 0.35
    minors = {p["id"] for p, age in zip(patients, ages, strict=True) if age < 17.9}
    assert minors == {r["patient"]["reference"].partition("/")[2] for r in of(resources, "RelatedPerson")}
    assert not any("telecom" in p for p in patients if p["id"] in minors)
    assert any("telecom" not in p for p in patients if p["id"] not in minors)


def test_appointments_of_four_weeks(resources: Resources) -> None:
    """From two weeks ago to two weeks ahead, in office hours at the practice, every status in its place in time."""
    appointments = of(resources, "Appointment")
    starts = [datetime.fromisoformat(a["start"]) for a in appointments]
    zone = ZoneInfo("America/New_York")
    assert timedelta(days=7) < NOW - min(starts) < timedelta(days=21)
    assert timedelta(days=7) < max(starts) - NOW < timedelta(days=21)
    assert {start.astimezone(zone).weekday() for start in starts} == set(range(5))
    assert {start.astimezone(zone).hour for start in starts} <= set(range(8, 18))
    past = {a["status"] for a, start in zip(appointments, starts, strict=True) if start < NOW}
    ahead = {a["status"] for a, start in zip(appointments, starts, strict=True) if start >= NOW}
    assert past == {"fulfilled", "noshow", "cancelled"}
    assert ahead == {"booked", "cancelled", "proposed", "pending"}
    places = {a["participant"][2]["actor"]["reference"] for a in appointments}
    assert places == {"Location/office", "Location/telehealth"}


def test_no_clinician_is_booked_twice(resources: Resources) -> None:
    """One client an hour, and free slots only where nobody comes."""
    booked = Counter(
        (a["participant"][1]["actor"]["reference"], datetime.fromisoformat(a["start"]))
        for a in of(resources, "Appointment")
    )
    assert max(booked.values()) == 1
    free = {
        (f"Practitioner/clinician-{s['schedule']['reference'][-3:]}", datetime.fromisoformat(s["start"]))
        for s in of(resources, "Slot")
    }
    assert free
    assert not free & set(booked)


def test_hours_stay_when_clocks_change() -> None:
    """R-9: an appointment at nine stays at nine in the week in which the clocks change."""
    found = list(generate(clients=30, seed=1, now=datetime(2026, 10, 30, 15, 0, tzinfo=UTC)).resources())
    offsets = {a["start"][-6:] for a in of(found, "Appointment")}
    assert offsets == {"-04:00", "-05:00"}
    by_client: dict[str, set[str]] = {}
    for a in of(found, "Appointment"):
        by_client.setdefault(a["id"][:6], set()).add(a["start"][11:19])
    assert {len(hours) for hours in by_client.values()} == {1}


def test_consents_of_every_kind(practice: Practice, resources: Resources) -> None:
    """Active, revoked, expired, refused, drafts, not yet begun, missing: each as FHIR says it, and counted."""
    counts = practice.consents
    for instrument in ("text-messages", "unencrypted-email"):
        assert [kind for kind in KINDS if not counts.get(f"{instrument}:{kind}")] == []
    assert all(counts.get(f"{name}:active") for name in ("treatment", "recording", "ai-use", "proxy"))
    shapes = Counter()
    for consent in of(resources, "Consent"):
        coding = consent["category"][0]["coding"][0]
        assert coding["system"] == CONSENT_TYPE_SYSTEM
        if coding["code"] == "text-messages":
            shapes[_kind(consent)] += 1
    assert shapes == {kind: counts[f"text-messages:{kind}"] for kind in KINDS if kind != "missing"}


def _kind(consent: dict[str, Any]) -> str:
    today = NOW.date().isoformat()
    provision = consent["provision"]
    by_status = {"inactive": "revoked", "draft": "draft"}.get(consent["status"])
    by_period = (
        "expired"
        if provision["period"]["end"] < today
        else "not-yet"
        if provision["period"]["start"] > today
        else ""
    )
    return by_status or by_period or ("deny" if provision["type"] == "deny" else "active")


def test_planted_claim_faults(practice: Practice, resources: Resources) -> None:
    """Each kind of fault is planted, and in each faulty claim, and in no other, something is wrong."""
    encounters = {e["id"]: e for e in of(resources, "Encounter")}
    bands = {"90832": (16, 37), "90834": (38, 52), "90837": (53, 90)}
    wrong: dict[str, str] = {}
    for claim in of(resources, "Claim"):
        (item,) = claim["item"]
        code = item["productOrService"]["coding"][0]["code"]
        minutes = encounters[item["encounter"][0]["reference"].partition("/")[2]]["length"]["value"]
        low, high = bands.get(code, (0, 999))
        found = {
            "minutes": not low <= minutes <= high,
            "total": claim["total"]["value"] != item["net"]["value"],
            "pointer": item["diagnosisSequence"] != [1],
            "future-date": item["servicedDate"] > claim["created"],
            "frequency": "subType" in claim,
        }
        wrong |= {claim["id"]: kind for kind, is_wrong in found.items() if is_wrong}
    planted = {claim: kind for claim, kind in practice.faults.items() if kind != "no-coverage"}
    assert set(practice.faults.values()) == set(FAULTS)
    assert wrong == planted


@pytest.mark.parametrize("number", [0, 1, 12_345_678, 99_999_999])
def test_npi_check_digit(number: int) -> None:
    """Ten digits that pass Luhn with the prefix 80840, counted by another way than the generator's."""
    found = npi(number)
    digits = [int(char) for char in f"80840{found}"]
    doubled = [sum(divmod(2 * d, 10)) if i % 2 else d for i, d in enumerate(reversed(digits))]
    assert len(found) == 10
    assert sum(doubled) % 10 == 0


def test_canaries_are_what_the_ehr_holds(practice: Practice, resources: Resources) -> None:
    """S-8: names, numbers, addresses and MRNs that must be found in the EHR and nowhere else."""
    canaries = practice.canaries()
    text = str(resources)
    assert len(canaries) > 900
    assert [canary for canary in canaries if canary not in text] == []


def test_now_needs_a_zone() -> None:
    """A practice at a time without a zone would be another one on each machine."""
    with pytest.raises(ValueError, match="time zone"):
        generate(clients=1, now=datetime(2026, 1, 1))


def test_loading_a_practice() -> None:
    """What is loaded is found by search, with its history of one version each."""
    sandbox = Sandbox()
    practice = sandbox.load_practice(clients=20)
    assert practice.loaded == sandbox.store.query("SELECT COUNT(*) FROM resource")[0][0]
    assert len(sandbox.store.history("Patient")) == 20
