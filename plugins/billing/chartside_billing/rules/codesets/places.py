"""Places of service (CMS) as the rules group them."""

from __future__ import annotations

from datetime import date

from chartside_billing.codes import facts

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
