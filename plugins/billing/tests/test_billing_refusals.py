"""What the EHR says was refused or has ended (CLM-005, DX-017)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from chartside.codes import CONSENT_TYPE_SYSTEM, concept
from chartside.testing.ehr import Ehr
from chartside_billing.evening.judge import judge
from chartside_billing.fhir_claim.facts import consents, refusals
from chartside_billing.model import History
from chartside_billing.rules.book import RuleBook
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import scrub
from chartside_billing.x12.example import claim

DAY = date(2026, 11, 2)
PAYER = "Organization/plan"


def consent(kind: str = "release", status: str = "active", **provision: Any) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": status,
        "category": [concept(CONSENT_TYPE_SYSTEM, kind)],
        "provision": {"type": "permit", **provision},
    }


def to(name: str) -> list[dict[str, Any]]:
    return [{"reference": {"reference": name}}]


BENEFITS = {**consent("x", "inactive"), "category": [{"text": "Assignment of Benefits"}]}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([consent(status="inactive")], {"no-release"}),
        ([consent(type="deny")], {"no-release"}),
        ([consent(status="inactive", actor=to(PAYER))], {"no-release"}),
        ([consent(status="inactive", actor=to("Organization/school"))], set()),
        (
            [consent(status="inactive", actor=to("Organization/x"), purpose=[{"code": "HPAYMT"}])],
            {"no-release"},
        ),
        ([consent(period={"end": "2026-11-01"})], {"no-release"}),
        ([consent(period={"end": "2026-11-02"})], set()),
        ([consent(status="inactive"), consent()], set()),
        ([consent(status="entered-in-error"), consent(status="draft")], set()),
        ([consent("part2-tpo", "inactive")], {"no-part2"}),
        ([BENEFITS], {"no-assignment"}),
    ],
)
def test_what_was_refused_or_has_ended(found: list[dict[str, Any]], expected: set[str]) -> None:
    """Refused, taken back: by kind, and only where it is this payer's matter."""
    assert refusals(found, consents(found, DAY), PAYER, DAY) == expected


def test_the_flags_of_clm09_and_clm08_need_what_is_on_file() -> None:
    """CLM-005: a release or an assignment that ended is an error; without one that ended there is none."""
    book = RuleBook.load()
    _, loaded = ScrubSettings().scrubbing(date(2026, 11, 24))
    claims = [
        replace(claim(), history=History(consents=frozenset(kinds)))
        for kinds in ({"release", "assignment"}, {"no-release"}, {"no-assignment"})
    ]
    told = [sum(f.rule.id == "CLM-005" for f in report.findings) for report in scrub(claims, loaded, book)]
    assert told == [0, 1, 1]


@pytest.mark.ehr(clients=6)
def test_the_evening_sees_a_release_that_was_taken_back(ehr: Ehr, opened: Any) -> None:
    """From the EHR's Consents to the finding, for this client alone."""
    with opened() as host:
        context = host.context("billing")
        before = judge(context)
        chosen, resource = next(
            pair for pair, report in zip(before.pairs, before.reports, strict=True) if report.clean
        )
        patient = resource["patient"]
        ehr.put({**consent(status="inactive"), "id": "gone", "patient": patient, "dateTime": "2026-01-01"})
        after = judge(context)
        told = {
            r["patient"]["reference"]
            for (_, r), report in zip(after.pairs, after.reports, strict=True)
            if any(f.rule.id == "CLM-005" for f in report.findings)
        }
    assert chosen.release == "Y"
    assert told == {patient["reference"]}
