"""No claim goes to a payer whom the client, or the law, keeps it from; the others go on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chartside import JobOptions
from chartside.audit import Event
from chartside.audit.record import Result
from chartside.clock import FrozenClock
from chartside.codes import ACT_CODE_SYSTEM, ACT_REASON_SYSTEM, CONSENT_TYPE_SYSTEM, concept
from chartside.testing.ehr import Ehr
from chartside_billing.evening.permit import NOTICE, with_notice
from chartside_billing.model import Claim
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837

pytestmark = pytest.mark.ehr(clients=10)
CONSENT = {"consent": {"enabled": True}}
LABELS = {"meta": {"security": [{"system": ACT_CODE_SYSTEM, "code": "42CFRPart2"}]}}


def restriction(patient: str, kind: str = "deny", **provision: Any) -> dict[str, Any]:
    """A client's restriction on what is told to a payer, or a Part 2 consent."""
    category = "privacy" if kind == "deny" else "part2-tpo"
    purpose = {"purpose": [{"system": ACT_REASON_SYSTEM, "code": "HPAYMT"}]}
    return {
        "resourceType": "Consent",
        "id": f"restricted-{kind}",
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [concept(CONSENT_TYPE_SYSTEM, category)],
        "patient": {"reference": patient},
        "dateTime": "2026-11-01T09:00:00-05:00",
        "performer": [{"reference": patient}],
        "provision": {"type": kind, **(purpose if kind == "deny" else {}), **provision},
    }


def sent(house_table: dict[str, Any]) -> list[Claim]:
    files = sorted((Path(house_table["folder"]) / "in").glob("*.837"))
    return [one for file in files for one in read_837(file.read_bytes())]


def visit_of(stored: dict[str, Any]) -> str:
    return str(stored["item"][0]["encounter"][0]["reference"])


@pytest.mark.slow
def test_a_restricted_claim_is_held_back_and_the_rest_goes_on(
    ehr: Ehr, opened: Any, house_table: dict[str, Any], clock: FrozenClock
) -> None:
    """45 CFR 164.522(a)(1)(vi): paid out of pocket, not told to the plan; by visit. Nothing is sent of it until the
    client takes it back."""
    with opened(CONSENT) as host:
        dry = host.run("billing.submit", JobOptions(dry_run=True))
        would = dry.counts["would go out, where not sent before"]
        assert would > 3
        assert dry.counts["held back"] == 0
        names = would_names(host)
        held = ehr.read("Claim", sorted(names)[0])
        consent = restriction(
            held["patient"]["reference"],
            data=[{"meaning": "instance", "reference": {"reference": visit_of(held)}}],
        )
        ehr.put(consent)
        again = host.run("billing.submit", JobOptions(dry_run=True))
        assert again.counts["held back"] == 1
        report = host.run("billing.submit")
        assert not report.failed, report.notes
        assert (report.counts["sent"], report.counts["held back"]) == (would - 1, 1)
        (told,) = [line for line in report.set_aside if "held back" in line]
        assert f"Claim/{held['id']}" in told
        assert "Consent/restricted-deny/_history/1 provision" in told
        assert not [name for name in ehr.practice.canaries() if name in told]
        assert held["id"][:20].upper() not in {c.id.upper() for c in sent(house_table)}
        assert host.run("billing.submit").counts["sent"] == 0
        ehr.put({**consent, "status": "inactive"})
        clock.advance(60)
        assert host.run("billing.submit").counts["sent"] == 1
        denied = [
            r for r in host.auditor.trail.records() if r.event is Event.DECISION and r.outcome is Result.DENY
        ]
        assert {r.patient for r in denied} == {held["patient"]["reference"]}


def would_names(host: Any) -> list[str]:
    from chartside_billing.evening.submit import clean_claims

    return [c.where.partition("/")[2] for c in clean_claims(host.context("billing"), JobOptions())]


def test_part_2_records_need_a_consent_and_carry_the_notice(
    ehr: Ehr, opened: Any, house_table: dict[str, Any], clock: FrozenClock
) -> None:
    """42 CFR 2.31 and 2.32: by the label of the visit; with one TPO consent the claim goes, the notice in its NTE."""
    with opened(CONSENT) as host:
        held = ehr.read("Claim", sorted(would_names(host))[0])
        ehr.put({**ehr.read(*visit_of(held).split("/")), **LABELS})
        assert host.run("billing.submit").counts["held back"] == 1
        ehr.put(restriction(held["patient"]["reference"], "permit"))
        clock.advance(60)
        assert host.run("billing.submit").counts["sent"] == 1
    notes = {c.id.upper(): c.notes for c in sent(house_table)}
    noted = notes.pop(held["id"][:20].upper())
    assert [text.upper() for _, text in noted] == [NOTICE.upper()]
    assert not any(notes.values())


def test_one_question_for_all_and_no_consent_plugin_is_told(opened: Any, ehr: Ehr) -> None:
    """No N+1: the consents of all clients come in one search. Without the consent plugin nobody looks, and the report
    says so."""
    with opened(CONSENT) as host:
        before = len(ehr.sandbox.seen)
        report = host.run("billing.submit")
        assert report.counts["sent"] > 3
        asked = [
            path for method, path, _ in ehr.sandbox.seen[before:] if "/Consent?" in path and method == "GET"
        ]
        assert len(asked) <= 2  # the scrub's, and the gate's
        assert "nobody looked" not in " ".join(report.notes)
    with opened() as host:
        assert "nobody looked" in " ".join(host.run("billing.submit", JobOptions(dry_run=True)).notes)


def test_who_restricted_is_not_asked_about_either(ehr: Ehr, opened: Any) -> None:
    """A 270 tells the payer who is coming."""
    with opened(CONSENT) as host:
        would = host.run("billing.eligibility", JobOptions(dry_run=True)).counts["would be asked"]
        client = next(
            p["actor"]["reference"]
            for a in ehr.all("Appointment")
            if a["status"] == "booked" and a["start"] > "2026-11-24T23"
            for p in a["participant"]
            if p["actor"]["reference"].startswith("Patient/")
            and any(c["beneficiary"] == p["actor"] and c["status"] == "active" for c in ehr.all("Coverage"))
        )
        ehr.put(restriction(client))
        report = host.run("billing.eligibility", JobOptions(dry_run=True))
        assert report.counts["held back"] + report.counts["would be asked"] == would
        assert report.counts["held back"] == 1


def test_the_notice_finds_a_free_note() -> None:
    """The guide allows one note for a claim and one for a line."""
    plain = with_notice(claim())
    assert plain is not None
    assert plain.notes == [("ADD", NOTICE)]
    noted = replace(claim(), notes=[("ADD", "LATE")])
    on_line = with_notice(noted)
    assert on_line is not None
    assert (on_line.notes, on_line.lines[0].notes) == ([("ADD", "LATE")], [("ADD", NOTICE)])
    assert noted.lines[0].notes == []
    full = replace(noted, lines=[replace(line, notes=[("ADD", "X")]) for line in noted.lines])
    assert with_notice(full) is None
    assert len(NOTICE) <= 80
