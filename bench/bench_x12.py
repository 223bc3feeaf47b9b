"""X12: claims a second for reading, writing and validating, in one run and on the same claims.

Run: ``python bench/bench_x12.py [--claims 2000]``. Figures are printed, never asserted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from chartside.clock import FrozenClock
from chartside_billing.clearinghouse import LocalClearinghouse
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.remit import balance, read_835
from chartside_billing.x12.validate import check_pyx12, check_x12sdk
from chartside_billing.x12.write837 import Control, write_837

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def timed(name: str, count: int, work: Callable[[], object]) -> None:
    """Print how many claims a second the work does."""
    begin = time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    print(f"{name:<28} {count / seconds:>10,.0f} claims/s  ({seconds:.2f} s for {count:,})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=2_000)
    count = parser.parse_args().claims
    claims = [replace(claim(), id=f"ACC{n:06}") for n in range(count)]
    control = Control(created=NOW)
    data = write_837(claims, control=control).data
    check_pyx12(write_837(claims[:1], control=control).data)  # its maps are read once
    timed("write 837P", count, lambda: write_837(claims, control=control))
    timed("read 837P", count, lambda: read_837(data))
    timed("pyx12, maps cached", count, lambda: check_pyx12(data))
    timed("x12sdk", count, lambda: check_x12sdk(data))
    with TemporaryDirectory() as folder:
        house = LocalClearinghouse(Path(folder), FrozenClock(NOW))
        house.submit("a.837", data)
        era = list(house.fetch())[-1].data
    timed("read and balance 835", count, lambda: [balance(r) for r in read_835(era)])


if __name__ == "__main__":
    main()
