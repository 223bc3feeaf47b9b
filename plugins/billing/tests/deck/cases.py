"""The deck: for every rule a claim that triggers it, a near miss, and a clean one, as small changes to one claim.

``forms``: x (837P), b (Bundle). A list of changes is a batch of claims. ``settings`` is ``[plugins.billing]``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .build import BASE, concept, days_before, line, ref

Changes = dict[str, Any]
Made = Changes | list[Changes]


@dataclass
class Case:
    """One rule's three claims."""

    rule: str
    trigger: Made
    near: Made
    clean: Made
    forms: str = "xb"
    settings: dict[str, Any] = field(default_factory=dict)
    sets: bool = False
    """Whether the small code sets of the tests are loaded."""


CASES: list[Case] = []


def case(
    rule: str, trigger: Made, near: Made, clean: Made | None = None, forms: str = "xb", **more: Any
) -> None:
    """Add a rule's three claims; the clean one defaults to the base."""
    CASES.append(Case(rule, trigger, near, {} if clean is None else clean, forms, **more))


def lines(*found: dict[str, Any], **changes: Any) -> Changes:
    """Only these lines."""
    return {"lines": list(found), **changes}


def one(code: str, **changes: Any) -> Changes:
    """One line of this code on the base claim."""
    return {"lines.0.code": code, **changes}


def visit(minutes: int | None, text: str = "", **changes: Any) -> Changes:
    """A visit of these minutes whose note says nothing else of time."""
    return {"visit.minutes": minutes, "doc.text": text or "Session from 15:00 on, as planned.", **changes}


PRESCRIBER = {
    "rendering.taxonomy": "2084P0800X",
    "billing.taxonomy": "2084P0800X",
}
PSYCHOLOGIST = {"rendering.taxonomy": "103TC0700X", "billing.taxonomy": "103TC0700X"}
MEDICARE = {
    "filing": "MB",
    "payer": {"name": "MEDICARE", "id": "00900"},
    "member": "1EG4TE5MK73",
    "group": "",
    "rendering.taxonomy": "1041C0700X",
    "billing.taxonomy": "1041C0700X",
}
MD_MEDICARE = {**MEDICARE, **PRESCRIBER}
CHILD = {
    "patient": {**BASE["subscriber"], "first": "LEO", "dob": "2015-06-01", "sex": "M"},
    "relationship": "19",
    "dx": ["F91.3"],
}
FIRST = {
    "sbr01": "P",
    "filing": "CI",
    "payer": {"name": "FIRST PLAN", "id": "11111"},
    "paid": "80",
    "cas": [["CO", "45", "70"]],
    "line_date": "2026-03-15",
}
SECOND = {"sbr01": "S", "others": [FIRST]}
SUPERVISOR = {"last": "BOSS", "first": "EVA", "npi": "1679576722", "taxonomy": "103TC0700X", "entity": "1"}
DOCTOR = {"last": "REED", "first": "SAM", "npi": "1538144910", "entity": "1"}
PLACE = {
    "name": "OAK HOSPITAL",
    "npi": "1234567893",
    "line1": "9 OAK ST",
    "city": "CHICAGO",
    "state": "IL",
    "zip": "606021234",
    "country": "",
}
VIDEO = {"pos": "10", "lines.0.mod": ["95"], "visit.class": "VR", "visit.home": True}
PROFILE = {"payers": {"60054": {}}}


def profile(**told: Any) -> dict[str, Any]:
    """Settings with a profile of the base's payer."""
    return {"payers": {"60054": told}}


def eligibility(created: str = "2026-03-01", **entry: Any) -> dict[str, Any]:
    """A 271's resource."""
    category = {"category": concept("MH")}
    return {
        "resourceType": "CoverageEligibilityResponse",
        "id": "elig",
        "status": "active",
        "created": created,
        "patient": ref("Patient", entry.pop("patient", "subscriber")),
        "insurer": ref("Organization", entry.pop("insurer", "payer")),
        "insurance": [
            {"coverage": ref("Coverage", "coverage"), "inforce": True, "item": [category], **entry}
        ],
    }


def prior(
    name: str, *services: dict[str, Any], created: str = "2026-03-12", answered: str = "complete"
) -> list[dict[str, Any]]:
    """An earlier Claim of the same patient with its answer."""
    claim = {
        "resourceType": "Claim",
        "id": name,
        "identifier": [{"value": name.upper()}],
        "status": "active",
        "use": "claim",
        "type": concept("professional"),
        "patient": ref("Patient", "subscriber"),
        "created": created,
        "provider": ref("Organization", "practice"),
        "careTeam": [
            {"sequence": 1, "provider": ref("Practitioner", "rendering"), "role": concept("primary")}
        ],
        "insurance": [{"sequence": 1, "focal": True, "coverage": ref("Coverage", "coverage")}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept("F41.1")}],
        "item": [service_item(n, s) for n, s in enumerate(services, 1)],
        "total": {"value": float(sum(float(s["charge"]) for s in services))},
    }
    if not answered:
        return [claim]
    answer = {
        "resourceType": "ClaimResponse",
        "id": f"answer-{name}",
        "status": "active",
        "use": "claim",
        "outcome": answered,
        "created": created,
        "patient": ref("Patient", "subscriber"),
        "request": ref("Claim", name),
        "identifier": [{"value": f"ICN-{name}"}],
        "payment": {"amount": {"value": 90}},
    }
    return [claim, answer]


def denied(name: str, *services: dict[str, Any]) -> list[dict[str, Any]]:
    """An earlier Claim of which the payer allowed nothing."""
    claim, answer = prior(name, *services)
    nothing = [{"category": concept("eligible"), "amount": {"value": 0}}]
    items = [{"itemSequence": n, "adjudication": nothing} for n, _ in enumerate(services, 1)]
    return [claim, {**answer, "payment": {"amount": {"value": 0}}, "item": items}]


def service_item(number: int, x: dict[str, Any]) -> dict[str, Any]:
    """A Claim.item of a line."""
    return {
        "sequence": number,
        "diagnosisSequence": [1],
        "productOrService": concept(x["code"]),
        "modifier": [concept(m) for m in x["mod"]],
        "servicedDate": x["date"],
        "locationCodeableConcept": concept("11"),
        "quantity": {"value": float(x["units"])},
        "net": {"value": float(x["charge"])},
    }


def extra(*resources: dict[str, Any] | list[dict[str, Any]], **changes: Any) -> Changes:
    """Further resources beside the claim."""
    flat = [x for r in resources for x in (r if isinstance(r, list) else [r])]
    return {"extra": flat, **changes}


def plain(kind: str, ident: str, /, **fields: Any) -> dict[str, Any]:
    """A resource."""
    return {"resourceType": kind, "id": ident, **fields}


# --- EDI, PAT -------------------------------------------------------------------------------------------
case(
    "EDI-001",
    {"edit": [("BHT*0019*", "BHT*0018*")]},
    {"edit": [("NM1*40*2*CLEARING HOUSE", "NM1*40*2*CLEARING HSE")]},
    forms="x",
)
case("EDI-001", {"edit": [("HL*1**20*1", "HL*1**20*0")]}, SECOND, CHILD, forms="x")
case(
    "EDI-002",
    {"edit": [("GE*1*1~", "GE*1*2~")]},
    {"edit": [("IEA*1*000000001~", "IEA*1*000000001~\n")]},
    forms="x",
)
case(
    "EDI-003", {"subscriber.last": "NÚÑEZ"}, {"subscriber.last": "O'NEIL-NUNEZ"}, {"subscriber.last": "NUNEZ"}
)
case("EDI-004", {"usage": "P"}, {"usage": "T"}, forms="x", settings=profile(live=False))
case("EDI-004", {"usage": "T"}, {"usage": "P"}, {"usage": "P"}, forms="x", settings=profile(live=True))
case(
    "EDI-005",
    {
        "dx": [
            f"F{n}"
            for n in (
                "41.1",
                "33.1",
                "43.10",
                "50.02",
                "90.0",
                "40.01",
                "42.2",
                "60.3",
                "34.1",
                "51.01",
                "84.0",
                "95.2",
                "63.0",
            )
        ]
    },
    {
        "dx": [
            f"F{n}"
            for n in (
                "41.1",
                "33.1",
                "43.10",
                "50.02",
                "90.0",
                "40.01",
                "42.2",
                "60.3",
                "34.1",
                "51.01",
                "84.0",
                "95.2",
            )
        ]
    },
)
case(
    "EDI-005",
    {"dx": ["F41.1", "F33.1", "F43.10", "F50.02", "F90.0"], "lines.0.ptr": [1, 2, 3, 4, 5]},
    {"dx": ["F41.1", "F33.1", "F43.10", "F50.02", "F90.0"], "lines.0.ptr": [5, 2, 3, 4]},
)
case("PAT-001", {"subscriber.last": "TEST"}, {"subscriber.last": "TESTA"}, {"subscriber.last": "DE LA CRUZ"})
case("PAT-001", {"subscriber.first": ""}, {"subscriber.first": "A"}, CHILD)
case("PAT-001", {"subscriber.last": "RIVERA2"}, {"subscriber.last": "ST. JOHN"})
case("PAT-002", {"subscriber.dob": "2026-03-11"}, {"subscriber.dob": "2006-03-10"})
case("PAT-002", {"subscriber.dob": "1875-01-01"}, {"subscriber.dob": "1926-01-01"})
case("PAT-003", {"subscriber.sex": ""}, {"subscriber.sex": "U"}, {"subscriber.sex": "M"})
case("PAT-004", {"subscriber.zip": "6060"}, {"subscriber.zip": "60601"}, CHILD)
case("PAT-004", {"subscriber.state": "ILL"}, {"subscriber.state": "PR", "subscriber.zip": "00901"})
case("PAT-004", {"subscriber.line1": "", "subscriber.city": ""}, {"subscriber.line1": "PO BOX 12"})
case(
    "PAT-005",
    {"subscriber.died": "2026-03-01"},
    {"subscriber.died": "2026-03-10"},
    {"subscriber.died": "2026-03-12"},
)
case(
    "PAT-006",
    extra(
        eligibility(patient="told"),
        plain("Patient", "told", name=[{"family": "Riveras", "given": ["Ana"]}], birthDate="1988-04-09"),
    ),
    extra(
        eligibility(patient="told"),
        plain("Patient", "told", name=[{"family": "Rivera", "given": ["Ana"]}], birthDate="1988-04-09"),
    ),
    extra(eligibility()),
    forms="b",
)

# --- COV ------------------------------------------------------------------------------------------------
case("COV-001", {"sbr01": "S"}, {"sbr01": "P"}, SECOND)
case(
    "COV-001",
    {**SECOND, "sbr01": "P"},
    {**SECOND, "others": [{**FIRST, "sbr01": "S", "later": True}], "sbr01": "P"},
    SECOND,
)
case("COV-002", {"cover.end": "2026-03-09"}, {"cover.end": "2026-03-10"}, forms="b")
case("COV-002", {"cover.status": "cancelled"}, {"cover.start": "2026-03-10"}, forms="b")
case(
    "COV-003",
    extra(eligibility("2026-01-02")),
    extra(eligibility("2026-02-10")),
    extra(eligibility()),
    forms="b",
)
case(
    "COV-003",
    extra(eligibility(inforce=False)),
    extra(eligibility("2026-03-19")),
    extra(eligibility()),
    forms="b",
)
case("COV-004", {"member": ""}, {"member": "W1"}, {"member": "XYZ-00012"})
case("COV-004", {**MEDICARE, "member": "123456789A"}, {**MEDICARE, "member": "9XX9XX9XX99"}, MEDICARE)
case("COV-004", {**MEDICARE, "member": "1SG4TE5MK73"}, {"member": "1SG4TE5MK73"}, MEDICARE)
case("COV-004", {"member": "W12 3456"}, {"member": "W123456"})
case("COV-005", {"payer.id": ""}, {"payer.id": "00001"})
case("COV-005", {"payer.id": "99999"}, {"payer.id": "60054"}, sets=True)
case(
    "COV-006",
    {"filing": "CI", "payer": {"name": "MEDICARE", "id": "00900"}, "member": "1EG4TE5MK73"},
    MEDICARE,
    {"filing": "HM", "referring": DOCTOR},
)
case("COV-006", {"filing": "QQ"}, {"filing": "ZZ"}, {"filing": "BL"}, forms="x")
case("COV-007", {"relationship": "19"}, CHILD, forms="x")
case(
    "COV-007",
    {"patch": [("Coverage", "relationship", concept("child"))]},
    CHILD,
    {**CHILD, "relationship": "G8"},
    forms="b",
)
case(
    "COV-007",
    {**CHILD, "relationship": "18"},
    {**CHILD, "relationship": "01", "patient.dob": "1990-01-01", "dx": ["F41.1"]},
    CHILD,
)
case(
    "COV-008", {}, {"payer.id": "12345"}, {"payer.id": "12345"}, settings=profile(behavioral_payer_id="12345")
)
case(
    "COV-008",
    extra(
        eligibility(insurer="bh"),
        plain("Organization", "bh", name="Mind Benefits", identifier=[{"value": "77777"}]),
    ),
    extra(eligibility()),
    extra(eligibility(), {"resourceType": "Organization", "id": "bh", "name": "X"}),
    forms="b",
)
case(
    "COV-009",
    {"filing": "MC", "others": [{**FIRST, "sbr01": "S", "later": True}]},
    {"filing": "MC", **SECOND},
    {
        "filing": "MC",
        "sbr01": "T",
        "others": [
            FIRST,
            {
                **FIRST,
                "sbr01": "S",
                "filing": "HM",
                "payer": {"name": "B", "id": "22222"},
                "paid": "0",
                "cas": [["CO", "45", "150"]],
            },
        ],
        "auth": "",
    },
)
case("COV-010", {**MEDICARE, **SECOND}, {**MEDICARE, **SECOND, "msp": "12"}, MEDICARE)
case("COV-011", {"group": ""}, {"group": "G"}, settings=profile(group_number_required=True))
case(
    "COV-012", {**MEDICARE}, {**MEDICARE, "lines.0.mod": ["GJ"]}, settings={"opted_out_npis": ["1245319599"]}
)
case(
    "COV-012",
    {
        **MEDICARE,
        **extra(
            plain("Contract", "c", title="Private contract (opt-out)", subject=[ref("Patient", "subscriber")])
        ),
    },
    {**MEDICARE, **extra(plain("Contract", "c", title="Lease", subject=[ref("Patient", "subscriber")]))},
    forms="b",
    settings={"opted_out_npis": []},
)

# --- PRV, INC -------------------------------------------------------------------------------------------
case("PRV-001", {"rendering.npi": "1245319590"}, {"rendering.npi": "1679576722"})
case("PRV-001", {"billing.npi": "3234567893"}, {"billing.npi": "1003000126"})
case("PRV-001", {"billing.npi": "123456789"}, {"supervising": SUPERVISOR})
case("PRV-002", {"billing.tin": ""}, {"billing.tin": "987654321"})
case("PRV-002", {"billing.tin": "12345678"}, {"billing.tin_q": "SY"}, forms="x")
case("PRV-002", {"billing.name": ""}, {"billing.name": "E"})
case(
    "PRV-003",
    {"billing.line1": "PO BOX 44"},
    {"billing.line1": "44 BOXWOOD AVE"},
    {"billing.line1": "100 POST RD"},
)
case("PRV-003", {"billing.zip": "60601"}, {"billing.zip": "606010001"})
case("PRV-004", {"rendering.npi": "1234567893"}, {"rendering.npi": "1679576722"}, forms="x")
case(
    "PRV-004",
    {"rendering": None},
    {"rendering": None, "billing.first": "JO", "billing.name": "STONE"},
    forms="x",
)
case("PRV-004", {"rendering.entity": "2"}, {"rendering.entity": "1"}, forms="x")
case(
    "PRV-004",
    {
        "patch": [
            ("DocumentReference", "author", [ref("Practitioner", "other")]),
            ("DocumentReference", "authenticator", ref("Practitioner", "other")),
        ]
    },
    {
        "patch": [
            ("DocumentReference", "author", [ref("Practitioner", "rendering"), ref("Practitioner", "other")])
        ]
    },
    forms="b",
)
case("PRV-005", {"rendering.taxonomy": "101YM0800"}, {"rendering.taxonomy": "101YP2500X"})
case("PRV-005", {"rendering.taxonomy": "101YM0899X"}, {"rendering.taxonomy": "101YP2500X"}, sets=True)
case("PRV-005", {"rendering.taxonomy": ""}, {}, forms="x", settings=profile(taxonomy_required=True))
case("PRV-006", {"submitter.phone": "0125550100"}, {"submitter.phone": "3122550100"})
case("PRV-006", {"submitter.phone": "312555010"}, {"submitter.phone": "7735550199"})
case("PRV-007", {"rendering.licence.end": "2026-03-09"}, {"rendering.licence.end": "2026-03-10"}, forms="b")
case(
    "PRV-008",
    {},
    {"rendering.npi": "1679576722"},
    {"rendering.npi": "1679576722"},
    settings={"roster": [{"payer": "60054", "npi": "1679576722", "start": "2025-01-01"}]},
)
case(
    "PRV-009",
    {**MEDICARE, "rendering.taxonomy": "106H00000X", "created": "2023-12-20", "lines.0.date": "2023-12-11"},
    {**MEDICARE, "rendering.taxonomy": "106H00000X", "created": "2024-01-20", "lines.0.date": "2024-01-02"},
    MEDICARE,
)
case("PRV-010", {"rendering.taxonomy": "390200000X"}, {"rendering.taxonomy": "101YM0800X"})
case(
    "PRV-010",
    {"rendering.role": "Associate counselor (supervised)"},
    {"rendering.role": "Counselor"},
    forms="b",
)
case(
    "PRV-011",
    lines(line("99214", charge="180")),
    lines(line("99214", charge="180"), **PRESCRIBER),
    one("90791"),
)
case("PRV-011", one("90792"), one("90792", **PRESCRIBER), one("90791"))
case("PRV-011", lines(line("96130"), **MEDICARE), lines(line("96130"), **MEDICARE | PSYCHOLOGIST))
case("PRV-012", {**MEDICARE, "flags": ["Y", "C", "Y", "Y"]}, {"flags": ["Y", "C", "Y", "Y"]}, MEDICARE)
case(
    "PRV-013",
    {},
    {"rendering.npi": "1679576722"},
    {"rendering.npi": "1679576722"},
    settings={"exclusions_file": "leie.csv"},
)
case("PRV-014", {"supervising": {**SUPERVISOR, "npi": "1245319599"}}, {"supervising": SUPERVISOR})
case(
    "PRV-014",
    {"rendering.taxonomy": "390200000X"},
    {"rendering.taxonomy": "390200000X", "supervising": SUPERVISOR},
)
case(
    "INC-001",
    {**MEDICARE, "supervising": SUPERVISOR, "pos": "21", "facility": PLACE, "admitted": "2026-03-01"},
    {**MEDICARE, "supervising": SUPERVISOR},
    MEDICARE,
)
case(
    "INC-002",
    one("90791", **MEDICARE, supervising=SUPERVISOR),
    one("90791", **MEDICARE),
    {**MEDICARE, "supervising": SUPERVISOR},
)
case(
    "INC-003",
    {},
    {"lines.0.mod": ["HO"]},
    {"lines.0.mod": ["HO"]},
    settings=profile(supervision_modifiers={"101YM0800X": "HO"}),
)
case("INC-003", {"lines.0.mod": ["AH"]}, {"lines.0.mod": ["AH"], **PSYCHOLOGIST}, {"lines.0.mod": ["HO"]})

# --- CLM ------------------------------------------------------------------------------------------------
case("CLM-001", {"id": "ABCDEFGHIJKLMNOPQRSTU"}, {"id": "ABCDEFGHIJKLMNOPQRST"})
case("CLM-001", {"id": "RIVERA-0310"}, {"id": "R-0310"})
case(
    "CLM-001",
    [{}, {"lines.0.date": "2026-03-03"}],
    [{}, {"id": "ELM2002", "lines.0.date": "2026-03-03"}],
    forms="x",
)
case("CLM-002", {"total": "160"}, {"total": "150"}, lines(line("90837"), line("90837", date="2026-03-03")))
case("CLM-003", {"lines.0.charge": "0"}, {"lines.0.charge": "0.01"})
case("CLM-004", {"frequency": "7"}, {"frequency": "7", "original": "ICN1"})
case("CLM-004", {"frequency": "8"}, {"frequency": "8", "original": "ICN1"})
case("CLM-004", {"frequency": "2"}, {"frequency": "1"}, forms="x")
case("CLM-005", {"flags": ["Y", "A", "", "Y"]}, {"flags": ["Y", "A", "W", "Y"]}, forms="x")
case("CLM-005", {"flags": ["Y", "A", "Y", "X"]}, {"flags": ["Y", "A", "Y", "I"]})
case("CLM-006", {"lines.0.date": "2026-03-21"}, {"lines.0.date": "2026-03-20"}, forms="x")
case("CLM-006", {"lines.0.date": "2026-03-21"}, {"lines.0.date": "2026-03-20"}, forms="b")
case("CLM-007", {"lines.0.to": "2026-03-09"}, {"lines.0.to": "2026-03-10"})
case(
    "CLM-007",
    {"lines.0.to": "2026-03-12"},
    {
        **one("99493"),
        "lines.0.date": "2026-03-01",
        "lines.0.to": "2026-03-18",
        **PRESCRIBER,
        "visit.minutes": 40,
        "doc": None,
    },
)
case(
    "CLM-008",
    lines(line("90837", date="2025-12-30"), line("90837", date="2026-01-06"), created="2026-01-10"),
    lines(line("90837", date="2026-01-02"), line("90837", date="2026-01-06"), created="2026-01-10"),
)
case(
    "CLM-009",
    {"accident": {"kind": "AA", "date": "2026-02-01", "state": ""}},
    {"accident": {"kind": "AA", "date": "2026-02-01", "state": "IL"}, "filing": "AM"},
    {"accident": {"kind": "OA", "date": "2026-02-01", "state": ""}},
)
case(
    "CLM-009",
    {"accident": {"kind": "EM", "date": "", "state": ""}},
    {"accident": {"kind": "EM", "date": "2026-02-01", "state": ""}, "filing": "WC"},
)
case("CLM-010", {"pos": "32"}, {"pos": "32", "facility": PLACE}, {"pos": "12"}, forms="x")
case("CLM-010", {"pos": "31", "facility": {**PLACE, "line1": ""}}, {"pos": "31", "facility": PLACE})
case(
    "CLM-011",
    {"pos": "21", "facility": PLACE},
    {"pos": "21", "facility": PLACE, "admitted": "2026-03-08"},
    forms="x",
)
case(
    "CLM-011",
    {"pos": "21", "facility": PLACE, "admitted": "2026-03-11"},
    {"pos": "21", "facility": PLACE, "admitted": "2026-03-10"},
    forms="x",
)
case("CLM-012", {"paid": "200"}, {"paid": "150"}, {"paid": "20"})
case(
    "CLM-012",
    {
        "paid": "20",
        **extra(
            plain("PaymentNotice", "p", status="active", request=ref("Claim", "claim"), amount={"value": 30})
        ),
    },
    {
        "paid": "30",
        **extra(
            plain("PaymentNotice", "p", status="active", request=ref("Claim", "claim"), amount={"value": 30})
        ),
    },
    forms="b",
)
case(
    "CLM-013",
    {},
    one("90834", **visit(45)),
    one("90834", **visit(45)),
    settings=profile(attachment_codes=["90837"]),
)

# --- DX -------------------------------------------------------------------------------------------------
case("DX-001", {"dx": [], "lines.0.ptr": []}, {"dx": ["F41.1"]})
case("DX-001", {"dx_qualifiers": ["ABF"]}, {"dx": ["F41.1", "F33.1"]}, forms="x")
case("DX-002", {"dx": ["F41.2"]}, {"dx": ["F41.3"]})
case("DX-002", {"dx": ["F32.10"]}, {"dx": ["F32.1"]})
case("DX-003", {"dx": ["F33"]}, {"dx": ["F33.1"]})
case("DX-003", {"dx": ["F43.2"]}, {"dx": ["F43.23"]})
case("DX-004", {"edit": [("ABK:F411", "ABK:F41.1")]}, {"dx": ["F41.1"]}, forms="x")
case("DX-004", {"edit": [("ABK:F411", "ABK:f411")]}, {"dx": ["F41.1"]}, forms="x")
case("DX-005", {"dx": ["F41.1", "F41.1"]}, {"dx": ["F41.1", "F41.0"]})
case("DX-006", {"lines.0.ptr": [2]}, {"lines.0.ptr": [2], "dx": ["F41.1", "F33.1"]})
case("DX-006", {"lines.0.ptr": []}, {"lines.0.ptr": [1]})
case("DX-006", {"lines.0.ptr": [0]}, {"lines.0.ptr": [1]})
case("DX-007", {"dx": ["Z63.0"]}, {"dx": ["F43.23", "Z63.0"]})
case("DX-007", {"dx": ["F54", "K58.9"]}, {"dx": ["K58.9", "F54"]})
case("DX-007", {"dx": ["Y07.9", "F43.10"]}, {"dx": ["F43.10", "Y07.9"]})
case("DX-008", {"dx": ["F32.1", "F33.1"]}, {"dx": ["F33.1", "F41.1"]})
case("DX-009", {"dx": ["F06.31"]}, {"dx": ["E03.9", "F06.31"]})
case("DX-010", {"dx": ["F53.0"], **{"subscriber.dob": "2019-01-01"}}, {"dx": ["F53.0"]})
case("DX-010", {"dx": ["F93.0"]}, {**CHILD, "dx": ["F93.0"]})
case(
    "DX-011",
    {"dx": ["F53.0"], "subscriber.sex": "M"},
    {"dx": ["F53.0"], "subscriber.sex": "U"},
    {"dx": ["F53.0"]},
)
case("DX-012", {"dx": ["R45.0"]}, {"dx": ["F41.1", "R45.0"]}, {"dx": ["F33.1"]})
case("DX-013", {"dx": ["F41.9"]}, {"dx": ["F41.1"]}, forms="x")
case("DX-014", {"verification": "provisional"}, {"verification": "confirmed"}, forms="b")
case("DX-014", {"verification": "differential"}, {"verification": "confirmed"}, forms="b")
case(
    "DX-015",
    {
        "dx": ["F41.1", "F33.1"],
        "patch": [
            ("Encounter", "diagnosis", [{"condition": ref("Condition", "dx1")}]),
            ("Condition/dx2", "encounter", {}),
        ],
    },
    {"dx": ["F41.1", "F33.1"]},
    forms="b",
)
case("DX-016", {"dx": ["300.02"], "dx_qualifiers": ["BK"]}, {"dx": ["F41.1"]}, forms="x")
case(
    "DX-017",
    {
        "dx": ["F10.20"],
        **extra(
            plain(
                "Consent",
                "c",
                status="inactive",
                patient=ref("Patient", "subscriber"),
                scope=concept("patient-privacy"),
                category=[{"text": "42 CFR Part 2 disclosure"}],
            )
        ),
    },
    {
        "dx": ["F10.20"],
        **extra(
            plain(
                "Consent",
                "c",
                status="active",
                patient=ref("Patient", "subscriber"),
                scope=concept("patient-privacy"),
                category=[{"text": "42 CFR Part 2 disclosure"}],
            )
        ),
    },
    forms="b",
    settings={"part2_programme": True},
)

# --- SVC ------------------------------------------------------------------------------------------------
case("SVC-001", one("9083"), one("90837"))
case("SVC-001", one("90830"), one("90832", **visit(30)))
case("SVC-001", lines(line("G9999", charge="10")), lines(line("H0004", charge="40", units="4")), sets=True)
case("SVC-002", one("90806"), one("90834", **visit(45)))
case("SVC-002", lines(line("99443"), **PRESCRIBER), lines(line("99213"), **PRESCRIBER))
case("SVC-003", {"lines.0.units": "2"}, {"lines.0.units": "1"})
case(
    "SVC-003",
    {"lines.0.units": "0.5"},
    lines(line("96131", units="2", charge="200"), line("96130"), **PSYCHOLOGIST, **visit(160)),
)
case("SVC-003", {"lines.0.unit": "MJ", "lines.0.units": "55"}, {"lines.0.unit": "UN"})
case("SVC-004", {"lines.0.charge": "-5", "total": "-5"}, {"lines.0.charge": "5"})
case("SVC-004", {"lines.0.charge": "150.005", "total": "150.005"}, {"lines.0.charge": "150.05"})
case("SVC-005", {"lines.0.charge": "151"}, {"lines.0.charge": "150"}, sets=True)
case("SVC-006", {"lines.0.mod": ["ZZ"]}, {"lines.0.mod": ["HO"]})
case("SVC-006", {"lines.0.mod": ["HO", "HO"]}, {"lines.0.mod": ["HO", "U1"]})
case("SVC-006", {"lines.0.mod": ["95", "93"], "pos": "10"}, {"lines.0.mod": ["95"], "pos": "10"}, forms="x")
case("SVC-006", {"lines.0.mod": ["59", "XU"]}, {"lines.0.mod": ["59"]})
case("SVC-007", {"pos": "30"}, {"pos": "49"})
case("SVC-007", {"lines.0.pos": "88"}, {"lines.0.pos": "53"})
case("SVC-007", {"visit.pos": "12"}, {"visit.pos": "11"}, forms="b")
case(
    "SVC-008",
    lines(line("96127", units="4", charge="40")),
    lines(line("96127", units="3", charge="30")),
    sets=True,
)
case(
    "SVC-009",
    lines(line("90839"), line("90832")),
    lines(line("90839"), line("90832", date="2026-03-11")),
    sets=True,
)
case(
    "SVC-010",
    lines(line("90853", charge="60"), line("90834")),
    lines(line("90853", charge="60"), line("90834", mod=["59"])),
    sets=True,
)
case(
    "SVC-011",
    {"lines.0.mod": ["59"]},
    lines(line("90853", charge="60"), line("90834", mod=["59"])),
    sets=True,
)
case(
    "SVC-012",
    lines(line("99417"), **PRESCRIBER),
    lines(line("99215"), line("99417"), **PRESCRIBER),
    forms="x",
)
case("SVC-013", lines(line("90834"), line("90832")), lines(line("90834"), line("90832", date="2026-03-11")))

case(
    "SVC-003",
    lines(line("H2036", units="3", charge="600"), chart=False),
    lines(line("H2036", units="3", charge="600", to="2026-03-12"), chart=False),
)
case(
    "INC-003",
    {**lines(line("90837", mod=["HN"])), "rendering.taxonomy": "1041C0700X"},
    {"lines.0.mod": ["HO"]},
)
case("INC-003", {"lines.0.mod": ["AF"]}, lines(line("99214", mod=["AF"]), **PRESCRIBER), forms="x")
# --- TIM ------------------------------------------------------------------------------------------------
for code, low, high in (("90832", 16, 37), ("90834", 38, 52), ("90837", 53, 100)):
    rule = {"90832": "TIM-001", "90834": "TIM-002", "90837": "TIM-003"}[code]
    case(rule, one(code, **visit(low - 1)), one(code, **visit(low)), one(code, **visit(high)), forms="b")
    if high < 100:
        case(
            rule,
            one(code, **visit(high + 1)),
            one(code, **visit(high)),
            one(code, **visit(low + 5)),
            forms="b",
        )
case("TIM-004", one("90832", **visit(15)), one("90832", **visit(16)), forms="b")
case(
    "TIM-005",
    lines(line("99214"), line("90836"), **PRESCRIBER, **visit(60, "E/M, then psychotherapy 30 minutes.")),
    lines(line("99214"), line("90833"), **PRESCRIBER, **visit(60, "E/M, then psychotherapy 30 minutes.")),
    forms="b",
)
case(
    "TIM-006",
    {"doc.text": "Talked about work.", "visit.minutes": None},
    {"doc.text": "Start 15:00, stop 15:55.", "visit.minutes": 55},
    forms="b",
)
case(
    "TIM-007",
    {
        **extra(plain("Appointment", "a", status="fulfilled", minutesDuration=30)),
        "patch": [("Encounter", "appointment", [ref("Appointment", "a")])],
    },
    {
        **extra(plain("Appointment", "a", status="fulfilled", minutesDuration=60)),
        "patch": [("Encounter", "appointment", [ref("Appointment", "a")])],
    },
    forms="b",
)


def session(start: str, end: str, who: str = "rendering") -> dict[str, Any]:
    """Another client's session."""
    return plain(
        "Encounter",
        "other-visit",
        status="finished",
        **{"class": {"code": "AMB"}},
        subject=ref("Patient", "somebody"),
        participant=[{"individual": ref("Practitioner", who)}],
        period={"start": f"2026-03-10T{start}:00-06:00", "end": f"2026-03-10T{end}:00-06:00"},
    )


case(
    "TIM-008",
    extra(session("15:30", "16:30")),
    extra(session("15:55", "16:50")),
    extra(session("15:30", "16:30", "colleague")),
    forms="b",
)
case("TIM-009", lines(line("90837"), line("99417")), lines(line("90837")), forms="x")
case(
    "TIM-009",
    lines(line("90837"), line("90837", mod=["59"])),
    lines(line("90837"), line("90837", date="2026-03-11")),
)
case(
    "TIM-010",
    [{"id": f"A{n}", "lines.0.date": f"2026-02-{n:02}"} for n in range(1, 22)],
    [
        one("90834" if n % 2 else "90837", id=f"A{n}", **{"lines.0.date": f"2026-02-{n:02}"})
        for n in range(1, 22)
    ],
    forms="x",
    settings=profile(share_90837="0.8"),
)

# --- ADD, EVL -------------------------------------------------------------------------------------------
case(
    "ADD-001",
    lines(line("90833"), **PRESCRIBER),
    lines(line("99213"), line("90833"), **PRESCRIBER, **visit(40, "Psychotherapy 20 minutes.")),
)
case(
    "ADD-001",
    lines(line("99213", date="2026-03-11"), line("90836"), **PRESCRIBER),
    lines(line("99213"), line("90836"), **PRESCRIBER, **visit(60, "Psychotherapy 40 minutes.")),
)
case(
    "ADD-001",
    lines(line("90833"), **PRESCRIBER),
    {
        **lines(line("90833"), **PRESCRIBER, **visit(40, "Psychotherapy 20 minutes.")),
        **extra(prior("first", line("99213"))),
    },
    forms="b",
)
case(
    "ADD-002",
    lines(line("99213"), line("90833"), line("90834"), **PRESCRIBER),
    lines(line("99213"), line("90833"), line("90834", date="2026-03-12"), **PRESCRIBER),
    forms="x",
)
case(
    "ADD-003",
    lines(line("99214"), line("90833"), **PRESCRIBER),
    lines(line("99214", mod=["25"]), line("90833"), **PRESCRIBER),
    forms="x",
    settings=profile(em_modifier_25=True),
)
case(
    "ADD-003",
    lines(line("99214", mod=["25"]), line("G2211", charge="16"), line("90833"), **MD_MEDICARE),
    lines(line("99214"), line("G2211", charge="16"), **MD_MEDICARE),
    forms="x",
)
case(
    "ADD-004", lines(line("90785", charge="20")), lines(line("90834"), line("90785", charge="20")), forms="x"
)
case(
    "ADD-005",
    lines(line("90847"), line("90785", charge="20")),
    lines(line("90791"), line("90785", charge="20")),
    forms="x",
)
case(
    "ADD-005",
    lines(line("90834"), line("90785", charge="40", units="2")),
    lines(line("90834"), line("90785", charge="20", units="1")),
    forms="x",
)
case(
    "ADD-006",
    lines(
        line("90837"), line("90785", charge="20"), **{"doc.text": "15:00-15:55. An interpreter was there."}
    ),
    lines(
        line("90837"),
        line("90785", charge="20"),
        **{"doc.text": "15:00-15:55. Maladaptive communication among the parties."},
    ),
    forms="b",
)
case("ADD-007", lines(line("90840")), lines(line("90839"), line("90840"), **visit(80)), forms="xb")
case("ADD-008", lines(line("90863")), lines(line("90834"), line("90863"), **PSYCHOLOGIST), forms="x")
case(
    "ADD-008",
    lines(line("90834"), line("90863"), **MEDICARE),
    lines(line("90834"), line("90863"), **PSYCHOLOGIST),
    forms="x",
)
case(
    "EVL-001",
    lines(line("90791"), line("90792"), **PRESCRIBER),
    lines(line("90791"), line("90792", date="2026-03-12"), **PRESCRIBER),
    forms="x",
)
case("EVL-001", {**one("90791"), "lines.0.units": "2"}, one("90791"))
case(
    "EVL-002",
    lines(line("90792"), line("99214"), **PRESCRIBER),
    lines(line("90792"), line("99214", date="2026-03-12"), **PRESCRIBER),
    forms="x",
)
case("EVL-003", lines(line("90791"), line("90837")), lines(line("90791"), line("90837", date="2026-03-12")))
case(
    "EVL-004",
    one("90791", **extra(prior("old", line("90791", date="2025-11-20"), created="2025-11-25"))),
    one("90791", **extra(prior("old", line("90791", date="2025-08-20"), created="2025-08-25"))),
    forms="b",
)
case(
    "EVL-004",
    [one("90791", id="A1", **{"lines.0.date": "2026-01-05"}), one("90791", id="A2")],
    [one("90791", id="A1", **{"lines.0.date": "2025-06-05"}), one("90791", id="A2")],
    forms="x",
)

# --- FAM, GRP, CRS, SAF ---------------------------------------------------------------------------------
case("FAM-001", one("90847", **visit(25)), one("90847", **visit(26)), forms="b")
case(
    "FAM-002",
    one("90847", **{"doc.text": "15:00-15:55. The patient was not present."}),
    one("90847", **{"doc.text": "15:00-15:55. Patient present with mother."}),
    forms="b",
)
case("FAM-002", one("90846", **{"lines.0.mod": ["HR"]}), one("90846", **{"lines.0.mod": ["HS"]}), forms="x")
case(
    "FAM-003", lines(line("90846"), line("90847")), lines(line("90846"), line("90847", mod=["59"])), forms="x"
)
case(
    "FAM-004", lines(line("90834"), line("90847")), lines(line("90834", mod=["59"]), line("90847")), forms="x"
)
case("FAM-005", one("90847", dx=["Z63.0"]), one("90847", dx=["F43.23", "Z63.0"]))
case("GRP-001", {**one("90853"), "lines.0.units": "2"}, one("90853"))
case(
    "GRP-001",
    {
        **one("90853"),
        **extra(plain("Group", "g", quantity=13)),
        "patch": [("Encounter", "subject", ref("Group", "g"))],
    },
    {
        **one("90853"),
        **extra(plain("Group", "g", quantity=12)),
        "patch": [("Encounter", "subject", ref("Group", "g"))],
    },
    forms="b",
)
case(
    "GRP-002", lines(line("90853"), line("90834")), lines(line("90853"), line("90834", mod=["59"])), forms="x"
)
case(
    "GRP-003", lines(line("90849"), line("90853")), lines(line("90849", mod=["59"]), line("90853")), forms="x"
)
case("CRS-001", one("90839", **visit(29)), one("90839", **visit(30)), one("90839", **visit(74)), forms="b")
case("CRS-001", {**one("90839"), "lines.0.units": "2"}, one("90839", **visit(60)))
case(
    "CRS-002",
    lines(line("90839"), line("90840", units="2"), **visit(104)),
    lines(line("90839"), line("90840", units="2"), **visit(105)),
    lines(line("90839"), line("90840"), **visit(75)),
    forms="b",
)
case(
    "CRS-003",
    lines(line("90839"), line("90834")),
    lines(line("90839"), line("90834", date="2026-03-12")),
    forms="x",
)
case("CRS-003", lines(line("90839"), line("90785")), lines(line("90839")), forms="x")
case("CRS-004", one("G0017", **MEDICARE), one("G0017", **MEDICARE, pos="12"), forms="x")
case(
    "SAF-001",
    {**one("G0560", **MEDICARE), "lines.0.units": "2", **visit(39)},
    {**one("G0560", **MEDICARE), "lines.0.units": "2", **visit(40)},
    forms="b",
)
case(
    "SAF-002",
    lines(line("G0544", date="2026-03-03"), line("G0544", date="2026-03-17"), **MEDICARE),
    lines(line("G0544", date="2026-02-17"), line("G0544", date="2026-03-17"), **MEDICARE),
)

# --- TST, COC, DIG --------------------------------------------------------------------------------------
case(
    "TST-001",
    lines(line("96130"), line("96131"), **PSYCHOLOGIST, **visit(90)),
    lines(line("96130"), line("96131"), **PSYCHOLOGIST, **visit(91)),
    forms="b",
)
case(
    "TST-002",
    lines(line("96136"), line("96137"), **PSYCHOLOGIST, **visit(45)),
    lines(line("96136"), line("96137"), **PSYCHOLOGIST, **visit(46)),
    forms="b",
)
case(
    "TST-003",
    lines(line("96131"), **PSYCHOLOGIST),
    lines(line("96130"), line("96131"), **PSYCHOLOGIST, **visit(100)),
)
case(
    "TST-003",
    lines(line("96137"), **PSYCHOLOGIST),
    lines(line("96136"), line("96137"), **PSYCHOLOGIST, **visit(60)),
)
case(
    "TST-004",
    lines(line("96136"), line("96138"), **PSYCHOLOGIST),
    lines(line("96136"), line("96138", mod=["59"]), **PSYCHOLOGIST),
    forms="x",
)


def scores(count: int) -> list[dict[str, Any]]:
    """Finished questionnaires of the visit."""
    return [
        plain("QuestionnaireResponse", f"q{n}", status="completed", encounter=ref("Encounter", "visit"))
        for n in range(count)
    ]


case(
    "TST-005",
    {**one("96127", **extra(scores(1))), "lines.0.units": "2"},
    {**one("96127", **extra(scores(2))), "lines.0.units": "2"},
    forms="b",
)
case(
    "TST-005",
    {**one("96127"), "lines.0.units": "3"},
    {**one("96127"), "lines.0.units": "2"},
    forms="x",
    settings=profile(screening_cap=2),
)


def approval(**told: Any) -> dict[str, Any]:
    """A payer's authorisation."""
    period = told.pop("period", {"start": "2026-01-01", "end": "2026-12-31"})
    return plain(
        "ClaimResponse",
        "auth",
        status="active",
        use="preauthorization",
        outcome="complete",
        patient=ref("Patient", "subscriber"),
        created="2026-01-01",
        preAuthRef=told.pop("number", "AUTH1"),
        preAuthPeriod=period,
        **told,
    )


def granted(code: str, units: int) -> dict[str, Any]:
    """Its addItem."""
    return {"productOrService": concept(code), "quantity": {"value": units}}


case(
    "TST-006",
    lines(
        line("96130"),
        line("96131", units="3"),
        **PSYCHOLOGIST,
        **visit(220),
        auth="AUTH1",
        **extra(approval(addItem=[granted("96130", 3), granted("96131", 3)])),
    ),
    lines(
        line("96130"),
        line("96131", units="2"),
        **PSYCHOLOGIST,
        **visit(220),
        auth="AUTH1",
        **extra(approval(addItem=[granted("96130", 3), granted("96131", 3)])),
    ),
    forms="b",
)
COCM = {**PRESCRIBER, "doc": None}
case(
    "COC-001",
    one("99492", **COCM, **{"visit.minutes": 35}),
    one("99492", **COCM, **{"visit.minutes": 36}),
    one("99493", **COCM, **{"visit.minutes": 31}),
    forms="b",
)
case(
    "COC-001",
    lines(line("99493"), line("99494"), **COCM, **{"visit.minutes": 75}),
    lines(line("99493"), line("99494"), **COCM, **{"visit.minutes": 76}),
    forms="b",
)
case(
    "COC-002",
    lines(line("99493"), line("99484"), **PRESCRIBER),
    lines(line("99493"), line("99493", date="2026-02-10"), **PRESCRIBER),
    forms="x",
)
case(
    "COC-003",
    one("99484", **COCM, **{"visit.minutes": 19}),
    one("99484", **COCM, **{"visit.minutes": 20}),
    forms="b",
)
case("COC-003", one("G0323", **MD_MEDICARE), one("G0323", **MEDICARE), forms="x")
case("COC-004", one("99492"), one("99492", **PRESCRIBER), forms="x")
case("COC-005", one("G0568", **MD_MEDICARE), lines(line("G0556"), line("G0568"), **MD_MEDICARE), forms="x")
case(
    "COC-005",
    lines(line("G0556"), line("G0569"), line("99493"), **MD_MEDICARE),
    lines(line("G0557"), line("G0569"), **MD_MEDICARE),
    forms="x",
)


def readings(days: int) -> list[dict[str, Any]]:
    """Device data on so many days."""
    return [
        plain(
            "Observation",
            f"o{n}",
            status="final",
            subject=ref("Patient", "subscriber"),
            device=ref("Device", "d"),
            effectiveDateTime=days_before("2026-03-10", n),
        )
        for n in range(days)
    ]


case("DIG-001", one("98978", **extra(readings(15))), one("98978", **extra(readings(16))), forms="b")
case(
    "DIG-001",
    lines(line("98978"), line("98978", date="2026-03-01")),
    lines(line("98978"), line("98978", date="2026-02-01")),
    forms="x",
)
case("DIG-002", lines(line("98979"), line("98980")), lines(line("98980")), forms="x")
case(
    "DIG-002",
    one("98980", doc=None, **{"visit.minutes": 19}),
    one("98980", doc=None, **{"visit.minutes": 20}),
    forms="b",
)
case("DIG-003", {**one("98975"), "lines.0.units": "2"}, one("98975"))
case("DIG-004", one("G0552", **MEDICARE, pos="10"), one("G0552", **MEDICARE), forms="x")
case(
    "DIG-004",
    one("G0554", **MEDICARE),
    lines(line("G0553"), line("G0554"), line("G0552"), **MEDICARE),
    forms="x",
)

# --- TEL ------------------------------------------------------------------------------------------------
case("TEL-001", {**VIDEO, "pos": "02"}, VIDEO, {**VIDEO, "pos": "02", "visit.home": False}, forms="b")
case("TEL-001", {"pos": "10"}, {"pos": "11"}, forms="b")
case("TEL-001", {"visit.class": "VR", "lines.0.mod": []}, VIDEO, forms="b")
case("TEL-002", {"pos": "10", "lines.0.mod": ["93", "95"]}, {"pos": "10", "lines.0.mod": ["95"]}, forms="x")
case(
    "TEL-002",
    {
        **VIDEO,
        "lines.0.mod": [],
        "doc.text": "15:00-15:55. Audio-only, the client has no internet for video.",
    },
    {
        **VIDEO,
        "lines.0.mod": ["93"],
        "doc.text": "15:00-15:55. Audio-only, the client has no internet for video.",
    },
    VIDEO,
    forms="b",
)
case(
    "TEL-002",
    {"pos": "10"},
    {"pos": "10", "lines.0.mod": ["95"]},
    forms="x",
    settings=profile(video_modifier="95"),
)
case(
    "TEL-003",
    {"lines.0.mod": ["95"]},
    {"lines.0.mod": ["95"], "pos": "10"},
    {"lines.0.mod": ["95"], "pos": "02"},
    forms="x",
)
case(
    "TEL-004",
    one("90849", **MEDICARE, pos="10", created="2025-11-20", **{"lines.0.date": "2025-11-11"}),
    one("90849", **MEDICARE, pos="10"),
    {**MEDICARE, "pos": "10"},
    forms="x",
)
case("TEL-004", one("90867", **MD_MEDICARE, pos="10"), one("90867", **MD_MEDICARE), forms="x")
case(
    "TEL-005",
    {
        **MEDICARE,
        "pos": "10",
        "created": "2028-01-20",
        "lines.0.date": "2028-01-11",
        "cover.end": "2030-01-01",
        "visit.class": "VR",
        **extra(
            plain(
                "Encounter",
                "old",
                status="finished",
                **{"class": {"code": "VR"}},
                subject=ref("Patient", "subscriber"),
                period={"start": "2027-12-01T10:00:00-06:00"},
            )
        ),
    },
    {
        **MEDICARE,
        "pos": "10",
        "created": "2028-01-20",
        "lines.0.date": "2028-01-11",
        "cover.end": "2030-01-01",
        "visit.class": "VR",
        **extra(
            plain(
                "Encounter",
                "old",
                status="finished",
                **{"class": {"code": "AMB"}},
                subject=ref("Patient", "subscriber"),
                period={"start": "2027-12-01T10:00:00-06:00"},
            )
        ),
    },
    {**MEDICARE, "pos": "10", "visit.class": "VR"},
    forms="b",
)
case(
    "TEL-006",
    {**VIDEO, "lines.0.mod": ["93"], "doc.text": "15:00-15:55. By telephone."},
    {**VIDEO, "lines.0.mod": ["93"], "doc.text": "15:00-15:55. By telephone; the client cannot use video."},
    VIDEO,
    forms="b",
)
case("TEL-007", {**VIDEO, "visit.state": "WI"}, {**VIDEO, "visit.state": "IL"}, forms="b")
case(
    "TEL-008",
    one("98001", **MD_MEDICARE, pos="10"),
    one("98001", **PRESCRIBER, pos="10", **{"lines.0.mod": ["95"]}),
    forms="x",
)

# --- AUT, COB, DUP, FIL ---------------------------------------------------------------------------------
case("AUT-001", {}, {"auth": "AUTH1"}, {"auth": "AUTH1"}, settings=profile(authorization_codes=["90837"]))
case(
    "AUT-001",
    extra(
        eligibility(
            item=[
                {
                    "category": concept("MH"),
                    "productOrService": concept("90837"),
                    "authorizationRequired": True,
                }
            ]
        )
    ),
    {
        "auth": "A1",
        **extra(
            eligibility(
                item=[
                    {
                        "category": concept("MH"),
                        "productOrService": concept("90837"),
                        "authorizationRequired": True,
                    }
                ]
            )
        ),
    },
    forms="b",
)
case(
    "AUT-002",
    {"auth": "AUTH1", **extra(approval(period={"start": "2026-01-01", "end": "2026-03-09"}))},
    {"auth": "AUTH1", **extra(approval())},
    forms="b",
)
case(
    "AUT-002",
    {"auth": "AUTH2", **extra(approval())},
    {"auth": "AUTH1", **extra(approval(addItem=[granted("90837", 1)]))},
    forms="b",
)
case(
    "AUT-002",
    {"auth": "AUTH1", **extra(approval(addItem=[granted("90834", 9)]))},
    {"auth": "AUTH1", **extra(approval(addItem=[granted("90837", 9)]))},
    forms="b",
)
case("AUT-003", {"filing": "HM"}, {"filing": "HM", "referral": "R77"}, {"filing": "CH", "referring": DOCTOR})
case("AUT-004", {"referring": {**DOCTOR, "npi": "1245319599"}}, {"referring": DOCTOR})
case("AUT-004", {"referring": {**DOCTOR, "npi": "1538144911"}}, {"referring": DOCTOR}, {"referring": DOCTOR})
case(
    "AUT-005",
    {"lines.0.mod": []},
    {"lines.0.mod": ["HJ"]},
    {"lines.0.mod": ["HJ"]},
    settings=profile(eap=True, eap_modifier=True),
)
case("COB-001", {"sbr01": "S", "others": [{**FIRST, "paid": None}]}, SECOND)
case("COB-002", {"sbr01": "S", "others": [{**FIRST, "cas": [["CO", "45", "60"]]}]}, SECOND)
case(
    "COB-003",
    {"sbr01": "S", "others": [{**FIRST, "svd": "-80", "paid": "-80", "cas": [["CO", "45", "230"]]}]},
    SECOND,
)
case("COB-003", {"sbr01": "S", "others": [{**FIRST, "date": "2026-03-15"}]}, SECOND, forms="x")
case(
    "COB-004",
    {**CHILD, "others": [{**FIRST, "sbr01": "S", "later": True, "relationship": "19"}]},
    {**CHILD},
    forms="x",
)
case("DUP-001", [{}, {"id": "ELM2002"}], [{}, {"id": "ELM2002", "lines.0.date": "2026-03-11"}], forms="x")
case("DUP-001", lines(line("90837"), line("90837")), lines(line("90837"), line("90837", date="2026-03-11")))
case(
    "DUP-001",
    extra(prior("old", line("90837"))),
    extra(prior("old", line("90837"), answered="error")),
    extra(prior("old", line("90837", date="2026-03-03"))),
    forms="b",
)
case(
    "DUP-002",
    [{}, {"id": "ELM2002", "rendering.npi": "1679576722"}],
    [{}, {"id": "ELM2002", "rendering.npi": "1679576722", "lines.0.date": "2026-03-11"}],
    forms="x",
)
case(
    "DUP-003",
    extra(prior("old", line("90837", charge="140"))),
    extra(prior("old", line("90837", charge="140")), frequency="7", original="ICN-old"),
    forms="b",
)
case(
    "DUP-003",
    extra(denied("old", line("90837"))),
    extra(denied("old", line("90837")), frequency="7", original="ICN-old"),
    extra(denied("old", line("90837", date="2026-03-03"))),
    forms="b",
)
case(
    "CLM-004",
    {**MEDICARE, "frequency": "7", "original": "ICN1"},
    {"frequency": "7", "original": "ICN1"},
    MEDICARE,
    forms="x",
)
case("FIL-001", {**MEDICARE, "created": "2027-03-11"}, {**MEDICARE, "created": "2027-03-10"}, forms="x")
case(
    "FIL-001",
    {"created": "2026-06-09"},
    {"created": "2026-06-08"},
    forms="x",
    settings=profile(filing_limit_days=90),
)
case(
    "FIL-002",
    {"created": "2026-05-21"},
    {"created": "2026-05-20"},
    forms="x",
    settings=profile(filing_limit_days=90),
)
case("FIL-003", {**SECOND, "created": "2026-10-01"}, {**SECOND, "created": "2026-04-01"}, forms="x")

# --- DOC ------------------------------------------------------------------------------------------------
case("DOC-001", {"doc.status": "preliminary"}, {"doc.status": "amended"}, forms="b")
case("DOC-001", {"visit.status": "in-progress"}, {"visit.status": "finished"}, forms="b")
ATTESTED = {"patch": [("DocumentReference", "authenticator", ref("Practitioner", "supervising"))]}


def composed(*attesters: str) -> dict[str, Any]:
    """The note as a Composition."""
    told = [
        {"mode": "professional", "party": ref("Practitioner", who), "time": "2026-03-10T18:00:00-06:00"}
        for who in attesters
    ]
    return plain(
        "Composition",
        "comp",
        status="final",
        date="2026-03-10T17:00:00-06:00",
        author=[ref("Practitioner", "rendering")],
        encounter=ref("Encounter", "visit"),
        attester=told,
        title="Progress note 15:00-15:55",
    )


case(
    "DOC-002",
    {"supervising": SUPERVISOR, "doc": None, **extra(composed("rendering"))},
    {"supervising": SUPERVISOR, "doc": None, **extra(composed("rendering", "supervising"))},
    forms="b",
)
case(
    "DOC-003", {"doc.date": "2026-03-18T17:00:00-06:00"}, {"doc.date": "2026-03-17T14:00:00-06:00"}, forms="b"
)


def treatment(end: str) -> dict[str, Any]:
    """A treatment plan."""
    return plain(
        "CarePlan",
        "plan",
        status="active",
        intent="plan",
        subject=ref("Patient", "subscriber"),
        period={"start": "2025-10-01", "end": end},
    )


case("DOC-004", extra(treatment("2026-03-09")), extra(treatment("2026-03-10")), forms="b")
case("DOC-005", {"visit.status": "cancelled"}, {"visit.status": "finished"}, forms="b")
case(
    "DOC-005",
    {
        **extra(plain("Appointment", "a", status="noshow")),
        "patch": [("Encounter", "appointment", [ref("Appointment", "a")])],
    },
    {
        **extra(plain("Appointment", "a", status="fulfilled")),
        "patch": [("Encounter", "appointment", [ref("Appointment", "a")])],
    },
    forms="b",
)
case("DOC-006", {"note": "SEE PSYCHOTHERAPY NOTE BELOW"}, {"note": "SECOND CLAIM OF THE WEEK"}, forms="x")


def attached(label: str) -> Changes:
    """A document attached to the claim."""
    return {
        "patch": [
            (
                "Claim",
                "supportingInfo",
                [
                    {
                        "sequence": 1,
                        "category": concept("attachment"),
                        "valueReference": ref("DocumentReference", "record"),
                    }
                ],
            )
        ],
        **extra(
            plain(
                "DocumentReference",
                "record",
                status="current",
                type=concept("11506-3"),
                securityLabel=[concept(label)],
            )
        ),
    }


case("DOC-006", attached("PSYTHPN"), attached("R"), forms="b")
case(
    "DOC-007",
    {
        "alone": ["Encounter", "Patient", "Coverage", "Practitioner", "Condition", "Organization"],
        "lines.0.date": "2026-02-20",
    },
    {
        "alone": ["Encounter", "Patient", "Coverage", "Practitioner", "Condition", "Organization"],
        "lines.0.date": "2026-03-10",
    },
    forms="b",
)

# --- what a review of the rules' texts added --------------------------------------------------------------
case(
    "PRV-005",
    {
        "patch": [
            (
                "Practitioner/rendering",
                "qualification",
                [{"code": concept("103TC0700X"), "identifier": [{"value": "1"}]}],
            )
        ]
    },
    {
        "patch": [
            (
                "Practitioner/rendering",
                "qualification",
                [{"code": concept("101YM0800X"), "identifier": [{"value": "1"}]}],
            )
        ]
    },
    forms="b",
)
case(
    "PRV-007",
    {"rendering.licence.state": "WI"},
    {"rendering.licence.state": "IL"},
    {"visit.state": "IL"},
    forms="b",
)
case("DOC-002", {"supervising": SUPERVISOR}, {"supervising": SUPERVISOR, **ATTESTED}, forms="b")
case(
    "DOC-007",
    {"alone": ["Encounter", "Patient"], "lines.0.date": "2026-02-20"},
    {"alone": ["Encounter", "Patient"], "lines.0.date": "2026-03-10"},
    forms="b",
)
case(
    "DOC-007",
    {"alone": ["Encounter", "Patient"], "lines.0.date": "2026-02-20"},
    {
        "alone": ["Encounter", "Patient", "Invoice"],
        "lines.0.date": "2026-02-20",
        **extra(plain("Invoice", "i", status="issued", totalNet={"value": 0})),
    },
    forms="b",
)
case(
    "TST-001", {**one("96130", **PSYCHOLOGIST), "lines.0.units": "2"}, one("96130", **PSYCHOLOGIST), forms="x"
)
case("DX-009", {"dx": ["O99.345"]}, {"dx": ["O99.345", "F33.1"]})

# --- what a deck by another hand showed -------------------------------------------------------------------
case("EDI-001", {"edit": [("HL*2*1*22*0", "HL*2*1*22*1")]}, {**CHILD}, forms="x")
case(
    "COV-006", {"filing": "MC"}, {"filing": "12"}, {"filing": "CI"}, forms="x", settings=profile(filing="CI")
)
case(
    "TIM-002",
    lines(line("90834"), **visit(75)),
    lines(line("90834", mod=["59"]), line("90853"), **visit(75)),
    lines(line("90834"), **visit(45)),
    forms="b",
)
case("CLM-001", {"id": "212-55-3344"}, {"id": "2125-53-344"})
case(
    "INC-002",
    lines(line("99204"), **MD_MEDICARE, supervising=SUPERVISOR),
    lines(line("99204"), **MD_MEDICARE),
)
case("SVC-007", {"visit.class": "EMER"}, {"visit.class": "EMER", "pos": "23", "facility": PLACE}, forms="b")
case("SVC-007", {"visit.class": "IMP"}, {"visit.class": "AMB"}, forms="b")
case(
    "TEL-007",
    {**VIDEO, "visit.state": "", "subscriber.state": "WI"},
    {**VIDEO, "visit.state": "", "subscriber.state": "IL"},
    forms="b",
)
case(
    "PRV-005",
    {"patch": [("Practitioner/rendering", "qualification", [{"code": {"text": "Clinical Social Worker"}}])]},
    {"patch": [("Practitioner/rendering", "qualification", [{"code": {"text": "Licensed Counselor"}}])]},
    forms="b",
)
case("DX-009", {"dx": ["F41.1", "F06.31"]}, {"dx": ["F41.1", "E03.9", "F06.31"]})
case(
    "SVC-004",
    lines(line("90837"), line("90785", charge="0")),
    lines(line("90837"), line("G8431", charge="0")),
)
case("SVC-012", lines(line("G0540"), **MEDICARE), lines(line("G0539"), line("G0540"), **MEDICARE))
case(
    "PRV-008",
    {"payer.id": "62308"},
    {},
    {"payer.id": "62308", "rendering.npi": "1679576722"},
    settings={"roster": [{"payer": "62308", "npi": "1679576722", "start": "2025-01-01"}]},
)
case(
    "PAT-004",
    {"subscriber.country": "MX", "subscriber.state": "", "subscriber.zip": "01000"},
    {"subscriber.country": "MX", "subscriber.state": "", "subscriber.zip": ""},
)
case(
    "DX-002",
    {"dx": ["F50.89X"], "lines.0.date": "2026-11-03", "created": "2026-11-05"},
    {"lines.0.date": "2026-11-03", "created": "2026-11-05"},
)


# --- faults that somebody else's deck made, and this book did not find ----------------------------------
MBI = {"member": "1EG4TE5MK73", "group": ""}
PART_B = {"name": "NGS MEDICARE PART B", "id": "13202"}
case("COV-006", {"filing": "CI", "payer": PART_B, **MBI}, {**MEDICARE, "payer": PART_B}, forms="x")
case(
    "COV-006",
    {"filing": "CI", "payer": {"name": "NORIDIAN MEDICARE", "id": "01112"}, **MBI},
    {"filing": "CI", "payer": {"name": "OAK MEDICARE SUPPLEMENT", "id": "01112"}, **MBI},
    forms="x",
)
case("COV-007", {**CHILD, **MEDICARE}, CHILD)
case("COV-010", {**MEDICARE, "msp": "12"}, MEDICARE)
case("COV-004", {"member": "PENDING"}, {"member": "PEND01"})
case("COV-004", {"member": "000000000"}, {"member": "000000001"})
case("EDI-001", {"edit": [("ZZ*ELM01          *", "ZZ*ELM01*")]}, {}, forms="x")
case(
    "CLM-001",
    {"id": "VANDERBERG1", "subscriber.last": "VAN DER BERG"},
    {"id": "VANGUARD1", "subscriber.last": "VAN DER BERG"},
)
case("CLM-004", {"frequency": "7", "original": "NONE"}, {"frequency": "7", "original": "NONE1"}, forms="x")
case(
    "CLM-004", {"frequency": "7", "original": "ELM2001"}, {"frequency": "7", "original": "ELM2002"}, forms="x"
)
case(
    "CLM-009",
    {"accident": {"kind": "AA", "date": "2026-03-11", "state": "IL"}, "filing": "AM"},
    {"accident": {"kind": "AA", "date": "2026-03-10", "state": "IL"}, "filing": "AM"},
)
case(
    "CLM-009",
    {"filing": "WC"},
    {"filing": "WC", "accident": {"kind": "EM", "date": "2026-01-05", "state": ""}},
)
case("CLM-010", {"pos": "32", "facility": {**PLACE, "zip": "60602"}}, {"pos": "32", "facility": PLACE})
case("CLM-010", {"facility": {**PLACE, "zip": "60602"}}, {"facility": PLACE})
case("CLM-010", {"facility": {**PLACE, "zip": "6060212"}}, {"facility": PLACE})
case("PRV-003", {"billing.line1": "CALL BOX 10"}, {"billing.line1": "RR 2 BOX 10"})
case("PRV-003", {"billing.line1": "APARTADO 55"}, {"billing.line1": "55 APARTMENT WAY"})
case("PRV-002", {"billing.tin": "000000000"}, {"billing.tin": "000000001"})
case("PRV-004", {"lines.0.npi": "1245319599"}, {"lines.0.npi": "1679576722"}, forms="x")
case("PAT-001", {"subscriber.last": "ZZTEST"}, {"subscriber.last": "ZTESTER"})
case("SVC-001", one("9O834"), one("90834", **visit(45)))
case("SVC-001", one("9083A"), one("0001F"), forms="x")
case("SVC-002", one("97532"), one("97129"))
case("SVC-002", one("M0064", **PRESCRIBER), one("99213", **PRESCRIBER))
case("SVC-006", {"lines.0.mod": ["25"]}, lines(line("99213", mod=["25"]), **PRESCRIBER))
case("TIM-008", lines(line("H0004", units="97"), chart=False), lines(line("H0004", units="40"), chart=False))
case(
    "ADD-002",
    lines(line("99214"), line("90833"), line("90836"), **PRESCRIBER),
    lines(line("99214"), line("90833"), line("90836", date="2026-03-12"), **PRESCRIBER),
    forms="x",
)
case(
    "COB-003",
    {"sbr01": "S", "others": [{**FIRST, "line_date": "2026-03-21"}]},
    {"sbr01": "S", "others": [FIRST]},
)
case(
    "COB-003",
    {"sbr01": "S", "others": [{**FIRST, "line_date": "2026-03-09"}]},
    {"sbr01": "S", "others": [FIRST]},
)
case(
    "COV-007",
    {
        "patch": [("Coverage/coverage", "subscriber", ref("RelatedPerson", "kin"))],
        **extra(plain("RelatedPerson", "kin", name=[{"family": "Stone"}], birthDate="1961-01-01")),
    },
    {
        "patch": [("Coverage/coverage", "subscriber", ref("RelatedPerson", "kin"))],
        **extra(plain("RelatedPerson", "kin", name=[{"family": "Rivera"}], birthDate="1988-04-09")),
    },
    forms="b",
)
case(
    "PRV-005",
    {
        "rendering.taxonomy": "",
        "patch": [
            (
                "Practitioner/rendering",
                "qualification+",
                {"code": concept("1041C0700", "http://nucc.org/provider-taxonomy")},
            )
        ],
    },
    {
        "rendering.taxonomy": "",
        "patch": [
            (
                "Practitioner/rendering",
                "qualification+",
                {"code": concept("1041C0700X", "http://nucc.org/provider-taxonomy")},
            )
        ],
    },
    forms="b",
)
case(
    "DOC-001",
    {
        "patch": [
            (
                "Encounter",
                "period",
                {"start": "2026-03-04T15:00:00-06:00", "end": "2026-03-04T15:55:00-06:00"},
            )
        ]
    },
    {
        "patch": [
            (
                "Encounter",
                "period",
                {"start": "2026-03-11T02:00:00+00:00", "end": "2026-03-11T02:55:00+00:00"},
            )
        ]
    },
    forms="b",
)
AUDIO_VR = {
    "pos": "10",
    "lines.0.mod": ["93"],
    "visit.class": "VR",
    "visit.home": True,
    "doc.text": "15:00-15:55.",
}
case(
    "TEL-006",
    AUDIO_VR,
    {**AUDIO_VR, "doc.text": "15:00-15:55. By phone: client cannot use video."},
    forms="b",
)
case(
    "CLM-011",
    {"pos": "21", "facility": PLACE, "visit.start": "", "visit.class": "IMP"},
    {"pos": "21", "facility": PLACE, "visit.class": "IMP"},
    forms="b",
)


def approval(**told: Any) -> Changes:
    """A claim with an authorisation number, and the payer's answer to the request for it."""
    answer = {
        "status": "active",
        "use": "preauthorization",
        "outcome": "complete",
        "preAuthRef": "A7788",
        **told,
    }
    return {
        "auth": "A7788",
        **extra(plain("ClaimResponse", "pre", patient=ref("Patient", "subscriber"), **answer)),
    }


case("AUT-002", approval(outcome="error"), approval(), forms="b")

# --- what a second deck by another hand showed ----------------------------------------------------------
case(
    "ADD-002",
    lines(line("99214", mod=["25"]), line("90837"), **PRESCRIBER),
    lines(line("99214"), line("90836"), **PRESCRIBER),
)
case(
    "COV-001",
    {"sbr01": "S", "member": "X987654321", "payer": FIRST["payer"], "others": [FIRST]},
    {"sbr01": "S", "payer": FIRST["payer"], "others": [FIRST]},
)
case("PAT-001", {"subscriber.last": "RIVERA, ANA"}, {"subscriber.last": "RIVERA-SOTO"})
case("PAT-001", {"subscriber.first": "-"}, {"subscriber.first": "J"})
case("PAT-004", {"subscriber.state": "CA"}, {"subscriber.state": "NV", "subscriber.zip": "89501"})
case("PRV-003", {"billing.state": "WI"}, {"billing.zip": "537031234", "billing.state": "WI"})
case("PRV-005", {"rendering.taxonomy": "261QM0801X"}, {"billing.taxonomy": "261QM0801X"})
case(
    "PRV-011",
    one("96130", **{"rendering.taxonomy": "106H00000X"}),
    one("96130", **{"rendering.taxonomy": "103TC0700X"}),
    forms="x",
)
case("SVC-001", one("H0004", **MEDICARE), one("H0004"), forms="x")
case("TEL-003", {"lines.0.mod": ["FQ"]}, {**VIDEO, "lines.0.mod": ["FQ"]}, forms="x")
