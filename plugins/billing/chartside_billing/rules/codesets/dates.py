"""When procedure codes began and ended, and what took their place (CPT and HCPCS, by year of the change)."""

from __future__ import annotations

from datetime import date

from chartside_billing.rules.codesets.procedures import (
    APCM_ADD_ON,
    APCM_BASE,
    DMHT,
    FAMILY,
    TELEHEALTH_EM,
    TESTING_ADMINISTRATION,
    TESTING_PROFESSIONAL,
    TIMED_PSYCHOTHERAPY,
    span,
)


def _days(table: dict[str, date], start: date, *codes: str) -> None:
    for code in codes:
        table[code] = start


RETIRED: dict[str, date] = {}
"""First day on which a deleted code is refused."""
_days(
    RETIRED,
    date(2013, 1, 1),
    "90801",
    "90802",
    *(span(90804, 90819) | span(90821, 90824) | span(90826, 90829)),
    "90857",
    "90862",
)
_days(RETIRED, date(2019, 1, 1), "96101", "96102", "96103", "96111", "96118", "96119", "96120")
_days(RETIRED, date(2020, 1, 1), *span(96150, 96155))
_days(RETIRED, date(2021, 1, 1), "99201")
_days(RETIRED, date(2023, 1, 1), *span(99354, 99357), *span(99217, 99220), *span(99224, 99226))
_days(RETIRED, date(2023, 1, 1), "99241", "99251", "99318", *span(99324, 99328), *span(99334, 99337), "99343")
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
