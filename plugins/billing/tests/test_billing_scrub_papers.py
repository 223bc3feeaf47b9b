"""Documents of a Bundle that are no claims: estimates, superbills, invoices, payments, refusals, denials."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chartside.papers import render_html
from chartside_billing.papers import forms
from chartside_billing.papers.data import Bill, Client, EstimateData, Provider, Service
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import Scrubber
from chartside_billing.scrub_files import read_any

PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Doe"}], "birthDate": "1990-01-01"}
BOOKED = {
    "resourceType": "Appointment",
    "id": "a",
    "status": "booked",
    "created": "2026-03-02",
    "start": "2026-03-20T10:00:00Z",
    "participant": [{"actor": {"reference": "Patient/p"}}],
}
ESTIMATE = (
    "Good Faith Estimate for Jane Doe, born 1990-01-01. Provider Alex Smith LCSW, NPI 1245319599, TIN 12-3456789, "
    "100 Main St, Chicago IL 60601. 2026-03-20 90791 $200.00. Diagnosis F41.1. Items scheduled separately: none. "
    "Total expected charges $200.00. This is an estimate, not a contract; you may dispute a bill."
)
SUPERBILL = (
    "Superbill. Provider Alex Smith LCSW, NPI 1245319599, TIN 12-3456789, 100 Main St Chicago IL 60601. Patient Doe, "
    "DOB 1990-01-01. 2026-03-10 POS 11 90837 F41.1 units 1 charge $150 paid $150. Signature: A Smith"
)


def written(text: str, kind: str, day: str = "2026-03-04") -> dict[str, Any]:
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": kind,
        "status": "current",
        "date": day,
        "type": {"text": kind},
        "subject": {"reference": "Patient/p"},
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    }


def invoice(total: int, line: int) -> dict[str, Any]:
    return {
        "resourceType": "Invoice",
        "id": "i",
        "status": "issued",
        "subject": {"reference": "Patient/p"},
        "totalNet": {"value": total},
        "lineItem": [{"priceComponent": [{"type": "base", "amount": {"value": line}}]}],
    }


def explained(**amounts: int) -> dict[str, Any]:
    told = [{"category": {"coding": [{"code": c}]}, "amount": {"value": a}} for c, a in amounts.items()]
    return {
        "resourceType": "ExplanationOfBenefit",
        "id": "e",
        "outcome": "complete",
        "patient": {"reference": "Patient/p"},
        "item": [{"sequence": 1, "adjudication": told}],
    }


def paid(total: int, detail: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "PaymentReconciliation",
        "id": "r",
        "paymentAmount": {"value": total},
        "detail": [{"amount": {"value": detail}, "request": {"reference": "Claim/c"}, **more}],
    }


def answer(outcome: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "ClaimResponse", "id": "x", "use": "claim", "outcome": outcome, **more}


DENIAL = answer(
    "complete",
    payment={"amount": {"value": 0}},
    item=[{"itemSequence": 1, "adjudication": [{"reason": {"coding": [{"code": "197"}]}}]}],
)
CASES: dict[str, tuple[list[dict[str, Any]], set[str]]] = {
    "no estimate": ([PATIENT, BOOKED], {"GFE-001"}),
    "estimate in time": ([PATIENT, BOOKED, written(ESTIMATE, "GFE")], set()),
    "estimate late": ([PATIENT, BOOKED, written(ESTIMATE, "GFE", "2026-03-12")], {"GFE-001"}),
    "estimate bare": ([PATIENT, BOOKED, written("Good Faith Estimate, Doe, 90791 $200", "GFE")], {"GFE-002"}),
    "estimate old": ([PATIENT, BOOKED, written(ESTIMATE, "GFE", "2025-01-04")], {"GFE-004"}),
    "billed above": ([PATIENT, BOOKED, written(ESTIMATE, "GFE"), invoice(650, 650)], {"GFE-003"}),
    "billed near": ([PATIENT, BOOKED, written(ESTIMATE, "GFE"), invoice(599, 599)], set()),
    "insured": (
        [
            PATIENT,
            BOOKED,
            {
                "resourceType": "Coverage",
                "id": "c",
                "status": "active",
                "beneficiary": {"reference": "Patient/p"},
            },
        ],
        set(),
    ),
    "superbill": ([PATIENT, written(SUPERBILL, "superbill")], set()),
    "superbill without NPI": (
        [PATIENT, written(SUPERBILL.replace("1245319599", ""), "superbill")],
        {"SB-001"},
    ),
    "invoice sum": ([PATIENT, invoice(65, 60)], {"INV-001"}),
    "invoice of the patient's part": ([PATIENT, invoice(20, 20), explained(copay=20, contractual=40)], set()),
    "invoice with the contract's": (
        [PATIENT, invoice(60, 60), explained(copay=20, contractual=40)],
        {"INV-001"},
    ),
    "payment": ([paid(90, 90)], set()),
    "payment off": ([paid(100, 90)], {"ERA-001"}),
    "takeback": ([paid(-90, -90)], {"ERA-003"}),
    "takeback paired": ([paid(-90, -90, predecessor={"value": "1"})], set()),
    "refused": ([answer("error", request={"reference": "Claim/c"})], {"ACK-001"}),
    "denied": ([DENIAL], {"ERA-004"}),
}


@pytest.mark.parametrize("name", CASES)
def test_documents_beside_claims_are_judged(name: str) -> None:
    """GFE, SB, INV, ERA and ACK from FHIR resources."""
    resources, wanted = CASES[name]
    assert found_in(resources) == wanted


def found_in(resources: list[dict[str, Any]]) -> set[str]:
    """The rules that speak."""
    held = read_any(json.dumps({"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}))
    scrubber = Scrubber(*ScrubSettings().scrubbing(date(2026, 3, 20)))
    reports = [scrubber.document(document, source) for document, source in held.documents]
    assert [report.failed for report in reports if report.failed] == []
    return {finding.rule.id for report in reports for finding in report.findings}


@pytest.mark.parametrize("language", ["en", "es"])
def test_our_own_papers_pass_our_own_rules(language: str) -> None:
    """GFE-002, SB-001: what our own commands write, stored as HTML in the EHR, is no finding; a cut one is."""
    practice = Provider("Elm", "", "1234567893", "12-3456789", "1 Main St, Chicago, IL 60601", "IL")
    client, day = Client("Ana Doe", date(1990, 1, 1)), date(2026, 3, 4)
    session = Service("90837", "Session", day, "11", [], ["F411"], charge=Decimal(150))
    whole = {
        "Good Faith Estimate": forms.estimate(
            EstimateData("1", day, practice, client, "Therapy", services=[session]), language
        ),
        "superbill": forms.superbill(
            Bill("1", day, None, practice, Provider("Jo", "LCSW", "1245319599"), client, [session]), language
        ),
    }
    documents = [written(render_html(paper), kind) for kind, paper in whole.items()]
    stored = [PATIENT, BOOKED, *documents]
    assert found_in(stored) & {"GFE-001", "GFE-002", "SB-001"} == set()
    cut = [replace(paper, blocks=paper.blocks[:4]) for paper in whole.values()]
    documents = [written(render_html(paper), kind) for kind, paper in zip(whole, cut, strict=True)]
    assert found_in([PATIENT, BOOKED, *documents]) >= {"GFE-002", "SB-001"}
