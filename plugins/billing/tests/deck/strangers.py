"""Faulty claims written from the rules' texts alone, without a look at the checks: one fault each, in other ways than
the deck has them. ``FAULTS``: rule, changes, forms."""

from __future__ import annotations

from .build import concept, line, ref
from .cases import (
    CHILD,
    DOCTOR,
    FIRST,
    MD_MEDICARE,
    MEDICARE,
    PLACE,
    PRESCRIBER,
    PSYCHOLOGIST,
    SECOND,
    SUPERVISOR,
    Changes,
    eligibility,
    extra,
    lines,
    one,
    plain,
    prior,
    scores,
    session,
    visit,
)

FAULTS: list[tuple[str, Changes | list[Changes], str]] = []


def fault(rule: str, changes: Changes | list[Changes], forms: str = "xb") -> None:
    """Add one."""
    FAULTS.append((rule, changes, forms))


VR = {"visit.class": "VR", "visit.home": True}
fault("EDI-001", {"edit": [("*005010X222A1~\nST", "*005010X299~\nST")]}, "x")
fault("EDI-001", {"edit": [("NM1*40*2*CLEARING HOUSE*****46*CH001~\n", "")]}, "x")
fault("EDI-001", {"edit": [("HL*2*1*22*0", "HL*2*9*22*0")]}, "x")
fault("EDI-001", {"edit": [("SBR*P*18", "SBR*Q*18")]}, "x")
fault("EDI-001", {"edit": [("DTP*472*D8*20260310~\n", "")]}, "x")
fault("EDI-001", {"edit": [("SV1*HC:90837", "SV1*XX:90837")]}, "x")
fault("EDI-001", {"edit": [("LX*1~\n", "")]}, "x")
fault("EDI-001", {"edit": [("PER*IC*BILLING*TE*3125550100~\n", "")]}, "x")
fault("EDI-001", {"edit": [("*CH~\nNM1*41", "*ZZ~\nNM1*41")]}, "x")
fault("EDI-002", {"edit": [("*0001~\nGE", "*0002~\nGE")]}, "x")
fault("EDI-002", {"edit": [("GE*1*1~", "GE*2*1~")]}, "x")
fault("EDI-002", {"edit": [("IEA*1*000000001", "IEA*1*000000009")]}, "x")
fault("EDI-002", {"edit": [("IEA*1*000000001", "IEA*2*000000001")]}, "x")
fault("EDI-003", {"subscriber.first": "JOSÉ"}, "xb")
fault("EDI-003", {"billing.line1": "1 MAIN ST – FLOOR 2"}, "xb")
fault("EDI-004", {"usage": "X"}, "x")
fault(
    "EDI-005",
    {"lines": [line("90834", date=f"2026-01-{1 + n % 28:02}") for n in range(51)], "chart": False},
    "xb",
)
fault("EDI-005", {"lines.0.mod": ["HO", "U1", "U2", "U3", "U4"]}, "xb")
fault("PAT-001", {"subscriber.first": "UNKNOWN"})
fault("PAT-001", {"subscriber.last": ""})
fault("PAT-001", {**CHILD, "patient.first": ""})
fault("PAT-001", {**CHILD, "patient.last": "SM1TH"})
fault("PAT-002", {"subscriber.dob": ""})
fault("PAT-002", {**CHILD, "patient.dob": "2026-04-01"})
fault("PAT-002", {"subscriber.dob": "1870-05-05"})
fault("PAT-002", {"subscriber.dob": "19881340"}, "x")
fault("PAT-003", {"subscriber.sex": "X"}, "x")
fault("PAT-003", {**CHILD, "patient.sex": ""})
fault("PAT-004", {"subscriber.city": ""})
fault("PAT-004", {"subscriber.state": "XX"})
fault("PAT-004", {"subscriber.zip": ""})
fault("PAT-004", {**CHILD, "patient.zip": "1234"})
fault("PAT-004", {"subscriber.country": "US"}, "x")
fault("PAT-004", {"subscriber.zip": "ABCDE"})
fault("PAT-005", {**CHILD, "patient.died": "2026-02-02"})
fault(
    "PAT-006",
    extra(
        eligibility(patient="told"),
        plain("Patient", "told", name=[{"family": "Rivera", "given": ["Ana"]}], birthDate="1988-04-10"),
    ),
    "b",
)
fault("COV-001", {"sbr01": "T"})
fault("COV-001", {"others": [{**FIRST, "later": True}]})
fault(
    "COV-001",
    {"sbr01": "T", "others": [FIRST, {**FIRST, "sbr01": "T", "payer": {"name": "B", "id": "22222"}}]},
    "x",
)
fault("COV-002", {"cover.start": "2026-04-01"}, "b")
fault("COV-002", {"cover.status": "entered-in-error"}, "b")
fault("COV-002", {"cover.status": "draft"}, "b")
fault("COV-003", extra(eligibility("2025-11-01")), "b")
fault(
    "COV-003",
    {"filing": "MC", "payer": {"name": "IL MEDICAID", "id": "ILMCD"}, **extra(eligibility("2026-02-25"))},
    "b",
)
fault("COV-004", {**MEDICARE, "member": "1EG4TE5MK7"})
fault("COV-004", {**MEDICARE, "member": "1EG4-TE5-MK73"})
fault("COV-004", {**MEDICARE, "member": "123456789"})
fault("COV-004", {"member": "W"})
fault("COV-006", {"payer": {"name": "TRICARE WEST", "id": "TWEST"}, "filing": "CI"})
fault("COV-006", {"payer": {"name": "ILLINOIS MEDICAID", "id": "ILMCD"}, "filing": "CI"})
fault("COV-006", {"filing": ""}, "x")
fault("COV-007", {**CHILD, "relationship": ""}, "x")
fault("COV-007", {"relationship": ""}, "x")
fault(
    "COV-007",
    {
        "patch": [("Coverage", "subscriber", ref("Patient", "parent"))],
        **extra(
            plain(
                "Patient",
                "parent",
                name=[{"family": "Rivera", "given": ["Eva"]}],
                birthDate="1960-01-01",
                gender="female",
            )
        ),
    },
    "b",
)
fault(
    "COV-009",
    {
        "filing": "MC",
        "payer": {"name": "IL MEDICAID", "id": "ILMCD"},
        "others": [{**FIRST, "sbr01": "S", "filing": "BL", "later": True}],
    },
)
fault("COV-010", {**MEDICARE, **SECOND, "msp": "99"}, "x")
fault("PRV-001", {"rendering.npi": "12453195"})
fault("PRV-001", {"rendering.npi": "124531959A"})
fault("PRV-001", {"supervising": {**SUPERVISOR, "npi": "1679576723"}})
fault("PRV-001", {"pos": "22", "facility": {**PLACE, "npi": "1234567890"}})
fault("PRV-002", {"billing.npi": ""})
fault("PRV-002", {"billing.tin": "12-345"})
fault("PRV-003", {"billing.line1": "P.O. BOX 100"})
fault("PRV-003", {"billing.line1": "POST OFFICE BOX 100"})
fault("PRV-003", {"billing.line1": "LOCKBOX 7700"})
fault("PRV-003", {"billing.line1": "P O BOX 9"})
fault("PRV-003", {"billing.zip": "60601-12"})
fault("PRV-004", {"rendering": None}, "xb")
fault("PRV-004", {"edit": [("NM1*82*1*STONE*JO****XX*1245319599", "NM1*82*1*STONE*JO")]}, "x")
fault("PRV-005", {"rendering.taxonomy": "101YM0800Y"})
fault("PRV-005", {"billing.taxonomy": "ABC"})
fault("PRV-006", {"submitter.phone": "3121550100"})
fault("PRV-006", {"submitter.phone": "31255501"})
fault("PRV-007", {"rendering.licence.start": "2026-03-15"}, "b")
fault(
    "PRV-009",
    {
        **MEDICARE,
        "rendering.taxonomy": "101YM0800X",
        "lines.0.date": "2023-11-06",
        "created": "2023-11-10",
        "cover.start": "2020-01-01",
    },
)
fault(
    "PRV-009",
    {
        **MEDICARE,
        "rendering.taxonomy": "101YP2500X",
        "lines.0.date": "2023-12-31",
        "created": "2024-01-10",
        "cover.start": "2020-01-01",
    },
)
fault("PRV-010", {"rendering.role": "Intern"}, "b")
fault("PRV-011", lines(line("99205", charge="250"), **{"rendering.taxonomy": "106H00000X"}))
fault("PRV-011", lines(line("99213"), line("90833"), **{"rendering.taxonomy": "103TC0700X"}))
fault("PRV-011", one("90792", **{"rendering.taxonomy": "1041C0700X"}))
fault("PRV-012", {**MEDICARE, "flags": ["Y", "B", "Y", "Y"]})
fault("PRV-014", {"supervising": {**SUPERVISOR, "npi": ""}})
fault("INC-001", {**MEDICARE, "supervising": SUPERVISOR, "pos": "31", "facility": PLACE})
fault("CLM-001", {"id": "12345678901234567890123"})
fault("CLM-001", {"id": "W123456789"})
fault("CLM-001", {"id": "19880409-1"})
fault("CLM-001", {"id": ""}, "x")
fault("CLM-002", {"total": "150.01"})
fault("CLM-002", lines(line("90834", charge="120"), line("90785", charge="20"), total="120"), "x")
fault("CLM-003", {"lines.0.charge": "0", "total": "0"})
fault("CLM-004", {"frequency": "6"}, "x")
fault("CLM-005", {"flags": ["", "A", "Y", "Y"]}, "x")
fault("CLM-005", {"flags": ["Y", "Z", "Y", "Y"]}, "x")
fault("CLM-006", {"lines.0.date": "2027-03-10"}, "xb")
fault("CLM-007", {"lines.0.to": "2026-03-11"})
fault(
    "CLM-008",
    lines(
        line("90834", date="2025-12-31"), line("90834", date="2026-01-02"), created="2026-01-05", chart=False
    ),
)
fault("CLM-009", {"accident": {"kind": "AA", "date": "", "state": "IL"}})
fault("CLM-009", {"accident": {"kind": "OA", "date": "", "state": ""}})
fault("CLM-010", {"pos": "22"}, "xb")
fault("CLM-010", {"pos": "03"}, "x")
fault("CLM-011", {"pos": "51", "facility": PLACE}, "x")
fault("CLM-011", {"pos": "21", "facility": PLACE, "chart": False}, "xb")
fault("CLM-012", {"paid": "150.50"})
fault("DX-001", {"dx": [], "lines.0.ptr": [1]})
fault("DX-001", {"dx": ["F41.1", "F33.1"], "dx_qualifiers": ["ABK", "ABK"]}, "x")
fault("DX-002", {"dx": ["F99.9"]})
fault("DX-002", {"dx": ["Q99Z"]})
fault("DX-003", {"dx": ["F32"]})
fault("DX-003", {"dx": ["F41.1", "F10"]})
fault("DX-003", {"dx": ["F43.1"]})
fault("DX-005", {"dx": ["F33.1", "F41.1", "F33.1"]})
fault("DX-006", {"lines.0.ptr": [1, 3], "dx": ["F41.1", "F33.1"]})
fault("DX-006", {"edit": [("UN*1***1~", "UN*1***A~")]}, "x")
fault("DX-007", {"dx": ["Z56.6", "F43.23"]})
fault("DX-007", {"dx": ["F02.80"]})
fault("DX-007", {"dx": ["X78.9"]})
fault("DX-008", {"dx": ["F31.9", "F33.1"]})
fault("DX-009", {"dx": ["F02.80", "G30.9"]})
fault("DX-010", {**CHILD, "dx": ["F53.0"], "patient.dob": "2020-01-01"})
fault("DX-010", {"dx": ["F98.0"]})
fault("DX-010", {"dx": ["F64.2"]})
fault("DX-011", {"dx": ["O99.345"], "subscriber.sex": "M"})
fault("DX-011", {"dx": ["F52.21"]})
fault("DX-012", {"dx": ["Z71.9"]})
fault("DX-012", {"dx": ["G47.00"]})
fault("DX-013", {"dx": ["F39"]}, "x")
fault("DX-013", {"dx": ["F43.9"]}, "x")
fault("DX-014", {"verification": "refuted"}, "b")
fault("DX-014", {"verification": "unconfirmed"}, "b")
fault("DX-016", {"dx": ["296.32"], "dx_qualifiers": ["BK"]}, "x")
fault(
    "DX-016", {"patch": [("Condition", "code", concept("300.02", "http://hl7.org/fhir/sid/icd-9-cm"))]}, "b"
)
fault("SVC-001", one("ABCDE"))
fault("SVC-001", one("908377"))
fault("SVC-001", one(""))
fault("SVC-002", one("90801"))
fault("SVC-002", one("90862", **PRESCRIBER))
fault("SVC-002", lines(line("90837"), line("99354")))
fault("SVC-002", one("96101", **PSYCHOLOGIST))
fault("SVC-002", one("99201", **PRESCRIBER))
fault("SVC-002", one("96118", **PSYCHOLOGIST))
fault("SVC-003", {"lines.0.units": "0"})
fault("SVC-003", {"lines.0.units": "-1"})
fault("SVC-003", {"lines.0.units": "1.5"})
fault("SVC-003", {"lines.0.units": ""})
fault("SVC-003", {**one("90791"), "lines.0.units": "2"})
fault("SVC-004", {"lines.0.charge": "120.999"})
fault("SVC-004", lines(line("90837"), line("90785", charge="0")), "x")
fault("SVC-006", {"lines.0.mod": ["25", "25"]})
fault("SVC-006", {"lines.0.mod": ["9"]})
fault("SVC-006", {"lines.0.mod": ["XX"]})
fault("SVC-006", {"lines.0.mod": ["95", "GT"], "pos": "02"}, "x")
fault("SVC-007", {"pos": "00"})
fault("SVC-007", {"pos": "1"})
fault("SVC-007", {"pos": ""})
fault(
    "SVC-007",
    {
        "pos": "10",
        "lines.0.mod": ["95"],
        "lines.0.date": "2021-11-10",
        "created": "2021-11-12",
        "cover.start": "2020-01-01",
        **VR,
    },
)
fault("SVC-012", one("90785"))
fault("SVC-012", one("90840"))
fault("SVC-012", one("99494", **PRESCRIBER))
fault("SVC-012", one("96159", **PSYCHOLOGIST), "x")
fault("SVC-013", lines(line("90832"), line("90832", mod=["59"])), "x")
fault("TIM-001", one("90832", **visit(45)), "b")
fault("TIM-002", one("90834", **visit(60)), "b")
fault("TIM-002", one("90834", **visit(30)), "b")
fault("TIM-003", one("90837", **visit(45)), "b")
fault(
    "TIM-003",
    {
        **one("90837"),
        "visit.minutes": None,
        "doc.text": "Start 15:00.",
        "patch": [("Encounter", "length", {"value": 50, "code": "min"})],
    },
    "b",
)
fault("TIM-004", one("90832", **visit(10)), "b")
fault("TIM-004", one("90837", **visit(15)), "b")
fault(
    "TIM-005",
    lines(
        line("99213"),
        line("90838"),
        **PRESCRIBER,
        **visit(60, "Psychotherapy time 45 minutes, E/M separate."),
    ),
    "b",
)
fault(
    "TIM-007",
    {
        **extra(plain("Appointment", "a", status="fulfilled", minutesDuration=45)),
        "patch": [("Encounter", "appointment", [ref("Appointment", "a")])],
    },
    "b",
)
fault("TIM-008", extra(session("14:30", "15:30")), "b")
fault(
    "TIM-008",
    [{"id": "A1"}, {"id": "A2", "subscriber.first": "EVA", "member": "W999", "visit.start": "15:20"}],
    "b",
)
fault("TIM-009", lines(line("90837"), line("G2212")), "x")
fault("ADD-001", one("90833", **PRESCRIBER))
fault("ADD-001", lines(line("90791"), line("90836"), **PRESCRIBER), "x")
fault("ADD-002", lines(line("99214"), line("90836"), line("90847"), **PRESCRIBER), "x")
fault("ADD-003", lines(line("99213", mod=["25"]), line("G2211"), **MD_MEDICARE), "x")
fault("ADD-004", lines(line("99213"), line("90785"), **PRESCRIBER), "x")
fault("ADD-005", lines(line("90839"), line("90785")), "x")
fault("ADD-005", lines(line("90846"), line("90785")), "x")
fault("ADD-005", lines(line("97153", units="4"), line("90785"), **CHILD), "x")
fault("ADD-007", lines(line("90840", units="1"), line("90837")), "x")
fault("ADD-008", one("90863", **PSYCHOLOGIST), "x")
fault("ADD-008", lines(line("90839"), line("90863"), **PSYCHOLOGIST), "x")
fault("ADD-008", lines(line("90834"), line("90863"), **PRESCRIBER), "x")
fault("EVL-001", lines(line("90791"), line("90791")), "x")
fault("EVL-002", lines(line("90791"), line("99204"), **PRESCRIBER), "x")
fault("EVL-003", lines(line("90792"), line("90833"), **PRESCRIBER), "x")
fault("EVL-003", lines(line("90791"), line("90847")), "x")
fault("EVL-003", lines(line("90791"), line("90839")), "x")
fault("FAM-001", one("90846", **visit(20), **CHILD), "b")
fault("FAM-003", lines(line("90847"), line("90846")), "x")
fault("FAM-004", lines(line("90837"), line("90846")), "x")
fault("FAM-005", one("90847", dx=["Z63.0"]))
fault("GRP-001", {**one("90853"), "lines.0.units": "6"})
fault("GRP-002", lines(line("90837"), line("90853")), "x")
fault("GRP-003", {**one("90849"), "lines.0.units": "2"})
fault("CRS-001", one("90839", **visit(20)), "b")
fault("CRS-001", lines(line("90839"), line("90839")), "x")
fault("CRS-002", lines(line("90839"), line("90840", units="1"), **visit(70)), "b")
fault("CRS-003", lines(line("90839"), line("90791")), "x")
fault("CRS-003", lines(line("90839"), line("90847")), "x")
fault("CRS-004", lines(line("G0017"), line("90839"), pos="15", **MEDICARE), "x")
fault("CRS-004", one("G0018", **MEDICARE), "x")
fault("SAF-001", {**one("G0560", **MEDICARE), **visit(15)}, "b")
fault("SAF-002", {**one("G0544", **MEDICARE), "lines.0.units": "2"})
fault("TST-001", one("96130", **PSYCHOLOGIST, **visit(30)), "b")
fault("TST-001", lines(line("96132"), line("96133", units="2"), **PSYCHOLOGIST, **visit(120)), "b")
fault("TST-002", one("96138", **PSYCHOLOGIST, **visit(15)), "b")
fault("TST-002", one("96136", **PSYCHOLOGIST, **visit(40), **extra(scores(1))), "b")
fault("TST-003", lines(line("96133"), line("96130"), **PSYCHOLOGIST), "x")
fault("TST-003", one("96121", **PSYCHOLOGIST), "x")
fault("TST-003", one("96139", **PSYCHOLOGIST), "x")
fault("TST-004", lines(line("96136"), line("96137"), line("96138"), line("96139"), **PSYCHOLOGIST), "x")
fault("COC-001", one("99493", **MD_MEDICARE, doc=None, **{"visit.minutes": 25}), "b")
fault("COC-001", lines(line("99492"), line("99494"), **MD_MEDICARE, doc=None, **{"visit.minutes": 80}), "b")
fault("COC-002", lines(line("99492"), line("99493"), **PRESCRIBER), "x")
fault("COC-002", lines(line("G0323"), line("99484"), **MEDICARE), "x")
fault("COC-003", one("G0323", **MEDICARE, doc=None, **{"visit.minutes": 15}), "b")
fault("COC-004", one("99493", **{"rendering.taxonomy": "1041C0700X"}), "x")
fault("COC-005", one("G0570", **MD_MEDICARE), "x")
fault("COC-005", lines(line("G0556"), line("G0570"), line("99484"), **MD_MEDICARE), "x")
fault("DIG-001", lines(line("98978"), line("98986")), "x")
fault("DIG-001", {**one("98986"), "lines.0.date": "2025-11-11", "created": "2025-11-12"}, "x")
fault("DIG-002", lines(line("98980"), line("98979")), "x")
fault("DIG-003", lines(line("98975"), line("98975", date="2026-03-03")), "x")
fault("DIG-004", one("G0553", **MEDICARE), "x")
fault("DIG-004", one("G0552", **MEDICARE, pos="02"), "x")
fault("TEL-001", {"pos": "02"}, "b")
fault("TEL-001", {**VR, "pos": "11"}, "b")
fault("TEL-001", {**VR, "visit.home": False, "pos": "10", "lines.0.mod": ["95"]}, "b")
fault("TEL-002", {"pos": "02", "lines.0.mod": ["95", "93"]}, "x")
fault("TEL-003", {"lines.0.mod": ["GT"]}, "x")
fault("TEL-003", {"lines.0.mod": ["93"], "pos": "12"}, "x")
fault("TEL-004", one("90870", **MD_MEDICARE, pos="10"), "x")
fault(
    "TEL-004", one("90849", **MEDICARE, pos="02", **{"lines.0.date": "2025-06-10"}, created="2025-06-12"), "x"
)
fault("TEL-006", {**VR, "pos": "10", "lines.0.mod": ["93"], "doc.text": "15:00-15:55. Phone session."}, "b")
fault("TEL-007", {**VR, "pos": "10", "lines.0.mod": ["95"], "visit.state": "CA"}, "b")
fault("TEL-008", one("98008", **MD_MEDICARE, pos="10"), "x")
fault("TEL-008", one("99441", **PRESCRIBER, pos="10"), "x")
fault(
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
    "b",
)
fault("AUT-003", {"filing": "VA", "payer": {"name": "VA CCN", "id": "VACCN"}})
fault("AUT-003", {"filing": "CH", "payer": {"name": "TRICARE EAST", "id": "TREST"}})
fault("AUT-004", {"referring": {**DOCTOR, "entity": "2"}}, "x")
fault("AUT-004", {"referring": {**DOCTOR, "npi": ""}})
fault("COB-001", {"sbr01": "S"}, "x")
fault("COB-001", {"sbr01": "S", "others": [{**FIRST, "paid": None, "cas": []}]})
fault("COB-002", {"sbr01": "S", "others": [{**FIRST, "paid": "90", "svd": "90"}]})
fault("COB-002", {"sbr01": "S", "others": [{**FIRST, "svd": "70"}]}, "x")
fault("COB-003", {"sbr01": "S", "others": [{**FIRST, "svd": "ABC"}]}, "x")
fault("DUP-001", lines(line("90834"), line("90834")), "x")
fault("DUP-001", [{"id": "A1"}, {"id": "A2"}], "b")
fault("DUP-002", [{"id": "A1"}, {"id": "A2", "lines.0.charge": "160"}], "x")
fault("DUP-003", extra(prior("old", line("90837", mod=["95"]))), "b")
fault("FIL-001", {**MEDICARE, "lines.0.date": "2025-01-10", "created": "2026-03-01"}, "xb")
fault("FIL-001", {"lines.0.date": "2024-01-10", "created": "2026-03-01", "cover.start": "2020-01-01"}, "xb")
fault("FIL-002", {"lines.0.date": "2025-09-25", "created": "2026-03-20"}, "xb")
fault(
    "FIL-003", {**SECOND, "lines.0.date": "2025-03-10", "others": [{**FIRST, "line_date": "2025-04-01"}]}, "x"
)
fault("DOC-001", {"visit.status": "arrived"}, "b")
fault("DOC-001", {"visit.status": "planned"}, "b")
fault("DOC-003", {"doc.date": "2026-04-20T17:00:00-06:00", "created": "2026-04-25"}, "b")
fault(
    "DOC-004",
    extra(
        plain(
            "CarePlan",
            "p",
            status="revoked",
            intent="plan",
            subject=ref("Patient", "subscriber"),
            period={"start": "2025-01-01"},
        )
    ),
    "b",
)
fault("DOC-005", {"visit.status": "cancelled", "doc": None}, "b")
fault("DOC-006", {"note": "PROCESS NOTES: CLIENT DISCUSSED"}, "x")
fault("PAT-004", {"patch": [("Patient", "address", [])]}, "b")
fault("COV-005", {"patch": [("Organization/payer", "identifier", [])]}, "b")
fault("PRV-014", {"rendering.role": "Counseling intern"}, "b")
fault("SVC-007", {"visit.pos": "53"}, "b")
fault("COV-004", {"patch": [("Coverage", "subscriberId", "")]}, "b")
