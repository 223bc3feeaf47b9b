"""P-3, P-4, P-5: what ``context.ai`` writes, on the sandbox, on servers with less, and on one that others wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chartside.ai import AiWriter, Draft, Model, guard_entries
from chartside.ai.resources import ai_agent, is_labelled, verifiers
from chartside.audit import Auditor, Event, Observer, Trail
from chartside.clock import SystemClock
from chartside.errors import PolicyRefused, UndeclaredAccess, VersionConflict
from chartside.fhir import Budget, FhirClient
from chartside.gate.client import GatedFhir, Place, Route
from chartside.manifest import Manifest
from chartside.sandbox import Options, Sandbox
from chartside_adapters.generic import Generic

GOOD = Model("notes", "1", "Example", card="A model.")
BAD = replace(GOOD, version="2")
MANIFEST = Manifest.model_validate(
    {
        "plugin": {"name": "scribe", "title": "Scribe", "api": 1},
        "access": {"DocumentReference": "crus", "Device": "crs", "Provenance": "crs", "Practitioner": "r"},
        "features": {"writes_ai_text": True},
    }
)


TEXT = "Slept better."


class Chart:
    """A server with a client and two clinicians, and the writer of a plugin on it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.raw = FhirClient(url, budget=Budget(10_000, 1000))
        self.auditor = Auditor(Trail(folder / "audit.jsonl"), Observer("h", "p", url))
        clock, route = SystemClock(), Route(Place(self.raw, Generic))
        fhir = GatedFhir(MANIFEST, route, self.auditor, clock, guard_entries)
        self.ai, self.clock = AiWriter(fhir, MANIFEST, self.auditor, clock), clock
        self.patient = self._made({"resourceType": "Patient"})
        self.signer = self._made({"resourceType": "Practitioner", "active": True})
        self.left = self._made({"resourceType": "Practitioner", "active": False})

    def _made(self, resource: dict[str, Any]) -> str:
        made = self.raw.create(resource).resource
        return f"{made['resourceType']}/{made['id']}"

    def draft(self, key: str, model: Model = GOOD) -> Draft:
        return Draft(key, self.patient, TEXT, model, self.clock.now(), "Draft", sources=(self.patient,))

    def read(self, reference: str) -> dict[str, Any]:
        return self.raw.read(*reference.split("/"))

    def traces(self, reference: str) -> list[dict[str, Any]]:
        return list(self.raw.search("Provenance", {"target": reference}).matches())


SERVERS = {
    "transactions": Options(),
    "single writes": Options(no_transaction=True, no_batch=True),
}


@contextmanager
def sandbox(options: Options, folder: Path) -> Iterator[Chart]:
    with Sandbox(options).running() as url:
        yield Chart(url, folder)


@pytest.fixture(scope="module", params=[*SERVERS, pytest.param("sekmet", marks=pytest.mark.slow)])
def chart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chart]:
    folder = tmp_path_factory.mktemp("ai")
    if request.param == "sekmet":
        yield Chart(request.getfixturevalue("sekmet").base_url, folder)
        return
    with sandbox(SERVERS[request.param], folder) as found:
        yield found


def test_a_draft_is_labelled_preliminary_and_traced(chart: Chart) -> None:
    """P-3, P-4: AIAST, docStatus, Device as author, Provenance with its sources and no verifier."""
    written = chart.ai.write(chart.draft("labelled"))
    document, device = chart.read(written.document), chart.read(written.device)
    assert (document["docStatus"], is_labelled(document)) == ("preliminary", True)
    assert document["author"][0]["reference"] == written.device
    assert device["version"][0]["value"] == "1"
    assert device["contained"][0]["content"]
    [trace] = chart.traces(written.document)
    assert ai_agent(trace) == written.device
    assert verifiers(trace) == []
    assert trace["entity"][0]["what"]["reference"] == chart.patient


def test_writing_it_twice_writes_it_once(chart: Chart) -> None:
    first, second = chart.ai.write(chart.draft("twice")), chart.ai.write(chart.draft("twice"))
    assert (first.document, first.created, second.created) == (second.document, True, False)
    assert len(chart.traces(first.document)) == 1


def test_final_by_a_named_clinician_only(chart: Chart) -> None:
    """P-3, P-4: the label stays, the verifier stands in a Provenance of its own, the audit names who signed."""
    written = chart.ai.write(chart.draft("signed"))
    for nobody in (chart.left, chart.patient, written.device, "Practitioner/nobody-there"):
        with pytest.raises(Exception, match=r".") as caught:
            chart.ai.sign(written.document, signer=nobody, read=TEXT)
        assert type(caught.value).__name__ in {"PolicyRefused", "NotFound", "UndeclaredAccess"}
    assert chart.read(written.document)["docStatus"] == "preliminary"
    chart.ai.sign(written.document, signer=chart.signer, read=TEXT)
    final = chart.read(written.document)
    assert (final["docStatus"], is_labelled(final)) == ("final", True)
    assert final["authenticator"]["reference"] == chart.signer
    assert [verifiers(trace) for trace in chart.traces(written.document)].count([chart.signer]) == 1
    signed = [r for r in chart.auditor.trail.records() if r.event is Event.SIGNED]
    assert (signed[-1].user, signed[-1].target) == (chart.signer, written.document)


def test_what_was_not_read_is_not_signed(chart: Chart) -> None:
    """P-3: the clinician reads every word; a text that was put in its place in between is not signed unread."""
    written = chart.ai.write(chart.draft("unread"))
    chart.ai.revise(written.document, "Slept worse.", editor=chart.signer)
    with pytest.raises(VersionConflict):
        chart.ai.sign(written.document, signer=chart.signer, read=TEXT)
    assert chart.read(written.document)["docStatus"] == "preliminary"
    with pytest.raises(TypeError, match="read"):
        chart.ai.sign(written.document, signer=chart.signer)  # type: ignore[call-arg]


def test_what_is_signed_cannot_be_changed_or_signed_by_another(chart: Chart) -> None:
    written = chart.ai.write(chart.draft("fixed"))
    chart.ai.sign(written.document, signer=chart.signer, read=TEXT)
    ways: list[Callable[[], object]] = [
        lambda: chart.ai.revise(written.document, "other words", editor=chart.signer),
        lambda: chart.ai.discard(written.document),
        lambda: chart.ai.sign(written.document, signer=chart.left, read=TEXT),
    ]
    for way in ways:
        with pytest.raises(PolicyRefused):
            way()
    chart.ai.sign(written.document, signer=chart.signer, read=TEXT)  # again, after an interruption
    assert len(chart.traces(written.document)) == 2


@pytest.mark.slow
def test_all_that_a_bad_version_wrote_is_found(chart: Chart) -> None:
    """P-5: by the public API, and by anybody's ``Provenance?agent=Device/x``."""
    bad = [chart.ai.write(chart.draft(f"bad{n}", BAD)) for n in range(3)]
    good = chart.ai.write(chart.draft("good"))
    chart.ai.sign(bad[0].document, signer=chart.signer, read=TEXT)
    assert set(chart.ai.outputs(BAD)) == {one.document for one in bad}
    found = chart.raw.search("Provenance", {"agent": bad[0].device}).matches()
    targets = {target["reference"].partition("/_history")[0] for trace in found for target in trace["target"]}
    assert targets == {one.document for one in bad}
    assert good.document in set(chart.ai.outputs(GOOD))


def test_a_plugin_that_declares_no_ai_text_has_no_writer(tmp_path: Path) -> None:
    """P-1."""
    plain = MANIFEST.model_copy(update={"features": {}})
    with sandbox(Options(), tmp_path) as chart:
        fhir = GatedFhir(plain, Route(Place(chart.raw, Generic)), chart.auditor,
                         chart.clock, guard_entries)  # fmt: skip
        with pytest.raises(PolicyRefused):
            AiWriter(fhir, plain, chart.auditor, chart.clock).write(chart.draft("none"))


def test_the_writer_needs_its_declared_access(tmp_path: Path) -> None:
    """S-7."""
    less = MANIFEST.model_copy(update={"access": {"DocumentReference": "rs"}})
    with sandbox(Options(), tmp_path) as chart:
        fhir = GatedFhir(less, Route(Place(chart.raw, Generic)), chart.auditor,
                         chart.clock, guard_entries)  # fmt: skip
        with pytest.raises(UndeclaredAccess):
            AiWriter(fhir, less, chart.auditor, chart.clock).write(chart.draft("less"))
