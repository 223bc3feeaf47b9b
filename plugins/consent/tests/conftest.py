"""Consents, requests and resources for the tests of this plugin."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chartside.codes import ACT_REASON_SYSTEM, CONSENT_TYPE_SYSTEM, coding, concept
from chartside.gate.model import Action, DecisionRequest

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
