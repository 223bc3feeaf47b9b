"""Modifiers of CPT and HCPCS, and which exclude each other."""

from __future__ import annotations

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
