"""The sandbox EHR's RESTful API over HTTP: what a client may rely on (R4, 3.1.0)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from chartside.clock import FrozenClock
from chartside.sandbox import Options, Sandbox
from chartside.sandbox.exchange import Ask, split_url
from chartside.sandbox.outcome import Refusal


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Give the base URL of one empty server for the whole module; every test uses ids of its own."""
    with Sandbox().running() as found:
        yield found


def patient(**more: Any) -> dict[str, Any]:
    """Return a Patient."""
    return {"resourceType": "Patient", "name": [{"family": "Quillfeather"}], **more}


def created(url: str, **more: Any) -> dict[str, Any]:
    """Create a Patient and return it as answered."""
    answer = requests.post(f"{url}/Patient", json=patient(**more), timeout=5)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def code(answer: requests.Response) -> str:
    """Return the issue code of an OperationOutcome."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome"
    return str(body["issue"][0]["code"])


def test_create_tells_where_and_which_version(url: str) -> None:
    """Location, ETag, Last-Modified, id and meta come with a create."""
    answer = requests.post(f"{url}/Patient", json=patient(id="my-own"), timeout=5)
    body = answer.json()
    assert answer.status_code == 201
    assert body["id"] != "my-own", "a create gives the id; the client's is ignored"
    assert answer.headers["Location"] == f"{url}/Patient/{body['id']}/_history/1"
    assert (answer.headers["ETag"], body["meta"]["versionId"]) == ('W/"1"', "1")
    assert answer.headers["Last-Modified"].endswith("GMT")
    assert answer.headers["Content-Type"].startswith("application/fhir+json")


@pytest.mark.parametrize(
    ("prefer", "shown"),
    [("return=minimal", ""), ("return=OperationOutcome", "OperationOutcome"), ("", "Patient")],
)
def test_prefer_return(url: str, prefer: str, shown: str) -> None:
    """Prefer: return= chooses what a write answers."""
    answer = requests.post(f"{url}/Patient", json=patient(), headers={"Prefer": prefer}, timeout=5)
    assert (answer.json()["resourceType"] if answer.content else "") == shown


def test_update_needs_the_version_that_was_read(url: str) -> None:
    """S-20: If-Match with a stale version is 412, and nothing is overwritten."""
    first = created(url)
    place = f"{url}/Patient/{first['id']}"
    fresh = requests.put(place, json={**first, "active": True}, headers={"If-Match": 'W/"1"'}, timeout=5)
    stale = requests.put(place, json={**first, "active": False}, headers={"If-Match": 'W/"1"'}, timeout=5)
    assert (fresh.status_code, fresh.headers["ETag"]) == (200, 'W/"2"')
    assert (stale.status_code, code(stale)) == (412, "conflict")
    assert requests.get(place, timeout=5).json()["active"] is True


def test_of_twenty_racing_updates_one_wins(url: str) -> None:
    """S-20: twenty clients with the same version: one write, nineteen conflicts."""
    first = created(url)
    place = f"{url}/Patient/{first['id']}"

    def write(number: int) -> int:
        body = {**first, "birthDate": f"19{number + 10}-01-01"}
        return requests.put(place, json=body, headers={"If-Match": 'W/"1"'}, timeout=20).status_code

    with ThreadPoolExecutor(20) as pool:
        results = sorted(pool.map(write, range(20)))
    assert results == [200] + [412] * 19


def test_conditional_create_is_atomic(url: str) -> None:
    """R-10: twenty clients claim one identifier at once: one resource, one 201, the others 200 with its id."""
    body = {
        "resourceType": "Communication",
        "status": "preparation",
        "identifier": [{"system": "urn:k", "value": "race"}],
    }
    headers = {"If-None-Exist": "identifier=urn:k|race"}

    def claim(_: int) -> tuple[int, str]:
        answer = requests.post(f"{url}/Communication", json=body, headers=headers, timeout=20)
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(claim, range(20)))
    assert sorted(status for status, _ in results) == [200] * 19 + [201]
    assert len({found for _, found in results}) == 1


def test_conditional_create_with_several_matches(url: str) -> None:
    """Two matches are 412, and unknown criteria are refused: as if ignored, they would match everything."""
    for _ in range(2):
        created(url, identifier=[{"system": "urn:two", "value": "x"}])
    several = requests.post(
        f"{url}/Patient", json=patient(), headers={"If-None-Exist": "identifier=urn:two|x"}, timeout=5
    )
    unknown = requests.post(
        f"{url}/Patient", json=patient(), headers={"If-None-Exist": "nonsense=1"}, timeout=5
    )
    assert (several.status_code, code(several)) == (412, "multiple-matches")
    assert unknown.status_code == 400


def test_delete_is_gone_and_can_come_back(url: str) -> None:
    """410 after a delete, with the history kept; an update brings the resource back as the next version."""
    first = created(url)
    place = f"{url}/Patient/{first['id']}"
    assert requests.delete(place, timeout=5).status_code == 204
    assert requests.delete(place, timeout=5).status_code == 204, "deleting twice deletes once"
    gone = requests.get(place, timeout=5)
    assert (gone.status_code, code(gone)) == (410, "deleted")
    assert requests.get(f"{place}/_history/1", timeout=5).json() == first
    assert requests.get(f"{url}/Patient?_id={first['id']}", timeout=5).json()["total"] == 0
    back = requests.put(place, json=patient(id=first["id"]), timeout=5)
    assert (back.status_code, back.json()["meta"]["versionId"]) == (201, "3")


def test_history_of_instance_and_type(url: str) -> None:
    """Newest first, each entry with request and response; the type's history holds deletions without a resource."""
    first = created(url)
    place = f"{url}/Patient/{first['id']}"
    requests.put(place, json={**first, "active": True}, timeout=5)
    requests.delete(place, timeout=5)
    bundle = requests.get(f"{place}/_history", timeout=5).json()
    assert [entry["request"]["method"] for entry in bundle["entry"]] == ["DELETE", "PUT", "POST"]
    assert [entry["response"]["etag"] for entry in bundle["entry"]] == ['W/"3"', 'W/"2"', 'W/"1"']
    assert "resource" not in bundle["entry"][0]
    page = requests.get(f"{url}/Patient/_history?_count=2", timeout=5).json()
    link = next(link["url"] for link in page["link"] if link["relation"] == "next")
    older = requests.get(link, timeout=5).json()
    assert page["entry"][0]["request"]["method"] == "DELETE"
    assert older["entry"][0]["resource"]["meta"]["versionId"] == "1"


def test_if_none_match_is_304(url: str) -> None:
    """A conditional read of the known version sends nothing."""
    first = created(url)
    answer = requests.get(f"{url}/Patient/{first['id']}", headers={"If-None-Match": 'W/"1"'}, timeout=5)
    assert (answer.status_code, answer.content) == (304, b"")


def test_put_only_if_there_is_none(url: str) -> None:
    """If-None-Match: * makes an update a create that never overwrites."""
    place, headers = f"{url}/Patient/only-once", {"If-None-Match": "*"}
    body = patient(id="only-once")
    assert [requests.put(place, json=body, headers=headers, timeout=5).status_code for _ in range(2)] == [
        201,
        412,
    ]


def patched(url: str, place: str, patch: Any, **headers: str) -> requests.Response:
    """Send a JSON Patch."""
    return requests.patch(
        place, json=patch, headers={"Content-Type": "application/json-patch+json", **headers}, timeout=5
    )


def test_json_patch(url: str) -> None:
    """JSON Patch changes what it names; If-Match is honoured; a failed test or a changed id is refused."""
    first = created(url)
    place = f"{url}/Patient/{first['id']}"
    assert patched(url, place, [{"op": "add", "path": "/active", "value": True}]).json()["active"] is True
    stale = patched(url, place, [{"op": "remove", "path": "/active"}], **{"If-Match": 'W/"1"'})
    failed = patched(url, place, [{"op": "test", "path": "/active", "value": False}])
    moved = patched(url, place, [{"op": "replace", "path": "/id", "value": "other"}])
    wrong = requests.patch(
        place, json=[], headers={"Content-Type": "application/merge-patch+json"}, timeout=5
    )
    assert [a.status_code for a in (stale, failed, moved, wrong)] == [412, 422, 422, 415]
    assert requests.get(place, timeout=5).json()["active"] is True


def test_conditional_update_and_delete(url: str) -> None:
    """PUT and DELETE with criteria: none creates (or 404), one is written, several are 412."""
    criteria = f"{url}/Patient?identifier=urn:cu|1"
    body = patient(identifier=[{"system": "urn:cu", "value": "1"}])
    first, second = (requests.put(criteria, json=body, timeout=5) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    created(url, identifier=[{"system": "urn:cu", "value": "1"}])
    assert requests.put(criteria, json=body, timeout=5).status_code == 412
    assert requests.delete(criteria, timeout=5).status_code == 412
    assert requests.delete(f"{url}/Patient?identifier=urn:cu|none", timeout=5).status_code == 404
    assert requests.delete(f"{url}/Patient", timeout=5).status_code == 412, "no criteria: never all"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "Patient/none", None, 404),
        ("GET", "Nonsense/1", None, 404),
        ("GET", "Patient/1/_history/9", None, 404),
        ("GET", "Patient/$everything", None, 404),
        ("POST", "Patient/$match", {"resourceType": "Parameters"}, 405),
        ("POST", "Patient", {"resourceType": "Practitioner"}, 400),
        ("POST", "Patient", ["no", "object"], 400),
        ("POST", "Patient", {"resourceType": "Patient", "notAnElement": 1}, 422),
        ("POST", "Appointment", {"resourceType": "Appointment", "status": "booked"}, 422),
        ("PUT", "Patient/a", {"resourceType": "Patient", "id": "b"}, 400),
        ("PUT", "Patient/a b", {"resourceType": "Patient"}, 400),
        ("POST", "", {"resourceType": "Patient"}, 400),
        ("POST", "", {"resourceType": "Bundle", "type": "collection"}, 400),
        ("GET", "", None, 400),
        ("GET", "Appointment?date=yesterday", None, 400),
        ("GET", "Patient?_count=-1", None, 400),
        ("GET", "Patient?_sort=nonsense", None, 400),
        ("GET", "Patient?_include=Patient:nonsense", None, 400),
        ("GET", "Patient?name:sounds=x", None, 400),
        ("GET", "Patient?_cursor=unknown.0", None, 410),
    ],
)
def test_refusals_are_operation_outcomes(url: str, method: str, path: str, body: Any, status: int) -> None:
    """Every error is an OperationOutcome with a code."""
    answer = requests.request(method, f"{url}/{path}", json=body, timeout=5)
    assert (answer.status_code, bool(code(answer))) == (status, True)


def test_other_formats_are_refused(url: str) -> None:
    """No XML, no form, no broken JSON."""
    xml = {"Content-Type": "application/fhir+xml"}
    assert requests.post(f"{url}/Patient", data="<Patient/>", headers=xml, timeout=5).status_code == 415
    assert (
        requests.get(f"{url}/Patient", headers={"Accept": "application/fhir+xml"}, timeout=5).status_code
        == 406
    )
    json = {"Content-Type": "application/fhir+json"}
    assert (
        requests.post(f"{url}/Patient", data='{"resourceType":', headers=json, timeout=5).status_code == 400
    )


def test_no_error_shows_content(url: str) -> None:
    """S-19: an error names elements and codes, never what was sent."""
    body = patient(birthDate="SECRET-DATE", gender=["SECRET-GENDER"])
    answer = requests.post(f"{url}/Patient", json=body, timeout=5)
    assert answer.status_code == 422
    assert "SECRET" not in answer.text
    assert "birthDate" in answer.text


def test_a_defect_is_an_outcome_without_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of the sandbox itself is a 500 with an OperationOutcome, without its stack."""
    sandbox = Sandbox()
    monkeypatch.setattr(sandbox.engine, "answer", lambda ask: 1 / 0)
    with sandbox.running() as url:
        answer = requests.get(f"{url}/Patient", timeout=5)
    assert (answer.status_code, code(answer)) == (500, "exception")
    assert "Zero" not in answer.text


def test_a_file_keeps_everything(tmp_path: Path) -> None:
    """With a file, resources, versions and index survive the process."""
    path = str(tmp_path / "ehr.db")
    first = Sandbox(path=path)
    with first.running() as url:
        found = created(url, identifier=[{"system": "urn:f", "value": "1"}])
        requests.put(f"{url}/Patient/{found['id']}", json={**found, "active": True}, timeout=5)
    first.close()
    with Sandbox(path=path).running() as url:
        assert requests.get(f"{url}/Patient?identifier=urn:f|1", timeout=5).json()["total"] == 1
        assert len(requests.get(f"{url}/Patient/{found['id']}/_history", timeout=5).json()["entry"]) == 2
        assert created(url)["id"] != found["id"]


def test_last_updated_follows_the_clock() -> None:
    """Time is the test's own, also at the EHR."""
    clock = FrozenClock(datetime(2027, 3, 1, 12, 0, tzinfo=UTC))
    with Sandbox(clock=clock).running() as url:
        assert created(url)["meta"]["lastUpdated"] == "2027-03-01T12:00:00.000Z"


def interact(options: Options, method: str, path: str, body: Any = None, **more: Any) -> int:
    """Do one interaction in process and return its status."""
    engine = Sandbox(options).engine
    parts, query = split_url(path)
    try:
        return engine.answer(Ask(method, parts, query, body=body, **more)).status
    except Refusal as refusal:
        return refusal.status


@pytest.mark.parametrize(
    ("options", "method", "path", "body", "more", "status"),
    [
        (Options(read_only=frozenset({"Patient"})), "POST", "Patient", patient(), {}, 405),
        (Options(all_read_only=True), "PUT", "Patient/1", patient(), {}, 405),
        (Options(absent=frozenset({"Task"})), "GET", "Task", None, {}, 404),
        (Options(only=frozenset({"Patient"})), "GET", "Task", None, {}, 404),
        (
            Options(no_transaction=True),
            "POST",
            "",
            {"resourceType": "Bundle", "type": "transaction"},
            {},
            405,
        ),
        (Options(no_batch=True), "POST", "", {"resourceType": "Bundle", "type": "batch"}, {}, 405),
        (Options(no_patch=True), "PATCH", "Patient/1", [], {}, 405),
        (Options(no_delete=True), "DELETE", "Patient/1", None, {}, 405),
        (Options(no_history=True), "GET", "Patient/1/_history", None, {}, 405),
        (Options(no_conditional_create=True), "POST", "Patient", patient(), {"if_none_exist": "name=x"}, 412),
        (Options(no_conditional_update=True), "PUT", "Patient?name=x", patient(), {}, 412),
        (Options(no_client_ids=True), "PUT", "Patient/mine", patient(), {}, 405),
        (Options(no_include=True), "GET", "Patient?_include=Patient:organization", None, {}, 400),
        (Options(no_sort=True), "GET", "Patient?_sort=name", None, {}, 400),
        (Options(unknown_parameter="refuse"), "GET", "Patient?foo=1", None, {}, 400),
        (
            Options(required_search={"Observation": frozenset({"code", "category"})}),
            "GET",
            "Observation",
            None,
            {},
            400,
        ),
        (
            Options(required_search={"Observation": frozenset({"code"})}),
            "GET",
            "Observation?code=1",
            None,
            {},
            200,
        ),
        (Options(validate=False), "POST", "Patient", patient(notAnElement=True), {}, 201),
    ],
)
def test_options_are_obeyed(
    options: Options, method: str, path: str, body: Any, more: dict[str, Any], status: int
) -> None:
    """What is switched off is really refused: so that the sandbox can play EHRs that do less."""
    assert interact(options, method, path, body, **more) == status


def test_the_capability_statement_tells_the_truth() -> None:
    """What the statement lists for a type works, and what options take away is not listed."""
    options = Options(
        read_only=frozenset({"Coverage"}), absent=frozenset({"Invoice"}), no_patch=True, no_transaction=True
    )
    with Sandbox(options).running() as url:
        statement = requests.get(f"{url}/metadata", timeout=5).json()
    (rest,) = statement["rest"]
    types = {resource["type"]: resource for resource in rest["resource"]}
    able = {name: {i["code"] for i in resource["interaction"]} for name, resource in types.items()}
    assert "Invoice" not in types
    assert able["Coverage"] == {"read", "vread", "history-instance", "history-type", "search-type"}
    assert {"create", "update", "delete"} <= able["Patient"]
    assert "patch" not in able["Patient"]
    assert rest["interaction"] == [{"code": "batch"}]
    assert "date" in {param["name"] for param in types["Appointment"]["searchParam"]}


def test_every_listed_search_parameter_is_understood() -> None:
    """No parameter is listed that a search does not take: all 1,300 are tried, with handling=strict."""
    sandbox = Sandbox()
    values = {"token": "x", "string": "x", "reference": "Patient/1", "date": "2026", "uri": "urn:x"}
    import orjson

    statement = orjson.loads(sandbox.engine.answer(Ask("GET", ("metadata",))).body)
    tried = 0
    for resource in statement["rest"][0]["resource"]:
        for param in resource["searchParam"]:
            ask = Ask(
                "GET", (resource["type"],), [(param["name"], values[param["type"]])], prefer="handling=strict"
            )
            assert sandbox.engine.answer(ask).status == 200, (resource["type"], param)
            tried += 1
    assert tried > 1_000
