"""Issue 4, shown 1: the deck of labelled claims, at least three a rule, and the claims of many kinds that are clean."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from chartside_billing.rules import RuleBook
from chartside_billing.scrub import Report
from chartside_billing.scrub_files import read_any

FOLDER = Path(__file__).parent / "deck"


def load(name: str) -> ModuleType:
    """A module of the deck, which is a package of its own beside the tests."""
    if "billing_deck" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "billing_deck", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        assert spec is not None
        assert spec.loader is not None
        package = sys.modules["billing_deck"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
    return importlib.import_module(f"billing_deck.{name}")


build, cases, kinds, papers, run, strangers = map(
    load, ("build", "cases", "kinds", "papers", "run", "strangers")
)


def found(reports: list[Report]) -> set[str]:
    assert [report.failed for report in reports if report.failed] == []
    return {finding.rule.id for report in reports for finding in report.findings}


def number(cases: list) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for one in cases:
        rule = one if isinstance(one, str) else one[0] if isinstance(one, tuple) else one.rule
        seen[rule] += 1
        names.append(f"{rule}-{seen[rule]}")
    return names


def test_each_claim_rule_has_a_trigger_a_near_miss_and_a_clean_claim(each) -> None:
    """In each form that the fault can have: an 837P, a FHIR Bundle, or both."""

    def check(case) -> None:
        for ran in run.run([case]):
            assert (ran.rule in found(ran.reports)) == (ran.part == "trigger"), (ran.part, ran.form)

    each({name: (case,) for name, case in zip(number(cases.CASES), cases.CASES, strict=True)}, check)


@pytest.mark.parametrize("case", papers.PAPERS, ids=number(papers.PAPERS))
def test_each_rule_of_another_document_has_the_same_three(case) -> None:
    """Estimates, superbills, invoices, remittances, acknowledgements."""
    rule, trigger, near, clean = case
    scrubber = run.scrubber({}, False)
    hits = [rule in found([scrubber.document(document)]) for document in (trigger, near, clean)]
    assert hits == [True, False, False]


def test_no_rule_is_without_cases() -> None:
    """All 175 rows of the rule book."""
    covered = {case.rule for case in cases.CASES} | {case[0] for case in papers.PAPERS}
    assert covered == set(RuleBook.load().rules)
    assert len(covered) == 175


def test_a_clean_claim_of_any_kind_draws_no_error(each) -> None:
    """Telehealth, groups, crisis, Medicare, Medicaid, secondary, dependants, testing, monthly care, H codes ..."""
    scrubber = run.scrubber({}, False)

    def check(changes: dict) -> None:
        spec = build.changed(changes)
        for text in (build.x12(spec), build.dumps(build.bundle(spec))):
            reports = scrubber.claims(read_any(text).claims)
            errors = [(f.rule.id, f.message) for r in reports for f in r.findings if f.severity == "error"]
            assert errors == []

    each({name: (changes,) for name, changes in kinds.CLEAN.items()}, check)


def test_faults_written_from_the_rules_texts_are_found() -> None:
    """The second set, by other hands' ways of making a fault: 95 % are found without any code set or profile."""
    scrubber, missed, count = run.scrubber({}, False), [], 0
    for rule, changes, forms in strangers.FAULTS:
        for form, text in run.texts(changes, forms):
            count += 1
            if rule not in found(scrubber.claims(read_any(text).claims)):
                missed.append((rule, form))
    assert count > 300
    assert len(missed) <= count * 0.02, missed


def test_a_bundle_says_the_same_however_its_references_are_written() -> None:
    """``Type/id``, ``urn:uuid`` without ids, and everything contained in the Claim."""
    scrubber = run.scrubber({}, False)

    def told(data: dict) -> list[tuple[str, str]]:
        reports = scrubber.claims(read_any(build.dumps(data)).claims)
        return sorted((f.rule.id, f.message) for r in reports for f in r.findings)

    for changes in list(kinds.CLEAN.values())[::6] + [
        c for _, c, forms in strangers.FAULTS[::6] if "b" in forms
    ]:
        if isinstance(changes, dict) and not changes.get("extra"):
            plain = build.bundle(build.changed(changes))
            assert told(build.with_urns(plain)) == told(plain)
            assert told(build.contained(plain)) == told(plain)


def another() -> dict[str, dict]:
    """A Bundle in another EHR's style (FHIR code systems, marks in numbers, unlinked appointment), by type."""
    made = json.loads((FOLDER / "another-style.json").read_text())
    return {"": made} | {entry["resource"]["resourceType"]: entry["resource"] for entry in made["entry"]}


DEGREE = {"code": {"text": "MSW"}, "issuer": {"display": "Indiana University"}}
STYLE = {
    "": lambda r: r["Practitioner"]["qualification"].append(DEGREE),
    "TIM-006": lambda r: [
        r["Encounter"].pop("period"),
        r["Encounter"].pop("length"),
        r["DocumentReference"].pop("context"),
    ],
    "DOC-005": lambda r: r["Appointment"].update(status="noshow"),
    "DX-014": lambda r: r["Condition"]["verificationStatus"]["coding"][0].update(code="provisional"),
    "COV-003": lambda r: r["CoverageEligibilityResponse"]["insurance"][0].update(inforce=False),
    "PRV-006": lambda r: r["Organization"]["telecom"][0].update(value="(012) 555-0100"),
    "PAT-003": lambda r: r["Patient"].pop("gender"),
    "COV-007": lambda r: r["Coverage"]["relationship"]["coding"][0].update(code="child"),
    "CLM-004": lambda r: r["Claim"].update(related=[{"relationship": {"coding": [{"code": "replaces"}]}}]),
    "DX-006": lambda r: r["Claim"]["item"][0].pop("diagnosisSequence"),
    "TEL-001": lambda r: r["Encounter"].update({"class": {"code": "VR"}}),
    "SVC-004": lambda r: r["Claim"]["item"][0]["net"].update(value=-1),
}


@pytest.mark.parametrize("rule", STYLE)
def test_a_bundle_of_another_style_is_understood(rule: str) -> None:
    """Clean as it is; each change is found."""
    resources = another()
    STYLE[rule](resources)
    reports = run.scrubber({}, False).claims(read_any(json.dumps(resources[""])).claims)
    rules = found(reports)
    assert (rule in rules) if rule else rules == set()


SILENT = {
    "PRV-012": ({**cases.MEDICARE}, "b"),
    "PRV-009": ({**cases.MEDICARE, "rendering.taxonomy": "106H00000X"}, "xb"),
    "PRV-007": ({"patch": [("Practitioner/rendering", "qualification.0.period", {})]}, "b"),
    "PRV-005": ({"rendering.taxonomy": "101YS0200X"}, "xb"),
    "PRV-004": ({}, "x"),
    "COV-002": ({"patch": [("Coverage", "period", {})]}, "b"),
    "COV-003": (cases.extra({**cases.eligibility(), "insurance": [{}]}), "b"),
    "COV-009": ({"filing": "MC", "payer": {"name": "IL MEDICAID", "id": "ILMCD"}}, "xb"),
    "PAT-006": (cases.extra(cases.eligibility()), "b"),
    "EDI-004": ({}, "b"),
    "CLM-002": ({"lines.0.charge": "", "total": "150"}, "x"),
    "CLM-004": ({"frequency": "7", "original": "ICN1"}, "xb"),
    "CLM-005": ({}, "xb"),
    "CLM-008": (cases.lines(build.line("90837"), build.line("90837", date="2026-03-03")), "x"),
    "DX-003": ({"lines.0.date": "2027-11-03", "created": "2027-11-04"}, "x"),
    "INC-001": ({**cases.MEDICARE, "supervising": cases.SUPERVISOR}, "xb"),
    "SVC-007": ({}, "x"),
    "TIM-008": ({"visit.start": "", "visit.minutes": None}, "b"),
    "TEL-001": ({"pos": "10", "lines.0.mod": ["95"], "visit.class": "VR"}, "b"),
    "TEL-002": ({**cases.MEDICARE, "pos": "10"}, "x"),
    "TST-002": (cases.one("96136", **cases.PSYCHOLOGIST, **cases.visit(20)), "b"),
}


@pytest.mark.parametrize("rule", SILENT)
def test_no_rule_passes_in_silence_without_what_it_needs(rule: str) -> None:
    """Issue 4: "not checked: load X"; the plain claim has no fault, and nothing to tell so by."""
    changes, forms = SILENT[rule]
    for _, text in run.texts(changes, forms):
        (report,) = run.scrubber({}, False).claims(read_any(text).claims)
        assert rule not in found([report])
        assert rule in dict(report.not_checked)


def test_the_practice_s_own_place_is_no_service_facility() -> None:
    """CLM-010: 2310C is for other places; every other one has nine digits, wherever the service was given."""
    own = {
        **cases.PLACE,
        "line1": build.BASE["billing"]["line1"].lower(),
        "zip": build.BASE["billing"]["zip"][:5],
    }

    def judged(facility: dict, **changes: object) -> tuple[bool, set[str]]:
        made = build.bundle(build.changed({"facility": facility, **changes}))
        (claim,) = read_any(build.dumps(made)).claims
        return claim.facility is not None, found(run.scrubber({}, False).claims([claim])) & {"CLM-010"}

    assert judged(own) == (False, set())
    assert judged({**cases.PLACE, "line1": ""}) == (False, set())
    assert judged({**cases.PLACE, "zip": "60602"}) == (True, {"CLM-010"})
    assert judged({**cases.PLACE, "line1": ""}, pos="31") == (True, {"CLM-010"})
