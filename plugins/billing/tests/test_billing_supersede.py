"""One fault, one finding: which rule gives way to which, and what is never hidden."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from chartside_billing.evening.judge import _leave_out_unknown
from chartside_billing.model import Claim, History, PriorClaim
from chartside_billing.rules import Rule, RuleBook, hit
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.rules.supersede import settle
from chartside_billing.scrub import Finding, Report, scrub
from chartside_billing.scrub_files import scrub_files
from chartside_billing.x12.example import claim
from chartside_billing.x12.write837 import Control, write_837

TODAY = date(2026, 11, 24)


def judged(one: Claim, own: list[Rule] | None = None, **told: object) -> Report:
    book, loaded = ScrubSettings.model_validate(told).scrubbing(TODAY)
    return scrub([one], loaded, book.plus(own or [], "own"))[0]


def of(*codes: str, **more: object) -> Claim:
    made = claim()
    made.lines = [replace(made.lines[0], number=n, code=c, **more) for n, c in enumerate(codes, 1)]
    made.total = Decimal(150) * len(codes)
    return made


def standing(report: Report) -> list[str]:
    return [finding.rule.id for finding in report.standing]


def test_the_rule_that_says_it_best_stands_and_the_general_one_is_its_repeat() -> None:
    """Issue 4: plain words; 90840 alone is a crisis code without its base, not any add-on."""
    report = judged(of("90840"))
    assert {f.rule.id: f.repeats for f in report.findings} == {"ADD-007": "", "SVC-012": "ADD-007"}
    assert standing(report) == ["ADD-007"]
    assert [f.data()["repeats"] for f in report.findings if f.rule.id == "SVC-012"] == ["ADD-007"]


def test_a_muted_rule_hides_nothing() -> None:
    """Muted for the practice, or for this payer."""
    assert standing(judged(of("90840"), rules={"mute": ["ADD-007"]})) == ["SVC-012"]
    assert standing(judged(of("90840"), payers={"60054": {"mute": ["ADD-007"]}})) == ["SVC-012"]


def test_no_error_hides_behind_a_warning() -> None:
    """A practice that makes the better rule milder gets the error back."""
    report = judged(of("90840"), rules={"severity": {"ADD-007": "warning"}})
    assert set(standing(report)) == {"ADD-007", "SVC-012"}


def test_another_line_or_another_diagnosis_is_another_fault() -> None:
    """The same line; the same code where a rule names one."""
    both = of("90840", "96131")
    both.lines[1] = replace(both.lines[1], code="96159")  # an add-on that only SVC-012 knows
    report = judged(both)
    assert [f.lines for f in report.standing if f.rule.id == "SVC-012"] == [(2,)]
    codes = claim()
    codes.diagnoses = [
        replace(codes.diagnoses[0], code=c, qualifier=q) for c, q in (("F54", "ABK"), ("F0631", "ABF"))
    ]
    told = [(f.rule.id, f.about) for f in judged(codes).standing if f.rule.id[:2] == "DX"]
    assert ("DX-007", "F54") in told
    assert ("DX-009", "F0631") in told
    assert ("DX-009", "F54") not in told


def test_the_book_names_rules_that_exist_and_no_circle() -> None:
    """Two rules that gave way to each other would both fall silent."""
    book = RuleBook.load()
    above = {rule.id: {*rule.superseded_by, *rule.superseded_anywhere_by} for rule in book}
    assert set().union(*above.values()) <= set(book.rules)

    def reaches(start: str, seen: frozenset[str] = frozenset()) -> set[str]:
        return above[start].union(*(reaches(r, seen | {r}) for r in above[start] - seen))

    assert [rule for rule in above if rule in reaches(rule)] == []


def test_an_own_rule_may_say_it_better_too() -> None:
    """``superseded_by`` is open to payers' and practices' rules."""
    own = Rule(
        id="ELM-001",
        severity="error",
        title="Copay",
        check=lambda v, k: [hit("no group number", v.lines[0])],
        superseded_by=("ADD-007",),
    )
    assert standing(judged(of("90840"), [own])) == ["ADD-007"]
    assert "ELM-001" in standing(judged(of("90837"), [own]))


FILES = {
    "patient's sex": ("*19880409*F~", "*19880409~", "PAT-003"),
    "member ID": ("*MI*W123456789~", "~", "COV-004"),
    "assignment": ("*Y*A*Y*Y~", "*Y**Y*Y~", "CLM-005"),
}


@pytest.mark.parametrize("what", FILES)
def test_the_validator_repeats_what_our_own_rules_say(what: str, tmp_path: Path) -> None:
    """EDI-001 of pyx12 stands only where no rule of ours names the fault."""
    old, new, rule = FILES[what]
    text = write_837([claim()], control=Control(created=datetime(2026, 11, 24))).data.decode()
    assert old in text, text
    path = tmp_path / "a.837"
    path.write_text(text.replace(old, new))
    book, loaded = ScrubSettings().scrubbing(TODAY)
    (result,) = scrub_files([path], book, loaded, guide=True)
    errors = [f for report in result.reports for f in report.standing if f.severity == "error"]
    assert {f.rule.id for f in errors} == {rule}
    repeats = {f.repeats for report in result.reports for f in report.findings if f.rule.id == "EDI-001"}
    assert repeats == {rule}


def test_the_built_in_telehealth_list_says_that_it_is_unconfirmed() -> None:
    """Legal facts that nobody confirmed keep their mark in the product."""
    made = of("96146", pos="10")
    made.insurance.filing = "MB"
    made.lines[0].code = "96040"
    (found,) = [f for f in judged(made).findings if f.rule.id == "TEL-004"]
    assert (found.severity, "built-in, unconfirmed" in found.message) == ("warning", True)


def test_what_hid_behind_a_finding_that_was_left_out_stands_again() -> None:
    """The evening leaves out what the EHR says of no visit; the general rule's finding is then nobody's repeat."""
    rules = {rule.id: rule for rule in RuleBook.load()}
    better = rules["CLM-003"]
    general = replace(rules["CLM-001"], superseded_anywhere_by=frozenset({"CLM-003"}))
    bare = replace(claim(), lines=[replace(claim().lines[0], charge=None)])
    found = settle([Finding(r, "error", "m", "w", "", (), Decimal(0)) for r in (general, better)])
    assert [f.repeats for f in found] == ["CLM-003", ""]
    report = Report("A", "", findings=found, claim=bare)
    _leave_out_unknown(report, {"resourceType": "Encounter"})
    assert [(f.rule.id, f.repeats) for f in report.findings] == [("CLM-001", "")]


def test_the_claim_to_another_payer_is_not_held_against_this_one() -> None:
    """The second payer's claim repeats the first one's services: no crisis twice a day."""
    session = of("90839").lines[0]
    for payer, spoke in (("60054", True), ("22222", False)):
        prior = PriorClaim("OLD", "paid", payer_id=payer, lines=[session], rendering_npi="1245319599")
        one = replace(of("90839"), history=History([prior]))
        assert ("CRS-001" in {f.rule.id for f in judged(one).findings}) is spoke
