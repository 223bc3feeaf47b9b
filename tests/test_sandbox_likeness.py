"""The sandbox plays EHRs that do less, from the CapabilityStatements that they serve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from chartside.errors import InputError
from chartside.sandbox import Options, Sandbox, options_like
from chartside.sandbox.exchange import Ask, split_url
from chartside.sandbox.outcome import Refusal
from chartside.sandbox.parameters import table


def statements(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the CapabilityStatements that EHRs served."""
    for path in sorted((folder / "fhir" / "capability").glob("*.json")):
        body = orjson.loads(path.read_bytes())
        if body.get("resourceType") == "CapabilityStatement":
            yield body


def rows(statement: dict[str, Any]) -> dict[str, Any]:
    """Return type -> its entry."""
    return {resource["type"]: resource for resource in statement["rest"][0]["resource"]}


def named(found: dict[str, Any], key: str, name: str) -> set[str]:
    """Return the codes or names of a list."""
    return {row[name] for row in found.get(key, [])}


def own_statement(options: Options) -> dict[str, Any]:
    """Return the sandbox's own statement."""
    found: dict[str, Any] = orjson.loads(Sandbox(options).engine.answer(Ask("GET", ("metadata",))).body)
    return found


def status(sandbox: Sandbox, method: str, url: str, body: Any = None, **more: Any) -> int:
    """Do an interaction and return its status."""
    path, query = split_url(url)
    try:
        return sandbox.engine.answer(Ask(method, path, query, body=body, **more)).status
    except Refusal as refusal:
        return refusal.status


def test_the_sandbox_says_of_itself_what_the_ehr_says(shared_data: Path) -> None:
    """For every type: the same interactions, and no search parameter that the EHR does not have."""
    found = list(statements(shared_data))
    assert len(found) >= 3
    for statement in found:
        theirs, ours = rows(statement), rows(own_statement(options_like(statement)))
        assert set(ours) == set(theirs) & set(table())
        for name, resource in ours.items():
            assert named(resource, "interaction", "code") == named(theirs[name], "interaction", "code"), name
            assert named(resource, "searchParam", "name") <= named(theirs[name], "searchParam", "name"), name


def test_its_own_statement_gives_itself_again() -> None:
    """From options to statement to options to statement: nothing is lost."""
    options = Options(
        read_only=frozenset({"Claim"}), absent=frozenset({"Task"}), no_batch=True, no_history=True
    )
    first = own_statement(options)
    assert own_statement(options_like(first)) == first


def test_an_ehr_that_only_reads(shared_data: Path) -> None:
    """As athenahealth's statement has it: no write of Appointment, no search by patient, no transaction."""
    statement = next(s for s in statements(shared_data) if "athena" in str(s.get("publisher", s)).lower())
    sandbox = Sandbox(replace(options_like(statement), unknown_parameter="refuse"))
    sandbox.load_practice(clients=3)
    appointment = {"resourceType": "Appointment", "status": "booked", "participant": [{"status": "accepted"}]}
    assert status(sandbox, "POST", "Appointment", appointment) == 405
    assert status(sandbox, "GET", "Appointment/c00001-v0") in (200, 404)
    assert status(sandbox, "GET", "Appointment?patient=c00001") == 400
    assert status(sandbox, "GET", "Communication") == 404
    assert status(sandbox, "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": []}) == 405


def test_an_ehr_that_updates_but_does_not_create() -> None:
    """As Epic has it for Task: a Task that is there can be updated, none can be made, even with an own id."""
    sandbox = Sandbox(Options(interactions={"Task": frozenset({"read", "search-type", "update"})}))
    task = {"resourceType": "Task", "id": "t", "status": "requested", "intent": "order"}
    sandbox.store.put(dict(task), "POST")
    assert status(sandbox, "PUT", "Task/t", {**task, "status": "completed"}) == 200
    assert status(sandbox, "PUT", "Task/new", {**task, "id": "new"}) == 405
    assert status(sandbox, "POST", "Task", task) == 405
    assert status(sandbox, "DELETE", "Task/t") == 405


def test_what_describes_no_server() -> None:
    """A statement without a server is refused."""
    with pytest.raises(InputError):
        options_like({"resourceType": "CapabilityStatement", "rest": [{"mode": "client"}]})
