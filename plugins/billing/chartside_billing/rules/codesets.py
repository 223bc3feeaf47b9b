"""Facts about code *numbers* that the rules need: families, bands, places of service, modifiers, taxonomies.

No descriptor of CPT stands here (they are the AMA's). Sources: CMS place-of-service code set, HIPAA 837P guide's code
lists, CMS physician fee schedule rules CY2013-CY2026, NUCC code numbers; the time bands of CPT's time rule.
"""

from __future__ import annotations

from datetime import date

from chartside_billing.codes import facts


def _span(first: int, last: int) -> set[str]:
    return {f"{number:05}" for number in range(first, last + 1)}


def _days(table: dict[str, date], start: date, *codes: str) -> None:
    for code in codes:
        table[code] = start


# --- families of procedure codes --------------------------------------------------------------------

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
PSYCHIATRY_RANGE = frozenset(_span(90785, 90899))

EM_FOR_ADD_ON = frozenset(_span(99202, 99255) | _span(99304, 99316) | _span(99341, 99350))
"""E/M ranges that CPT names beside 90833, 90836, 90838."""
TELEHEALTH_EM = frozenset(_span(98000, 98015))
EM_OFFICE = frozenset(_span(99202, 99205) | _span(99211, 99215))
EM = frozenset(
    EM_FOR_ADD_ON
    | TELEHEALTH_EM
    | _span(99281, 99285)
    | _span(99381, 99387)
    | _span(99391, 99397)
    | {"99417"}
) - {"99417"}
EM_VALID = frozenset(
    _span(99202, 99205)
    | _span(99211, 99215)
    | _span(99221, 99223)
    | _span(99231, 99236)
    | {"99238", "99239"}
    | _span(99242, 99245)
    | _span(99252, 99255)
)
EM_RANGE = frozenset(_span(99201, 99255))
PRESCRIBER_ONLY = EM | ADD_ON_THERAPY | {"90792"}

ABA = frozenset(_span(97151, 97158) | {"0362T", "0373T"})
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
    PSYCHIATRY_VALID | TESTING | ABA | EM_OFFICE | {"96127", "G0017", "G0018", "G0560"} | _span(96156, 96171)
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
    | {"H2033", "T1017", "T1019", *_span(97153, 97158), "97151", "97152"}
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

# --- bands of minutes -------------------------------------------------------------------------------

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

# --- dates of codes ---------------------------------------------------------------------------------

RETIRED: dict[str, date] = {}
"""First day on which a deleted code is refused."""
_days(
    RETIRED,
    date(2013, 1, 1),
    "90801",
    "90802",
    *(_span(90804, 90819) | _span(90821, 90824) | _span(90826, 90829)),
    "90857",
    "90862",
)
_days(RETIRED, date(2019, 1, 1), "96101", "96102", "96103", "96111", "96118", "96119", "96120")
_days(RETIRED, date(2020, 1, 1), *_span(96150, 96155))
_days(RETIRED, date(2021, 1, 1), "99201")
_days(RETIRED, date(2023, 1, 1), *_span(99354, 99357), *_span(99217, 99220), *_span(99224, 99226))
_days(
    RETIRED, date(2023, 1, 1), "99241", "99251", "99318", *_span(99324, 99328), *_span(99334, 99337), "99343"
)
_days(RETIRED, date(2006, 1, 1), "96100", "96115", "96117")
_days(RETIRED, date(2015, 1, 1), "M0064")
_days(RETIRED, date(2017, 1, 1), "99420")
_days(RETIRED, date(2018, 1, 1), "97532", "G0502", "G0503", "G0504", "G0507")
_days(
    RETIRED,
    date(2019, 1, 1),
    "0359T",
    "0360T",
    "0361T",
    "0363T",
    *(f"0{n}T" for n in range(364, 373)),
    "0374T",
)
_days(RETIRED, date(2020, 1, 1), "99444", "98969")
_days(RETIRED, date(2021, 1, 1), "G2061", "G2062", "G2063")
_days(RETIRED, date(2023, 1, 1), "99339", "99340")
_days(RETIRED, date(2025, 1, 1), "99441", "99442", "99443", "G2012")

REPLACED_BY: dict[str, str] = {
    "90801": "90791",
    "90802": "90791 with 90785",
    "90804": "90832",
    "90805": "an E/M with 90833",
    "90806": "90834",
    "90807": "an E/M with 90836",
    "90808": "90837",
    "90809": "an E/M with 90838",
    "90862": "an E/M",
    "90857": "90853 with 90785",
    "96101": "96130 and 96136",
    "96102": "96130 and 96138",
    "96103": "96146",
    "96118": "96132 and 96136",
    "96119": "96132 and 96138",
    "96120": "96146",
    "99201": "99202",
    "M0064": "an E/M",
    "97532": "97129 and 97130",
    "G0502": "99492",
    "G0503": "99493",
    "G0504": "99494",
    "G0507": "99484",
    "0359T": "97151",
    "0364T": "97153",
    "0368T": "97155",
    "0370T": "97156",
    "99354": "no code (or 99417 with 99205/99215)",
    "99355": "no code (or 99417 with 99205/99215)",
    "99441": "99202-99215 or 98008-98016, by payer",
    "99442": "99202-99215 or 98008-98016, by payer",
    "99443": "99202-99215 or 98008-98016, by payer",
    "G2012": "98016",
}

NOT_BEFORE: dict[str, date] = {}
"""First day of codes that began lately."""
_days(NOT_BEFORE, date(2013, 1, 1), "90785", "90791", "90792", *TIMED_PSYCHOTHERAPY - FAMILY, "90863")
_days(NOT_BEFORE, date(2018, 1, 1), "99484", "99492", "99493", "99494")
_days(NOT_BEFORE, date(2019, 1, 1), *TESTING_PROFESSIONAL, *TESTING_ADMINISTRATION, "96121", "96146")
_days(NOT_BEFORE, date(2021, 1, 1), "99417", "G2212", "G2214")
_days(NOT_BEFORE, date(2022, 1, 1), "98975", "98980", "98981")
_days(NOT_BEFORE, date(2023, 1, 1), "98978", "G0323")
_days(NOT_BEFORE, date(2024, 1, 1), "G0017", "G0018", "G2211")
_days(NOT_BEFORE, date(2025, 1, 1), "G0560", "G0544", *DMHT, *APCM_BASE, *TELEHEALTH_EM, "98016")
_days(NOT_BEFORE, date(2026, 1, 1), "98986", "98979", *APCM_ADD_ON)

# --- places of service (CMS) ------------------------------------------------------------------------

POS_START: dict[str, date] = {
    "10": date(2022, 1, 1),
    "27": date(2023, 10, 1),
    "58": date(2020, 1, 1),
    "66": date(2024, 8, 1),
    "02": date(2017, 1, 1),
    "19": date(2016, 1, 1),
    "18": date(2013, 1, 1),
}
PLACES = frozenset(facts.PLACES)
TELEHEALTH_POS = frozenset({"02", "10"})
ELSEWHERE_POS = frozenset(
    {"03", "04", "09", "13", "14", "16", "18", "21", "22", "23", "31", "32", "33", "34", "51", "61"}
)
"""Places that are never the practice's own billing address."""
FACILITY_RATE_POS = frozenset(
    {"02", "19", "21", "22", "23", "24", "26", "31", "34", "41", "42", "51", "52", "53", "56", "61"}
)

# --- modifiers --------------------------------------------------------------------------------------

SEPARATE = frozenset({"59", "XE", "XP", "XS", "XU"})
NCCI_MODIFIERS = SEPARATE | frozenset(
    {"24", "25", "27", "57", "58", "78", "79", "91", "LM", "RI", "LC", "LD", "RC", "LT", "RT"}
    | {f"E{n}" for n in range(1, 5)}
    | {"FA", "TA"}
    | {f"F{n}" for n in range(1, 10)}
    | {f"T{n}" for n in range(1, 10)}
)
REPEAT = frozenset({"76", "77", "91"}) | SEPARATE
TELEHEALTH_MODIFIERS = frozenset({"93", "95", "GT"})
_NUMERIC_MODIFIERS = frozenset(
    {
        "22",
        "23",
        "24",
        "25",
        "26",
        "27",
        "32",
        "33",
        "47",
        "50",
        "51",
        "52",
        "53",
        "54",
        "55",
        "56",
        "57",
        "58",
        "59",
    }
    | {
        "62",
        "63",
        "66",
        "73",
        "74",
        "76",
        "77",
        "78",
        "79",
        "80",
        "81",
        "82",
        "90",
        "91",
        "92",
        "93",
        "95",
        "96",
        "97",
    }
    | {"99", "1P", "2P", "3P", "8P"}
)
_LETTER_MODIFIERS: dict[str, str] = {
    "A": "123456789ABDEFGHIJKMOPQRSTUVWXYZ",
    "B": "ALOPRU",
    "C": "ABCDEFGHIJKLMNOPQRSTX",
    "D": "A",
    "E": "1234ABCDEJMPTXY",
    "F": "123456789ABCPQRSTXY",
    "G": "0123456789ABCDEFGHJKLMNOPQRSTUVWXYZ",
    "H": "9ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "J": "1234ABCDEFGKLPWZ",
    "K": "01234ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "L": "1CDLMRSTUO",
    "M": "2ABCDEFGHS",
    "N": "123BRU",
    "P": "123456ABCDILMNOST",
    "Q": "0123456789ABCDEFGHJKLMNPQRSTVWXYZ",
    "R": "ABCDEIRT",
    "S": "ABCDEFGHJKLMNQSTUVWYZ",
    "T": "123456789ABCDEFGHJKLMNPQRSTUVW",
    "U": "123456789ABCDEFGHJKNPQRST",
    "V": "123567MP",
    "X": "12345EPSU",
    "Z": "ABC",
}
MODIFIERS = _NUMERIC_MODIFIERS | {
    first + second for first, rest in _LETTER_MODIFIERS.items() for second in rest
}
EXCLUSIVE_MODIFIERS = (
    (TELEHEALTH_MODIFIERS, "95, 93 and GT exclude each other"),
    (frozenset({"HR", "HS"}), "HR (client present) and HS (client absent) exclude each other"),
    (frozenset({"HN", "HO", "HP", "HM"}), "only one level of education (HM, HN, HO, HP) can be true"),
    (frozenset({"76", "77"}), "76 (same clinician) and 77 (another clinician) exclude each other"),
)

# --- payers, states, people -------------------------------------------------------------------------

FILING = frozenset(
    {
        "11",
        "12",
        "13",
        "14",
        "15",
        "16",
        "17",
        "AM",
        "BL",
        "CH",
        "CI",
        "DS",
        "FI",
        "HM",
        "LM",
        "MA",
        "MB",
        "MC",
    }
    | {"OF", "TV", "VA", "WC", "ZZ"}
)
MSP_TYPES = frozenset({"12", "13", "14", "15", "16", "41", "42", "43", "47"})
PATIENT_RELATIONSHIPS = frozenset({"01", "19", "20", "21", "39", "40", "53", "G8"})
_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH"
    " OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI FM MH PW AA AE AP"
)
STATES = frozenset(_STATES.split())
_NAMES = (
    "alabama alaska arizona arkansas california colorado connecticut delaware florida georgia hawaii idaho illinois"
    " indiana iowa kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri"
    " montana nebraska nevada new-hampshire new-jersey new-mexico new-york north-carolina north-dakota ohio oklahoma"
    " oregon pennsylvania rhode-island south-carolina south-dakota tennessee texas utah vermont virginia washington"
    " west-virginia wisconsin wyoming"
)
_CODES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA"
    " RI SC SD TN TX UT VT VA WA WV WI WY"
)
STATE_NAMES = {
    name.replace("-", " "): code
    for name, code in sorted(zip(_NAMES.split(), _CODES.split(), strict=True), key=lambda pair: -len(pair[0]))
}
"""Names in small letters, longest first (West Virginia before Virginia)."""
PLACEHOLDERS = frozenset(
    {
        "TEST",
        "TESTPATIENT",
        "UNKNOWN",
        "UNK",
        "NONE",
        "N/A",
        "XXX",
        "XXXX",
        "TBD",
        "PATIENT",
        "NULL",
        "NOT GIVEN",
    }
    | {"NA", "PENDING", "NOT AVAILABLE", "SEE NOTE"}
    | {"NO NAME", "LNU", "FNU", "UNAVAILABLE", "TEST PATIENT", "NICKNAME"}
)

MFT_MHC = frozenset({"106H00000X", "101YM0800X", "101YP2500X"})
STUDENT = "390200000X"
PRESCRIBING_PSYCHOLOGIST = "103TP0016X"


def is_physician(taxonomy: str) -> bool:
    """An MD or DO: the allopathic and osteopathic group of NUCC."""
    return taxonomy.startswith("20")


def is_prescriber(taxonomy: str) -> bool:
    """Physician, NP, CNS, PA or nurse midwife."""
    return is_physician(taxonomy) or taxonomy.startswith(("363", "364S", "367A", "367H"))


def is_psychologist(taxonomy: str) -> bool:
    """Psychologist or neuropsychologist."""
    return taxonomy.startswith(("103T", "103G"))


def is_social_worker(taxonomy: str) -> bool:
    """Any kind of social worker."""
    return taxonomy.startswith("1041")


def is_therapist(taxonomy: str) -> bool:
    """A behavioural clinician who does not prescribe."""
    return (
        is_psychologist(taxonomy)
        or is_social_worker(taxonomy)
        or taxonomy.startswith(("101Y", "106", "103K", "102"))
    )
