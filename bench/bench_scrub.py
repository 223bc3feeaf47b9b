"""Scrubbing: claims a second on one core with all rules, beside pyx12's validation of the same claims, in one run.

Run: ``python bench/bench_scrub.py [--claims 2000]``. CPU time of one process; figures are printed, never asserted.
pyx12 has its maps cached (`chartside_billing.x12.validate`), which makes it some thirty times faster than it comes.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from chartside_billing.model import Claim, DateSpan
from chartside_billing.rules import RuleBook
from chartside_billing.rules.settings import ScrubSettings
from chartside_billing.scrub import Scrubber
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.validate import check_pyx12
from chartside_billing.x12.write837 import Control, write_837

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
MIXTURES = (
    ("90837",),
    ("90834",),
    ("90791",),
    ("90847",),
    ("90837", "90785"),
    ("90853",),
    ("99214", "90833"),
)


def practice(count: int) -> list[Claim]:
    """Claims of many patients and kinds, a third of them dependants or secondary."""
    rng = random.Random(7)
    found = []
    for number in range(count):
        made = claim(dependent=number % 5 == 1, secondary=number % 7 == 3)
        made.id = f"ACC{number:06}"
        member = made.insurance.subscriber
        assert member is not None
        member.id, member.first = f"W{rng.randrange(10**8):09}", f"N{chr(65 + number % 26)}"
        day = date(2026, 11, 2) - timedelta(days=rng.randrange(60))
        if not made.others:
            one = made.lines[0]
            codes = rng.choice(MIXTURES)
            made.lines = [
                replace(one, number=n, code=code, dates=DateSpan(day), control_number=f"L{n}")
                for n, code in enumerate(codes, 1)
            ]
            made.total = Decimal(150) * len(codes)
        found.append(made)
    return found


def timed(name: str, count: int, work: Callable[[], object], repeats: int) -> float:
    """Print the claims a second of the best of some repeats; return the seconds of CPU for one claim."""
    best = float("inf")
    for _ in range(repeats):
        begin = time.process_time()
        work()
        best = min(best, time.process_time() - begin)
    print(f"{name:<44} {count / best:>9,.0f} claims/s  ({1e6 * best / count:,.0f} us a claim)")
    return best / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    control = Control(created=NOW)
    data = write_837(practice(options.claims), control=control).data
    check_pyx12(write_837(practice(1), control=control).data)  # its maps are read once
    begin = time.process_time()
    book, loaded = ScrubSettings().scrubbing(NOW.date())
    assert loaded.icd is not None
    loaded.icd.exists("F411", NOW.date())
    print(f"rule book and code sets ready in {time.process_time() - begin:.2f} s, {len(book)} rules")
    claims = read_837(data)
    scrubber = Scrubber(book, loaded)
    reports = scrubber.claims(claims)
    findings = sum(len(report.findings) for report in reports)
    assert not any(report.failed for report in reports)
    print(f"{len(claims):,} claims, {len(data) / 1e6:.1f} MB, {findings:,} findings")
    count, repeats = len(claims), options.repeats
    scrubbed = timed("scrub, all rules", count, lambda: Scrubber(book, loaded).claims(claims), repeats)
    whole = timed(
        "read the file and scrub", count, lambda: Scrubber(book, loaded).claims(read_837(data)), repeats
    )
    theirs = timed("pyx12, maps cached", count, lambda: check_pyx12(data), max(1, repeats - 2))
    print(f"scrub is {theirs / scrubbed:.1f} times as fast as pyx12; with reading {theirs / whole:.1f} times")
    assert len(RuleBook.load()) == 175


if __name__ == "__main__":
    main()
