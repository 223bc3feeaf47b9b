"""Clean claims of many kinds, as practices really send them: none of them may draw an error."""

from __future__ import annotations

from typing import Any

from .build import BASE, line, ref
from .cases import (
    CHILD,
    DOCTOR,
    MD_MEDICARE,
    MEDICARE,
    PLACE,
    PRESCRIBER,
    PSYCHOLOGIST,
    SECOND,
    SUPERVISOR,
    extra,
    lines,
    one,
    plain,
    prior,
    visit,
)

MEDICAID = {
    "filing": "MC",
    "payer": {"name": "IL MEDICAID", "id": "ILMCD"},
    "member": "123456789",
    "group": "",
}
BLUE = {
    "filing": "BL",
    "payer": {"name": "BLUE CROSS BLUE SHIELD OF IL", "id": "00621"},
    "member": "XOF812345678",
}
HMO = {"filing": "HM", "payer": {"name": "GOOD HMO", "id": "HMO01"}, "referral": "RF123"}
SOCIAL = {"rendering.taxonomy": "1041C0700X"}
NURSE = {"rendering.taxonomy": "363LP0808X", "billing.taxonomy": "261QM0801X"}
HOME_VIDEO = {"pos": "10", "lines.0.mod": ["95"], "visit.class": "VR", "visit.home": True}
AWAY_VIDEO = {"pos": "02", "lines.0.mod": ["95"], "visit.class": "VR", "visit.home": False}
SUD = {
    "dx": ["F10.20"],
    "payer": {"name": "IL MEDICAID", "id": "ILMCD"},
    "filing": "MC",
    "member": "987654321",
    "group": "",
    "pos": "57",
    "facility": PLACE,
}
NO_NOTE = {"doc": None}

CLEAN: dict[str, dict[str, Any]] = {
    "office-60": {},
    "office-45": one("90834", **visit(45)),
    "office-30": one("90832", **visit(30)),
    "session-53": one("90837", **visit(53)),
    "session-52": one("90834", **visit(52)),
    "session-38": one("90834", **visit(38)),
    "session-37": one("90832", **visit(37)),
    "session-16": one("90832", **visit(16)),
    "long-session": one("90837", **visit(85)),
    "telehealth-home": HOME_VIDEO,
    "telehealth-elsewhere": AWAY_VIDEO,
    "telehealth-gt-medicaid": {**MEDICAID, "pos": "02", "lines.0.mod": ["GT"], "visit.class": "VR"},
    "telehealth-audio": {
        "pos": "10",
        "lines.0.mod": ["93"],
        "visit.class": "VR",
        "doc.text": "15:00-15:55 audio-only: client cannot use video.",
    },
    "medicare-telehealth-no-modifier": {**MEDICARE, "pos": "10", "visit.class": "VR", "visit.home": True},
    "medicare-telehealth-95": {**MEDICARE, **HOME_VIDEO},
    "medicare-audio": {
        **MEDICARE,
        "pos": "10",
        "lines.0.mod": ["93"],
        "visit.class": "VR",
        "doc.text": "15:00-15:55 audio-only: declined video.",
    },
    "intake": one("90791", **visit(60)),
    "intake-md": one("90792", **PRESCRIBER),
    "intake-interactive": lines(line("90791"), line("90785", charge="25"), **CHILD),
    "group": {**one("90853", **visit(90)), "lines.0.charge": "60"},
    "group-interactive": lines(line("90853", charge="60"), line("90785", charge="15"), **CHILD),
    "group-and-individual-marked": lines(line("90853", charge="60"), line("90834", mod=["59"]), chart=False),
    "family-with": one("90847", **visit(50, "15:00-15:50. Patient present.")),
    "family-without": one("90846", **visit(50, "15:00-15:50. Parents; patient was not present."), **CHILD),
    "multi-family": {**one("90849"), "lines.0.charge": "70"},
    "play-therapy": lines(
        line("90837"),
        line("90785", charge="20"),
        **CHILD,
        **visit(55, "15:00-15:55. Play equipment used; caregiver behavior."),
    ),
    "em-add-on-30": lines(
        line("99213"), line("90833"), **PRESCRIBER, **visit(50, "E/M. Psychotherapy 25 minutes.")
    ),
    "em-add-on-45": lines(
        line("99214", mod=["25"]), line("90836"), **PRESCRIBER, **visit(70, "E/M. Psychotherapy 42 minutes.")
    ),
    "em-add-on-60-np": lines(
        line("99215"), line("90838"), **NURSE, **visit(90, "E/M. Psychotherapy 55 minutes.")
    ),
    "em-add-on-interactive": lines(line("99213"), line("90833"), line("90785"), **PRESCRIBER, **NO_NOTE),
    "em-only": lines(line("99214"), **PRESCRIBER),
    "em-telehealth": lines(line("99214", mod=["95"]), **PRESCRIBER, pos="10", chart=False),
    "em-prolonged": lines(line("99215"), line("99417"), **PRESCRIBER),
    "crisis": one("90839", **visit(60), dx=["F33.2", "R45.851"]),
    "crisis-long": lines(line("90839"), line("90840"), **visit(80), dx=["F33.2"]),
    "crisis-very-long": lines(line("90839"), line("90840", units="2"), **visit(110), dx=["F33.2"]),
    "mobile-crisis": one("G0017", **MEDICARE, pos="15"),
    "medicare-lcsw": MEDICARE,
    "medicare-psychologist": {**MEDICARE, **PSYCHOLOGIST},
    "medicare-mft-2026": {**MEDICARE, "rendering.taxonomy": "106H00000X"},
    "medicare-em-g2211": lines(line("99214"), line("G2211", charge="16"), **MD_MEDICARE),
    "medicare-incident-to": {
        **MEDICARE,
        "rendering": {**SUPERVISOR, "licence": BASE["rendering"]["licence"], "role": "Psychologist"},
        "doc": None,
    },
    "medicare-supervised": {**MEDICARE, "supervising": SUPERVISOR},
    "medicare-secondary": {**MEDICARE, **SECOND, "msp": "12"},
    "medicare-safety-plan": {**one("G0560", **MEDICARE), **visit(25)},
    "medicare-dmht": one("G0552", **MEDICARE),
    "medicare-dmht-month": lines(line("G0552"), line("G0553"), **MEDICARE),
    "medicare-caregiver": one("G0541", **MEDICARE, doc=None),
    "medicare-bhi": one("99484", **MD_MEDICARE, doc=None, **{"visit.minutes": 25}),
    "medicare-bhi-csw": one("G0323", **MEDICARE, doc=None, **{"visit.minutes": 22}),
    "cocm-first": one("99492", **MD_MEDICARE, doc=None, **{"visit.minutes": 70}),
    "cocm-later-with-add-on": lines(
        line("99493"), line("99494"), **MD_MEDICARE, doc=None, **{"visit.minutes": 80}
    ),
    "cocm-30": one("G2214", **MD_MEDICARE, doc=None, **{"visit.minutes": 30}),
    "apcm-add-on": lines(line("G0557"), line("G0569"), **MD_MEDICARE, doc=None),
    "medicaid": MEDICAID,
    "medicaid-child": {**MEDICAID, **CHILD},
    "medicaid-h2019": {**lines(line("H2019", units="4", charge="120", mod=["HO"])), **MEDICAID},
    "medicaid-h0004": {**lines(line("H0004", units="4", charge="100", mod=["HN"])), **MEDICAID},
    "medicaid-t1017": {**lines(line("T1017", units="3", charge="60")), **MEDICAID},
    "medicaid-after-commercial": {**MEDICAID, **SECOND},
    "sud-iop": {**lines(line("H0015", charge="250")), **SUD},
    "sud-assessment": {**lines(line("H0001", charge="120")), **SUD},
    "sud-methadone": {**lines(line("H0020", charge="20")), **SUD, "pos": "58"},
    "blue": BLUE,
    "blue-child": {**BLUE, **CHILD},
    "hmo-referral": HMO,
    "tricare": {
        "filing": "CH",
        "payer": {"name": "TRICARE EAST", "id": "TREST"},
        "referring": DOCTOR,
        "group": "",
    },
    "va": {
        "filing": "VA",
        "payer": {"name": "VA FEE BASIS", "id": "12115"},
        "referral": "VA00012345",
        "group": "",
    },
    "workers-comp": {
        "filing": "WC",
        "payer": {"name": "STATE FUND", "id": "WC001"},
        "accident": {"kind": "EM", "date": "2026-01-05", "state": ""},
    },
    "auto": {
        "filing": "AM",
        "payer": {"name": "AUTO INS", "id": "AM001"},
        "accident": {"kind": "AA", "date": "2026-01-05", "state": "IL"},
    },
    "secondary": SECOND,
    "secondary-zero-paid": {
        "sbr01": "S",
        "others": [{**SECOND["others"][0], "paid": "0", "cas": [["PR", "1", "150"]]}],
    },
    "primary-with-other": {
        "others": [
            {**SECOND["others"][0], "sbr01": "S", "later": True, "paid": None, "cas": [], "line_date": ""}
        ]
    },
    "spouse": {
        "patient": {**BASE["subscriber"], "first": "SAM", "dob": "1987-02-02", "sex": "M"},
        "relationship": "01",
    },
    "newborn-parent": {
        "patient": {**BASE["subscriber"], "first": "BABY", "dob": "2025-09-01", "sex": "F"},
        "relationship": "19",
        "dx": ["F98.29"],
        "lines.0.code": "90791",
    },
    "child-autism": {**CHILD, "dx": ["F84.0"]},
    "aba": {
        **lines(line("97153", units="8", charge="200")),
        **CHILD,
        "dx": ["F84.0"],
        "rendering.taxonomy": "103K00000X",
    },
    "aba-assessment": {
        **lines(line("97151", units="8", charge="300")),
        **CHILD,
        "dx": ["F84.0"],
        "rendering.taxonomy": "103K00000X",
    },
    "sex-unknown": {"subscriber.sex": "U"},
    "replacement": {"frequency": "7", "original": "2026070001234"},
    "void": {"frequency": "8", "original": "2026070001234"},
    "authorised": {"auth": "A7788"},
    "two-days": lines(line("90837"), line("90837", date="2026-03-03")),
    "four-weeks": lines(*(line("90834", date=f"2026-02-{d:02}") for d in (3, 10, 17, 24)), chart=False),
    "several-diagnoses": {"dx": ["F33.1", "F41.1", "F43.10"], "lines.0.ptr": [1, 2, 3]},
    "pointer-second": {"dx": ["F33.1", "F41.1"], "lines.0.ptr": [2]},
    "z-second": {"dx": ["F43.23", "Z63.0"]},
    "adhd": {"dx": ["F90.2"]},
    "ptsd": {"dx": ["F43.12"]},
    "bipolar": {"dx": ["F31.32"]},
    "unspecified": {"dx": ["F32.A"]},
    "insomnia": {"dx": ["F51.01"]},
    "testing": lines(
        line("96130", charge="180"), line("96131", units="2", charge="320"), **PSYCHOLOGIST, **visit(160)
    ),
    "testing-administration": lines(
        line("96136", charge="80"), line("96137", units="3", charge="210"), **PSYCHOLOGIST, **visit(120)
    ),
    "testing-technician": lines(
        line("96138", charge="60"), line("96139", units="3", charge="150"), **PSYCHOLOGIST, **visit(120)
    ),
    "neuropsych": lines(
        line("96132", charge="180"),
        line("96133", units="1", charge="150"),
        **{"rendering.taxonomy": "103G00000X"},
        **visit(100),
    ),
    "neurobehavioral": lines(line("96116", charge="150"), **PSYCHOLOGIST),
    "screening": lines(line("90837"), line("96127", units="2", charge="20")),
    "health-behavior": {**one("96156", **PSYCHOLOGIST), "dx": ["E11.9"]},
    "health-behavior-30": lines(line("96158"), line("96159"), **PSYCHOLOGIST, dx=["E11.9"]),
    "rtm": lines(line("98975", charge="20"), **PSYCHOLOGIST),
    "rtm-management": one("98980", **PSYCHOLOGIST, doc=None, **{"visit.minutes": 25}),
    "solo-practitioner": {"rendering": None, "billing.first": "JO", "billing.name": "STONE", "chart": False},
    "solo-ssn": {
        "rendering": None,
        "billing.first": "JO",
        "billing.name": "STONE",
        "billing.tin_q": "SY",
        "chart": False,
    },
    "home-visit": {"pos": "12"},
    "school": {"pos": "03", "facility": PLACE, **CHILD},
    "nursing-facility": {"pos": "32", "facility": PLACE},
    "inpatient": lines(
        line("99232"), **PRESCRIBER, pos="21", facility=PLACE, admitted="2026-03-08", chart=False
    ),
    "outpatient-hospital": {"pos": "22", "facility": PLACE},
    "cmhc": {"pos": "53", "billing.taxonomy": "261QM0801X"},
    "fqhc": {"pos": "50", **MEDICAID, "billing.taxonomy": "261QF0400X"},
    "copay": {"paid": "25"},
    "eap": {"lines.0.mod": ["HJ"], "chart": False},
    "production": {"usage": "P"},
    "hyphenated": {"subscriber.last": "O'NEIL-SMITH", "subscriber.first": "MARY JO"},
    "foreign-address": {
        "subscriber.country": "CA",
        "subscriber.state": "ON",
        "subscriber.zip": "K1A0B1",
        "subscriber.city": "OTTAWA",
    },
    "po-box-patient": {"subscriber.line1": "PO BOX 77"},
    "five-digit-patient-zip": {"subscriber.zip": "60601"},
    "no-group": {"group": ""},
    "note": {"note": "CLIENT CHANGED PLANS MARCH 1"},
    "old-age": {"subscriber.dob": "1931-05-05", **MEDICARE},
    "medicare-january": {**MEDICARE, "lines.0.date": "2026-01-02", "created": "2026-01-03"},
    "year-2025": {"lines.0.date": "2025-11-03", "created": "2025-11-10"},
    "year-2024": {"lines.0.date": "2024-05-06", "created": "2024-05-10", "cover.start": "2024-01-01"},
    # what a rule once took for a fault
    "hmo-open-access": {"filing": "HM", "payer": {"name": "GOOD HMO", "id": "HMO01"}},
    "tricare-self-referred": {"filing": "CH", "payer": {"name": "TRICARE EAST", "id": "TREST"}, "group": ""},
    "va-number-as-authorisation": {
        "filing": "VA",
        "payer": {"name": "VA CCN", "id": "VACCN"},
        "auth": "VA0001",
    },
    "medicare-hicn-2018": {
        **MEDICARE,
        "member": "123456789A",
        "lines.0.date": "2018-03-05",
        "created": "2018-03-09",
        "cover.start": "2015-01-01",
        "rendering.licence.start": "2010-01-01",
    },
    "em-add-on-and-separate-family": lines(
        line("99214"), line("90833"), line("90847", mod=["59"]), **PRESCRIBER, chart=False
    ),
    "group-marked-and-individual": lines(line("90853", charge="60", mod=["59"]), line("90834"), chart=False),
    "clinic-em-without-a-person": {
        **lines(line("99214"), **PRESCRIBER, chart=False),
        "rendering": None,
        "billing.taxonomy": "261QM0801X",
    },
    "prescribing-psychologist": lines(line("99213"), **{"rendering.taxonomy": "103TP0016X"}, chart=False),
    "hospital-bills-for-itself": {"pos": "22", "billing.taxonomy": "282N00000X"},
    "rural-address": {"billing.line1": "RR 2 BOX 15"},
    "illness-from-work": {
        "filing": "WC",
        "payer": {"name": "STATE FUND", "id": "WC001"},
        "accident": {"kind": "EM", "date": "", "state": ""},
    },
    "across-the-first-of-october": lines(
        line("90837", date="2025-09-30"), line("90837", date="2025-10-01"), created="2025-10-03", chart=False
    ),
    "primary-claim-in-the-history": {
        **SECOND,
        **extra(prior("first", line("90837"))),
        "patch": [
            (
                "Claim/first",
                "insurance",
                [{"sequence": 1, "focal": True, "coverage": ref("Coverage", "other-0")}],
            )
        ],
    },
    "medicaid-per-diem-week": {
        **lines(line("H2036", units="5", charge="900", to="2026-03-14")),
        **SUD,
        "chart": False,
    },
    "audio-of-class-vr": {
        "pos": "10",
        "lines.0.mod": ["93"],
        "visit.class": "VR",
        "visit.home": True,
        "doc.text": "15:00-15:55, client could not use video; by phone.",
    },
    "medicare-advantage": {
        "filing": "16",
        "payer": {"name": "OAK MEDICARE ADVANTAGE", "id": "OAKMA"},
        "member": "H1234567",
        "patch": [("Coverage", "type", {"coding": [{"system": "https://nahdo.org/sopt", "code": "11"}]})],
    },
    "champva": {"filing": "CH", "payer": {"name": "CHAMPVA", "id": "84146"}, "group": ""},
    "surname-null": {"subscriber.last": "NULL"},
    "shelter": {"pos": "04"},
    "no-total": {"patch": [("Claim", "total", {})]},
    "place-of-the-facility": {
        "facility": PLACE,
        "patch": [
            ("Claim", "item.0.locationCodeableConcept", {}),
            ("Location/facility", "type", [{"coding": [{"code": "11"}]}]),
        ],
    },
    "its-own-answer": extra(
        plain(
            "ClaimResponse",
            "answer",
            status="active",
            use="claim",
            outcome="complete",
            created="2026-03-18",
            patient=ref("Patient", "subscriber"),
            request=ref("Claim", "claim"),
        )
    ),
}
