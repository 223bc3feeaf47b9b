"""Families of procedure codes and their bands of minutes: code *numbers* only, since the descriptors are the AMA's.

Sources: CMS physician fee schedule rules CY2013-CY2026, the time bands of CPT's time rule.
"""

from __future__ import annotations


def span(first: int, last: int) -> set[str]:
    """The five-digit codes from one number to another."""
    return {f"{number:05}" for number in range(first, last + 1)}


INDIVIDUAL = frozenset({"90832", "90834", "90837"})
ADD_ON_THERAPY = frozenset({"90833", "90836", "90838"})
CRISIS = frozenset({"90839", "90840"})
EVALUATION = frozenset({"90791", "90792"})
FAMILY = frozenset({"90846", "90847"})
GROUP = frozenset({"90853"})
MULTI_FAMILY = frozenset({"90849"})
PSYCHOTHERAPY = INDIVIDUAL | ADD_ON_THERAPY | CRISIS | FAMILY | GROUP | MULTI_FAMILY | {"90845"}
TIMED_PSYCHOTHERAPY = INDIVIDUAL | ADD_ON_THERAPY | CRISIS | FAMILY
SINGLE_UNIT = (INDIVIDUAL | ADD_ON_THERAPY | EVALUATION | FAMILY | GROUP | MULTI_FAMILY) | {
    "90785",
    "90839",
    "90845",
    "90863",
}
"""One unit a session: CPT time rules and one-a-session services."""

PSYCHIATRY_VALID = frozenset(
    {
        "90785",
        "90791",
        "90792",
        "90832",
        "90833",
        "90834",
        "90836",
        "90837",
        "90838",
        "90839",
        "90840",
        "90845",
    }
    | {
        "90846",
        "90847",
        "90849",
        "90853",
        "90863",
        "90865",
        "90867",
        "90868",
        "90869",
        "90870",
        "90875",
        "90876",
    }
    | {"90880", "90882", "90885", "90887", "90889", "90899"}
)
"""All of 90785-90899 that are codes today."""
PSYCHIATRY_RANGE = frozenset(span(90785, 90899))

EM_FOR_ADD_ON = frozenset(span(99202, 99255) | span(99304, 99316) | span(99341, 99350))
"""E/M ranges that CPT names beside 90833, 90836, 90838."""
TELEHEALTH_EM = frozenset(span(98000, 98015))
EM_OFFICE = frozenset(span(99202, 99205) | span(99211, 99215))
EM = frozenset(
    EM_FOR_ADD_ON | TELEHEALTH_EM | span(99281, 99285) | span(99381, 99387) | span(99391, 99397) | {"99417"}
) - {"99417"}
EM_VALID = frozenset(
    span(99202, 99205)
    | span(99211, 99215)
    | span(99221, 99223)
    | span(99231, 99236)
    | {"99238", "99239"}
    | span(99242, 99245)
    | span(99252, 99255)
)
EM_RANGE = frozenset(span(99201, 99255))
PRESCRIBER_ONLY = EM | ADD_ON_THERAPY | {"90792"}

ABA = frozenset(span(97151, 97158) | {"0362T", "0373T"})
TESTING_PROFESSIONAL = frozenset({"96130", "96131", "96132", "96133"})
TESTING_ADMINISTRATION = frozenset({"96136", "96137", "96138", "96139"})
TECHNICIAN_TESTING = frozenset({"96138", "96139"})
TESTING_BASE = {"96131": "96130", "96133": "96132", "96137": "96136", "96139": "96138", "96121": "96116"}
TESTING = frozenset(TESTING_PROFESSIONAL | TESTING_ADMINISTRATION | {"96116", "96121", "96146"})

COCM = frozenset({"99492", "99493", "99494", "G2214"})
CARE_MANAGEMENT_MONTH = frozenset({"99492", "99493", "G2214", "99484", "G0323", "G0568", "G0569", "G0570"})
APCM_ADD_ON = frozenset({"G0568", "G0569", "G0570"})
APCM_BASE = frozenset({"G0556", "G0557", "G0558"})
DMHT = frozenset({"G0552", "G0553", "G0554"})
RTM_DEVICE = frozenset({"98978", "98986"})
RTM_MANAGEMENT = frozenset({"98979", "98980", "98981"})
PROLONGED = frozenset({"99354", "99355", "99356", "99357", "99417", "G2212"})
BEHAVIORAL = frozenset(
    PSYCHIATRY_VALID | TESTING | ABA | EM_OFFICE | {"96127", "G0017", "G0018", "G0560"} | span(96156, 96171)
)
"""Codes of which a person, never an organisation, is the rendering provider."""
INTERACTIVE_PRIMARY = EVALUATION | INDIVIDUAL | ADD_ON_THERAPY | GROUP

QUARTER_HOURS = frozenset(
    {
        "H0004",
        "H0036",
        "H0038",
        "H0039",
        "H2010",
        "H2011",
        "H2014",
        "H2015",
        "H2017",
        "H2019",
        "H2021",
        "H2027",
    }
    | {"H2033", "T1017", "T1019", *span(97153, 97158), "97151", "97152"}
)
"""Codes whose unit is 15 minutes."""
PER_DIEM = frozenset(
    {
        "H0017",
        "H0018",
        "H0019",
        "H0040",
        "H0045",
        "H2013",
        "H2016",
        "H2018",
        "H2020",
        "H2022",
        "H2024",
        "H2026",
    }
    | {"H2034", "H2036", "S9475", "S9480", "S9485"}
)
"""HCPCS codes that count days."""

ADD_ON_PRIMARY: dict[str, frozenset[str]] = {
    "90785": INTERACTIVE_PRIMARY,
    **dict.fromkeys(ADD_ON_THERAPY, EM_FOR_ADD_ON),
    "90840": frozenset({"90839"}),
    "90863": INDIVIDUAL,
    **{add: frozenset({base}) for add, base in TESTING_BASE.items()},
    "99494": frozenset({"99492", "99493"}),
    "98981": frozenset({"98980"}),
    **dict.fromkeys(APCM_ADD_ON, APCM_BASE),
    "G0018": frozenset({"G0017"}),
    "99417": frozenset({"99205", "99215", "99245", "99345", "99350", "99483"}),
    "G2212": frozenset({"99205", "99215", "99483"}),
    "G2211": EM_OFFICE,
    "96159": frozenset({"96158"}),
    "96165": frozenset({"96164"}),
    "96168": frozenset({"96167"}),
    "96171": frozenset({"96170"}),
    "96113": frozenset({"96112"}),
    "99292": frozenset({"99291"}),
    "96203": frozenset({"96202"}),
    "97551": frozenset({"97550"}),
    "G0540": frozenset({"G0539"}),
    "G0542": frozenset({"G0541"}),
    "G2088": frozenset({"G2086", "G2087"}),
}
"""Primary codes of the behavioural add-on codes, for use until the NCCI add-on file is loaded."""

BANDS: dict[str, tuple[int, int | None]] = {
    "90832": (16, 37),
    "90834": (38, 52),
    "90837": (53, None),
    "90833": (16, 37),
    "90836": (38, 52),
    "90838": (53, None),
}
"""Minutes of psychotherapy, both ends included."""
LEAST_MINUTES: dict[str, int] = {
    **{code: band[0] for code, band in BANDS.items()},
    "90839": 30,
    "90840": 30,
    "90846": 26,
    "90847": 26,
    "96130": 31,
    "96131": 60,
    "96132": 31,
    "96133": 60,
    "96136": 16,
    "96137": 30,
    "96138": 16,
    "96139": 30,
}
