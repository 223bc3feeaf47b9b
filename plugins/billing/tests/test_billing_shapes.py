"""Shapes of Bundles and answers that other systems write, each read as what it means (issue 4, shown 1 and 2)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chartside_billing.bundles import read_bundle
from chartside_billing.bundles.cover import _somebody_else, _used
from chartside_billing.documents import Estimate
from chartside_billing.model import Claim
from chartside_billing.scrub_files import read_any
from chartside_billing.x12.example import claim as example
from chartside_billing.x12.graph import Graph
from chartside_billing.x12.validate import check_pyx12
from chartside_billing.x12.write837 import Control, write_837

Resource = dict[str, Any]
CPT = "http://www.ama-assn.org/go/cpt"
NPI = "http://hl7.org/fhir/sid/us-npi"


def concept(code: str, system: str = "") -> Resource:
    """A CodeableConcept."""
    return {"coding": [{"code": code, **({"system": system} if system else {})}]}


def resources() -> dict[str, Resource]:
    """One claim of an associate's practice, by short names."""
    patient = {"reference": "Patient/p"}
    return {
        "patient": {
            "resourceType": "Patient",
            "id": "p",
            "name": [{"family": "Reyes", "given": ["Ana"]}],
            "gender": "female",
            "birthDate": "1990-05-04",
            "address": [
                {"line": ["8 Elm St"], "city": "Salem", "state": "OR", "postalCode": "97301"},
            ],
        },
        "payer": {
            "resourceType": "Organization",
            "id": "payer",
            "name": "Elm Health",
            "identifier": [{"value": "ELM01"}],
        },
        "practice": {
            "resourceType": "Organization",
            "id": "practice",
            "name": "Larkspur Therapy",
            "identifier": [
                {"system": NPI, "value": "1234567893"},
                {"system": "urn:oid:2.16.840.1.113883.4.4", "value": "12-3456789"},
            ],
            "telecom": [{"system": "phone", "value": "(503) 362-5521"}],
            "address": [
                {"line": ["9 Oak St"], "city": "Salem", "state": "OR", "postalCode": "97301-1234"},
            ],
        },
        "clinician": {
            "resourceType": "Practitioner",
            "id": "dr",
            "name": [{"family": "Moss", "given": ["Ida"]}],
            "identifier": [{"system": NPI, "value": "1245319599"}],
        },
        "role": {
            "resourceType": "PractitionerRole",
            "id": "role",
            "practitioner": {"reference": "Practitioner/dr"},
            "organization": {"reference": "Organization/practice"},
            "specialty": [concept("1041C0700X", "http://nucc.org/provider-taxonomy")],
        },
        "coverage": {
            "resourceType": "Coverage",
            "id": "c",
            "status": "active",
            "beneficiary": patient,
            "subscriber": patient,
            "subscriberId": "W200",
            "relationship": concept("self"),
            "payor": [{"reference": "Organization/payer"}],
        },
        "encounter": {
            "resourceType": "Encounter",
            "id": "e",
            "status": "finished",
            "class": {"code": "VR"},
            "subject": patient,
            "period": {"start": "2026-11-09T09:00:00-08:00", "end": "2026-11-09T09:55:00-08:00"},
        },
        "claim": {
            "resourceType": "Claim",
            "id": "k",
            "status": "active",
            "use": "claim",
            "type": concept("professional"),
            "identifier": [{"value": "A-1"}],
            "patient": patient,
            "created": "2026-11-12",
            "provider": {"reference": "Organization/practice"},
            "careTeam": [
                {"sequence": 1, "provider": {"reference": "Practitioner/dr"}, "role": concept("primary")}
            ],
            "diagnosis": [
                {
                    "sequence": 1,
                    "diagnosisCodeableConcept": concept("F41.1", "http://hl7.org/fhir/sid/icd-10-cm"),
                }
            ],
            "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/c"}}],
            "item": [
                {
                    "sequence": 1,
                    "diagnosisSequence": [1],
                    "productOrService": concept("90837", CPT),
                    "servicedDate": "2026-11-09",
                    "locationCodeableConcept": concept("11", "urn:place-of-service"),
                    "quantity": {"value": 1},
                    "net": {"value": 165},
                    "encounter": [{"reference": "Encounter/e"}],
                }
            ],
            "total": {"value": 165},
        },
    }


def bundle(found: dict[str, Resource]) -> Resource:
    """A collection of them."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": r} for r in found.values()],
    }


def read(found: dict[str, Resource]) -> Claim:
    """The claim of a Bundle."""
    return next(c for c in read_bundle(bundle(found)).claims if c.id == "A-1")


def test_codes_of_the_practice_stand_before_the_standard_ones() -> None:
    found = resources()
    item = found["claim"]["item"][0]
    item["productOrService"]["coding"].insert(0, {"system": "http://ehr.example/charges", "code": "PSY60"})
    item["locationCodeableConcept"]["coding"].insert(0, {"system": "http://ehr.example/rooms", "code": "R12"})
    line = read(found).lines[0]
    assert (line.code, line.pos) == ("90837", "11")


def test_an_old_address_is_not_the_address() -> None:
    found = resources()
    found["patient"]["address"].insert(0, {"use": "old", "line": ["1 Gone St"], "city": "Nowhere"})
    member = read(found).member
    assert member is not None
    assert member.address is not None
    assert member.address.state == "OR"


def test_a_payer_named_by_its_number_alone() -> None:
    found = resources()
    del found["payer"]
    found["coverage"]["payor"] = [{"identifier": {"value": "ELM01"}, "display": "Elm Health"}]
    payer = read(found).insurance.payer
    assert payer is not None
    assert (payer.id, payer.last) == ("ELM01", "Elm Health")


def test_a_sole_practitioner_bills_with_a_social_security_number() -> None:
    """PRV-002: REF*SY is as good as REF*EI."""
    found = resources()
    found["clinician"]["identifier"].append(
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "212-55-3344"}
    )
    found["claim"]["provider"] = {"reference": "Practitioner/dr"}
    billing = read(found).billing
    assert billing is not None
    assert (billing.tax_id_qualifier, billing.tax_id) == ("SY", "212553344")


def test_a_role_bills_for_its_organization() -> None:
    found = resources()
    found["claim"] |= {"provider": {"reference": "PractitionerRole/role"}, "careTeam": []}
    claim = read(found)
    assert claim.billing is not None
    assert claim.rendering is not None
    assert (claim.billing.npi, claim.rendering.npi) == ("1234567893", "1245319599")


def test_a_telephone_number_with_an_extension() -> None:
    found = resources()
    found["practice"]["telecom"][0]["value"] = "+1 (503) 362-5521 ext. 204"
    submitter = read(found).submitter
    assert submitter is not None
    assert submitter.contacts[0].phone == "5033625521"


def test_roles_as_carin_names_them() -> None:
    found = resources()
    found["other"] = {
        **found["clinician"],
        "id": "boss",
        "identifier": [{"system": NPI, "value": "1992881731"}],
    }
    found["claim"]["careTeam"] = [
        {"sequence": 1, "provider": {"reference": "Practitioner/dr"}, "role": concept("rendering")},
        {"sequence": 2, "provider": {"reference": "Practitioner/boss"}, "role": concept("supervising")},
    ]
    claim = read(found)
    assert claim.rendering is not None
    assert claim.supervising is not None
    assert (claim.rendering.npi, claim.supervising.npi) == ("1245319599", "1992881731")


@pytest.mark.parametrize(("code", "filing"), [("511", "HM"), ("512", "12"), ("5", "CI"), ("111", "16")])
def test_source_of_payment_typology(code: str, filing: str) -> None:
    found = resources()
    found["coverage"]["type"] = concept(code, "https://nahdo.org/sopt")
    assert read(found).insurance.filing == filing


def test_lines_of_one_day_take_it_from_the_billable_period() -> None:
    found = resources()
    del found["claim"]["item"][0]["servicedDate"]
    found["claim"]["billablePeriod"] = {"start": "2026-11-09", "end": "2026-11-09"}
    assert str(read(found).lines[0].dates.start) == "2026-11-09"
    found["claim"]["billablePeriod"]["end"] = "2026-11-30"
    assert read(found).lines[0].dates.start is None


def test_adjustments_by_their_group_code() -> None:
    """COB-002: a decision whose adjudications are CO and PR balances."""
    found = resources()
    found["first"] = {**found["coverage"], "id": "first", "payor": [{"reference": "Organization/payer"}]}
    decided = [("benefit", "", 105), ("CO", "45", 40), ("PR", "3", 20)]
    found["answer"] = {
        "resourceType": "ClaimResponse",
        "id": "r",
        "use": "claim",
        "patient": {"reference": "Patient/p"},
        "item": [
            {
                "itemSequence": 1,
                "adjudication": [
                    {"category": concept(c), "reason": concept(r), "amount": {"value": a}}
                    for c, r, a in decided
                ],
            }
        ],
    }
    found["claim"]["insurance"] = [
        {
            "sequence": 1,
            "focal": False,
            "coverage": {"reference": "Coverage/first"},
            "claimResponse": {"reference": "ClaimResponse/r"},
        },
        {"sequence": 2, "focal": True, "coverage": {"reference": "Coverage/c"}},
    ]
    (decision,) = read(found).lines[0].adjudications
    assert decision.paid == 105
    assert [(a.group, a.reason, a.amount) for a in decision.adjustments] == [
        ("CO", "45", Decimal(40)),
        ("PR", "3", Decimal(20)),
    ]


def test_an_answer_about_somebody_else_is_not_this_patients() -> None:
    found = resources()
    found["answer"] = {
        "resourceType": "CoverageEligibilityResponse",
        "id": "r",
        "patient": {"reference": "Patient/q"},
        "created": "2026-11-05",
        "insurance": [{"coverage": {"reference": "Coverage/d"}, "inforce": False}],
    }
    found["other"] = {**found["claim"], "id": "l", "identifier": [{"value": "A-2"}]}
    found["other"] |= {"patient": {"reference": "Patient/q"}, "insurance": []}
    found["stranger"] = {**found["patient"], "id": "q"}
    assert read(found).insurance.eligibility is None
    found["answer"] |= {"patient": {"reference": "Patient/p"}}
    found["answer"]["insurance"][0]["coverage"] = {"reference": "Coverage/c"}
    eligibility = read(found).insurance.eligibility
    assert eligibility is not None
    assert eligibility.active is False


@pytest.mark.parametrize("place", ["encounter", "appointment"])
def test_a_telephone_session_by_the_r5_extension(place: str) -> None:
    found = resources()
    found["appointment"] = {"resourceType": "Appointment", "id": "a", "status": "fulfilled"}
    found["encounter"]["appointment"] = [{"reference": "Appointment/a"}]
    channel = {"url": "channelType", "valueCoding": {"code": "phone"}}
    found[place]["extension"] = [
        {
            "url": f"http://hl7.org/fhir/5.0/StructureDefinition/extension-{place.title()}.virtualService",
            "extension": [channel],
        }
    ]
    assert read(found).visits[0].mode == "audio"


def test_a_note_entered_in_error_is_no_note() -> None:
    """DOC-001: the EHR keeps notes, and this visit has none that counts."""
    found = resources()
    found["note"] = {
        "resourceType": "DocumentReference",
        "id": "n",
        "status": "entered-in-error",
        "context": {"encounter": [{"reference": "Encounter/e"}]},
    }
    note = read(found).visits[0].note
    assert note is not None
    assert note.status == "missing"


def estimates(found: dict[str, Resource]) -> list[Estimate]:
    """Those of a self-pay client's Bundle."""
    return [d for d, _ in read_bundle(bundle(found)).documents if isinstance(d, Estimate)]


def test_estimates_of_clients_who_pay_themselves() -> None:
    """GFE-001: a Coverage that says self-pay is no insurance, and a predetermination is an estimate."""
    full = resources()
    found = {"patient": full["patient"], "practice": full["practice"]}
    found["appointment"] = {
        "resourceType": "Appointment",
        "id": "a",
        "status": "booked",
        "created": "2026-11-02",
        "start": "2026-11-20T10:00:00-08:00",
        "participant": [{"actor": {"reference": "Patient/p"}}],
    }
    found["coverage"] = full["coverage"] | {"type": concept("pay")}
    (none,) = estimates(found)
    assert none.self_pay
    assert none.given_on is None
    found["claim"] = full["claim"] | {"use": "predetermination", "created": "2026-11-03"}
    (given,) = estimates(found)
    assert str(given.given_on) == "2026-11-03"
    assert given.total == 165


def test_a_ta1_alone(tmp_path: Path) -> None:
    """ACK-001: an interchange that was refused holds no transaction set."""
    isa = "ISA*00*          *00*          *ZZ*HOUSE          *ZZ*LARK           *261112*0930*^*00501*000000009*0*P*:~"
    text = f"{isa}TA1*000000001*261112*0915*R*022~IEA*0*000000009~"
    ((document, _),) = read_any(text).documents
    assert document.id == "000000001"
    assert getattr(document, "accepted", None) is False


def written() -> str:
    """A correct 837P."""
    return write_837(
        [example()], control=Control(created=datetime(2026, 11, 24, 9, 30, tzinfo=UTC))
    ).data.decode()


def test_a_byte_order_mark_is_no_fault() -> None:
    text = written()
    assert not [p for p in check_pyx12(b"\xef\xbb\xbf" + text.encode()) if not p.false_alarm]


def test_validators_name_no_street() -> None:
    """Findings hold no value of the claim (C-3): pyx12 quotes the first element of a segment that is out of place."""
    text = written().replace("HI*", "N3*412 SECRET ST~\nHI*", 1)
    told = " ".join(p.reason for p in check_pyx12(text))
    assert "N3" in told
    assert "SECRET" not in told


def test_validators_name_no_value_with_brackets() -> None:
    text = written().replace("DMG*D8*", "DMG*D8*(SECRET) ", 1)
    told = " ".join(p.reason for p in check_pyx12(text))
    assert told
    assert "SECRET" not in told


def test_a_birth_date_of_any_form_is_compared() -> None:
    """Found by the fuzz: a list in the place of a date ended the reading of the file."""
    holder = {"resourceType": "RelatedPerson", "birthDate": ["1988-04-09"]}
    assert _somebody_else(holder, {"resourceType": "Patient", "birthDate": "1988-04-09"})
    assert not _somebody_else({**holder, "birthDate": None}, {"resourceType": "Patient"})


def test_a_number_in_the_place_of_a_list_of_numbers_is_none() -> None:
    """Found by the fuzz: another Claim's preAuthRef that is no list."""
    other = {"resourceType": "Claim", "id": "2", "insurance": [{"preAuthRef": 1.5}], "item": [{}]}
    assert _used("A1", {"resourceType": "Claim", "id": "1"}, Graph([("", other)])) == 0
    assert _used("A1", {"id": "1"}, Graph([("", {**other, "insurance": [{"preAuthRef": ["A1"]}]})])) == 1
