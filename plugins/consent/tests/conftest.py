"""Consents, requests and resources for the tests of this plugin."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chartside.clock import FrozenClock
from chartside.codes import ACT_REASON_SYSTEM, CONSENT_TYPE_SYSTEM, ConsentType, coding, concept
from chartside.gate.model import Action, DecisionRequest
from chartside.messaging.gateway import Gateway
from chartside.testing import host_for
from chartside.testing.ehr import running_ehr
from chartside_consent.forms import Forms
from chartside_consent.signing import Signing

AT = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


def purpose(code: str) -> dict[str, str]:
    return coding(ACT_REASON_SYSTEM, code)


def make_consent(kind: str = "privacy", root: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A Consent in R4; ``root`` is its provision (a permit of everything, if not given)."""
    return {
        "resourceType": "Consent",
        "id": "c1",
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [concept(CONSENT_TYPE_SYSTEM, kind)],
        "patient": {"reference": "Patient/1"},
        "dateTime": "2026-01-05",
        "provision": {"type": "permit"} if root is None else root,
        **top,
    }


def make_request(action: Action = Action.READ, **more: Any) -> DecisionRequest:
    facts = {"patient": "Patient/1", "action": action, "at": AT, "actor": "Practitioner/7", **more}
    return DecisionRequest(**facts)


def make_observation(*labels: str, **more: Any) -> dict[str, Any]:
    """An Observation of 2026 by Practitioner/9, labelled with codes of v3-Confidentiality or v3-ActCode."""
    systems = dict.fromkeys("ULMNRV", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality")
    security = [coding(systems.get(c, "http://terminology.hl7.org/CodeSystem/v3-ActCode"), c) for c in labels]
    return {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"security": security} if security else {},
        "code": concept("http://loinc.org", "29463-7"),
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2026-03-01",
        "performer": [{"reference": "Practitioner/9"}],
        **more,
    }


@pytest.fixture(scope="session")
def consent() -> Callable[..., dict[str, Any]]:
    return make_consent


@pytest.fixture(scope="session")
def ask() -> Callable[..., DecisionRequest]:
    return make_request


@pytest.fixture(scope="session")
def observation() -> Callable[..., dict[str, Any]]:
    return make_observation


@pytest.fixture(scope="session")
def pcf(shared_data: Path) -> dict[str, dict[str, Any]]:
    """The resources of the PCF examples and probes, by reference."""
    folder = shared_data / "consent"
    files = [*folder.glob("pcf/*.json"), *folder.glob("probes/*.json")]
    found = [json.loads(file.read_text("utf-8")) for file in files]
    return {f"{r['resourceType']}/{r['id']}": r for r in found}


@pytest.fixture(scope="session")
def oracle(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "consent" / "oracle.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def in_r5(old: dict[str, Any]) -> dict[str, Any]:
    """An R4 Consent turned element by element: R4's root stands in the one provision, types give way to depth."""
    names = {"patient": "subject", "dateTime": "date", "performer": "grantor", "organization": "controller"}
    drop = {"scope", "policy", "policyRule", "provision", "source", "sourceReference", "sourceAttachment"}
    new = {names.get(k, k): v for k, v in old.items() if k not in drop}
    root = dict(old.get("provision", {}))
    effect, period = root.pop("type", None), root.pop("period", None)

    def inner(part: dict[str, Any]) -> dict[str, Any]:
        form = {
            ("resourceType" if k == "class" else k): v
            for k, v in part.items()
            if k not in {"type", "provision"}
        }
        nested = [inner(one) for one in part.get("provision", ())]
        return {**form, **({"provision": nested} if nested else {})}

    context = {k for k in root if k != "provision"}
    provisions = [inner(root)] if context else [inner(p) for p in root.get("provision", ())]
    new |= {"decision": effect} if effect else {}
    new |= {"period": period} if period else {}
    return new | ({"provision": provisions} if provisions else {})


@pytest.fixture(scope="session")
def as_r5() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return in_r5


# --- the tracker, on a running EHR -------------------------------------------------------------------------------


@dataclass
class Tracker:
    """A host with the consent plugin on a sandbox EHR of its own; ``new`` makes a client to work on."""

    ehr: Any
    host: Any
    clock: FrozenClock
    gateway: Any
    count: int = 0

    @property
    def context(self) -> Any:
        return self.host.context("consent")

    def new(self, born: str = "1980-05-05", state: str = "NY", **more: Any) -> str:
        self.count += 1
        person = {"resourceType": "Patient", "id": f"t{self.count}", "birthDate": born, "active": True}
        self.ehr.put({**person, "address": [{"state": state}], **more})
        return f"Patient/t{self.count}"

    def guardian(self, patient: str) -> str:
        name = patient.replace("Patient/", "g-")
        self.ehr.put({"resourceType": "RelatedPerson", "id": name, "patient": {"reference": patient}})
        return f"RelatedPerson/{name}"

    def consents(self, patient: str) -> list[dict[str, Any]]:
        return [c for c in self.ehr.all("Consent") if c["patient"]["reference"] == patient]

    def tasks(self, patient: str = "") -> list[dict[str, Any]]:
        return [
            t for t in self.ehr.all("Task") if not patient or t.get("for", {}).get("reference") == patient
        ]


@contextmanager
def tracking(**options: Any) -> Iterator[Tracker]:
    clock, gateway = FrozenClock(datetime(2026, 11, 24, 15, 0, tzinfo=UTC)), Gateway()
    settings = {"enabled": True, **options.pop("settings", {})}
    with running_ehr(clock, {"clients": 0, **options}) as ehr, gateway.running() as url:
        outbound = {"kind": "sms", "address": url, "local": True, "data_classes": ["contact", "appointment"]}
        tables = {"outbound": {"local": outbound}}
        tables["channels"] = {"sms": {"type": "gateway", "recipient": "local", "url": url}}
        plugins = {"consent": settings, "scheduling": {"enabled": True}}
        with host_for(ehr, clock, plugins=plugins, **tables) as host:
            yield Tracker(ehr, host, clock, gateway)


@pytest.fixture(scope="module")
def tracker() -> Iterator[Tracker]:
    """Shared by a module's tests, each with clients of its own; the clock is put back before each."""
    with tracking() as found:
        yield found


@pytest.fixture(scope="session")
def make_tracker() -> Callable[..., Any]:
    """Opens one with other options: ``with make_tracker(no_transaction=True) as tracker``."""
    return tracking


@pytest.fixture(scope="session")
def shipped_forms() -> Any:
    return Forms()


@pytest.fixture(scope="session")
def sign(shipped_forms: Any) -> Callable[..., Any]:
    """Makes a Signing with answers that fit; ``answers`` add to them."""
    common = {
        "recipient": "Organization/9",
        "information": "dates of visits",
        "purpose": "TREAT",
        "expiry": "2027-06-30",
        "tool": "transcription",
        "authority": "custodial parent",
    }

    def made(kind: str, patient: str, at: datetime, **more: Any) -> Signing:
        form = more.pop("form", None) or shipped_forms.get(ConsentType(kind), more.pop("language", "en"))
        asked = {i["linkId"]: i for i in form.items if i["type"] != "display"}
        answers = {name: value for name, value in common.items() if name in asked} | {"agreement": True}
        if kind == "ai-use":
            answers["purpose"] = ["TRANSCRIBE", "DRAFT"]
        return Signing(patient, form, answers | more.pop("answers", {}), at, **more)

    return made
