"""The law packs: each rule against its own cases, resolution of places, the gate's question, the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from chartside.errors import InputError
from chartside.gate.model import Action, DecisionRequest, Outcome
from chartside.gate.policy import PolicyBook, places, staleness
from chartside.gate.policy_pack import STATES, Case, Rule
from chartside.policy_cli import app

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
BOOK = PolicyBook.load()
FEATURES = sorted(BOOK.features)
CASES = [(rule, case) for rule in BOOK.rules for case in rule.case]


def test_every_rule_ships_an_allow_and_a_deny_case(each: Callable[..., None]) -> None:
    """P-6."""

    def check(rule: Rule) -> None:
        assert {case.expect for case in rule.case} == {"allow", "deny"}

    each({rule.id: (rule,) for rule in BOOK.rules}, check)


def test_every_case_comes_out_as_its_rule_says(each: Callable[..., None]) -> None:
    """P-6: by the rule's own data."""

    def check(rule: Rule, case: Case) -> None:
        assert BOOK.run_case(rule, case)

    each({f"{rule.id}-{number}": (rule, case) for number, (rule, case) in enumerate(CASES)}, check)


def test_a_case_can_fail(each: Callable[..., None]) -> None:
    """The cases are no formality: turned round, each fails."""
    turned = {"allow": "deny", "deny": "allow"}

    def check(rule: Rule, case: Case) -> None:
        assert not BOOK.run_case(rule, case.model_copy(update={"expect": turned[case.expect]}))

    each({f"{rule.id}-{number}": (rule, case) for number, (rule, case) in enumerate(CASES)}, check)


def test_the_whole_table_is_there() -> None:
    """policy.md: every row of the table has at least one rule."""
    west = ["CA AB 3030", "CA AB 489", "CA SB 243", "OR SB 1546", "WA HB 2225", "NV AB 406", "UT 13-72a"]
    east = ["IL PA 104-0054", "ME HP 1397", "TN SB 1580", "NY companion law", "TX HB 149", "TX SB 1188"]
    rows = [*west, *east, "EU AI Act", "ONC HTI-1", "FDA", "APA and ACA"]
    laws = {rule.law for rule in BOOK.rules}
    for row in rows:
        assert any(law.startswith(row) for law in laws), row


def test_rules_name_features_that_exist() -> None:
    """P-1: a trigger on a word that nobody can declare would never fire."""
    for rule in BOOK.rules:
        for name in (*rule.trigger.any, *rule.trigger.all, *(f for case in rule.case for f in case.features)):
            assert name in BOOK.features, (rule.id, name)
    for feature in BOOK.features.values():
        assert set(feature.implies) <= set(BOOK.features)


def test_secondary_sources_and_memory_are_never_verified() -> None:
    """(2) and (M): the mark stays in the product, and `chartside check` names them."""
    marked = [rule for rule in BOOK.rules if rule.basis != "primary"]
    assert {rule.jurisdiction for rule in marked} >= {
        "ME",
        "NV",
        "TN",
        "CA",
        "OR",
        "WA",
        "NY",
        "TX",
        "EU",
        "US",
    }
    told = "\n".join(BOOK.stale_rules(NOW))
    for rule in marked:
        assert rule.verified_on is None
        assert rule.id in told
    assert "ages of majority" in told


def test_a_rule_verified_long_ago_warns() -> None:
    """P-6: more than 180 days."""
    assert staleness(date(2026, 5, 28), "primary", date(2026, 11, 24)) == ""
    assert "180 days" in staleness(date(2026, 5, 27), "primary", date(2026, 11, 24))
    later = datetime(2027, 12, 1, tzinfo=UTC)
    assert "US-IL-WOPR-RECORDING" in "\n".join(BOOK.stale_rules(later))
    assert "US-IL-WOPR-RECORDING" not in "\n".join(BOOK.stale_rules(NOW))


def ids(features: set[str], location: str, *licences: str, **more: object) -> set[str]:
    found = BOOK.evaluate(features, location=location, licence_states=licences, at=NOW, **more)  # type: ignore[arg-type]
    return {effect.rule.id for effect in found}


def test_location_and_licence_count_together() -> None:
    """The strictest of the client's location and the licence's state holds."""
    assert "US-IL-WOPR-RECORDING" in ids({"transcribes"}, "IL", "WY")
    assert "US-IL-WOPR-RECORDING" in ids({"transcribes"}, "WY", "IL")
    assert "US-IL-WOPR-RECORDING" not in ids({"transcribes"}, "WY", "WY")
    assert ids({"transcribes"}, "IL", "ME") == ids({"transcribes"}, "IL", "IL") | ids(
        {"transcribes"}, "ME", "ME"
    )


@pytest.mark.parametrize(
    ("location", "licences"), [("", ["WY"]), ("WY", []), ("XX", ["WY"]), ("WY", ["Ontario"])]
)
def test_an_unknown_place_is_the_strictest_of_all(location: str, licences: list[str]) -> None:
    everything = set(FEATURES)
    in_force = {rule.id for rule in BOOK.rules if rule.in_force(NOW.date())}
    assert ids(everything, location, *licences) == in_force


@given(
    features=st.sets(st.sampled_from(FEATURES)),
    more=st.sets(st.sampled_from(FEATURES)),
    location=st.sampled_from([*sorted(STATES), "EU"]),
    licences=st.sets(st.sampled_from([*sorted(STATES), "EU"]), min_size=1, max_size=3),
)
def test_knowing_less_or_doing_more_never_allows_more(
    features: set[str], more: set[str], location: str, licences: set[str]
) -> None:
    """P-1: a further feature, a further licence, or an unknown place only adds rules."""
    base = ids(features, location, *licences)
    assert base <= ids(features | more, location, *licences)
    assert base <= ids(features, "", *licences)
    assert base <= ids(features, location, *licences, "IL")


def test_places_are_read_as_people_write_them() -> None:
    assert places("il", ["US-IL"]) == {"IL", "US", "*"}
    assert places("EU", ["EU"]) == {"EU", "*"}
    assert places("", ["IL"]) is None


def test_dates_decide_which_law_holds() -> None:
    def found(day: str) -> set[str]:
        at = datetime.fromisoformat(day).replace(tzinfo=UTC)
        return {
            e.rule.id
            for e in BOOK.evaluate({"companion_chatbot"}, location="OR", licence_states=["OR"], at=at)
        }

    assert "US-OR-SB1546-COMPANION" not in found("2026-12-31")
    assert "US-OR-SB1546-COMPANION" in found("2027-01-01")


# --- the gate's question


def ask(action: Action, *features: str, location: str = "IL") -> DecisionRequest:
    return DecisionRequest("Patient/1", action, NOW, features=frozenset(features), location=location)


def test_a_reminder_is_nothing_to_the_law() -> None:
    """Reminders go on in every state, known or not."""
    for location in [*STATES, "", "EU"]:
        assert (
            BOOK.decide(ask(Action.SMS, "talks_to_client", location=location), licence_states=["IL"]) is None
        )


def test_a_rule_that_forbids_denies_and_is_named() -> None:
    """P-1: denied, with the rule's id and a plain sentence; duties do not matter then."""
    decision = BOOK.decide(ask(Action.AI, "ai_therapeutic_communication"), licence_states=["IL"])
    assert decision is not None
    assert decision.outcome is Outcome.DENY
    assert decision.obligations == ()
    denying = {reason.source for reason in decision.reasons if reason.outcome is Outcome.DENY}
    assert denying == {"US-IL-WOPR-COMMUNICATION", "CHARTSIDE-NO-PROFESSIONAL"}
    assert all(reason.text for reason in decision.reasons)
    assert decision.reasons[0].outcome is Outcome.DENY


def test_duties_become_obligations() -> None:
    """IL: recording needs a written notice and consent. The law does not permit; it leaves the outcome open."""
    decision = BOOK.decide(ask(Action.RECORD), licence_states=["IL"])
    assert decision is not None
    assert decision.outcome is Outcome.NONE
    assert {"notice", "consent"} <= set(decision.obligations)


def test_the_action_itself_counts_as_a_feature() -> None:
    """A caller that forgets to name features is judged by what it does."""
    assert BOOK.decide(ask(Action.TRANSCRIBE), licence_states=["IL"]) is not None
    assert BOOK.decide(ask(Action.READ), licence_states=["IL"]) is None


def test_no_rule_ever_permits() -> None:
    """The gate may only be narrowed by the law."""
    for action in Action:
        for feature in FEATURES:
            decision = BOOK.decide(ask(action, feature, location=""), licence_states=["IL"])
            assert decision is None or decision.outcome is not Outcome.PERMIT


def test_starting_a_forbidden_plugin_is_refused() -> None:
    """P-1: by the features that its manifest declares."""
    assert {e.rule.id for e in BOOK.refusals({"ai_direct_care"}, ["NV"], NOW)} == {"US-NV-AB406-CARE"}
    assert BOOK.refusals({"ai_direct_care"}, ["WY"], NOW) == []
    assert BOOK.refusals({"ai_direct_care"}, ["WY", "NV"], NOW) != []
    assert BOOK.refusals({"ai_direct_care"}, [], NOW) != []
    assert BOOK.refusals({"detects_emotion"}, ["WY"], NOW) != []
    assert BOOK.refusals({"talks_to_client", "writes_ai_text", "records_audio"}, ["NV", "IL"], NOW) == []


def test_words_that_no_rule_can_judge_are_told() -> None:
    assert BOOK.unknown_features({"writes_ai_text", "telepathy"}) == ["telepathy"]


def test_ages_take_the_strictest_side_of_each_question() -> None:
    """C-14: a proxy's say ends at the lowest majority, a client's own begins at the highest. (M), so unconfirmed."""
    assert (BOOK.ages("IL", ["IL"]).proxy_until, BOOK.ages("IL", ["IL"]).self_consent) == (18, 12)
    both = BOOK.ages("MS", ["IL"])
    assert (both.proxy_until, both.majority, both.self_consent) == (18, 21, None)
    unknown = BOOK.ages("")
    assert (unknown.proxy_until, unknown.majority, unknown.self_consent) == (18, 21, None)
    assert BOOK.ages("WY", ["WY"]).jurisdictions == ("US",)
    assert not any(BOOK.ages(state, [state]).confirmed for state in STATES)
    assert PolicyBook([]).ages("IL", ["IL"]).majority == 21


# --- packs of one's own

PACK = """
[pack]
name = "mine"
date = 2026-11-24
[[rule]]
id = "MINE-1"
jurisdiction = "WY"
law = "House rule"
status = "{status}"
trigger = {{ any = ["writes_ai_text"], roles = ["supplier"], channels = ["sms"], max_age = 17 }}
forbid = true
text = "Not for minors, not by text message."
source = "our own handbook"
basis = "primary"
verified_on = 2026-11-01
case = [ {{ expect = "{expect}", features = ["writes_ai_text"] }}, {{ expect = "allow", features = ["uses_ai"] }} ]
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(PACK.format(status="enacted", expect="deny"))
    return path


def test_packs_of_the_config_replace_the_shipped_ones(pack: Path) -> None:
    book = PolicyBook.load([pack])
    assert [rule.id for rule in book.rules] == ["MINE-1"]
    assert book.unknown_features({"writes_ai_text"}) == []


def test_a_trigger_matches_what_is_not_known(pack: Path) -> None:
    book = PolicyBook.load([pack])

    def found(**more: object) -> bool:
        effects = book.evaluate({"writes_ai_text"}, location="WY", licence_states=["WY"], at=NOW, **more)  # type: ignore[arg-type]
        return bool(effects)

    assert found()
    assert found(age=17, role="supplier", channel="sms")
    assert not found(age=18)
    assert not found(role="provider")
    assert not found(channel="email")


def test_a_proposed_rule_does_not_bind(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(PACK.format(status="proposed", expect="deny"))
    book = PolicyBook.load([path])
    assert book.evaluate({"writes_ai_text"}, location="WY", licence_states=["WY"], at=NOW) == []
    assert book.run_case(book.rules[0], book.rules[0].case[0])  # but its cases are tried


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("forbid = true", 'forbid = true\nrequire = ["review"]', "either forbid"),
        ("forbid = true", 'require = ["hope"]', "rule.0.require.0"),
        ('jurisdiction = "WY"', 'jurisdiction = "ZZ"', "must be a US state"),
        ('basis = "primary"', 'basis = "memory"', "cannot have been verified"),
        ('any = ["writes_ai_text"], ', "", "at least one feature"),
        ('status = "enacted"', 'status = "perhaps"', "rule.0.status"),
        ("forbid = true", "forbid = true\ncolour = 1", "rule.0.colour"),
        ("[pack]", "[pack", "no valid TOML"),
        ("[pack]", f"x = {'[' * 5000}\n[pack]", "nested too deeply"),
        ("[pack]", f"#{' ' * 1024 * 1024}\n[pack]", "more than 1 MiB"),
        ('id = "MINE-1"', 'id = "mine 1"', "rule.0.id"),
    ],
)
def test_a_wrong_pack_names_file_and_key(pack: Path, before: str, after: str, says: str) -> None:
    pack.write_text(pack.read_text().replace(before, after))
    with pytest.raises(InputError, match=r"mine\.toml") as raised:
        PolicyBook.load([pack])
    assert says in str(raised.value)


def test_a_missing_pack_and_a_rule_twice_are_told(pack: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        PolicyBook.load([tmp_path / "nowhere.toml"])
    with pytest.raises(InputError, match="MINE-1 stands twice"):
        PolicyBook.load([pack, pack])


# --- the command line


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_show_prints_the_rules_of_a_place() -> None:
    code, text = run("show", "--state", "IL", "--feature", "records_audio", "--on", "2026-11-24")
    assert code == 0
    assert "US-IL-WOPR-RECORDING  requires notice, consent" in text
    assert "US-ME" not in text


def test_show_as_json_says_what_is_not_verified() -> None:
    code, text = run("show", "--state", "NV", "--feature", "ai_direct_care", "--on", "2026-11-24", "--json")
    rows = json.loads(text)
    assert code == 1
    assert [row["rule"] for row in rows] == ["US-NV-AB406-CARE"]
    assert rows[0]["warning"].startswith("unconfirmed: not verified")


def test_show_without_a_state_is_the_strictest() -> None:
    assert "US-ME-AI-RECORDING" in run("show", "--feature", "records_audio", "--on", "2026-11-24")[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "--feature", "telepathy"),
        ("show", "--state", "ZZ"),
        ("show", "--state", "IL", "--on", "tomorrow"),
        ("show", "--pack", "nowhere.toml"),
    ],
)
def test_show_refuses_bad_words(arguments: tuple[str, ...]) -> None:
    assert run(*arguments)[0] == 2


def test_stale_test_and_lint(pack: Path) -> None:
    assert run("stale", "--on", "2026-11-24")[0] == 1
    assert run("stale", "--on", "2026-11-24", "--pack", str(pack))[0] == 0
    assert run("test")[0] == 0
    pack.write_text(PACK.format(status="enacted", expect="allow"))
    code, text = run("test", "--pack", str(pack))
    assert code == 1
    assert "MINE-1: has no case that expects deny" in text
    assert "case 1 should allow" in text
    assert run("show", "--state", "IL")[0] == 0
    assert run("lint", "Hello, I am Ana, your assistant")[0] == 0
    assert run("lint", "I am your therapist")[0] == 1
