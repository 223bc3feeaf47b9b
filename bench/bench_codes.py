"""Code sets: load time and size of a full-sized NCCI pairs file, look-ups a second, start with code sets.

The real file cannot be passed on (CPT is the AMA's), so one of the same shape is made: 2.63 million rows, 11,000
codes, preamble, history. Run: ``python bench/bench_codes.py [--rows 2630000]``. Figures are printed, never asserted.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

PREAMBLE = (
    "Synthetic, no descriptors\r\n\r\nColumn 1\tColumn 2\t*\tEffective\tDeletion\tModifier\tRationale\r\n"
)


def make_ptp(path: Path, rows: int, seed: int = 1) -> list[tuple[str, str]]:
    """Write a synthetic PTP file sorted by column 1, as CMS sorts it; returns some of its pairs."""
    rng = random.Random(seed)
    codes = [f"{n:05}" for n in rng.sample(range(100, 99_999), 11_000)] + ["90832", "90834", "90837", "90853"]
    codes = sorted(set(codes))
    quarters = [f"{year}{month:02}01" for year in range(1996, 2027) for month in (1, 4, 7, 10)]
    per_code, sample = rows // len(codes) + 1, []
    written = 0
    with path.open("w", encoding="latin-1", newline="") as file:
        file.write(PREAMBLE)
        for one in codes:
            for two in rng.choices(codes, k=min(per_code, rows - written)):
                start = rng.randrange(len(quarters) - 1)
                end = "*" if rng.random() < 0.7 else quarters[rng.randrange(start, len(quarters))]
                flag = rng.choice("0111119")
                old = "*" if start == 0 else ""
                file.write(
                    f"{one}\t{two}\t{old}\t{quarters[start]}\t{end}\t{flag}\tMisuse of column two code\r\n"
                )
                written += 1
            sample.append((one, two))
    return sample


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_630_000)
    rows = parser.parse_args().rows
    from chartside_billing.codes import CodeSets
    from chartside_billing.codes.importers import Options, import_set

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "ptp.txt"
        sample = make_ptp(source, rows)
        print(f"file          {rows:,} rows, {source.stat().st_size / 1e6:.0f} MB of text")
        begin = time.perf_counter()
        done = import_set("ncci-ptp", source, Options(folder / "sets", date(2026, 10, 1), everything=True))
        print(
            f"full load     {time.perf_counter() - begin:.1f} s, "
            f"{done.path.stat().st_size / 1e6:.1f} MB, {done.rows:,} pairs kept"
        )
        print(f"peak memory   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
        begin = time.perf_counter()
        less = import_set("ncci-ptp", source, Options(folder / "few", date(2026, 10, 1)))
        print(
            f"behavioural   {time.perf_counter() - begin:.1f} s, "
            f"{less.path.stat().st_size / 1e6:.1f} MB, {less.rows:,} pairs kept"
        )
        pairs = CodeSets.open(folder / "sets").pairs
        assert pairs is not None
        queries = random.Random(2).choices(sample, k=200_000)
        queries = [(a, b) if i % 2 else (b, a) for i, (a, b) in enumerate(queries)]
        day, indicator = date(2026, 5, 1), pairs.indicator
        begin = time.perf_counter()
        hits = sum(indicator(one, two, day) is not None for one, two in queries)
        seconds = time.perf_counter() - begin
        print(
            f"look-ups      {len(queries) / seconds:,.0f} a second ({hits:,} of {len(queries):,} are pairs)"
        )
        code = (
            "import sys,time; t=time.perf_counter(); from pathlib import Path; from datetime import date;"
            "from chartside_billing.codes import CodeSets; c=CodeSets.open(Path(sys.argv[1]));"
            "c.icd.billable('F320', date(2026,5,1)); c.pairs.indicator('90853','90832',date(2026,5,1));"
            "print(f'{time.perf_counter()-t:.3f}')"
        )
        spent = subprocess.run(
            [sys.executable, "-c", code, str(folder / "sets")], capture_output=True, text=True, check=True
        )
        print(f"start         {spent.stdout.strip()} s with ICD-10-CM and all pairs, imports included")


if __name__ == "__main__":
    main()
