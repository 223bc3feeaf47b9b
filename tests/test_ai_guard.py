"""P-3: an AI text that tries to reach the chart as final, by any path of the public API, fails."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chartside.adapter import Adapter
from chartside.ai import AiWriter, Draft, Model, guard_effect, guard_entries, guard_operation
from chartside.ai.guard import ADMINISTRATIVE, BINDING
from chartside.audit import Auditor, Event, Observer, Trail
from chartside.clock import SystemClock
from chartside.codes import AI_DRAFT_SYSTEM, OBSERVATION_VALUE_SYSTEM
from chartside.errors import GateError, PolicyRefused
from chartside.fhir import Budget, Create, Delete, FhirClient, Get, Patch, Update
from chartside.gate.access import Operation
from chartside.gate.client import GatedFhir, Place, Route
from chartside.gate.policy import PolicyBook
from chartside.jobs.ledger import Claim, Effect, Result, State
from chartside.jobs.plugin_ledger import PluginLedger
from chartside.manifest import Manifest
from chartside.sandbox.server import Sandbox
from chartside.testing import host_for

TEXTS = [
    *(
        "DocumentReference",
        "Composition",
        "Communication",
        "CommunicationRequest",
        "Observation",
        "DiagnosticReport",
    ),
    *(
        "ClinicalImpression",
        "QuestionnaireResponse",
        "Condition",
        "CarePlan",
        "Goal",
        "Procedure",
        "Encounter",
    ),
    *(
        "Basic",
        "Binary",
        "Bundle",
        "List",
        "Media",
        "Flag",
        "Device",
        "Provenance",
        "AuditEvent",
        "RiskAssessment",
    ),
]
AIAST = {"system": OBSERVATION_VALUE_SYSTEM, "code": "AIAST"}


class Plain(Adapter):
    """The statement of the server as it is."""

    name = "plain"
    title = "Plain"

    @classmethod
    def recognises(cls, statement: dict[str, Any]) -> bool:
        return False


def manifest(name: str, *, ai: bool) -> Manifest:
    kinds = [*TEXTS, *ADMINISTRATIVE, "Patient", "Practitioner"]
    return Manifest.model_validate(
        {
            "plugin": {"name": name, "title": name, "api": 1},
            "access": dict.fromkeys(kinds, "cruds"),
            "operations": {"DocumentReference": ["meta-delete", "docref"]},
            "features": {"writes_ai_text": ai},
        }
    )


@dataclass
class World:
    """A sandbox with one AI draft in it; ``ai`` and ``other`` are clients of a plugin with and one without AI text."""

    sandbox: Sandbox
    raw: FhirClient
    ai: GatedFhir
    other: GatedFhir
    auditor: Auditor
    draft: str
    writer: AiWriter

    def writes(self) -> list[tuple[str, str]]:
        return [(method, path) for method, path, _ in self.sandbox.seen if method != "GET"]

    def stored(self) -> dict[str, Any]:
        return self.raw.read(*self.draft.split("/"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("ai")
    clock, sandbox = SystemClock(), Sandbox()
    with sandbox.running() as url, FhirClient(url, budget=Budget(10_000, 1000)) as raw:
        patient = raw.create({"resourceType": "Patient"}).resource
        auditor = Auditor(Trail(folder / "audit.jsonl"), Observer("h", "p", url))
        route = Route(Place(raw, Plain))
        ai, other = (
            GatedFhir(manifest(name, ai=name == "ai"), route, auditor, clock, guard_entries)
            for name in ("ai", "other")
        )
        writer = AiWriter(ai, manifest("ai", ai=True), auditor, clock)
        model = Model("m", "1", "Example", card="A model.")
        written = writer.write(Draft("k", f"Patient/{patient['id']}", "text", model, clock.now(), "Draft"))
        yield World(sandbox, raw, ai, other, auditor, written.document, writer)


def resource(kind: str, *, labelled: bool = False) -> dict[str, Any]:
    """Something that would pass for a final text; the guard must act before a server would look at it."""
    meta = {"versionId": "1", **({"security": [AIAST]} if labelled else {})}
    return {"resourceType": kind, "id": "x", "meta": meta, "status": "final", "docStatus": "final"}


def patch(kind: str, id: str = "x", **operation: Any) -> Patch:
    return Patch(kind, id, [operation or {"op": "replace", "path": "/docStatus", "value": "final"}], "1")


# Every way in which the public API of a plugin's client writes.
WAYS: dict[str, Callable[[GatedFhir, str], object]] = {
    "create": lambda c, kind: c.create(resource(kind)),
    "create labelled": lambda c, kind: c.create(resource(kind, labelled=True)),
    "conditional create": lambda c, kind: c.create(resource(kind), if_none_exist="identifier=a|b"),
    "update": lambda c, kind: c.update(resource(kind)),
    "save": lambda c, kind: c.save(resource(kind), {**resource(kind), "language": "en"}),
    "patch": lambda c, kind: c.patch(
        kind, "x", [{"op": "add", "path": "/docStatus", "value": "final"}], version="1"
    ),
    "execute create": lambda c, kind: c.execute([Create(resource(kind))]),
    "execute update": lambda c, kind: c.execute([Update(resource(kind))]),
    "execute patch": lambda c, kind: c.execute([patch(kind)]),
    "transaction create": lambda c, kind: c.transaction([Create(resource(kind), full_url="urn:uuid:1")]),
    "transaction update": lambda c, kind: c.transaction([Update(resource(kind))]),
    "transaction patch": lambda c, kind: c.transaction([patch(kind)]),
    "behind an innocent entry": lambda c, kind: c.execute([Create(task()), Create(resource(kind))]),
    "contained": lambda c, kind: c.create({**task(), "contained": [resource(kind)]}),
    "contained deeper": lambda c, kind: c.create(
        {**task(), "contained": [{**task(), "contained": [resource(kind)]}]}
    ),
    "contained by update": lambda c, kind: c.update({**task(), "contained": [resource(kind)]}),
    "contained by patch": lambda c, kind: c.execute(
        [patch("Task", op="add", path="/contained", value=[resource(kind)])]
    ),
}


def task() -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "id": "t",
        "meta": {"versionId": "1"},
        "status": "requested",
        "intent": "order",
    }


def test_a_plugin_with_ai_text_writes_no_text_by_itself(world: World, each: Callable[..., None]) -> None:
    """P-3: refused before anything is sent, in every way, for every kind."""

    def check(way: str, kind: str) -> None:
        before = world.writes()
        with pytest.raises(PolicyRefused, match="P-3"):
            WAYS[way](world.ai, kind)
        assert world.writes() == before

    each(itertools.product(WAYS, TEXTS), check)


def test_every_public_method_is_known_to_these_tests() -> None:
    """A method added to the client is a path that nobody has tried: put it into WAYS, or name it a reader."""
    readers = {
        "local",
        "read",
        "vread",
        "history",
        "read_many",
        "search",
        "supports",
        "route",
        "delete",
        "operation",
    }
    # `delete` and `operation` have tests of their own.
    public = {name for name, _ in inspect.getmembers(GatedFhir) if not name.startswith("_")}
    tried = {way.split()[0] for way in WAYS if way.split()[0] in public} | {"execute", "transaction"}
    assert public - readers <= tried, public - readers - tried


def test_a_kind_of_entry_that_is_not_known_is_refused(world: World) -> None:
    """A new way of the FHIR client is closed until somebody opens it."""

    class Merge:
        asked = Update(resource("DocumentReference")).asked
        resource: Any = None

    for client in (world.ai, world.other):
        with pytest.raises(PolicyRefused):
            guard_entries(client._manifest, client.read, [Merge()])  # type: ignore[list-item]


OPERATIONS_REFUSED: dict[str, Operation] = {
    "meta-delete": Operation("DocumentReference", "meta-delete"),
    "with the sign": Operation("DocumentReference", "$meta-delete"),
    "meta-add": Operation("Appointment", "meta-add"),
    "process-message": Operation("Appointment", "process-message"),
    "a document in Parameters": Operation(
        "Appointment",
        "book",
        {"resourceType": "Parameters", "parameter": [{"resource": {"resourceType": "DocumentReference"}}]},
    ),
    "a label in a Bundle": Operation(
        "Appointment",
        "book",
        {"resourceType": "Bundle", "entry": [{"resource": {"meta": {"security": [AIAST]}}}]},
    ),
}


@pytest.mark.parametrize("name", OPERATIONS_REFUSED)
@pytest.mark.parametrize("ai", [True, False])
def test_operations_that_could_write_are_refused(name: str, ai: bool) -> None:
    with pytest.raises(PolicyRefused):
        guard_operation(manifest("p", ai=ai), OPERATIONS_REFUSED[name])


def test_operations_of_others() -> None:
    guard_operation(manifest("ai", ai=True), Operation("Appointment", "find"))
    guard_operation(manifest("other", ai=False), Operation("DocumentReference", "docref"))
    with pytest.raises(PolicyRefused):
        guard_operation(manifest("ai", ai=True), Operation("DocumentReference", "docref"))


@pytest.mark.parametrize("name", ["meta-delete", "docref"])
def test_the_client_holds_operations_against_the_guard(world: World, name: str) -> None:
    """A declared operation is no way around the guard, and is refused before anything is sent."""
    before = len(world.sandbox.seen)
    with pytest.raises(PolicyRefused, match="P-3"):
        world.ai.operation("DocumentReference", name, resource_id=world.draft.partition("/")[2])
    with pytest.raises(PolicyRefused, match="P-3"):
        world.other.operation("DocumentReference", "meta-delete", resource_id=world.draft.partition("/")[2])
    assert len(world.sandbox.seen) == before


def test_every_feature_with_a_model_binds() -> None:
    """A manifest cannot leave the guard by declaring one word in place of another."""
    book = PolicyBook.load()
    implied = {name for name in book.features if "uses_ai" in book.implied([name])}
    assert implied == BINDING


@pytest.mark.parametrize("feature", sorted(BINDING))
def test_a_plugin_with_any_model_writes_no_text_by_itself(world: World, feature: str) -> None:
    """P-3: whoever uses a model but does not declare the text is bound all the same."""
    other = manifest("p", ai=False).model_copy(update={"features": {feature: True}})
    with pytest.raises(PolicyRefused):
        guard_entries(other, world.other.read, [Create({"resourceType": "Composition"})])


def test_the_plugins_view_of_its_servers_is_no_way_around_the_gate(world: World) -> None:
    """S-7: neither the client's nor the writer's public names lead to a client that is not gated."""
    homes = world.ai.route
    assert homes.place(homes.home("Task", "cs")).adapter.name == "plain"
    names = {name for thing in (homes, homes.place("ehr")) for name in dir(thing) if name[0] != "_"}
    assert names == {"home", "place", "rung", "adapter", "capabilities"}
    for thing in (world.ai, world.writer, PluginLedger(NoLedger, lambda _: None)):
        for name in (name for name in dir(thing) if not name.startswith("_")):
            assert not isinstance(getattr(thing, name), FhirClient | Route | Place), name


class NoLedger:
    """Fails the test when it is reached."""

    home = audits = "nowhere"


EFFECTS: dict[str, dict[str, Any]] = {
    "payload": {"payload": [{"contentString": "The client seems better."}]},
    "note": {"note": [{"text": "The client seems better."}]},
    "narrative": {"text": {"status": "generated", "div": "<div>The client seems better.</div>"}},
    "contained": {"contained": [{"resourceType": "DocumentReference", "docStatus": "final"}]},
    "description of a Task": {"description": "The client seems better."},
    "output of a Task": {"output": [{"valueString": "The client seems better."}]},
    "extension": {"extension": [{"url": "x", "valueString": "The client seems better."}]},
    "words of a code": {"reasonCode": [{"text": "The client seems better."}]},
    "name of a code": {"category": [{"coding": [{"display": "The client seems better."}]}]},
    "name of a reference": {"subject": {"reference": "Patient/1", "display": "The client seems better."}},
    "a report": {"resourceType": "DiagnosticReport", "conclusion": "The client seems better."},
    "a finding": {"resourceType": "Observation", "valueString": "The client seems better."},
    "a document": {"resourceType": "DocumentReference", "docStatus": "final", "content": []},
    "answers": {"resourceType": "QuestionnaireResponse", "item": []},
    "bytes": {"resourceType": "Binary", "data": "VGhl"},
}


@pytest.mark.parametrize("name", EFFECTS)
def test_the_ledger_carries_no_ai_text(name: str) -> None:
    """P-3: the ledger writes with the host's client; an effect of a plugin with a model holds no words."""
    ai = manifest("ai", ai=True)
    ledger = PluginLedger(NoLedger, lambda resource: guard_effect(ai, resource))  # type: ignore[arg-type]
    effect = Effect("k", {"resourceType": "Communication", **EFFECTS[name]})
    claim = Claim(effect, State.CLAIMED)
    for way in (
        lambda: ledger.claim([effect]),
        lambda: ledger.begin([claim]),
        lambda: ledger.reopen([claim]),
        lambda: ledger.release([claim]),
        lambda: ledger.finish([Result(claim, done=True)]),
    ):
        with pytest.raises(PolicyRefused, match="P-3"):
            way()


@pytest.mark.ehr(clients=1)
def test_words_of_a_plugin_with_a_model_are_not_kept_as_a_message(ehr: Any, clock: Any) -> None:
    """P-3: a practice may want the text of messages in the chart; what a model may have worded stays out of it."""
    plugins = {name: {"enabled": True} for name in ("transcription", "scheduling")}
    with host_for(ehr, clock, plugins=plugins, messaging={"record_text": True}) as host:
        assert host.context("scheduling").messages._settings.record_text
        assert not host.context("transcription").messages._settings.record_text


def test_no_effect_claims_the_label() -> None:
    """P-4."""
    with pytest.raises(PolicyRefused):
        guard_effect(manifest("other", ai=False), {"meta": {"security": [AIAST]}})
    with pytest.raises(PolicyRefused, match="P-3"):
        guard_effect(manifest("other", ai=False), {"resourceType": "Composition", "section": []})


def test_administration_is_free(world: World) -> None:
    """What is no text goes through: a Task for the clinician who shall review."""
    made = world.ai.create({**task(), "description": "Review the draft"})
    assert made.created
    world.ai.update({**made.resource, "status": "completed"})


def test_a_refusal_is_audited(world: World) -> None:
    """S-9."""
    with pytest.raises(PolicyRefused):
        world.ai.create(resource("Composition"))
    last = list(world.auditor.trail.records())[-1]
    assert (last.event, last.plugin, last.target) == (Event.REFUSED, "ai", "Composition")


# --- another plugin, which may write documents, and the draft


def final(draft: dict[str, Any]) -> dict[str, Any]:
    return {**draft, "docStatus": "final"}


CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "final": final,
    "amended": lambda d: {**d, "docStatus": "amended"},
    "no docStatus": lambda d: {k: v for k, v in d.items() if k != "docStatus"},
    "no label": lambda d: {**d, "meta": {"versionId": d["meta"]["versionId"]}},
    "other label": lambda d: {**d, "meta": {**d["meta"], "security": [{**AIAST, "code": "DICTAST"}]}},
    "same code of another system": lambda d: {
        **d,
        "meta": {**d["meta"], "security": [{**AIAST, "system": "x"}]},
    },
    "label in a string": lambda d: {**d, "meta": {**d["meta"], "security": "AIAST"}},
    "no identifier": lambda d: {k: v for k, v in d.items() if k != "identifier"},
    "no label and final": lambda d: (
        {k: v for k, v in final(d).items() if k != "meta"} | {"meta": {"versionId": "1"}}
    ),
}
OPERATIONS: dict[str, list[dict[str, Any]]] = {
    "replace docStatus": [{"op": "replace", "path": "/docStatus", "value": "final"}],
    "add docStatus": [{"op": "add", "path": "/docStatus", "value": "final"}],
    "remove docStatus": [{"op": "remove", "path": "/docStatus"}],
    "remove label": [{"op": "remove", "path": "/meta/security/0"}],
    "remove security": [{"op": "remove", "path": "/meta/security"}],
    "replace code": [{"op": "replace", "path": "/meta/security/0/code", "value": "DICTAST"}],
    "move docStatus": [{"op": "move", "from": "/docStatus", "path": "/language"}],
    "copy over docStatus": [
        {"op": "replace", "path": "/description", "value": "final"},
        {"op": "copy", "from": "/description", "path": "/docStatus"},
    ],
    "replace the whole": [{"op": "replace", "path": "", "value": {"resourceType": "DocumentReference"}}],
    "replace the whole by a list": [{"op": "replace", "path": "", "value": []}],
    "remove the whole": [{"op": "remove", "path": ""}],
    "escaped path": [{"op": "replace", "path": "/meta/security/0/co~0de", "value": "x"}],
    "not an operation": [{"op": "become", "path": "/docStatus", "value": "final"}],
    "nothing that fits": [{"path": 3}],
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_other_plugin_makes_a_draft_final_or_takes_its_label(world: World, change: str) -> None:
    """P-3, P-4: by update, save, batch and transaction."""
    draft = world.stored()
    after = CHANGES[change](draft)
    ways: list[Callable[[], object]] = [
        lambda: world.other.update(after),
        lambda: world.other.save(draft, after),
        lambda: world.other.execute([Get("Patient", "1"), Update(after, draft["meta"]["versionId"])]),
        lambda: world.other.transaction([Update(after, draft["meta"]["versionId"])]),
    ]
    for way in ways:
        with pytest.raises(PolicyRefused, match="P-3"):
            way()
    assert world.stored() == draft


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_patch_makes_a_draft_final_or_takes_its_label(world: World, name: str) -> None:
    """P-3, P-4: JSON Patch, whatever its operations."""
    draft = world.stored()
    kind, id = world.draft.split("/")
    version = draft["meta"]["versionId"]
    ways: list[Callable[[], object]] = [
        lambda: world.other.patch(kind, id, OPERATIONS[name], version=version),
        lambda: world.other.execute([Patch(kind, id, OPERATIONS[name], version)]),
        lambda: world.other.transaction([Patch(kind, id, OPERATIONS[name], version)]),
    ]
    for way in ways:
        with pytest.raises(GateError):
            way()
    assert world.stored() == draft


@pytest.mark.parametrize("kind", ["DocumentReference", "Composition", "Communication", "Observation"])
def test_no_other_plugin_claims_the_label(world: World, kind: str) -> None:
    """P-4: a label that did not come with a Device and a Provenance is a lie."""
    with pytest.raises(PolicyRefused, match="P-3"):
        world.other.create(resource(kind, labelled=True))
    with pytest.raises(PolicyRefused, match="P-3"):
        world.other.update(resource(kind, labelled=True))
    with pytest.raises(PolicyRefused, match="P-3"):
        world.other.create({**task(), "contained": [resource(kind, labelled=True)]})


def test_no_other_plugin_forges_a_device_a_provenance_or_a_draft(world: World) -> None:
    traces = world.raw.search("Provenance", {"target": world.draft}).matches()
    trace = next(iter(traces))
    device = next(iter(world.raw.search("Device").matches()))
    draft = {"resourceType": "DocumentReference", "identifier": [{"system": AI_DRAFT_SYSTEM, "value": "z"}]}
    for forged in (trace, device, draft):
        with pytest.raises(PolicyRefused):
            world.other.create({k: v for k, v in forged.items() if k not in ("id", "meta")})


def test_other_documents_are_free(world: World) -> None:
    """A plugin without AI text writes documents as ever, and may correct what does not matter on a draft."""
    document = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"title": "x"}}],
    }
    made = world.other.create({**document, "docStatus": "final"})
    assert world.other.update({**made.resource, "description": "y"})["description"] == "y"
    draft = world.stored()
    changed = world.other.update({**draft, "description": "Draft of Tuesday"})
    assert changed["docStatus"] == "preliminary"


def test_deleting_is_left_to_declared_access(world: World) -> None:
    """Deleting puts no text into the chart."""
    guard_entries(world.ai._manifest, world.ai.read, [Delete("DocumentReference", "x")])


# --- what a model wrote stays traceable, what a clinician signed stays as it was signed


@pytest.mark.parametrize("kind", ["Device", "Provenance"])
def test_no_plugin_removes_or_rewrites_the_trace(world: World, kind: str) -> None:
    """P-5: by update, patch or delete; the plugin that wrote the draft is no exception."""
    params = {"target": world.draft} if kind == "Provenance" else {}
    trace = next(iter(world.raw.search(kind, params).matches()))
    version = trace["meta"]["versionId"]
    bare = {k: v for k, v in trace.items() if k not in {"agent", "identifier", "type", "extension"}}
    ways: list[Callable[[], object]] = [
        lambda: world.other.update({**bare, "agent": [{"who": {"reference": "Practitioner/1"}}]}),
        lambda: world.other.save(trace, bare),
        lambda: world.other.patch(kind, trace["id"], [{"op": "remove", "path": "/meta"}], version=version),
        lambda: world.other.delete(kind, trace["id"]),
        lambda: world.other.transaction([Delete(kind, trace["id"])]),
        lambda: world.ai.delete(kind, trace["id"]),
    ]
    for way in ways:
        with pytest.raises(PolicyRefused, match="P-3"):
            way()
    assert world.raw.read(kind, trace["id"]) == trace


@pytest.mark.parametrize(
    "path", ["/content/0/attachment/data", "/authenticator", "/status", "/date", "/subject"]
)
def test_what_was_signed_stays_as_it_was_signed(world: World, path: str) -> None:
    """P-3: nobody puts other words under a clinician's signature."""
    stored = world.stored()
    signed = {**stored, "docStatus": "final", "authenticator": {"reference": "Practitioner/1"}}
    patched = Patch("DocumentReference", stored["id"], [{"op": "add", "path": path, "value": "eA=="}], "1")
    with pytest.raises(PolicyRefused, match="P-3"):
        guard_entries(world.other._manifest, lambda *_: signed, [patched])


@pytest.mark.parametrize("field", ["authenticator", "author"])
def test_no_other_plugin_signs_or_claims_a_draft(world: World, field: str) -> None:
    stored = world.stored()
    with pytest.raises(PolicyRefused, match="P-3"):
        world.other.update({**stored, field: [{"reference": "Practitioner/1"}]})


def test_the_guard_reads_where_it_would_write(world: World) -> None:
    """A bundle goes to one server: what counts is what stands there, not at the type's home."""
    empty, stored = Sandbox(), world.stored()
    with empty.running() as url, FhirClient(url) as raw:
        here = Place(raw, Plain)
        route = Route(here, Place(world.raw, Plain))
        fhir = GatedFhir(world.other._manifest, route, world.auditor, SystemClock(), guard_entries)
        with pytest.raises(PolicyRefused, match="P-3"):
            fhir.execute([Update(final(stored))], where="companion")
    assert world.stored() == stored
