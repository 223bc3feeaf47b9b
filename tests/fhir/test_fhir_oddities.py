"""What real servers were seen to do with writes and reads (testing.md), one test each."""

from __future__ import annotations

import pytest
from tests.fhir.conftest import Reply

from chartside import errors
from chartside.errors import InvalidAnswer
from chartside.fhir import Create, EntryResult, Get, Update

TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}


def kept(version="1", **more):
    return {**TASK, "id": "7", "meta": {"versionId": version}, **more}


@pytest.mark.parametrize(
    "body", [{"pid": 1, "uuid": "a-b"}, b"<html>", b"OK", b"[]", {"resourceType": "Patient", "id": "1"}]
)
def test_a_post_answered_by_something_that_is_no_fhir(server, client, body):
    """Seen (OpenEMR): {pid, uuid}."""
    server.reply(201, body)
    with pytest.raises(errors.InvalidAnswer):
        client.create(TASK, if_none_exist="identifier=a|b")


@pytest.mark.parametrize("body", [b"", {"resourceType": "OperationOutcome", "issue": []}])
@pytest.mark.parametrize(
    "location",
    ["{base}/Task/7/_history/3", "Task/7/_history/3", "https://inner.example/fhir/Task/7/_history/3"],
)
def test_a_create_answered_by_a_location_only(server, client, body, location):
    """Seen: ``Prefer: return=representation`` is not heeded; the id stands in the header."""
    server.reply(201, body, Location=location.format(base=server.url))
    made = client.create(TASK)
    assert made.created
    assert (made.resource["id"], made.resource["meta"]["versionId"]) == ("7", "3")
    assert made.resource["status"] == "requested"


@pytest.mark.parametrize("location", ["", "nonsense", "Patient/7"])
def test_a_create_that_tells_no_id(server, client, location):
    server.reply(201, b"", **({"Location": location} if location else {}))
    with pytest.raises(errors.InvalidAnswer):
        client.create(TASK)


def test_a_resource_that_is_kept_otherwise_than_it_was_sent(server, client):
    """Seen: an Appointment created as booked reads back as proposed."""
    server.reply(201, kept(status="draft", text={"div": "<div/>"}, authoredOn="2026"))
    assert client.create(TASK).altered == ("status",)


def test_an_existing_match_is_not_taken_for_ours(server, client):
    server.reply(200, kept(status="completed"))
    made = client.create(TASK, if_none_exist={"identifier": "https://a.example|b c"})
    assert not made.created
    assert made.altered == ()
    assert server.seen[0].headers["If-None-Exist"] == "identifier=https://a.example|b+c"


def test_an_etag_without_a_version_in_the_body(server, client):
    """Seen: the version is in the header only; an update needs it."""
    server.script = [Reply(200, {**TASK, "id": "7"}, {"ETag": 'W/"5"'}), Reply(200, kept("6"))]
    client.update(client.read("Task", "7"))
    assert server.seen[1].headers["If-Match"] == 'W/"5"'


def test_no_version_anywhere_means_no_update(server, client):
    """S-20: nothing is overwritten blindly."""
    server.reply(200, {**TASK, "id": "7"})
    with pytest.raises(errors.InputError):
        client.update(client.read("Task", "7"))
    assert len(server.seen) == 1


def test_a_part_of_a_resource_is_never_written_back(server, client):
    """S-20: _elements and _summary answers are marked SUBSETTED."""
    part = kept()
    part["meta"]["tag"] = [{"code": "SUBSETTED"}]
    with pytest.raises(errors.InputError):
        client.update(part)
    assert server.seen == []


@pytest.mark.parametrize(
    "body", [{"resourceType": "Patient", "id": "7"}, {"resourceType": "OperationOutcome"}, b"<html>"]
)
def test_a_read_answered_by_something_else(server, client, body):
    server.reply(200, body)
    with pytest.raises(errors.InvalidAnswer):
        client.read("Task", "7")


def test_a_read_only_type(server, client):
    """Seen: Appointment is read-only: 405, 403 or 404."""
    for status, kind in ((405, errors.Rejected), (403, errors.Forbidden), (404, errors.NotFound)):
        server.script = [Reply(status)]
        with pytest.raises(kind):
            client.create({"resourceType": "Appointment"}, if_none_exist="identifier=a|b")


def test_client_assigned_ids_refused(server, client):
    """Seen: PUT on an id that is not there is 405 or 404."""
    server.reply(405)
    with pytest.raises(errors.Rejected):
        client.update(kept("1"))


def test_a_batch_answered_with_another_number_of_entries(server, client):
    server.reply(200, {"resourceType": "Bundle", "type": "batch-response", "entry": []})
    with pytest.raises(errors.InvalidAnswer):
        client.batch([Create(TASK, "identifier=a|b")])


@pytest.mark.parametrize("row", [None, 5, {}, {"response": None}, {"response": {"status": "nonsense"}}])
def test_a_row_of_a_batch_that_says_nothing(server, client, row):
    server.reply(200, {"resourceType": "Bundle", "entry": [row]})
    [result] = client.batch([Create(TASK, "identifier=a|b")])
    assert isinstance(result.error, errors.InvalidAnswer)
    with pytest.raises(errors.InvalidAnswer):
        result.require()


def test_rows_of_a_batch(server, client):
    """Results in order, typed; ids and versions from the row where it brings no resource."""
    rows = [
        {"response": {"status": "201 Created", "location": "Task/7/_history/1", "etag": 'W/"1"'}},
        {"response": {"status": "200"}, "resource": kept("2")},
        {"response": {"status": "412 Precondition Failed", "outcome": {"resourceType": "OperationOutcome"}}},
        {"response": {"status": "412"}},
    ]
    server.reply(200, {"resourceType": "Bundle", "entry": rows})
    create = Create(TASK, "identifier=a|b")
    results: list[EntryResult] = client.batch([create, create, create, Update(kept("1"))])
    assert [r.created for r in results] == [True, False, False, False]
    assert results[0].require()["id"] == "7"
    assert results[0].require()["meta"]["versionId"] == "1"
    assert isinstance(results[2].error, errors.MultipleMatches)
    assert isinstance(results[3].error, errors.VersionConflict)


def test_metadata_that_wants_a_token(server, client):
    """Seen: /metadata behind a login."""

    class Tokens:
        def token(self):
            return "t"

        def invalidate(self, token):
            pass

    from chartside.fhir import FhirClient

    guarded = FhirClient(server.url, auth=Tokens())
    server.script = [
        Reply(401),
        Reply(200, {"resourceType": "CapabilityStatement", "software": {"name": "X"}}),
    ]
    assert guarded.capabilities().software == "X"
    assert "Authorization" not in server.seen[0].headers
    assert server.seen[1].headers["Authorization"] == "Bearer t"
    guarded.capabilities()
    assert len(server.seen) == 2


def statement(**task):
    """A CapabilityStatement that says so much about Task."""
    resource = {"type": "Task", "interaction": [{"code": "read"}, {"code": "update"}], **task}
    return {
        "resourceType": "CapabilityStatement",
        "rest": [{"mode": "server", "patchFormat": ["application/json-patch+json"], "resource": [resource]}],
    }


def test_a_patch_with_a_stale_version_is_taken(server, client):
    """Seen: PATCH with a stale If-Match accepted. The patch tests what stood there, so it fails there, too."""
    able = statement(versioning="versioned-update", interaction=[{"code": "patch"}, {"code": "read"}])
    server.script = [Reply(200, able), Reply(200, kept("2"))]
    client.save(kept(), {**kept(), "status": "completed"})
    tests = [each for each in server.seen[1].json if each["op"] == "test"]
    assert tests == [{"op": "test", "path": "/status", "value": "requested"}]


def test_a_version_that_never_changes(server, client):
    """Seen: If-Match ignored, versionId always 1. What stands there is looked at before it is written over (S-20)."""
    server.script = [Reply(200, statement()), Reply(200, kept(note=[{"text": "by somebody else"}]))]
    with pytest.raises(errors.VersionConflict):
        client.save(kept(), {**kept(), "status": "completed"})
    assert [seen.method for seen in server.seen] == ["GET", "GET"]


def test_a_search_that_insists_on_a_parameter(server, client):
    """Seen: Observation wants a category or code, Appointment a patient: 400, typed, and not tried again."""
    server.reply(
        400, {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "required"}]}
    )
    with pytest.raises(errors.Rejected) as caught:
        client.search("Observation", {"date": "ge2026"}).first()
    assert caught.value.issues == (("error", "required"),)
    assert len(server.seen) == 1


def test_headers_of_a_rate_limit_are_no_refusal(server, client):
    """Seen: X-RateLimit-Remaining: 0 with a good answer. The answer is taken; a 429 would be told as one."""
    server.reply(200, kept(), X_RateLimit_Remaining="0", X_RateLimit_Reset="60")
    assert client.read("Task", "7")["id"] == "7"


OTHER = {"resourceType": "Patient", "id": "13", "meta": {"versionId": "1"}}


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.read("Patient", "12"),
        lambda client: client.vread("Patient", "12", "1"),
        lambda client: client.update({**OTHER, "id": "12"}),
        lambda client: client.read_many("Patient", ["12"]),
        lambda client: client.execute([Get("Patient", "12")])[0].require(),
    ],
)
def test_another_ones_resource_is_never_taken_for_the_one_that_was_asked_for(server, client, ask):
    """A reminder to 12 would go to 13's number."""
    server.reply(200, OTHER)
    with pytest.raises(InvalidAnswer):
        ask(client)


def test_rows_of_a_batch_that_were_mixed_up(server, client):
    """Each row must answer its entry: the same id and type."""
    rows = [{"resource": {**OTHER, "id": i}, "response": {"status": "200"}} for i in ("13", "12")]
    task = {"resource": OTHER, "response": {"status": "201"}}
    server.reply(200, {"resourceType": "Bundle", "type": "batch-response", "entry": [*rows, task]})
    entries = [Get("Patient", "12"), Get("Patient", "13"), Create({"resourceType": "Task"})]
    results = client.batch(entries)
    assert [type(r.error) for r in results] == [InvalidAnswer] * 3
    assert [r.resource for r in results] == [None] * 3


def test_a_list_of_others_brings_nobody(server, client):
    """``_id`` ignored, and matches of another type under the same id."""
    practitioner = {"resourceType": "Practitioner", "id": "12"}
    entries = [{"resource": r, "search": {"mode": "match"}} for r in (OTHER, practitioner)]
    server.reply(200, {"resourceType": "Bundle", "type": "searchset", "entry": entries})
    server.reply(404)
    assert client.read_many("Patient", ["12", "14"]) == {}


def test_an_include_bears_its_own_name_only(server, client):
    """A ``fullUrl`` that names another client than the resource in it."""
    entry = {"resource": OTHER, "fullUrl": f"{server.url}/Patient/12", "search": {"mode": "include"}}
    server.reply(200, {"resourceType": "Bundle", "type": "searchset", "entry": [entry]})
    [page] = client.search("Appointment").pages()
    assert "Patient/12" not in page.included
    assert page.included["Patient/13"] == OTHER


@pytest.mark.parametrize(
    ("reference", "local"),
    [
        ("Patient/12", "Patient/12"),
        ("Patient/12/_history/3", "Patient/12"),
        ("{url}/Patient/12", "Patient/12"),
        ("https://other.example.org/fhir/Patient/12", ""),
        ("{url}/../other/Patient/12", ""),
        ("x/Patient/12", ""),
        ("Patient/12,13", ""),
        ("Patient/", ""),
        ("Patient/a b", ""),
        ("#p", ""),
        ("", ""),
    ],
)
def test_what_a_reference_means_here(server, client, reference, local):
    """The same id at another server is another person."""
    assert client.local(reference.format(url=server.url)) == local
