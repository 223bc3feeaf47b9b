"""Decisions by what stands in the EHR now: many at once, in few round trips, and never by an old permit."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from chartside.codes import CONSENT_REPLACES, CONSENT_TYPE_SYSTEM, ConsentType, concept
from chartside.config import parse
from chartside.errors import FhirError
from chartside.gate.model import Action, DecisionRequest
from chartside.host import Host
from chartside.testing.hosts import PRACTICE, host_for
from chartside_consent.compiling import compile_consent, speaks_of
from chartside_consent.deciding import LONGEST, MOST, chunks
from chartside_consent.engine import decide

CONSENT = {"consent": {"enabled": True}}


@pytest.fixture
def host(ehr, clock) -> Iterator[Host]:
    with host_for(ehr, clock, plugins=CONSENT) as found:
        yield found


def texts(patients: list[str], at: Any, action: Action = Action.SMS) -> list[DecisionRequest]:
    return [DecisionRequest(f"Patient/{p}", action, at, purpose="REMIND", location="NY") for p in patients]


@pytest.mark.ehr(clients=80)
@pytest.mark.parametrize(
    "action", [Action.SMS, Action.EMAIL, Action.RECORD, Action.AI, Action.READ, Action.DISCLOSE]
)
def test_many_at_once_decide_as_one_by_one(host, ehr, clock, action) -> None:
    """C-1: one fetch for all, consents about other things left aside: the decisions are those of the whole pile."""
    patients = [patient["id"] for patient in ehr.all("Patient")]
    asked = texts(patients, clock.now(), action)
    host.gate.decide(asked[:1])
    before = len(ehr.sandbox.seen)
    decisions = host.context("consent").decide(asked)
    assert len(ehr.sandbox.seen) - before <= 4
    pile = ehr.all("Consent")
    born = {p["id"]: p for p in ehr.all("Patient")}
    assert len(born) == len(patients)
    for request, decision in zip(asked, decisions, strict=True):
        own = [c for c in pile if c["patient"]["reference"] == request.patient and c["status"] == "active"]
        alone = decide(own, request)
        proxied = any(compile_consent(c).proxy for c in own)
        if not proxied:  # ages are looked up by the host only
            expected = {"none": action is Action.READ}.get(alone.outcome.value, alone.permitted)
            assert decision.permitted == expected, request.patient


def test_what_a_consent_could_speak_of_is_told_by_its_categories(consent) -> None:
    """Whoever is not compiled could not have changed a decision."""
    for kind in ConsentType:
        form = consent(kind.value)
        compiled = compile_consent(form)
        assert speaks_of(form) == compiled.closes | compiled.refuses
    for odd in ({"category": "x"}, {"category": [7]}, {"category": [{"coding": [{"code": 7}]}]}, {}):
        form = {"resourceType": "Consent", **odd}
        compiled = compile_consent(form)
        assert speaks_of(form) >= compiled.closes | compiled.refuses


@pytest.mark.parametrize("length", [7, 64])
def test_searches_are_few_and_their_urls_short(length: int) -> None:
    patients = [f"Patient/{n:0{length}d}" for n in range(1000)]
    pieces = list(chunks(patients))
    assert [p for piece in pieces for p in piece] == patients
    assert all(len(piece) <= MOST and sum(map(len, piece)) <= LONGEST for piece in pieces)
    assert list(chunks([])) == []


@pytest.mark.slow
@pytest.mark.ehr(clients=3)
@pytest.mark.parametrize("fault", ["403", "404-html", "broken-json", "html-error"])
def test_without_the_consents_there_is_no_permit(host, ehr, clock, fault) -> None:
    """C-5: what cannot be read permits nothing: an error that may be retried, or a deny."""
    [patient] = [patient["id"] for patient in ehr.all("Patient")][:1]
    host.gate.decide(texts([patient], clock.now()))
    ehr.faults.add(fault, path="/Consent")
    assert not _permits(host, texts([patient], clock.now()))


def _permits(host: Host, asked: list[DecisionRequest]) -> bool:
    try:
        return host.gate.decide(asked)[0].permitted
    except FhirError:
        return False


def text_consent(patient: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [concept(CONSENT_TYPE_SYSTEM, "text-messages")],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2026-01-05",
        "policy": [{"uri": "https://example.org/policy"}],
        "provision": {"type": "permit"},
        **more,
    }


@pytest.mark.ehr(clients=1)
def test_no_permit_outlives_a_revocation(host, ehr, clock) -> None:
    """C-5: decisions race with a revocation; whichever began after it was written is a denial."""
    ehr.put({"resourceType": "Patient", "id": "race"})
    host.gate.decide(texts(["race"], clock.now()))
    for round_ in range(15):
        ehr.put({**text_consent("race"), "id": "race-texts"})
        assert host.gate.decide(texts(["race"], clock.now()))[0].permitted
        revoked, stop = threading.Event(), threading.Event()
        late: list[bool] = []

        def ask(
            revoked: threading.Event = revoked, stop: threading.Event = stop, late: list[bool] = late
        ) -> None:
            while not stop.is_set():
                after = revoked.is_set()
                [decision] = host.gate.decide(texts(["race"], clock.now()))
                if after:
                    late.append(decision.permitted)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        ehr.put({**text_consent("race", status="inactive"), "id": "race-texts"})
        revoked.set()
        while len(late) < 3:
            threads[0].join(0.01)
        stop.set()
        for thread in threads:
            thread.join()
        assert not any(late), round_


@pytest.mark.ehr(clients=1)
def test_who_opted_out_is_told_apart_from_who_was_never_asked(host, ehr, clock) -> None:
    """The consent that was taken back is named, also in the trail; one that another replaced is not."""
    for name in ("a", "b", "c"):
        ehr.put({"resourceType": "Patient", "id": name})
    ehr.put({**text_consent("a", status="inactive"), "id": "a1"})
    replaced = {"url": CONSENT_REPLACES, "valueReference": {"reference": "Consent/c1"}}
    over = {"type": "permit", "period": {"end": "2026-01-01"}}
    ehr.put({**text_consent("c", status="inactive"), "id": "c1"})
    ehr.put({**text_consent("c", provision=over, extension=[replaced]), "id": "c2"})
    one, two, three = host.gate.decide(texts(["a", "b", "c"], clock.now()))
    assert [d.permitted for d in (one, two, three)] == [False] * 3
    assert one.reasons[0].source.startswith("Consent/a1")
    assert [r.source for r in (*two.reasons, *three.reasons)] == ["default", "default"]


def test_on_sekmet(sekmet, clock, tmp_path) -> None:
    """C-5, issue 2, "shown", 3: a real server; a permit, then a revocation, then the next decision."""
    base, session = sekmet.base_url, requests.Session()
    session.headers["Content-Type"] = "application/fhir+json"
    patient = session.post(f"{base}/Patient", json={"resourceType": "Patient"}).json()
    given = session.post(f"{base}/Consent", json=text_consent(patient["id"])).json()
    data = {"practice": PRACTICE, "ehr": {"base_url": base, "requests_per_second": 1000}, "plugins": CONSENT}
    with Host(parse(data, tmp_path), clock=clock) as host:
        [decision] = host.gate.decide(texts([patient["id"]], clock.now()))
        assert decision.permitted
        assert decision.reasons[0].source.startswith(f"Consent/{given['id']}")
        session.put(f"{base}/Consent/{given['id']}", json={**given, "status": "inactive"}).raise_for_status()
        [decision] = host.gate.decide(texts([patient["id"]], clock.now()))
        assert not decision.permitted


@pytest.mark.ehr(clients=1)
@pytest.mark.parametrize(
    "garbled",
    [
        {"category": [7]},
        {"meta": 7},
        {"provision": [None]},
        {"provision": [{"type": 7}]},
        {"status": {}},
        {"patient": 7},
    ],
)
def test_one_consent_that_nobody_can_read_denies_no_one_else(host, ehr, clock, garbled) -> None:
    """H-4: in the forms of R4 and R5; the decider stays in its place."""
    for name in ("a", "b"):
        ehr.put({"resourceType": "Patient", "id": name})
        ehr.put({**text_consent(name), "id": f"{name}-texts"})
    new = {
        "subject": {"reference": "Patient/a"},
        "decision": "permit",
        "grantor": [{"reference": "Patient/a"}],
    }
    for form in ({}, new):
        ehr.put({**text_consent("a"), **form, "id": "a-texts", **garbled})
        _, other = host.gate.decide(texts(["a", "b"], clock.now()))
        assert other.permitted
        assert "consent" in host.plugins.loaded
