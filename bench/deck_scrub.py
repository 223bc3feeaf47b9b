"""Precision and recall of the rules by family, over the deck of labelled claims (`plugins/billing/tests/deck`).

Run: ``python bench/deck_scrub.py``. Recall: faults whose rule was found. Precision: of a family's findings of
severity error on the deck's claims, those that the claim was made for; its near misses and clean claims, and the
clean claims of many kinds, count as made for nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections import Counter
from pathlib import Path

from chartside_billing.rules import RuleBook
from chartside_billing.scrub_files import read_any

FOLDER = Path(__file__).resolve().parent.parent / "plugins" / "billing" / "tests" / "deck"
spec = importlib.util.spec_from_file_location(
    "billing_deck", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
)
assert spec is not None
sys.modules["billing_deck"] = importlib.util.module_from_spec(spec)
build, cases, kinds, papers, run, strangers = (
    importlib.import_module(f"billing_deck.{name}")
    for name in ("build", "cases", "kinds", "papers", "run", "strangers")
)


def family(rule: str) -> str:
    return rule.partition("-")[0]


def main() -> None:
    wanted: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    false: Counter[str] = Counter()
    clean = bad = 0
    for ran in run.run(cases.CASES):
        name = family(ran.rule)
        if ran.part == "trigger":
            wanted[name] += 1
            hit[name] += ran.rule in ran.found
        elif ran.rule in ran.found:
            false[name] += 1
    scrubber = run.scrubber({}, False)
    for rule, *documents in papers.PAPERS:
        found = [any(f.rule.id == rule for f in scrubber.document(d).findings) for d in documents]
        wanted[family(rule)] += 1
        hit[family(rule)] += found[0]
        false[family(rule)] += sum(found[1:])
    for rule, changes, forms in strangers.FAULTS:
        for _, text in run.texts(changes, forms):
            reports = scrubber.claims(read_any(text).claims)
            wanted[family(rule)] += 1
            hit[family(rule)] += any(f.rule.id == rule for r in reports for f in r.findings)
    for changes in kinds.CLEAN.values():
        made = build.changed(changes)
        for text in (build.x12(made), build.dumps(build.bundle(made))):
            reports = scrubber.claims(read_any(text).claims)
            errors = {f.rule.id for r in reports for f in r.findings if f.severity == "error"}
            clean, bad = clean + 1, bad + bool(errors)
            false.update(map(family, errors))
    print("family  faults  found  false  recall  precision")
    for name in dict.fromkeys(rule.family for rule in RuleBook.load()):
        recall = hit[name] / wanted[name]
        precision = hit[name] / (hit[name] + false[name]) if hit[name] else 0.0
        print(
            f"{name:<6} {wanted[name]:>7} {hit[name]:>6} {false[name]:>6} {recall:>7.1%} {precision:>10.1%}"
        )
    total, good = sum(wanted.values()), sum(hit.values())
    print(f"{good} of {total} faults found ({good / total:.1%}); {bad} of {clean} clean claims with an error")


if __name__ == "__main__":
    main()
