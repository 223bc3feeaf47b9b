"""Coverages, and the claims of past visits, some with a planted fault that a scrubber should find."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from chartside.codes import concept
from chartside.sandbox.practice.people import PAYERS, Client
from chartside.types import Resource

CPT = "http://www.ama-assn.org/go/cpt"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
POS = "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
USD = "USD"

DIAGNOSES = ("F41.1", "F32.1", "F33.1", "F43.23", "F43.10", "F90.2", "F40.10", "F42.2")

FEES = {"90791": 210, "90832": 95, "90834": 130, "90837": 175, "90847": 150, "90853": 60}
"""Invented charges in dollars."""

FAULTS = ("minutes", "total", "pointer", "no-coverage", "future-date", "frequency")
"""Planted faults: a code that the minutes do not carry; a total that is not the sum of the lines; a pointer
to a diagnosis that is not there; no insurance; a service after the claim's date; a replacement without its original."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a claim needs to know of a past visit. ``minutes``: face to face."""

    id: str
    start: datetime
    minutes: int
    code: str
    telehealth: bool
    clinician: str


def coverage(client: Client, rng: random.Random) -> Resource | None:
    """Return the client's Coverage, or None for one of the few who pay themselves."""
    if rng.random() < 0.12:
        return None
    payer = rng.randint(1, len(PAYERS))
    return {
        "resourceType": "Coverage",
        "id": f"{client.id}-coverage",
        "status": "active" if rng.random() < 0.95 else "cancelled",
        "subscriberId": f"XSB{client.number:08d}",
        "beneficiary": client.reference,
        "relationship": concept("http://terminology.hl7.org/CodeSystem/subscriber-relationship", "self"),
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "payor": [{"reference": f"Organization/payer-{payer}"}],
    }


def condition(client: Client, code: str) -> Resource:
    """Return the Condition for which the client is treated."""
    return {
        "resourceType": "Condition",
        "id": f"{client.id}-condition",
        "clinicalStatus": concept("http://terminology.hl7.org/CodeSystem/condition-clinical", "active"),
        "verificationStatus": concept(
            "http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed"
        ),
        "category": [
            concept("http://terminology.hl7.org/CodeSystem/condition-category", "encounter-diagnosis")
        ],
        "code": concept(ICD10, code),
        "subject": client.reference,
    }


def claim(client: Client, visit: Visit, covered: bool, diagnosis: str, fault: str) -> Resource:
    """Return the Claim of a visit, with one planted fault if ``fault`` names one."""
    fee = FEES[visit.code]
    code = (
        {"90832": "90834", "90834": "90837", "90837": "90832"}.get(visit.code, "90832")
        if fault == "minutes"
        else visit.code
    )
    day = visit.start.date().isoformat()
    resource: Resource = {
        "resourceType": "Claim",
        "id": f"{visit.id}-claim",
        "status": "active",
        "type": concept("http://terminology.hl7.org/CodeSystem/claim-type", "professional"),
        "use": "claim",
        "patient": client.reference,
        "created": day,
        "provider": {"reference": "Organization/practice"},
        "priority": concept("http://terminology.hl7.org/CodeSystem/processpriority", "normal"),
        "careTeam": [{"sequence": 1, "provider": {"reference": visit.clinician}, "role": _PRIMARY}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept(ICD10, diagnosis)}],
        "insurance": _insurance(client, covered and fault != "no-coverage"),
        "item": [
            {
                "sequence": 1,
                "careTeamSequence": [1],
                "diagnosisSequence": [2 if fault == "pointer" else 1],
                "productOrService": concept(CPT, code),
                **({"modifier": [concept(CPT, "95")]} if visit.telehealth else {}),
                "servicedDate": "2027-12-31" if fault == "future-date" else day,
                "locationCodeableConcept": concept(POS, "10" if visit.telehealth else "11"),
                "quantity": {"value": 1},
                "unitPrice": {"value": fee, "currency": USD},
                "net": {"value": fee, "currency": USD},
                "encounter": [{"reference": f"Encounter/{visit.id}-encounter"}],
            }
        ],
        "total": {"value": fee + (10 if fault == "total" else 0), "currency": USD},
    }
    if fault == "frequency":
        resource["subType"] = concept("https://chartside.dev/fhir/sandbox/claim-frequency", "7")
    return resource


_PRIMARY = concept("http://terminology.hl7.org/CodeSystem/claimcareteamrole", "primary")


def _insurance(client: Client, covered: bool) -> list[Resource]:
    link = {"reference": f"Coverage/{client.id}-coverage"} if covered else {"display": "not on file"}
    return [{"sequence": 1, "focal": True, "coverage": link}]
