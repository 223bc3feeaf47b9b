"""Code numbers of the Medicare telehealth list that a behavioural practice may meet (CMS, by calendar year).

*Unconfirmed* against the published file of each year: import your own with ``telehealth_file``. Facts of the rules
that it rests on: 90849 joins in 2026 (CY2026 physician fee schedule); 98000-98015 are not paid; 99441-99443 end with
2024; services that are not given to a patient face to face (care management, remote monitoring) are no telehealth.
"""

from __future__ import annotations


def _span(first: int, last: int) -> set[str]:
    return {f"{number:05}" for number in range(first, last + 1)}


_EVERY_YEAR = frozenset(
    {"90785", "90791", "90792", "90845", "90846", "90847", "90853", "90875", "90901"}
    | _span(90832, 90834)
    | _span(90836, 90840)
    | {"96105", "96110", "96112", "96113", "96116", "96121", "96125", "96127"}
    | _span(96130, 96133)
    | _span(96136, 96139)
    | {"96156", "96158", "96159", "96160", "96161", "96164", "96165", "96167", "96168", "96170", "96171"}
    | {"96202", "96203", "97129", "97130", "97535", "97550", "97551", "97552", "0362T", "0373T"}
    | _span(97151, 97158)
    | _span(99202, 99205)
    | _span(99211, 99215)
    | _span(99221, 99223)
    | _span(99231, 99239)
    | _span(99281, 99285)
    | _span(99304, 99310)
    | {"99315", "99316", "99341", "99342", "99344", "99345", "99347", "99348", "99349", "99350"}
    | {"99406", "99407", "99417", "99483", "99495", "99496", "99497", "99498"}
    | {
        "97802",
        "97803",
        "97804",
        "G0108",
        "G0109",
        "G0136",
        "G0270",
        "G0296",
        "G0316",
        "G0317",
        "G0318",
        "G0396",
        "G0397",
        "G0406",
        "G0407",
        "G0408",
    }
    | {"G0425", "G0426", "G0427", "G0438", "G0439", "G0442", "G0443", "G0444", "G0445", "G0446", "G0447"}
    | {"G0459", "G0506", "G0513", "G0514", "G2086", "G2087", "G2088", "G2211", "G2212", "G3002", "G3003"}
)
_CAREGIVERS = frozenset({"G0541", "G0542", "G0543", "G0539", "G0540", "G0560"})
MEDICARE_TELEHEALTH: dict[int, frozenset[str]] = {
    2024: _EVERY_YEAR | {"99441", "99442", "99443"},
    2025: _EVERY_YEAR | _CAREGIVERS,
    2026: _EVERY_YEAR | _CAREGIVERS | {"90849", "G0473", "G0545"},
}
"""Codes by calendar year."""
NEVER_TELEHEALTH = frozenset(
    {
        "90863",
        "90865",
        "90867",
        "90868",
        "90869",
        "90870",
        "90880",
        "90882",
        "90885",
        "90887",
        "90889",
        "96146",
    }
    | {
        "98975",
        "98978",
        "98979",
        "98980",
        "98981",
        "98986",
        "99484",
        "99492",
        "99493",
        "99494",
        "G0323",
        "G0544",
    }
    | {
        "G0552",
        "G0553",
        "G0554",
        "G0556",
        "G0557",
        "G0558",
        "G0568",
        "G0569",
        "G0570",
        "G2214",
        "G0017",
        "G0018",
    }
)
"""On no year's list: at a machine or under anaesthesia, not face to face, by the month, or in the community."""
