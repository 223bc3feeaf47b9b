"""Searches on an honest server, and on those that were seen in the field (testing.md)."""

from __future__ import annotations

import threading

import pytest
from tests.fhir.conftest import FAST, Reply, bundle

from chartside import errors
from chartside.fhir import Budget, FhirClient, Limits, Retries


def patient(number):
    return {"resourceType": "Patient", "id": str(number)}


def appointment(number):
    return {"resourceType": "Appointment", "id": str(number)}


OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "not-found"}]}


def test_nothing_is_asked_before_the_first_step(server, client):
    server.reply(200, bundle(patient(1)))
    search = client.search("Patient", {"active": True, "_sort": ["a", "b"], "_count": 7})
    assert server.seen == []
    assert [r["id"] for r in search] == ["1"]
    assert server.seen[0].path == "/fhir/Patient?_count=7&active=true&_sort=a&_sort=b"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("?_getpages=7&_getpagesoffset=1", "/fhir/Patient?_getpages=7&_getpagesoffset=1"),
        ("Patient?sessionID=5&page=2", "/fhir/Patient?sessionID=5&page=2"),
        ("/fhir?page=2", "/fhir?page=2"),
        ("{base}/Patient?cursor=a%2Bb%3D%3D&page=2", "/fhir/Patient?cursor=a%2Bb%3D%3D&page=2"),
        ("{origin}/other/paging/2", "/other/paging/2"),
    ],
)
@pytest.mark.parametrize("by_post", [False, True])
def test_next_links_of_every_form_are_followed(server, client, link, path, by_post):
    """Seen: cursor paging, sessionID, page=; relative to the page that they came with."""
    link = link.format(base=server.url, origin=server.origin)
    server.script = [Reply(200, bundle(patient(1), next=link)), Reply(200, bundle(patient(2)))]
    assert [r["id"] for r in client.search("Patient", {"name": "x"}, by_post=by_post)] == ["1", "2"]
    assert server.seen[1].path == path


def test_a_search_by_post_keeps_its_values_out_of_the_url(server, client):
    """S-8."""
    server.reply(200, bundle(patient(1)))
    list(client.search("Patient", {"name": "Zebediah Quux", "_count": 5}, by_post=True))
    assert server.seen[0].path == "/fhir/Patient/_search"
    assert server.seen[0].body == b"_count=5&name=Zebediah+Quux"


def test_a_bundle_of_type_collection_without_total_and_modes(server, client):
    """Seen: no search.mode, no total, another type of Bundle: the types tell matches from includes."""
    server.reply(200, bundle(appointment(1), patient(7), type="collection"))
    search = client.search("Appointment")
    [page] = search.pages()
    assert page.matches == [appointment(1)]
    assert page.included == {"Patient/7": patient(7)}
    assert page.extra == [patient(7)]
    assert search.total is None


def test_the_mode_decides_where_it_is_given(server, client):
    entries = [
        {"resource": patient(1), "search": {"mode": "match"}},
        {
            "resource": patient(2),
            "search": {"mode": "include"},
            "fullUrl": "https://a.example/fhir/Patient/2",
        },
    ]
    server.reply(200, {"resourceType": "Bundle", "total": 1, "entry": entries})
    search = client.search("Patient")
    assert list(search.matches()) == [patient(1)]
    assert set(search.included) == {"Patient/2", "https://a.example/fhir/Patient/2"}
    assert search.total == 1


def test_an_operation_outcome_within_a_searchset_is_set_aside(server, client, shared_data):
    """Seen, and in the corpus: a $find that answers total 3 with 4 entries, the fourth an OperationOutcome."""
    server.reply(200, (shared_data / "fhir/ihe-scheduling/example-iti-scheduling-bundle.json").read_bytes())
    search = client.search("Appointment")
    assert len(list(search)) == 3
    [aside] = search.set_aside
    assert aside.reason == "OperationOutcome"
    assert aside.issues


@pytest.mark.parametrize(
    "entry", [None, 5, "x", {}, {"resource": None}, {"resource": []}, {"resource": {"id": "1"}}]
)
def test_an_entry_that_is_no_resource_is_set_aside(server, client, entry):
    """H-4: counted, never fatal."""
    server.reply(200, {"resourceType": "Bundle", "entry": [entry, {"resource": patient(2)}]})
    search = client.search("Patient")
    assert list(search) == [patient(2)]
    assert (search.set_aside_count, search.set_aside[0].entry) == (1, 0)


@pytest.mark.parametrize(
    "body", [{"resourceType": "Bundle"}, {"resourceType": "Bundle", "total": 0, "entry": []}]
)
def test_nothing_found(server, client, body):
    """Seen: an unknown parameter answered by 200 and zero entries."""
    server.reply(200, body)
    assert client.search("Patient", {"unheard-of": "x"}).first() is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Log in</html>",
        b"",
        b"null",
        b"[]",
        OUTCOME,
        {"pid": 1},
        {"resourceType": "Bundle", "entry": 5},
    ],
)
def test_an_answer_that_is_no_bundle(server, client, body):
    """H-4."""
    server.reply(200, body)
    with pytest.raises(errors.InvalidAnswer):
        list(client.search("Patient"))


@pytest.mark.parametrize("links", [None, 5, [None], [{"relation": "next"}], [{"relation": "next", "url": 5}]])
def test_links_that_are_none(server, client, links):
    server.reply(200, bundle(patient(1)) | {"link": links})
    assert len(list(client.search("Patient"))) == 1


def test_the_next_page_is_fetched_while_this_one_is_read(server, client):
    asked = threading.Event()

    def second(seen):
        asked.set()
        return Reply(200, bundle(patient(2)))

    server.script = [Reply(200, bundle(patient(1), next="?page=2")), second]
    search = iter(client.search("Patient"))
    next(search)
    assert asked.wait(5), "the second page was not asked for ahead"
    assert next(search)["id"] == "2"


def test_only_one_page_is_fetched_ahead(server, client):
    """However slow the reader is, memory holds two pages."""
    server.script = [lambda seen: Reply(200, bundle(patient(1), next=f"?page={len(server.seen)}"))]
    search = client.search("Patient").pages()
    next(search)
    client._pool("pages").submit(lambda: None).result()
    assert len(server.seen) <= 2
    next(search)
    assert search.gi_frame is not None


def test_a_search_that_is_left_early_leaves_nothing_hanging(server):
    others = set(threading.enumerate())
    server.script = [lambda seen: Reply(200, bundle(patient(1), next=f"?page={len(server.seen)}"))]
    with FhirClient(server.url, retries=FAST) as client:
        assert client.search("Patient").first() == patient(1)
    left = [t for t in set(threading.enumerate()) - others if t.name.startswith("chartside-pages")]
    for thread in left:
        thread.join(10)
    assert not [t for t in left if t.is_alive()]


def test_an_error_on_a_later_page_comes_when_that_page_is_due(server, client):
    server.script = [Reply(200, bundle(patient(1), next="?page=2")), Reply(400)]
    search = iter(client.search("Patient"))
    assert next(search) == patient(1)
    with pytest.raises(errors.Rejected):
        next(search)


def test_history_leaves_deletions_aside(server, client):
    versions = [
        {"request": {"method": "DELETE", "url": "Patient/1"}},
        {"resource": patient(1) | {"meta": {"versionId": "1"}}},
    ]
    server.reply(200, {"resourceType": "Bundle", "type": "history", "entry": versions})
    history = client.history("Patient", "1")
    assert [r["meta"]["versionId"] for r in history] == ["1"]
    assert history.set_aside_count == 1


class TestManyIds:
    """`_id` lists, and what stands in for them."""

    def test_a_list_in_one_round_trip(self, server, client):
        server.reply(200, bundle(patient(1), patient(2)))
        assert set(client.read_many("Patient", ["1", "2", "2"])) == {"1", "2"}
        assert server.seen[0].path.endswith("_id=1%2C2")

    @pytest.mark.parametrize("status", [400, 404, 500, 200])
    def test_single_reads_where_lists_do_not_work(self, server, client, status):
        """Seen: 400, 404 or 500 for an unsupported parameter, or 200 and zero entries."""

        def answer(seen):
            if "_id=" in seen.path:
                return Reply(status, bundle())
            number = seen.path.rpartition("/")[2]
            return Reply(404) if number == "9" else Reply(200, patient(number))

        server.script = [answer]
        ids = [str(n) for n in range(10)]
        assert set(client.read_many("Patient", ids)) == set(ids) - {"9"}

    def test_what_is_missing_in_a_good_list_is_looked_for_once(self, server, client):
        server.script = [lambda s: Reply(200, bundle(patient(1))) if "_id" in s.path else Reply(404)]
        assert set(client.read_many("Patient", ["1", "gone"])) == {"1"}
        assert len(server.seen) == 2

    def test_long_lists_are_cut(self, server):
        client = FhirClient(server.url, limits=Limits(ids_per_search=2), retries=FAST)
        server.script = [
            lambda s: (
                Reply(200, bundle(*map(patient, s.path.rpartition("=")[2].split("%2C"))))
                if "_id" in s.path
                else Reply(200, patient(s.path.rpartition("/")[2]))
            )
        ]
        assert len(client.read_many("Patient", list("12345"))) == 5
        assert len(server.seen) == 3
        client.close()

    def test_lists_are_asked_for_side_by_side_once_one_has_worked(self, server):
        """A round trip for several lists: the second is asked for while the first waits for its answer."""
        meeting = threading.Barrier(2)
        ids = list("123456")

        def answer(seen):
            if len(server.seen) > 3:
                meeting.wait(10)
            return Reply(200, bundle(*map(patient, seen.path.rpartition("=")[2].split("%2C"))))

        server.script = [answer]
        with FhirClient(server.url, limits=Limits(ids_per_search=2), retries=FAST) as client:
            assert list(client.read_many("Patient", ids)) == ids
            assert list(client.read_many("Patient", ids[:4])) == ids[:4]
        assert len(server.seen) == 5

    def test_a_server_whose_lists_fail_is_asked_for_one_at_a_time(self, server):
        """Each failed list counts at the breaker; single reads in between close it again."""

        def answer(seen):
            if "_id=" in seen.path:
                return Reply(500)
            return Reply(200, patient(seen.path.rpartition("/")[2]))

        server.script = [answer]
        limits, budget = Limits(ids_per_search=2), Budget(10_000, 1000)
        with FhirClient(server.url, limits=limits, retries=Retries(attempts=1), budget=budget) as client:
            for _ in range(2):
                assert len(client.read_many("Patient", [str(n) for n in range(1, 9)])) == 8
        assert [s.path for s in server.seen if "_id=" in s.path] == ["/fhir/Patient?_count=2&_id=1%2C2"] * 2

    def test_of_none(self, server, client):
        assert client.read_many("Patient", []) == {}
        assert server.seen == []
