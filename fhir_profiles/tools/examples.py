"""Examples that Chartside itself wrote: ``python fhir_profiles/tools/examples.py``.

A host with its plugins works on a sandbox EHR; what stands there afterwards becomes the examples, with speaking ids
in the place of those that the server and the ledger drew.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from chartside import codes
from chartside.ai import Draft, Model
from chartside.clock import FrozenClock
from chartside.messaging.gateway import Gateway
from chartside.testing import host_for
from chartside.testing.ehr import Ehr, running_ehr
from chartside_consent.forms import Forms
from chartside_consent.recording import record
from chartside_consent.revoking import Revocation, revoke
from chartside_consent.signing import Channel, Signing
from chartside_scheduling import trial

OUT = Path(__file__).parents[1] / "chartside_profiles" / "examples"
PRACTITIONER, PATIENT, GUARDIAN = "Practitioner/p", "Patient/client", "RelatedPerson/guardian"
Json = dict[str, Any]


@contextmanager
def world() -> Iterator[tuple[Ehr, Any, FrozenClock]]:
    """A sandbox EHR, and a host with all plugins that write what is profiled."""
    clock, gateway = FrozenClock(trial.NOW), Gateway()
    with running_ehr(clock, {"clients": 12}) as ehr, gateway.running() as url:
        outbound = {"kind": "sms", "address": url, "local": True, "data_classes": ["contact", "appointment"]}
        tables: Json = {"outbound": {"gateway": outbound}}
        tables["channels"] = {"sms": {"type": "gateway", "recipient": "gateway", "url": url}}
        plugins = {name: {"enabled": True} for name in ("consent", "scheduling", "billing", "transcription")}
        with host_for(ehr, clock, plugins=plugins, **tables) as host:
            yield ehr, host, clock


def people(ehr: Ehr) -> None:
    """A client, a child with a guardian, and a clinician."""
    ehr.put(
        {"resourceType": "Patient", "id": "client", "birthDate": "1980-05-05", "address": [{"state": "NY"}]}
    )
    ehr.put({"resourceType": "Practitioner", "id": "p", "active": True})
    ehr.put({"resourceType": "RelatedPerson", "id": "guardian", "patient": {"reference": PATIENT}})


def signing(kind: codes.ConsentType, clock: FrozenClock) -> Signing:
    """A form of this kind, signed by the client; the proxy's by the guardian."""
    form = Forms().get(kind, "en")
    common = {
        "recipient": "Organization/9",
        "information": "dates of visits",
        "purpose": "TREAT",
        "expiry": "2027-06-30",
        "tool": "transcription",
        "authority": "custodial parent",
    }
    asked = {item["linkId"] for item in form.items if item["type"] != "display"}
    answers: Json = {name: value for name, value in common.items() if name in asked} | {"agreement": True}
    if kind is codes.ConsentType.AI_USE:
        answers["purpose"] = ["TRANSCRIBE", "DRAFT"]
    proxy = {"signer": GUARDIAN, "relation": "mother", "authority": "custodial parent"}
    by_proxy = proxy if kind is codes.ConsentType.PROXY else {}
    paper = {"medium": Channel.PAPER, "witness": PRACTITIONER} if kind is codes.ConsentType.RELEASE else {}
    return Signing(PATIENT, form, answers, clock.now(), recorder=PRACTITIONER, **by_proxy, **paper)


def consents(ehr: Ehr, host: Any, clock: FrozenClock) -> Iterator[tuple[str, Json]]:
    """One of each kind; one that was renewed; one taken back; a refusal of one category."""
    context, kinds = host.context("consent"), codes.ConsentType
    for kind in kinds:
        made = record(context, signing(kind, clock))
        yield f"consent-{kind.value}", ehr.read("Consent", made.consent.partition("/")[2])
    clock.advance(timedelta(days=1).total_seconds())
    renewed = record(context, signing(kinds.TEXT_MESSAGES, clock))
    yield "consent-renewed", ehr.read("Consent", renewed.consent.partition("/")[2])
    billing = codes.MessageCategory.BILLING
    no = Revocation(PATIENT, Channel.TEXT, clock.now(), category=billing, kind=kinds.TEXT_MESSAGES)
    refused = revoke(context, no).refusal
    yield "consent-refusal", ehr.read("Consent", refused.partition("/")[2])
    revoke(context, Revocation(PATIENT, Channel.PORTAL, clock.now(), kind=kinds.RECORDING))
    pile = (
        c for c in ehr.all("Consent") if c["patient"]["reference"] == PATIENT and c["status"] == "inactive"
    )
    yield "consent-revoked", next(c for c in pile if "recording" in json.dumps(c["category"]))


def reminders(ehr: Ehr, host: Any, clock: FrozenClock) -> Iterator[tuple[str, Json]]:
    """One that was sent."""
    for resource in trial.clients(1, clock.now()):
        ehr.put(resource)
    host.run("scheduling.reminders")
    sent = (c for c in ehr.all("Communication") if c["status"] == "completed")
    yield "reminder-sent", {**next(sent), "meta": {"profile": [codes.REMINDER_PROFILE]}}


def findings(ehr: Ehr, host: Any) -> Iterator[tuple[str, Json]]:
    """The Task of a claim with findings."""
    host.run("billing.scrub")
    scrubs = [t for t in ehr.all("Task") if "claim-scrub" in json.dumps(t.get("code", {}))]
    found = min(scrubs, key=lambda task: task["focus"]["reference"])
    yield "scrub-task", {**found, "meta": {"profile": [codes.SCRUB_TASK_PROFILE]}}


def drafts(ehr: Ehr, host: Any, clock: FrozenClock) -> Iterator[tuple[str, Json]]:
    """A draft, its model and its Provenance; then signed."""
    ai = host.context("transcription").ai
    model = Model("note-rules", "1", "Chartside", card="# note-rules 1\n\nSorts what was said into a note.\n")
    draft = Draft(
        "example-draft",
        PATIENT,
        "Subjective: slept better this week.",
        model,
        clock.now(),
        "Draft of a progress note",
        sources=("Appointment/visit",),
        dictated=True,
    )
    written = ai.write(draft)
    for name, reference in (
        ("ai-draft", written.document),
        ("ai-device", written.device),
        ("ai-provenance", written.provenance),
    ):
        yield name, ehr.read(*reference.split("/"))
    ai.sign(written.document, signer=PRACTITIONER, read=ai.text(written.document))
    yield "ai-signed", ehr.read(*written.document.split("/"))
    traces = (p for p in ehr.all("Provenance") if codes.AI_PROVENANCE_PROFILE in json.dumps(p))
    yield "ai-provenance-signed", next(trace for trace in traces if "verifier" in json.dumps(trace))


def capture() -> dict[str, Json]:
    """What Chartside writes now, by the example's name."""
    with world() as (ehr, host, clock):
        people(ehr)
        made = dict(drafts(ehr, host, clock))
        made |= dict(reminders(ehr, host, clock))
        made |= dict(findings(ehr, host))
        made |= dict(consents(ehr, host, clock))
    return made


def tidy(made: dict[str, Json]) -> dict[str, Json]:
    """The same with speaking ids, without what the server added."""
    named = {f"{r['resourceType']}/{r['id']}": f"{r['resourceType']}/{name}" for name, r in made.items()}
    hidden: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        return hidden.setdefault(match[0], f"{len(hidden) + 1:032x}")

    found = {}
    for name, resource in made.items():
        meta = {k: v for k, v in resource.get("meta", {}).items() if k in {"profile", "security"}}
        text = json.dumps(
            {**resource, "id": name, **({"meta": meta} if meta else {})}, indent=1, ensure_ascii=False
        )
        for old, new in named.items():
            text = text.replace(f'"{old}"', f'"{new}"').replace(f'"{old}/_history/', f'"{new}/_history/')
        text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", plain, text)
        text = re.sub(r"\b[0-9a-f]{16}\.\d{10}\b", "worker.0", text)
        found[name] = json.loads(text)
    return found


def main() -> None:
    """Write them."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    made = tidy(capture())
    for name, resource in made.items():
        (OUT / f"{name}.json").write_text(json.dumps(resource, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{len(made)} examples")


if __name__ == "__main__":
    main()
