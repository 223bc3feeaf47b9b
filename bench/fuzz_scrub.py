"""Mutate claims, as X12 files and as FHIR, and scrub them: a clear error or a result, never a crash, a hang, a failed
rule or a lost claim.

Run: ``python bench/fuzz_scrub.py --count 50000 [--seed 1] [FOLDER]``; FOLDER holds more X12 and FHIR files. With
``bench/fuzz_x12.py`` the total is 100,000. Exit code 1 and the seeds of what went wrong if anything did.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from chartside.errors import InputError
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import Scrubber
from chartside_billing.scrub_files import read_any
from chartside_billing.x12.segments import read_segments

ROOT = Path(__file__).resolve().parent.parent
SLOW = 5.0
"""Seconds for one small file that count as a hang."""
SCRUBBER = Scrubber(*ScrubSettings().scrubbing(date(2026, 3, 20)))
ODD: tuple[Any, ...] = (
    *(
        None,
        "",
        "x",
        "é" * 40,
        -1,
        0,
        10**30,
        1.5,
        float("1e300"),
        True,
        [],
        {},
        [None],
        [[]],
        {"reference": "#"},
    ),
    *(
        "2026-13-45",
        "9999-12-31",
        "0001-01-01",
        "2026-03-10T15:00:00-05:00",
        "Patient/subscriber",
        "urn:uuid:0",
    ),
    *(
        {"coding": [{"code": "90837"}]},
        {"coding": "F41.1"},
        {"value": "NaN"},
        {"value": "1e9"},
        {"coding": [None, 3]},
    ),
    *(
        {"start": "2026-03-10T15:00:00", "end": 5},
        {"value": True, "unit": 7},
        [{"value": [1]}],
        "Claim/claim",
    ),
)


def _module(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)])
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


X12 = _module(ROOT / "bench" / "fuzz_x12.py", "fuzz_x12")


def samples(folder: Path | None, largest: int = 40_000) -> tuple[list[str], list[Any]]:
    """X12 texts and FHIR documents to mutate: the deck's clean claims, and the files of a folder."""
    _module(ROOT / "plugins" / "billing" / "tests" / "deck" / "__init__.py", "billing_deck")
    build = importlib.import_module("billing_deck.build")
    kinds = importlib.import_module("billing_deck.kinds")
    cases = importlib.import_module("billing_deck.cases")
    specs = [build.changed(changes) for changes in kinds.CLEAN.values()]
    texts = [build.x12(spec) for spec in specs] + [build.x12(*specs[:4])]
    rich = [
        c.trigger
        for c in cases.CASES
        if "b" in c.forms and isinstance(c.trigger, dict) and "extra" in c.trigger
    ]
    bundles = [build.bundle(spec) for spec in [*specs, *(build.changed(c) for c in rich)]]
    bundles += [build.contained(made) for made in bundles[:20]]
    for path in sorted(folder.rglob("*")) if folder else []:
        if not path.is_file() or path.stat().st_size > largest:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if text.lstrip().startswith("ISA"):
            texts.append(text)
        elif path.suffix == ".json":
            bundles.append(json.loads(text))
    return texts, bundles


def _nodes(thing: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON document."""
    for key, inner in thing.items() if isinstance(thing, dict) else enumerate(thing):
        found.append((thing, key))
        if isinstance(inner, dict | list):
            _nodes(inner, found)
    return found


def mutate_json(rng: random.Random, source: Any, others: list[Any]) -> str:
    """One to six changes: a value replaced, dropped, repeated, wrapped or borrowed; rarely the text itself is cut."""
    made = copy.deepcopy(source)
    for _ in range(rng.randrange(1, 7)):
        nodes = _nodes(made, [])
        if not nodes:
            break
        holder, key = rng.choice(nodes)
        kind = rng.randrange(6)
        if kind == 0:
            holder[key] = copy.deepcopy(rng.choice(ODD))
        elif kind == 1:
            del holder[key]
        elif kind == 2 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif kind == 3:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"value": holder[key]}
        elif kind == 4:
            other, name = rng.choice(_nodes(rng.choice(others), []))
            holder[key] = copy.deepcopy(other[name])
        else:
            value = holder[key]
            holder[key] = value[::-1] if isinstance(value, str | list) else copy.deepcopy(rng.choice(ODD))
    text = json.dumps(made)
    return text[: rng.randrange(len(text) + 1)] if rng.random() < 0.03 else text


def mutate(seed: int, texts: list[str], bundles: list[Any]) -> str:
    """One mutated file of either form."""
    rng = random.Random(seed)
    if seed % 2:
        return mutate_json(rng, rng.choice(bundles), bundles)
    return str(X12.mutate(seed, texts))


def attempt(text: str) -> str:
    """What became of it; raises AssertionError if a claim was lost or a rule failed."""
    try:
        held = read_any(text, name="fuzz")
    except InputError:
        return "refused"
    if held.claims and held.claims[0].envelope is not None:
        sent = sum(seg.id == "CLM" for seg, _ in read_segments(text))
        assert sent == len(held.claims), f"{sent} CLM, {len(held.claims)} claims"
    reports = SCRUBBER.claims(held.claims)
    assert len(reports) == len(held.claims)
    reports += [SCRUBBER.document(document, source) for document, source in held.documents]
    failed = [why.reason for r in reports for rule, why in r.not_checked if rule in r.failed]
    assert not failed, failed[0]
    for report in reports:
        json.dumps([finding.data() for finding in report.findings])
        report.repairs()
    return "findings" if any(report.findings for report in reports) else "clean"


def run(count: int, seed: int, texts: list[str], bundles: list[Any]) -> Iterator[tuple[int, str]]:
    """(seed, what became of it) for each; what is neither a result nor a refusal begins with ``BAD``."""
    for number in range(seed, seed + count):
        text, begin = mutate(number, texts, bundles), time.perf_counter()
        try:
            result = attempt(text)
        except Exception as error:
            trace = error.__traceback__
            while trace and trace.tb_next:
                trace = trace.tb_next
            place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
            result = f"BAD {type(error).__name__} {place}: {error}"
        if time.perf_counter() - begin > SLOW:
            result = "BAD slow"
        yield number, ("json " if number % 2 else "x12 ") * (not result.startswith("BAD")) + result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    texts, bundles = samples(options.folder)
    tally: Counter[str] = Counter()
    begin = time.perf_counter()
    for number, result in run(options.count, options.seed, texts, bundles):
        tally[result] += 1
        if result.startswith("BAD") and tally[result] < 4:
            print(f"seed {number}: {result}", flush=True)
    seconds = time.perf_counter() - begin
    print(f"{options.count} files from {len(texts)} X12 and {len(bundles)} FHIR samples in {seconds:.0f} s:")
    print(dict(tally))
    return int(any(result.startswith("BAD") for result in tally))


if __name__ == "__main__":
    sys.exit(main())
