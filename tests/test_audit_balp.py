"""AuditEvents against the profiles of IHE BALP, and the accounting of disclosures."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from chartside.audit import (
    Auditor,
    AuditRecord,
    Event,
    Observer,
    Result,
    Trail,
    accounting,
    event,
)
from chartside.errors import AuditUnavailable, Forbidden

AT = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
OBSERVER = Observer(
    "host-1", "willow", "https://ehr.example.org/fhir", "10.0.0.7", {"twilio": "https://api.example.org"}
)
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."


def make(kind: Event, **changes: Any) -> AuditRecord:
    base = {"patient": "Patient/p1", "target": "Appointment/a1", "purpose": "TREAT", "request_id": "r-1"}
    return AuditRecord(kind, "scheduling", AT, **{**base, **changes})


# Copied from the profiles' FSH (ITI.BALP 1.1): type, subtype, action, and the agents and entities that are 1..1.
SOURCE, DESTINATION, APPLICATION = "110153", "110152", "110150"
PROFILES = {
    "PatientRead": (make(Event.READ), "rest", "read", "R", {DESTINATION, SOURCE}, {"2", "1"}),
    "PatientCreate": (make(Event.CREATE), "rest", "create", "C", {SOURCE, DESTINATION}, {"2", "1"}),
    "PatientUpdate": (make(Event.UPDATE), "rest", "update", "U", {SOURCE, DESTINATION}, {"2", "1"}),
    "PatientDelete": (make(Event.DELETE), "rest", "delete", "D", {APPLICATION, "custodian"}, {"2", "1"}),
    "PatientQuery": (
        make(Event.SEARCH, target="Appointment", parameters="date&status"),
        "rest",
        "search-type",
        "E",
        {SOURCE, DESTINATION},
        {"2", "1"},
    ),
    "Query": (
        make(Event.SEARCH, target="Appointment", patient=""),
        "rest",
        "search-type",
        "E",
        {SOURCE, DESTINATION},
        {"2"},
    ),
    "PrivacyDisclosure.Source": (
        make(Event.DISCLOSURE, recipient="twilio", data_class="contact"),
        "110106",
        "disclose",
        "R",
        {SOURCE, DESTINATION},
        {"1"},
    ),
    "AuthZconsent": (
        make(Event.DECISION, outcome=Result.PERMIT, consents=("Consent/1",), provisions=("provision",)),
        "110113",
        "AuthZ-Consent",
        "E",
        {APPLICATION, "IRCP", "PROV", "authserver"},
        {"1", "Consent"},
    ),
}


@pytest.mark.parametrize("name", PROFILES)
def test_events_follow_their_profile(name: str) -> None:
    """S-9, C-8: codes, agents and entities of the BALP profile that the event claims."""
    record, kind, subtype, action, agents, entities = PROFILES[name]
    made = event(record, OBSERVER)
    assert made["meta"]["profile"] == [BALP + name]
    assert (made["type"]["code"], made["subtype"][0]["code"], made["action"]) == (kind, subtype, action)
    assert made["outcome"] == "0"
    types = [agent["type"]["coding"][0]["code"] for agent in made["agent"]]
    assert agents <= set(types)
    for code in agents:
        assert types.count(code) == 1
    assert entities <= {entity["type"]["code"] for entity in made["entity"]}
    requestors = [agent["requestor"] for agent in made["agent"]]
    assert requestors.count(True) == 1
    AuditEvent.model_validate(made)


def test_every_record_makes_a_valid_event(each: Callable[..., None]) -> None:
    """S-9: with everything and with next to nothing in the record."""

    def check(kind: Event, outcome: Result) -> None:
        user, recipient = "Practitioner/9", "Organization/2"
        full = make(kind, outcome=outcome, user=user, recipient=recipient, rules=("default",))
        least = AuditRecord(kind, "host", AT, outcome, recipient="twilio" if kind is Event.DISCLOSURE else "")
        for record in (full, least):
            made = event(record, OBSERVER)
            AuditEvent.model_validate(made)
            assert made["recorded"] == "2026-11-24T15:00:00.000Z"

    each(itertools.product(Event, Result), check)


def test_network_agents_say_where_they_are() -> None:
    """BALP: client and server carry a network address of the right type; users never do."""
    made = event(make(Event.READ), OBSERVER)
    found = {a["type"]["coding"][0]["code"]: a.get("network") for a in made["agent"]}
    assert found[DESTINATION] == {"address": "10.0.0.7", "type": "2"}
    assert found[SOURCE] == {"address": "https://ehr.example.org/fhir", "type": "5"}
    assert found["IRCP"] is None


def test_the_source_of_a_disclosure_is_the_observer() -> None:
    """BALP invariant val-audit-source: ``$this.who = %resource.source.observer``."""
    made = event(PROFILES["PrivacyDisclosure.Source"][0], OBSERVER)
    source = next(a for a in made["agent"] if a["type"]["coding"][0]["code"] == SOURCE)
    assert source["who"] == made["source"]["observer"]
    made = event(PROFILES["AuthZconsent"][0], OBSERVER)
    authorizer = next(a for a in made["agent"] if a["type"]["coding"][0]["code"] == "authserver")
    assert authorizer["who"] == made["source"]["observer"]


def test_a_query_holds_names_of_parameters_only() -> None:
    made = event(PROFILES["PatientQuery"][0], OBSERVER)
    query = next(entity for entity in made["entity"] if "query" in entity)
    assert base64.b64decode(query["query"]) == b"Appointment?date&status"
    assert "what" not in query  # 0..0 in the profile


def test_a_denial_names_consents_patient_and_rule() -> None:
    """C-8: deny is a serious failure, as in BALP's example, and says by what."""
    record = make(
        Event.DECISION,
        outcome=Result.DENY,
        action="sms",
        consents=("Consent/1/_history/2", "Consent/4"),
        provisions=("provision.provision[0]", ""),
        rules=("US-IL-WOPR-3",),
    )
    made = event(record, OBSERVER)
    assert [e.get("detail") for e in made["entity"]] == [
        None,
        [{"type": "provision", "valueString": "provision.provision[0]"}],
        None,
    ]
    assert made["outcome"] == "8"
    assert made["outcomeDesc"] == "deny: sms, rule US-IL-WOPR-3"
    assert [e["what"].get("reference") for e in made["entity"]] == [
        "Patient/p1",
        "Consent/1/_history/2",
        "Consent/4",
    ]


def test_a_decision_without_any_consent_says_that_none_was_found() -> None:
    """C-8: the profile wants a consent entity; the event does not invent one."""
    made = event(make(Event.DECISION, outcome=Result.DENY, rules=("default",)), OBSERVER)
    assert made["entity"][-1]["what"] == {"type": "Consent", "display": "none found"}


def test_a_disclosure_without_a_recipient_is_refused() -> None:
    """45 CFR 164.528 (b)(2)(ii): an accounting names who received it."""
    with pytest.raises(ValueError, match="recipient"):
        make(Event.DISCLOSURE)


def test_a_failed_read_does_not_claim_the_profile_for_successes() -> None:
    made = event(make(Event.READ, outcome=Result.FAILURE), OBSERVER)
    assert "meta" not in made
    assert made["outcome"] == "4"


# ---- Auditor


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "audit.jsonl", b"k")


def refuse(_: object) -> None:
    raise Forbidden("no AuditEvent here", method="POST", resource_type="Bundle", status=403)


def test_the_trail_is_written_before_the_sink(trail: Trail) -> None:
    """S-10: even when the server does not take it, the trail has it, and the disclosure is refused."""
    auditor = Auditor(trail, OBSERVER, sink=refuse)
    with pytest.raises(AuditUnavailable):
        auditor.record([make(Event.DISCLOSURE, recipient="twilio")])
    assert [r.event for r in trail.records()] == [Event.DISCLOSURE]


def test_a_read_is_not_undone_by_a_sink_that_refuses(trail: Trail) -> None:
    """What has happened already stays in the trail; the host goes on and logs it."""
    Auditor(trail, OBSERVER, sink=refuse, deliver=frozenset(Event)).record([make(Event.READ)])
    assert len(list(trail.records())) == 1


def test_no_trail_no_disclosure(tmp_path: Path) -> None:
    """S-10: the sink is not even asked."""
    (tmp_path / "file").write_text("")
    taken: list[Any] = []
    auditor = Auditor(Trail(tmp_path / "file" / "t"), OBSERVER, sink=taken.extend)
    with pytest.raises(AuditUnavailable):
        auditor.record([make(Event.DISCLOSURE, recipient="twilio")])
    assert taken == []


def test_disclosures_and_decisions_go_to_the_sink_in_one_call(trail: Trail) -> None:
    calls: list[Any] = []
    auditor = Auditor(trail, OBSERVER, sink=calls.append)
    sent = make(Event.DISCLOSURE, recipient="twilio")
    auditor.record([make(Event.READ), make(Event.DECISION), sent])
    assert [[e["type"]["code"] for e in call] for call in calls] == [["110113", "110106"]]
    assert len(auditor.prepare([sent, make(Event.READ)])) == 1
    assert len(calls) == 1
    assert len(list(trail.records())) == 5
    assert Auditor(trail, OBSERVER).prepare([sent]) == ()


# ---- accounting


def disclosures() -> list[AuditRecord]:
    out = [
        make(Event.DISCLOSURE, recipient="county-health", purpose="PUBHLTH", data_class="diagnosis"),
        make(Event.DISCLOSURE, recipient="twilio", purpose="REMIND", target="Communication/c"),
        make(Event.DISCLOSURE, recipient="Patient/p1", purpose="PATRQT"),
        make(Event.DISCLOSURE, recipient="lawyer", purpose="LEGAL", consents=("Consent/3",)),
        make(Event.DISCLOSURE, recipient="county-health", purpose="PUBHLTH", outcome=Result.FAILURE),
        make(Event.DISCLOSURE, recipient="county-health", purpose="PUBHLTH", patient="Patient/p2"),
        make(Event.READ),
    ]
    return [replace(record, at=AT + timedelta(minutes=n)) for n, record in enumerate(out)]


def test_accounting_lists_what_left_about_one_client() -> None:
    """45 CFR 164.528: date, recipient, what, purpose; what the law leaves out is marked, not hidden."""
    found = accounting(reversed(disclosures()), "Patient/p1", recipients={"county-health": "1 Main St"})
    assert [(d.recipient, d.purpose, d.exempt) for d in found] == [
        ("county-health", "PUBHLTH", ""),
        ("twilio", "REMIND", "treatment"),
        ("Patient/p1", "PATRQT", "to the individual"),
        ("lawyer", "LEGAL", "by the individual's authorization"),
    ]
    assert (found[0].address, found[0].at) == ("1 Main St", AT)
    assert found[0].what == "Appointment/a1 (diagnosis)"


def test_accounting_since() -> None:
    found = accounting(disclosures(), "Patient/p1", since=AT + timedelta(minutes=2))
    assert [d.recipient for d in found] == ["Patient/p1", "lawyer"]


def test_trail_and_events_of_the_same_disclosure_count_once() -> None:
    """The trail and the EHR's AuditEvents may be read together."""
    records = disclosures()
    events = [json.loads(json.dumps(event(record, OBSERVER))) for record in records]
    both, alone = accounting([*events, *records], "Patient/p1"), accounting(records, "Patient/p1")
    assert both == alone
    from_events = accounting(events, "Patient/p1")
    assert [(d.at, d.recipient, d.purpose) for d in from_events] == [
        (d.at, d.recipient, d.purpose) for d in alone
    ]


@pytest.mark.parametrize(
    "event_",
    [
        {},
        {"subtype": "x"},
        {"subtype": [{"code": "disclose"}]},
        {"subtype": [None]},
        {"subtype": [{"code": "disclose"}], "agent": [{"type": {"coding": {"code": "110152"}}}]},
        {"subtype": [{"code": "disclose"}], "entity": [{"role": ["1"], "what": 5}]},
    ],
)
def test_accounting_lives_with_events_of_any_form(event_: dict[str, Any]) -> None:
    assert accounting([event_], "Patient/p1") == []
