"""Claim filing indicators, relationships, states, and names that are none (code lists of the 837P guide)."""

from __future__ import annotations

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
