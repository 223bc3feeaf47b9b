"""H-3: scopes are the declared access in the server's syntax, and nothing more."""

from __future__ import annotations

import pytest

from chartside.smart import SmartConfiguration, lacking, scopes
from chartside.smart.scopes import LETTERS

ENDPOINT = "https://auth.example/token"
V2 = SmartConfiguration(ENDPOINT, capabilities=frozenset({"permission-v2", "permission-v1"}))
V1 = SmartConfiguration(ENDPOINT, capabilities=frozenset({"permission-v1"}))


def listing(*names):
    return SmartConfiguration(ENDPOINT, scopes=frozenset(names))


@pytest.mark.parametrize(
    ("configuration", "v2"),
    [
        (V2, True),
        (V1, False),
        (listing("system/*.read", "openid"), False),
        (listing("system/*.rs", "system/*.read"), True),
        (listing("system/Observation.rs?category=laboratory"), True),
        (listing("user/*.*"), False),
        (listing("openid"), True),
        (listing(), True),
        (SmartConfiguration(ENDPOINT, fallback=True), False),
    ],
)
def test_the_syntax_is_what_discovery_says(configuration, v2):
    """H-3: v2, with v1 as the fallback."""
    assert configuration.v2_scopes is v2


@pytest.mark.parametrize(
    ("letters", "v2", "v1"),
    [
        ("r", ["system/Task.r"], ["system/Task.read"]),
        ("rs", ["system/Task.rs"], ["system/Task.read"]),
        ("sr", ["system/Task.rs"], ["system/Task.read"]),
        ("c", ["system/Task.c"], ["system/Task.write"]),
        ("crus", ["system/Task.crus"], ["system/Task.read", "system/Task.write"]),
        ("", [], []),
    ],
)
def test_letters(letters, v2, v1):
    """H-3."""
    assert scopes({"Task": letters}, V2) == v2
    assert scopes({"Task": letters}, V1) == v1


def test_a_union_over_types_is_sorted_and_complete():
    """H-3: golden."""
    access = {"Patient": "rs", "Appointment": "rsu", "Communication": "crus"}
    assert scopes(access, V2) == ["system/Appointment.rus", "system/Communication.crus", "system/Patient.rs"]
    assert scopes(access, V1) == [
        "system/Appointment.read",
        "system/Appointment.write",
        "system/Communication.read",
        "system/Communication.write",
        "system/Patient.read",
    ]


def test_the_star_only_where_the_server_lists_nothing_narrower():
    """H-3."""
    assert scopes({"Task": "crus"}, listing("system/Task.*")) == ["system/Task.*"]
    assert scopes({"Task": "rs"}, listing("system/Task.*")) == ["system/Task.read"]
    assert scopes({"Task": "crus"}, listing("system/Task.*", "system/Task.read", "system/Task.write")) == [
        "system/Task.read",
        "system/Task.write",
    ]


def test_every_set_of_letters_is_covered_by_itself_and_by_nothing_less():
    """H-3: all 31 sets of letters against each other."""
    sets = ["".join(x for n, x in enumerate(LETTERS) if bits >> n & 1) for bits in range(1, 32)]
    for wanted in sets:
        for granted in sets:
            rest = "".join(x for x in wanted if x not in granted)
            assert lacking([f"system/Task.{wanted}"], f"system/Task.{granted}") == (
                [f"system/Task.{rest}"] if rest else []
            )


@pytest.mark.parametrize(
    ("requested", "granted", "missing"),
    [
        (["system/Task.rs"], "system/*.rs", []),
        (["system/Task.rs"], "system/Task.read", []),
        (["system/Task.crus"], "system/Task.read system/Task.write", []),
        (["system/Task.read"], "system/Task.rs", []),
        (["system/Task.write"], "system/Task.rs", ["system/Task.write"]),
        (["system/Task.rs"], "user/Task.rs patient/*.rs", ["system/Task.rs"]),
        (["system/Observation.rs"], "system/Observation.rs?category=vital-signs", ["system/Observation.rs"]),
        (["system/Task.rs", "system/Patient.rs"], "system/Patient.rs", ["system/Task.rs"]),
        (["openid"], "openid", []),
        (["openid"], "", ["openid"]),
        (["system/Task.crus"], "system/*.*", []),
    ],
)
def test_what_was_not_granted(requested, granted, missing):
    """H-2, H-3."""
    assert lacking(requested, granted) == missing
