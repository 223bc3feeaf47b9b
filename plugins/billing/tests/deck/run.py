"""Run the deck: what each claim was found guilty of, against what it was made for."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from chartside_billing.codes.importers import Options, import_set
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import Report, Scrubber
from chartside_billing.scrub_files import read_any

from . import cases as deck
from .build import bundle, changed, dumps, x12

TODAY = date(2026, 3, 20)


@lru_cache(maxsize=1)
def folder() -> Path:
    """A practice's folder: a few code sets, imported, and an exclusion list."""
    home = Path(mkdtemp(prefix="deck-"))
    with (home / "leie.csv").open("w", newline="") as out:
        csv.writer(out).writerows([["LASTNAME", "NPI"], ["STONE", "1245319599"]])
    source = Path(__file__).parent / "sets"
    for name, file in (
        ("ncci-ptp", "ptp.txt"),
        ("mue", "mue.csv"),
        ("hcpcs", "hcpcs.csv"),
        ("payers", "payers.csv"),
        ("fees", "fees.csv"),
        ("taxonomy", "taxonomy.csv"),
    ):
        import_set(
            name, source / file, Options(home / "codes", date(2025, 1, 1), everything=True, force=True)
        )
    return home


@dataclass
class Ran:
    """One claim (or batch) of the deck in one form."""

    rule: str
    part: str
    form: str
    reports: list[Report]

    @property
    def found(self) -> set[str]:
        return {finding.rule.id for report in self.reports for finding in report.findings}

    @property
    def unjudged(self) -> set[str]:
        return {rule_id for report in self.reports for rule_id, _ in report.not_checked}


_SCRUBBERS: dict[str, Scrubber] = {}


def scrubber(settings: dict[str, Any], sets: bool) -> Scrubber:
    """Made once for each setting."""
    key = f"{settings}{sets}"
    if key not in _SCRUBBERS:
        told = {**settings, **({"codes": "codes"} if sets else {})}
        _SCRUBBERS[key] = Scrubber(*ScrubSettings.model_validate(told).scrubbing(TODAY, folder()))
    return _SCRUBBERS[key]


def texts(made: deck.Made, forms: str) -> Iterator[tuple[str, str]]:
    """(form, file) of a claim or batch."""
    batch = made if isinstance(made, list) else [made]
    alone = next((c.get("alone") for c in batch if "alone" in c), None)
    specs = [changed({k: v for k, v in c.items() if k != "alone"}) for c in batch]
    if "x" in forms:
        yield "x", x12(*specs)
    if "b" in forms:
        made_bundle = bundle(*specs)
        if alone is not None:
            made_bundle["entry"] = [e for e in made_bundle["entry"] if e["resource"]["resourceType"] in alone]
        yield "b", dumps(made_bundle)


def run(found: list[deck.Case]) -> Iterator[Ran]:
    """Every claim of the cases."""
    for one in found:
        rules = scrubber(one.settings, one.sets)
        for part in ("trigger", "near", "clean"):
            for form, text in texts(getattr(one, part), one.forms):
                held = read_any(text, name="deck")
                reports = rules.claims(held.claims)
                reports += [rules.document(d, source) for d, source in held.documents]
                yield Ran(one.rule, part, form, reports)
