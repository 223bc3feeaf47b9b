"""The sandbox EHR's search (R4, 3.1.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import requests

from chartside.sandbox import Options, Sandbox
from chartside.sandbox.dates import span
from chartside.sandbox.exchange import Ask, split_url
from chartside.sandbox.outcome import Refusal
from chartside.sandbox.query import Parser

TEXT = "https://chartside.dev/fhir/CodeSystem/consent-type|text-messages"


def concept(system: str, code: str) -> dict[str, Any]:
    """Return a CodeableConcept."""
    return {"coding": [{"system": system, "code": code}]}


def appointment(number: int, start: str, status: str, *actors: str) -> dict[str, Any]:
    """Return an Appointment."""
    return {
        "resourceType": "Appointment",
        "id": f"a{number}",
        "status": status,
        "identifier": [{"system": "urn:a", "value": str(number)}],
        "start": start,
        "participant": [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors],
    }


RESOURCES: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:mrn", "value": "1"}],
        "name": [{"family": "Núñez", "given": ["Ada", "Maria"]}],
        "birthDate": "1980-05-06",
        "active": True,
        "telecom": [
            {"system": "phone", "value": "+15185550101"},
            {"system": "email", "value": "p1@example.org"},
        ],
        "generalPractitioner": [{"reference": "Practitioner/d1"}],
    },
    {
        "resourceType": "Patient",
        "id": "p2",
        "identifier": [{"system": "urn:mrn", "value": "2"}, {"value": "bare"}],
        "name": [{"family": "Oakenshaw"}],
        "birthDate": "1990",
        "active": False,
    },
    {"resourceType": "Patient", "id": "p3", "name": [{"text": "nunez, the other, one"}]},
    {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Garroway"}]},
    appointment(1, "2026-11-24T09:00:00-05:00", "booked", "Patient/p1", "Practitioner/d1"),
    appointment(2, "2026-11-25T09:00:00-05:00", "cancelled", "Patient/p1", "Practitioner/d1"),
    appointment(3, "2026-11-25T23:30:00-05:00", "booked", "Patient/p2"),
    appointment(4, "2026-12-01T10:00:00Z", "booked", "Patient/p2", "Practitioner/d1"),
    {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "scope": concept("urn:s", "x"),
        "category": [{"coding": [dict(zip(("system", "code"), TEXT.split("|"), strict=True))]}],
        "patient": {"reference": "Patient/p1"},
        "dateTime": "2026-01-01",
        "provision": {"period": {"start": "2026-01-01", "end": "2026-06-30"}},
    },
    {
        "resourceType": "Communication",
        "id": "m1",
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "sent": "2026-11-23T15:00:00.123Z",
        "about": [{"reference": "Appointment/a1"}],
        "partOf": [{"reference": "Communication/m0"}],
        "recipient": [{"identifier": {"system": "urn:r", "value": "7"}}],
    },
    {
        "resourceType": "Communication",
        "id": "m0",
        "status": "preparation",
        "subject": {"reference": "Patient/p2"},
    },
    {
        "resourceType": "Provenance",
        "id": "v1",
        "target": [{"reference": "Communication/m1/_history/1"}],
        "recorded": "2026-11-23T15:00:01Z",
        "agent": [{"who": {"reference": "Practitioner/d1"}}],
    },
    {
        "resourceType": "Task",
        "id": "t1",
        "status": "requested",
        "intent": "order",
        "code": concept("urn:task", "claim-scrub"),
        "focus": {"reference": "http://other.example.org/fhir/Claim/9"},
        "for": {"reference": "Patient/p1"},
    },
]


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """Give a store with a handful of resources whose searches can be counted by eye."""
    found = Sandbox()
    found.store.bulk(orjson.loads(orjson.dumps(RESOURCES)))
    return found


def search(sandbox: Sandbox, url: str, **more: Any) -> dict[str, Any]:
    """Search in process and return the Bundle."""
    path, query = split_url(url)
    answer = sandbox.engine.answer(Ask("GET", path, query, base="http://ehr.test/fhir", **more))
    found: dict[str, Any] = orjson.loads(answer.body)
    return found


def ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    """Return the ids of the entries of one mode."""
    return [entry["resource"]["id"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        # tokens
        ("Patient?identifier=urn:mrn|1", "p1"),
        ("Patient?identifier=1", "p1"),
        ("Patient?identifier=urn:mrn|", "p1 p2"),
        ("Patient?identifier=|bare", "p2"),
        ("Patient?identifier=|1", ""),
        ("Patient?identifier=urn:mrn|1,urn:mrn|2", "p1 p2"),
        ("Patient?identifier=urn:mrn|1&identifier=urn:mrn|2", ""),
        ("Patient?active=true", "p1"),
        ("Patient?phone=%2B15185550101", "p1"),
        ("Patient?email=p1@example.org", "p1"),
        ("Patient?phone=p1@example.org", ""),
        ("Appointment?status=booked", "a1 a3 a4"),
        ("Appointment?status=http://hl7.org/fhir/appointmentstatus|booked", "a1 a3 a4"),
        ("Appointment?status=booked,cancelled", "a1 a2 a3 a4"),
        ("Appointment?status:not=cancelled", "a1 a3 a4"),
        (f"Consent?category={TEXT}&patient=p1", "c1"),
        ("Task?code=urn:task|claim-scrub&status=requested", "t1"),
        # strings: without case and accents, from the start
        ("Patient?family=nunez", "p1"),
        ("Patient?name=NÚÑ", "p1 p3"),
        ("Patient?name=maria", "p1"),
        ("Patient?name=aria", ""),
        ("Patient?name:contains=aria", "p1"),
        ("Patient?name:exact=Oakenshaw", "p2"),
        ("Patient?name=nunez\\, the", "p3"),
        # references
        ("Appointment?patient=p1", "a1 a2"),
        ("Appointment?patient=Patient/p1", "a1 a2"),
        ("Appointment?patient=http://ehr.test/fhir/Patient/p1", "a1 a2"),
        ("Appointment?actor=Practitioner/d1", "a1 a2 a4"),
        ("Appointment?actor:Practitioner=d1", "a1 a2 a4"),
        ("Appointment?practitioner=d1&patient=p2", "a4"),
        ("Appointment?practitioner:missing=true", "a3"),
        ("Appointment?practitioner:missing=false&status=cancelled", "a2"),
        ("Appointment?patient=p1,p2&status=cancelled", "a2"),
        ("Communication?part-of=m0", "m1"),
        ("Communication?recipient:identifier=urn:r|7", "m1"),
        ("Provenance?target=Communication/m1", "v1"),
        ("Task?focus=http://other.example.org/fhir/Claim/9", "t1"),
        ("Task?patient=p1", "t1"),
        # dates: a value is a range, zones count
        ("Appointment?date=2026-11-24", "a1"),
        ("Appointment?date=2026-11-25", "a2"),
        ("Appointment?date=2026-11-26", "a3"),
        ("Appointment?date=ge2026-11-25&date=lt2026-11-26", "a2"),
        ("Appointment?date=ge2026-11-25&date=lt2026-11-26&status=booked", ""),
        ("Appointment?date=gt2026-11-25T14:00:00Z", "a3 a4"),
        ("Appointment?date=ge2026-11-25T14:00:00Z", "a2 a3 a4"),
        ("Appointment?date=le2026-11-24T14:00:00Z", "a1"),
        ("Appointment?date=lt2026-11-24T14:00:00Z", ""),
        ("Appointment?date=ne2026-11-25", "a1 a3 a4"),
        ("Appointment?date=sa2026-11-26", "a4"),
        ("Appointment?date=eb2026-11-25", "a1"),
        ("Appointment?date=2026-11", "a1 a2 a3"),
        ("Appointment?date=2026-11-24,2026-12-01", "a1 a4"),
        ("Patient?birthdate=1990", "p2"),
        ("Patient?birthdate=lt1985", "p1"),
        ("Consent?period=ge2026-06-30", "c1"),
        ("Consent?period=gt2026-07-01", ""),
        ("Communication?sent=2026-11-23T15:00:00.123Z", "m1"),
        ("Communication?sent:missing=true", "m0"),
        # ids, chains, reverse chains
        ("Patient?_id=p1,p3,none", "p1 p3"),
        ("Appointment?patient.identifier=urn:mrn|1", "a1 a2"),
        ("Appointment?patient.name=oak&status=booked", "a3 a4"),
        ("Appointment?actor:Patient.family=nunez", "a1 a2"),
        ("Communication?subject:Patient.general-practitioner.name=garroway", "m1"),
        ("Patient?_has:Appointment:patient:status=cancelled", "p1"),
        ("Patient?_has:Communication:subject:_has:Provenance:target:agent=d1", "p1"),
        ("Patient?_lastUpdated=lt2020-01-01", ""),
        ("Patient?_lastUpdated=gt2020-01-01", "p1 p2 p3"),
        ("Patient?family=", "p1 p2 p3"),
    ],
)
def test_search_finds(sandbox: Sandbox, url: str, expected: str) -> None:
    """Each parameter kind, prefix and modifier finds what the specification says."""
    sandbox.store.bases.add("http://ehr.test/fhir")
    found = search(sandbox, url)
    assert sorted(ids(found)) == expected.split()
    assert found["total"] == len(expected.split())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("Appointment?_sort=date", "a1 a2 a3 a4"),
        ("Appointment?_sort=-date", "a4 a3 a2 a1"),
        ("Appointment?_sort=status,-date", "a4 a3 a1 a2"),
        ("Patient?_sort=-_id", "p3 p2 p1"),
        ("Patient?_sort=birthdate", "p1 p2 p3"),
        ("Patient?_sort=family", "p1 p2 p3"),
    ],
)
def test_search_sorts(sandbox: Sandbox, url: str, expected: str) -> None:
    """Sorting by column, date, token and string, resources without the value last."""
    assert ids(search(sandbox, url)) == expected.split()


@pytest.mark.parametrize(
    ("url", "included"),
    [
        ("Appointment?_id=a1&_include=Appointment:patient", "p1"),
        ("Appointment?_id=a1&_include=Appointment:actor", "d1 p1"),
        ("Appointment?_id=a1&_include=Appointment:actor:Practitioner", "d1"),
        ("Appointment?_id=a1&_include=*", None),
        ("Appointment?_id=a1,a2&_include=Appointment:patient&_include=Appointment:practitioner", "d1 p1"),
        ("Communication?_id=m1&_revinclude=Provenance:target", "v1"),
        ("Communication?_id=m1&_include=Communication:subject&_include=Patient:general-practitioner", "p1"),
        (
            "Communication?_id=m1&_include=Communication:subject&_include:iterate=Patient:general-practitioner",
            "d1 p1",
        ),
        ("Patient?_id=p1&_revinclude=Communication:subject&_revinclude:iterate=Provenance:target", "m1 v1"),
    ],
)
def test_includes(sandbox: Sandbox, url: str, included: str | None) -> None:
    """Included resources come once, marked as such; ``:iterate`` follows what was included."""
    if included is None:
        with pytest.raises(Refusal, match="no reference"):
            search(sandbox, url)
        return
    bundle = search(sandbox, url)
    assert sorted(ids(bundle, "include")) == included.split()
    assert bundle["total"] == len(ids(bundle))


def test_unknown_parameters_are_told(sandbox: Sandbox) -> None:
    """An ignored parameter is missing from the self link; with handling=strict it is refused."""
    bundle = search(sandbox, "Appointment?status=booked&nonsense=1")
    assert (bundle["total"], bundle["link"][0]["url"]) == (
        3,
        "http://ehr.test/fhir/Appointment?status=booked",
    )
    with pytest.raises(Refusal, match="unknown"):
        search(sandbox, "Appointment?nonsense=1", prefer="handling=strict")


def test_unknown_parameter_as_some_servers_do() -> None:
    """Some EHRs answer an unknown parameter with 200 and nothing; the sandbox can, too."""
    sandbox = Sandbox(Options(unknown_parameter="nothing"))
    sandbox.store.bulk([{"resourceType": "Patient", "id": "1"}])
    assert search(sandbox, "Patient?nonsense=1")["total"] == 0
    assert search(sandbox, "Patient")["total"] == 1


def test_count_and_total(sandbox: Sandbox) -> None:
    """``_summary=count`` and ``_count=0`` give the number alone; ``_total=none`` leaves it out."""
    for url in ("Appointment?_summary=count", "Appointment?_count=0"):
        bundle = search(sandbox, url)
        assert (bundle["total"], "entry" in bundle) == (4, False)
    assert "total" not in search(sandbox, "Appointment?_total=none")


def test_elements_are_marked_as_partial(sandbox: Sandbox) -> None:
    """``_elements`` keeps what was asked for and what is mandatory; SUBSETTED says: do not write it back."""
    (entry,) = search(sandbox, "Patient?_id=p1&_elements=birthDate")["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "birthDate"}
    assert entry["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED"


@pytest.fixture
def many() -> Iterator[tuple[Sandbox, str]]:
    """Give a server with 25 Patients."""
    sandbox = Sandbox()
    sandbox.store.bulk(
        [{"resourceType": "Patient", "id": f"p{n:02d}", "birthDate": f"19{n + 10}"} for n in range(25)]
    )
    with sandbox.running() as url:
        yield sandbox, url


def pages(url: str) -> Iterator[dict[str, Any]]:
    """Follow next links."""
    while url:
        page = requests.get(url, timeout=5).json()
        yield page
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")


def test_paging_is_complete_and_stable(many: tuple[Sandbox, str]) -> None:
    """Every resource once, in order, while others write in between; a deleted one falls out."""
    _, url = many
    seen: list[str] = []
    for number, page in enumerate(pages(f"{url}/Patient?_count=10&_sort=-birthdate&active:missing=true")):
        assert page["total"] == 25
        seen += ids(page)
        if number == 0:
            requests.put(
                f"{url}/Patient/new", json={"resourceType": "Patient", "birthDate": "2020"}, timeout=5
            )
            requests.delete(f"{url}/Patient/p00", timeout=5)
    assert seen == [f"p{n:02d}" for n in range(24, 0, -1)]


def test_links_hold_no_query(many: tuple[Sandbox, str]) -> None:
    """A next link is opaque: no search value stands in it. The way back leads to the same page."""
    _, url = many
    first = requests.get(f"{url}/Patient?_count=10&birthdate=gt1900", timeout=5).json()
    links = {link["relation"]: link["url"] for link in first["link"]}
    assert "1900" not in links["next"]
    second = requests.get(links["next"], timeout=5).json()
    back = {link["relation"]: link["url"] for link in second["link"]}["previous"]
    assert ids(requests.get(back, timeout=5).json()) == ids(first)


def test_search_by_post(many: tuple[Sandbox, str]) -> None:
    """``_search`` takes the parameters from a form, so that they stand in no log of URLs."""
    _, url = many
    answer = requests.post(f"{url}/Patient/_search", data={"_id": "p01,p02", "_count": "5"}, timeout=5)
    assert ids(answer.json()) == ["p01", "p02"]


def test_old_searches_are_dropped(many: tuple[Sandbox, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A next link that is too old is 410, as with servers that keep search results for a while."""
    _, url = many
    monkeypatch.setattr("chartside.sandbox.search.KEPT_SEARCHES", 1)
    old = next(
        link["url"] for link in next(pages(f"{url}/Patient?_count=10"))["link"] if link["relation"] == "next"
    )
    next(pages(f"{url}/Patient?_count=5"))
    assert requests.get(old, timeout=5).status_code == 410


def test_updates_move_in_the_index() -> None:
    """After an update the old values are found no more."""
    sandbox = Sandbox()
    body = {
        "resourceType": "Patient",
        "id": "1",
        "name": [{"family": "Before"}],
        "identifier": [{"value": "a"}],
    }
    sandbox.store.put(dict(body), "PUT")
    sandbox.store.put({**body, "name": [{"family": "After"}], "identifier": [{"value": "b"}]}, "PUT")
    found = [
        search(sandbox, f"Patient?{query}")["total"]
        for query in ("name=before", "identifier=a", "name=after")
    ]
    assert found == [0, 0, 1]


def test_a_large_load_is_indexed_when_it_is_searched() -> None:
    """A load without index finds the same, also after updates, and each type is indexed once."""
    sandbox = Sandbox()
    sandbox.store.bulk(orjson.loads(orjson.dumps(RESOURCES)), index=False)
    assert sandbox.store.query("SELECT COUNT(*) FROM token") == [(0,)]
    sandbox.store.put({"resourceType": "Patient", "id": "p2", "name": [{"family": "Changed"}]}, "PUT")
    assert ids(search(sandbox, "Patient?family=oakenshaw")) == []
    assert ids(search(sandbox, "Patient?family=changed")) == ["p2"]
    assert ids(search(sandbox, "Appointment?patient.family=nunez&status=booked")) == ["a1"]
    with pytest.raises(Refusal):
        search(sandbox, "Consent?patient=p1&_include=Consent:nonsense")
    assert ids(search(sandbox, "Consent?patient=p1")) == ["c1"]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024", "2024-01-01T00:00:00.000", "2024-12-31T23:59:59.999"),
        ("2024-02", "2024-02-01T00:00:00.000", "2024-02-29T23:59:59.999"),
        ("2024-12", "2024-12-01T00:00:00.000", "2024-12-31T23:59:59.999"),
        ("2024-02-29", "2024-02-29T00:00:00.000", "2024-02-29T23:59:59.999"),
        ("2024-02-29T10:00Z", "2024-02-29T10:00:00.000", "2024-02-29T10:00:59.999"),
        ("2024-02-29T10:00:05+01:00", "2024-02-29T09:00:05.000", "2024-02-29T09:00:05.999"),
        ("2024-02-29T10:00:05.250Z", "2024-02-29T10:00:05.250", "2024-02-29T10:00:05.250"),
        ("9999-12", "9999-12-01T00:00:00.000", "9999-12-31T23:59:59.999"),
    ],
)
def test_dates_are_ranges(text: str, first: str, last: str) -> None:
    """A date of limited precision covers all of it, leap days and zones included."""
    from chartside.sandbox.dates import iso

    low, high = span(text)
    assert (iso(low), iso(high)) == (f"{first}Z", f"{last}Z")


@pytest.mark.parametrize(
    "text", ["", "24", "2024-13", "2023-02-29", "2024-1-1", "2024-01-01T25:00Z", "yesterday"]
)
def test_what_is_no_date(text: str) -> None:
    """Nothing else is a date."""
    with pytest.raises(ValueError, match=r".+"):
        span(text)


def test_the_cost_follows_the_result() -> None:
    """A narrow search reads an index, not the store: SQLite's own plan holds no scan of a table."""
    sandbox = Sandbox()
    sandbox.load_practice(clients=5)
    parser = Parser(sandbox.store, sandbox.options)
    urls = (
        "Appointment?date=ge2026-11-25&date=lt2026-11-26&status=booked",
        "Communication?identifier=urn:a|1",
        "Consent?patient=c00001,c00002&status=active",
        "Patient?_id=c00001,c00002",
    )
    for url in urls:
        path, query = split_url(url)
        select = parser.select(parser.parse(path[0], query))
        plan = sandbox.store._db.execute(f"EXPLAIN QUERY PLAN {select.text}", select.args).fetchall()
        assert not [row[3] for row in plan if row[3].startswith("SCAN")], (url, plan)
