"""The scrub engine, the practice's overrides, rule plugins, and what is never lost or said."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from chartside.errors import ConfigError
from chartside_billing.model import Claim, DateSpan
from chartside_billing.rules import NotChecked, Rule, RuleBook, hit
from chartside_billing.rules.base import CHECKS, NEEDS
from chartside_billing.rules.own import RulePlugins
from chartside_billing.rules.settings import ScrubSettings, read_pack
from chartside_billing.rules.view import KNOWABLE
from chartside_billing.scrub import Report, Scrubber, scrub
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.write837 import Control, write_837

TODAY = date(2026, 11, 24)


def judged(one: Claim, **told: object) -> Report:
    book, loaded = ScrubSettings.model_validate(told).scrubbing(TODAY)
    return scrub([one], loaded, book)[0]


def found(report: Report) -> set[str]:
    return {finding.rule.id for finding in report.findings}


def faulty() -> Claim:
    """Modifier twice on the second line; two sessions a day."""
    made = claim()
    made.lines.append(
        replace(made.lines[0], number=2, code="90853", charge=Decimal(60), modifiers=("HO", "HO"))
    )
    made.total = Decimal(210)
    return made


def test_the_rule_book_is_data_with_a_check_for_every_rule() -> None:
    """Issue 4: 175 rules with id, severity, source, basis, message, mend, denial; unconfirmed marks carried."""
    book = RuleBook.load()
    assert [sum(r.severity == s for r in book) for s in ("error", "warning", "info")] == [123, 47, 5]
    for rule in book:
        assert all((rule.title, rule.message, rule.mend, rule.prevents, rule.source, rule.x12, rule.fhir)), (
            rule.id
        )
        assert rule.basis in {"exercised", "read", "unconfirmed"}
        assert rule.message.endswith(".")
    assert all(need in NEEDS for check in CHECKS.values() for need in check.needs)
    assert {need for check in CHECKS.values() for need in check.needs} <= set(KNOWABLE)


def test_a_finding_tells_lines_money_and_mend() -> None:
    """Plain words, the place, the denial it prevents, the dollars at risk."""
    report = judged(faulty())
    (repeated,) = [f for f in report.findings if f.rule.id == "SVC-006"]
    assert (repeated.lines, repeated.at_risk, repeated.severity) == ((2,), Decimal(60), "error")
    assert repeated.mend
    assert "CARC 182" in repeated.rule.prevents
    data = repeated.data()
    assert (data["rule"], data["at_risk"], data["lines"], data["basis"]) == (
        "SVC-006",
        "60",
        [2],
        "unconfirmed",
    )
    whole = judged(replace(claim(), total=Decimal(160)))
    assert [f.at_risk for f in whole.findings if f.rule.id == "CLM-002"] == [Decimal(160)]
    assert not report.clean


NOT_LOADED = {
    "EDI-004": "live = true or false",
    "COV-005": "load your clearinghouse's payer list",
    "COV-008": "load this payer's profile",
    "PRV-008": "load the payer enrolments",
    "PRV-013": "load the OIG LEIE/SAM list",
    "SVC-005": "load your fee schedule",
    "SVC-008": "load the MUE table",
    "SVC-009": "load the NCCI pairs",
    "SVC-010": "load the NCCI pairs",
    "AUT-001": "load this payer's profile",
    "COV-003": "load an eligibility answer",
    "TIM-003": "needs the visit",
    "DOC-001": "needs the visit",
    "DUP-001": "needs the patient's earlier claims",
}


def test_what_is_not_loaded_is_said() -> None:
    """Issue 4: "not checked: load X", never a silent pass."""
    (one,) = read_837(write_837([claim()], control=Control(created=datetime(2026, 11, 24))).data)
    said = {rule_id: why.reason for rule_id, why in judged(one).not_checked}
    for rule_id, text in NOT_LOADED.items():
        assert text in said[rule_id], rule_id


def test_opt_out_and_pairs_of_medicare_are_said_too() -> None:
    """COV-012 asks for the list only where Medicare is billed."""
    medicare = claim()
    medicare.insurance.filing = "MB"
    assert "COV-012" in dict(judged(medicare).not_checked)
    assert "COV-012" not in dict(judged(claim()).not_checked)
    assert "COV-012" not in dict(judged(medicare, opted_out_npis=[]).not_checked)


def test_the_claim_is_left_alone_and_repairs_are_named() -> None:
    """billing.md: repairs are not edits."""
    one = claim()
    one.billing.address.city = "chicago"
    before = copy.deepcopy(one)
    report = judged(one)
    assert report.repairs()
    assert all("Chicago" not in r.what and "chicago" not in r.what for r in report.repairs())
    assert one == before


def test_a_rule_is_muted_or_raised_for_the_practice_or_for_one_payer() -> None:
    """``[plugins.billing.rules]`` and a payer's ``mute``; a family counts for all of its rules."""
    assert "SVC-006" in found(judged(faulty()))
    assert "SVC-006" not in found(judged(faulty(), rules={"mute": ["SVC-006"]}))
    assert not {r for r in found(judged(faulty(), rules={"mute": ["SVC"]})) if r.startswith("SVC")}
    assert "SVC-006" not in found(judged(faulty(), payers={"60054": {"mute": ["SVC-006"]}}))
    assert "SVC-006" in found(judged(faulty(), payers={"99999": {"mute": ["SVC-006"]}}))
    raised = judged(faulty(), rules={"severity": {"SVC-006": "info"}})
    assert {f.severity for f in raised.findings if f.rule.id == "SVC-006"} == {"info"}
    with pytest.raises(ConfigError, match="there is no rule 'SVC-999'"):
        judged(faulty(), rules={"mute": ["SVC-999"]})


def test_a_profile_by_claim_filing_indicator_holds_for_all_payers_of_that_kind() -> None:
    """One profile for Medicare."""
    asked = {"payers": {"CI": {"authorization_codes": ["90837"]}}}
    assert "AUT-001" in found(judged(claim(), **asked))
    own = {"payers": {"CI": {"authorization_codes": ["90837"]}, "60054": {}}}
    assert "AUT-001" not in found(judged(claim(), **own))


def test_payer_packs_are_shared_and_the_config_wins(tmp_path: Path) -> None:
    """A pack is a TOML file of profiles; a wrong key is named."""
    pack = tmp_path / "illinois.toml"
    pack.write_text('[60054]\nauthorization_codes = ["90837"]\n')
    book, loaded = ScrubSettings(payer_packs=[pack]).scrubbing(TODAY)
    assert "AUT-001" in found(scrub([claim()], loaded, book)[0])
    mine = ScrubSettings.model_validate(
        {"payer_packs": [pack], "payers": {"60054": {"authorization_codes": []}}}
    )
    book, loaded = mine.scrubbing(TODAY)
    assert "AUT-001" not in found(scrub([claim()], loaded, book)[0])
    pack.write_text("[60054]\nauthorisation_codes = []\n")
    with pytest.raises(ConfigError, match="60054"):
        read_pack(pack)
    pack.write_text("[60054\n")
    with pytest.raises(ConfigError, match="no TOML"):
        read_pack(pack)


def broken(view: object, loaded: object) -> list:
    raise KeyError("RIVERA")


def test_a_rule_that_raises_loses_nothing_else_and_leaks_nothing() -> None:
    """Fail soft: reported as not checked, by type and place only."""
    own = Rule(id="OWN-001", severity="error", title="Broken", check=broken)
    book, loaded = ScrubSettings().scrubbing(TODAY)
    report = scrub([faulty()], loaded, book.plus([own], "elm"))[0]
    assert report.failed == ["OWN-001"]
    assert "SVC-006" in found(report)
    (why,) = [w.reason for rule_id, w in report.not_checked if rule_id == "OWN-001"]
    assert "KeyError" in why
    assert "RIVERA" not in why


def test_a_rule_that_answers_nonsense_is_reported_as_failed() -> None:
    """An own rule that returns texts, or a truth value, instead of hits."""
    book, loaded = ScrubSettings().scrubbing(TODAY)
    for answer in (["text"], True, 3):
        own = Rule(id="OWN-001", severity="error", title="Odd", check=lambda v, k, a=answer: a)
        assert scrub([claim()], loaded, book.plus([own], "elm"))[0].failed == ["OWN-001"]


class Plugin:
    """A rule plugin whose hooks are given."""

    def __init__(self, **hooks: object) -> None:
        from chartside_billing.hookspecs import hookimpl

        for name, function in hooks.items():
            setattr(self, name, hookimpl(function))


def test_rule_plugins_are_kept_apart() -> None:
    """One that raises, takes an id, or gives no rules is set aside as a whole and named; the other's rules stand."""
    good = Rule(id="OWN-001", severity="info", title="Seen", check=lambda v, k: [hit("seen")])
    own = RulePlugins(
        {
            "good": Plugin(billing_rules=lambda: [good]),
            "taken": Plugin(billing_rules=lambda: [replace(good, id="DX-001")]),
            "raises": Plugin(billing_rules=lambda: 1 / 0),
            "odd": Plugin(billing_rules=lambda: [3]),
            "steep": Plugin(billing_rules=lambda: [replace(good, id="OWN-002", severity="fatal")]),
        }
    )
    book = own.extend(RuleBook.load())
    assert len(book) == 176
    assert book["OWN-001"].owner == "good"
    assert set(own.problems) == {"taken", "raises", "odd", "steep"}
    assert "two rules have this id" in own.problems["taken"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A rule plugin as pip would install it."""
    (tmp_path / "elm_rules.py").write_text(
        "from chartside_billing.hookspecs import hookimpl\n"
        "from chartside_billing.rules import PayerProfile, Rule, hit\n"
        "class Plugin:\n"
        "    @hookimpl\n"
        "    def billing_rules(self):\n"
        "        return [Rule(id='ELM-001', severity='error', title='T', check=lambda v, k: [hit('elm')])]\n"
        "    @hookimpl\n"
        "    def billing_payers(self):\n"
        "        return {'60054': PayerProfile(authorization_codes=frozenset({'90837'}))}\n"
        "plugin = Plugin()\n"
    )
    info = tmp_path / "elm_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elm-rules\nVersion: 1.0\n")
    entries = "[chartside_billing.rules]\nelm = elm_rules:plugin\nbad = elm_rules:nothing\n"
    (info / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("elm_rules", None)


def test_an_installed_rule_plugin_is_loaded_only_if_the_practice_names_it(installed: Path) -> None:
    """``[plugins.billing.rules] plugins``; rules and payer profiles of it count."""
    assert "ELM-001" not in found(judged(claim()))
    assert "elm_rules" not in sys.modules
    assert {"ELM-001", "AUT-001"} <= found(judged(claim(), rules={"plugins": ["elm"]}))
    with pytest.raises(ConfigError, match=r"no rule plugin 'oak'.*bad, elm"):
        judged(claim(), rules={"plugins": ["oak"]})
    with pytest.raises(ConfigError, match="bad cannot be loaded"):
        judged(claim(), rules={"plugins": ["bad"]})


def test_claims_of_a_batch_see_each_other_and_plans_are_not_mixed_up() -> None:
    """A scrubber is used for many batches; each claim has its own report, in its place."""
    book, loaded = ScrubSettings().scrubbing(TODAY)
    scrubber = Scrubber(book, loaded)
    first, second = claim(), claim()
    second.id = "ACC1002"
    alone = [found(scrubber.claims([one])[0]) for one in (first, second)]
    assert not any("DUP-001" in rules for rules in alone)
    together = scrubber.claims([first, second])
    assert [report.id for report in together] == ["ACC1001", "ACC1002"]
    assert ["DUP-001" in found(report) for report in together] == [False, True]
    assert found(scrubber.claims([first])[0]) == alone[0]


def test_no_message_holds_who_the_patient_is() -> None:
    """Brief: never PHI in a message."""
    one = claim()
    one.insurance.subscriber.last = "RIVERA7"
    one.insurance.subscriber.id = "W 99887766"
    one.insurance.subscriber.address.zip = "1"
    report = judged(one)
    text = " ".join(f"{f.message} {f.where} {f.mend}" for f in report.findings)
    assert {"PAT-001", "PAT-004", "COV-004"} <= found(report)
    for secret in ("RIVERA", "ANA", "99887766", "ELM ST"):
        assert secret not in text


def test_not_checked_reasons_are_grouped() -> None:
    """For the biller's summary: reason -> rules."""
    report = Report("A", "f", not_checked=[("A-1", NotChecked("load X")), ("A-2", NotChecked("load X"))])
    assert report.reasons() == {"load X": ["A-1", "A-2"]}


class NewCode:
    """An ICD-10-CM table in which F43.24 begins on 1 October 2025."""

    def __getattr__(self, name: str) -> object:
        if name == "exists":
            return lambda code, on: code != "F4324" or on >= date(2025, 10, 1)
        return lambda *_: True if name in {"covers", "billable"} else () if name == "use_additional" else None


@pytest.mark.parametrize(("pointers", "rules"), [((1, 1), {"DX-002"}), ((2, 1), set())])
def test_a_diagnosis_is_valid_on_the_days_of_the_lines_that_point_to_it(
    pointers: tuple[int, int], rules: set[str]
) -> None:
    """One claim on both sides of 1 October: the old line may not point to the new code."""
    made = claim()
    made.diagnoses = [
        replace(made.diagnoses[0], code=c, qualifier=q) for c, q in (("F4324", "ABK"), ("F411", "ABF"))
    ]
    made.lines = [
        replace(made.lines[0], number=n, pointers=(p,), dates=DateSpan(day))
        for n, (p, day) in enumerate(zip(pointers, (date(2025, 9, 30), date(2025, 10, 1)), strict=True), 1)
    ]
    book, loaded = ScrubSettings().scrubbing(TODAY)
    (report,) = scrub([made], replace(loaded, icd=NewCode()), book)
    assert {r for r in found(report) if r in {"DX-002", "DX-003"}} == rules
