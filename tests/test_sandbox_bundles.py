"""The sandbox EHR's transactions and batches (R4, 3.1.0.11)."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from chartside.sandbox import Sandbox
from chartside.sandbox.exchange import Ask
from chartside.sandbox.outcome import Refusal


@pytest.fixture
def sandbox() -> Sandbox:
    """Give an empty EHR."""
    return Sandbox()


def entry(method: str, url: str, resource: Any = None, full_url: str = "", **request: str) -> dict[str, Any]:
    """Return a Bundle entry."""
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url:
        made["fullUrl"] = full_url
    return made


def send(sandbox: Sandbox, kind: str, *entries: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """Send a Bundle and return the entries of the answer."""
    bundle = {"resourceType": "Bundle", "type": kind, "entry": list(entries)}
    answer = orjson.loads(
        sandbox.engine.answer(Ask("POST", (), body=bundle, base="http://ehr.test/fhir", **more)).body
    )
    assert answer["type"] == f"{kind}-response"
    found: list[dict[str, Any]] = answer.get("entry", [])
    return found


def total(sandbox: Sandbox, resource_type: str) -> int:
    """Count the stored resources of a type."""
    return int(
        sandbox.store.query("SELECT COUNT(*) FROM resource WHERE type=? AND deleted=0", (resource_type,))[0][
            0
        ]
    )


PATIENT = {"resourceType": "Patient", "name": [{"family": "Marchbanks"}]}


def message(subject: str, **more: Any) -> dict[str, Any]:
    """Return a Communication."""
    return {
        "resourceType": "Communication",
        "status": "preparation",
        "subject": {"reference": subject},
        **more,
    }


def test_references_between_entries_are_resolved(sandbox: Sandbox) -> None:
    """urn:uuid references become the new ids, whatever the order of the entries; other text stays."""
    urn = "urn:uuid:9f2d6a0e-0000-4000-8000-000000000001"
    first, second = send(
        sandbox,
        "transaction",
        entry(
            "POST", "Communication", message(urn, identifier=[{"system": "urn:ietf:rfc:3986", "value": urn}])
        ),
        entry("POST", "Patient", PATIENT, urn),
    )
    made = sandbox.store.read("Communication", first["response"]["location"].split("/")[1])
    assert made is not None
    assert second["response"]["status"] == "201"
    assert made.resource()["subject"]["reference"] == second["response"]["location"].partition("/_history")[0]
    assert made.resource()["identifier"][0]["value"] == urn


def test_all_or_nothing(sandbox: Sandbox) -> None:
    """One bad entry, and nothing of the transaction is there: neither resource, nor version, nor index."""
    sandbox.store.put({**PATIENT, "id": "p"}, "PUT")
    with pytest.raises(Refusal, match=r"entry\[2\]") as refused:
        send(
            sandbox,
            "transaction",
            entry("POST", "Communication", message("Patient/p", identifier=[{"value": "k"}])),
            entry("PUT", "Patient/p", {**PATIENT, "id": "p", "active": True}),
            entry("POST", "Communication", {"resourceType": "Communication", "status": ["bad"]}),
        )
    assert refused.value.status == 422
    assert total(sandbox, "Communication") == 0
    assert sandbox.store.query("SELECT COUNT(*) FROM token WHERE code='k'") == [(0,)]
    assert [row.version for row in sandbox.store.history("Patient", "p")] == [1]


def test_batch_entries_stand_for_themselves(sandbox: Sandbox) -> None:
    """In a batch the good entries are done and each bad one has its own outcome, in order."""
    answers = send(
        sandbox,
        "batch",
        entry("POST", "Patient", PATIENT),
        entry("POST", "Patient", {"resourceType": "Patient", "nonsense": 1}),
        entry("GET", "Patient/none"),
        entry("GET", "Patient?name=march"),
    )
    assert [answer["response"]["status"] for answer in answers] == ["201", "422", "404", "200"]
    assert answers[1]["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert answers[3]["resource"]["total"] == 1


def test_conditional_create_inside(sandbox: Sandbox) -> None:
    """R-10: ifNoneExist inside a transaction, against what is there and within the same transaction."""
    claim = entry(
        "POST",
        "Communication",
        message("Patient/p", identifier=[{"value": "k"}]),
        ifNoneExist="identifier=|k",
    )
    first = send(sandbox, "transaction", claim, claim)
    again = send(sandbox, "transaction", claim)
    statuses = [answer["response"]["status"] for answer in (*first, *again)]
    places = {answer["response"]["location"] for answer in (*first, *again)}
    assert (statuses, len(places), total(sandbox, "Communication")) == (["201", "200", "200"], 1, 1)


def test_references_to_a_conditional_create_that_was_there(sandbox: Sandbox) -> None:
    """A reference to an entry whose resource exists already points to the existing one."""
    sandbox.store.put({**PATIENT, "id": "old", "identifier": [{"value": "x"}]}, "PUT")
    urn = "urn:uuid:9f2d6a0e-0000-4000-8000-000000000002"
    _, made = send(
        sandbox,
        "transaction",
        entry("POST", "Patient", PATIENT, urn, ifNoneExist="identifier=|x"),
        entry("POST", "Communication", message(urn)),
        prefer="return=representation",
    )
    assert made["resource"]["subject"]["reference"] == "Patient/old"


def test_conditional_references(sandbox: Sandbox) -> None:
    """``Patient?identifier=...`` in a reference is looked up; none or several refuse the whole."""
    for name in ("a", "b"):
        sandbox.store.put({**PATIENT, "id": name, "identifier": [{"value": name}, {"value": "both"}]}, "PUT")
    (made,) = send(
        sandbox,
        "transaction",
        entry("POST", "Communication", message("Patient?identifier=|a")),
        prefer="return=representation",
    )
    assert made["resource"]["subject"]["reference"] == "Patient/a"
    for criteria in ("none", "both"):
        with pytest.raises(Refusal) as refused:
            send(
                sandbox,
                "transaction",
                entry("POST", "Communication", message(f"Patient?identifier=|{criteria}")),
            )
        assert refused.value.status == 412


def test_if_match_inside(sandbox: Sandbox) -> None:
    """S-20: a stale ifMatch refuses the whole transaction."""
    for _ in range(2):
        sandbox.store.put({**PATIENT, "id": "p"}, "PUT")
    with pytest.raises(Refusal) as refused:
        send(
            sandbox,
            "transaction",
            entry("POST", "Patient", PATIENT),
            entry("PUT", "Patient/p", {**PATIENT, "id": "p"}, ifMatch='W/"1"'),
        )
    assert (refused.value.status, total(sandbox, "Patient")) == (412, 1)


def test_order_of_processing(sandbox: Sandbox) -> None:
    """Deletes, then creates, then updates, then reads, whatever the order in the Bundle; answers keep its order."""
    sandbox.store.put({**PATIENT, "id": "gone"}, "PUT")
    answers = send(
        sandbox,
        "transaction",
        entry("GET", "Patient?name=march"),
        entry("PUT", "Patient/p", {**PATIENT, "id": "p"}),
        entry("POST", "Patient", PATIENT),
        entry("DELETE", "Patient/gone"),
    )
    assert [answer["response"]["status"] for answer in answers] == ["200", "201", "201", "204"]
    assert answers[0]["resource"]["total"] == 2


def test_patch_and_conditional_update_inside(sandbox: Sandbox) -> None:
    """A JSON Patch travels in a Binary; PUT and DELETE take criteria."""
    sandbox.store.put({**PATIENT, "id": "p", "identifier": [{"value": "p"}]}, "PUT")
    sandbox.store.put({**PATIENT, "id": "q", "identifier": [{"value": "q"}]}, "PUT")
    data = base64.b64encode(b'[{"op": "add", "path": "/active", "value": false}]').decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
    send(
        sandbox,
        "transaction",
        entry("PATCH", "Patient/p", binary, ifMatch='W/"1"'),
        entry("DELETE", "Patient?identifier=|q"),
        entry("PUT", "Patient?identifier=|new", {**PATIENT, "identifier": [{"value": "new"}]}),
    )
    patched, deleted = (sandbox.store.read("Patient", name) for name in ("p", "q"))
    assert patched is not None
    assert patched.resource()["active"] is False
    assert deleted is not None
    assert deleted.deleted
    assert total(sandbox, "Patient") == 2


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        ([entry("PUT", "Patient/p", {**PATIENT, "id": "p"}), entry("DELETE", "Patient/p")], 400),
        ([entry("POST", "Communication", message("urn:uuid:unknown"))], 400),
        ([{"resource": PATIENT}], 400),
        ([entry("FETCH", "Patient/1")], 400),
        ([entry("POST", "", {"resourceType": "Bundle", "type": "batch"})], 400),
        ([entry("POST", "Nonsense", {"resourceType": "Nonsense"})], 404),
        ([entry("PATCH", "Patient/p", {"resourceType": "Binary", "data": "%%%"})], 400),
    ],
)
def test_what_a_transaction_refuses(sandbox: Sandbox, entries: list[dict[str, Any]], status: int) -> None:
    """The same resource twice, an unknown urn, entries without request, bundles in bundles."""
    with pytest.raises(Refusal) as refused:
        send(sandbox, "transaction", *entries)
    assert refused.value.status == status
    assert total(sandbox, "Patient") == total(sandbox, "Communication") == 0


def test_scopes_hold_for_each_entry(sandbox: Sandbox) -> None:
    """S-7: a transaction is no way around the scopes: each entry asks for its own letter."""
    asked: list[str] = []

    def permit(resource_type: str, letter: str) -> None:
        asked.append(f"{resource_type}.{letter}")

    bundle = [
        entry("POST", "Patient", PATIENT),
        entry("GET", "Communication?status=completed"),
        entry("PUT", "Patient/p", {**PATIENT, "id": "p"}),
    ]
    send(sandbox, "transaction", *bundle, permit=permit)
    assert set(asked) == {"Patient.c", "Communication.s", "Patient.u"}


def test_synthea_loads_and_resolves(sandbox: Sandbox, shared_data: Any) -> None:
    """A bundle that others made (Synthea, 0.7 MB) loads as one transaction, and every reference leads somewhere."""
    path = min((shared_data / "fhir" / "synthea").glob("*.json"), key=lambda file: file.stat().st_size)
    bundle = orjson.loads(path.read_bytes())
    answer = orjson.loads(
        sandbox.engine.answer(Ask("POST", (), body=bundle, base="http://ehr.test/fhir")).body
    )
    assert {part["response"]["status"] for part in answer["entry"]} == {"201"}
    targets = {
        str(t)
        for (t,) in sandbox.store.query("SELECT DISTINCT target FROM reference WHERE target NOT LIKE '%?%'")
    }
    known = {f"{t}/{i}" for t, i in sandbox.store._db.execute("SELECT type, id FROM resource")}
    assert len(targets) > 20
    assert targets <= known
