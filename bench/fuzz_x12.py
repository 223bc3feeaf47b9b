"""Mutate X12 files and read them: a clear error or a result, never a crash, a hang or a lost claim.

Run: ``python bench/fuzz_x12.py --count 100000 [--seed 1] FOLDER``; FOLDER holds X12 files of any kind. Exit code 1 and
the seeds of what went wrong if anything did. Reproduce one with ``--seed N --count 1``.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from chartside.errors import InputError
from chartside_billing.x12.example import claim
from chartside_billing.x12.read837 import read_837
from chartside_billing.x12.reading import read_document
from chartside_billing.x12.segments import normalise, read_segments
from chartside_billing.x12.write837 import Control, write_837

SLOW = 2.0
"""Seconds of processor time for one small file that count as a hang."""
CONTROL = Control(created=datetime(2026, 1, 1), interchange=1)
_MARKS = "*~:^|>\n\r\x00 ISAGSTCLM0123456789é\ufeff"


def samples(folder: Path | None, largest: int = 6_000) -> list[str]:
    """The texts to mutate: files of the folder that are not too large to try many times, and ours."""
    found = [
        write_837([claim(), claim(dependent=True), claim(secondary=True)], control=CONTROL).data.decode()
    ]
    for path in sorted(folder.rglob("*")) if folder else []:
        if path.is_file() and path.stat().st_size <= largest:
            text = path.read_bytes().decode("utf-8", "replace")
            if text.lstrip().startswith("ISA"):
                found.append(text)
    return found


def _cut(rng: random.Random, text: str, _: list[str]) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _drop(rng: random.Random, text: str, _: list[str]) -> str:
    start = rng.randrange(len(text) + 1)
    return text[:start] + text[start + rng.randrange(1, 40) :]


def _put(rng: random.Random, text: str, _: list[str]) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + "".join(rng.choices(_MARKS, k=rng.randrange(1, 5))) + text[place:]


def _swap(rng: random.Random, text: str, _: list[str]) -> str:
    old, new = rng.choice(_MARKS), rng.choice(_MARKS)
    return text.replace(old, new, rng.choice((1, 2, -1)))


def _segments(rng: random.Random, text: str, others: list[str]) -> str:
    """Take out, repeat, move or borrow whole segments."""
    parts = text.split("~")
    place = rng.randrange(len(parts))
    kind = rng.randrange(4)
    if kind == 0:
        del parts[place]
    elif kind == 1:
        parts[place:place] = [parts[place]] * rng.randrange(1, 4)
    elif kind == 2:
        parts.insert(rng.randrange(len(parts)), parts.pop(place))
    else:
        parts.insert(place, rng.choice(rng.choice(others).split("~")))
    return "~".join(parts)


def _element(rng: random.Random, text: str, _: list[str]) -> str:
    parts = text.split("*")
    parts[rng.randrange(len(parts))] = rng.choice(
        ["", "99999999", "-1", "1e9", "NaN", "A" * 300, "00000000", "é"]
    )
    return "*".join(parts)


MUTATIONS: tuple[Callable[[random.Random, str, list[str]], str], ...] = (
    _cut,
    _drop,
    _put,
    _swap,
    _segments,
    _element,
)


def mutate(seed: int, texts: list[str]) -> str:
    """One mutated file: one to four changes."""
    rng = random.Random(seed)
    text = rng.choice(texts)
    for _ in range(rng.randrange(1, 5)):
        text = rng.choice(MUTATIONS)(rng, text, texts)
    return text


def attempt(text: str) -> str:
    """What became of it: ``refused``, ``837``, ``835`` ...; raises AssertionError if a claim was lost."""
    try:
        document = read_document(text)
        list(document.lines())
        document.data()
    except InputError:
        return "refused"
    if document.kind == "837":
        claims = sum(seg.id == "CLM" for seg, _ in read_segments(text))
        assert claims == len(document.items), f"{claims} CLM, {len(document.items)} claims"
        _write_back(document.items)
    normalise(text)
    return document.kind


def _write_back(claims: list[object]) -> None:
    for repair in (False, True):
        try:
            again = read_837(write_837(claims, control=CONTROL, repair=repair).data)  # type: ignore[arg-type]
        except InputError:
            continue
        assert len(again) == len(claims), f"{len(claims)} claims written, {len(again)} read"


def run(count: int, seed: int, texts: list[str]) -> Iterator[tuple[int, str]]:
    """(seed, what became of it) for each; what is neither a result nor a refusal begins with ``BAD``."""
    for number in range(seed, seed + count):
        text, begin = mutate(number, texts), time.process_time()
        try:
            result = attempt(text)
        except Exception as error:
            result = f"BAD {type(error).__name__}: {error}"
        if time.process_time() - begin > SLOW:
            result = "BAD slow"
        yield number, result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    texts = samples(options.folder)
    tally: Counter[str] = Counter()
    begin = time.perf_counter()
    for number, result in run(options.count, options.seed, texts):
        tally[result] += 1
        if result.startswith("BAD") and tally[result] < 4:
            print(f"seed {number}: {result}")
    print(
        f"{options.count} files from {len(texts)} samples in {time.perf_counter() - begin:.0f} s: {dict(tally)}"
    )
    return int(any(result.startswith("BAD") for result in tally))


if __name__ == "__main__":
    sys.exit(main())
