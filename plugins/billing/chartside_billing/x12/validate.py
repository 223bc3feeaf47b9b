"""The two independent validators of an 837P: pyx12 (BSD) and x12sdk (Apache-2.0). Neither is ours, and that is
the point.

Three things are mended around pyx12 4.x: its maps are read once (308 ms a claim become a few), guides that differ in
nothing but their name are aliased, and its API is called (its ``x12valid`` command exits 1 on success).
Messages carry
no values: the validators quote what they refuse.
"""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from chartside.errors import ConfigError, InputError
from chartside_billing.x12.segments import load, read_segments

INSTALL = "pip install 'chartside[billing]'"
STOPPED = "it stopped at this file"
"""How the reason begins where the validator itself failed: it says nothing of the file."""
_NUMBERED = re.compile(r"segment (\d+)")
ALIASES = {"005010X222": "005010X222A1", "005010X222A2": "005010X222A1"}
"""Guides that pyx12 has no map for, and the one that describes the same segments."""
KNOWN_FALSE_ALARMS = {
    "pyx12-guide": "pyx12 knows 005010X222A1 only; X222 and X222A2 have the same segments",
    "x12sdk-sex": "x12sdk refuses DMG03 = U (unknown), which 005010X222A1 allows",
    "pyx12-pos": "pyx12 checks places of service against a list older than codes 10, 27 and 66",
}
"""What a validator says of correct claims, by our name for it (billing.md: two each in 24 valid claims)."""
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|\([^()]*\)")
_MISPLACED = re.compile(r"Segment (\w{2,3})\*.* not found\.\s+Started at .*/(\w+)", re.DOTALL)
"""pyx12 names a segment that belongs nowhere with its first element: of N3 that is the street."""
_MISSING = re.compile(
    r'Mandatory (segment|loop|data element|composite) "([^"]*)" \(([\w-]+)\) (?:is )?missing'
)
_NEWER_PLACES = frozenset({"10", "27", "66"})
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Problem:
    """What a validator found: its name, the place (segment and element), the reason; ``false_alarm`` names a
    known one."""

    validator: str
    where: str
    reason: str
    false_alarm: str = ""


@lru_cache(maxsize=16)
def _map(name: str) -> Any:
    from pyx12.map_if._loader import load_map_file
    from pyx12.params import ParamsBase

    return load_map_file(name, ParamsBase(), None)


@contextmanager
def _mended() -> Iterator[None]:
    """pyx12 with its maps cached and the aliases known. One caller at a time: the mend is on its modules."""
    import pyx12.map_if
    import pyx12.map_index

    log = logging.getLogger("pyx12")
    level = log.level
    plain_load, plain_name = pyx12.map_if.load_map_file, pyx12.map_index.map_index.get_filename

    def named(self: Any, icvn: str, vriic: str, fic: str, tspc: str | None = None) -> Any:
        return plain_name(self, icvn, ALIASES.get(vriic, vriic), fic, tspc)

    with _LOCK:
        log.setLevel(logging.CRITICAL + 1)  # it logs the values that it refuses
        pyx12.map_if.load_map_file = lambda name, param, path=None: _map(name)
        pyx12.map_index.map_index.get_filename = named
        try:
            yield
        finally:
            log.setLevel(level)
            pyx12.map_if.load_map_file = plain_load
            pyx12.map_index.map_index.get_filename = plain_name


def check_pyx12(data: bytes | str) -> list[Problem]:
    """What pyx12 finds wrong; empty if nothing. Raises ConfigError if it is not installed."""
    try:
        import pyx12.x12n_document  # noqa: F401
    except ImportError:
        raise ConfigError("billing", "pyx12 is not installed", mend=INSTALL) from None
    text = load(data)
    found: list[Problem] = []
    for piece, before in _interchanges(text):
        found += [_moved(problem, before) for problem in _check_one(piece)]
    return found


def _interchanges(text: str) -> Iterator[tuple[str, int]]:
    """Each interchange, with the number of segments before it: pyx12 takes the first one's delimiters for all."""
    pieces: list[tuple[list[str], int]] = []
    try:
        for seg, d in read_segments(text):
            if seg.id == "ISA":
                pieces.append(([], seg.number - 1))
            pieces[-1][0].append(d.element.join(seg.elements) + d.segment)
    except InputError:
        pieces = []
    if len(pieces) < 2:
        yield text, 0
    else:
        yield from (("\n".join(lines), before) for lines, before in pieces)


def _moved(problem: Problem, before: int) -> Problem:
    where = _NUMBERED.sub(lambda found: f"segment {int(found[1]) + before}", problem.where)
    return problem if not before else replace(problem, where=where)


def _check_one(text: str) -> list[Problem]:
    from pyx12.errors import EngineError, X12Error
    from pyx12.params import ParamsBase
    from pyx12.x12n_document import x12n_document

    report = io.StringIO()
    with _mended():
        try:
            valid = x12n_document(ParamsBase(), io.StringIO(text), None, None, None, fd_json=report)
        except EngineError:
            return [Problem("pyx12", "GS08", "no map for this guide")]
        except X12Error:  # seen: an ISA of another width
            return [Problem("pyx12", "segment 1 ISA", "the interchange's header is damaged")]
        except Exception as error:  # seen: a tenth component in SV101, five diagnosis pointers
            return [Problem("pyx12", "", f"{STOPPED} ({type(error).__name__})")]
    problems = list(_from_report(report.getvalue()))
    if not valid and not problems:
        alarm = "pyx12-guide" if ALIASES.keys() & set(re.split(r"[^A-Z0-9]", text[:400])) else ""
        reason = "something in the envelope (ISA, GS, ST) that it does not name"
        problems.append(Problem("pyx12", "", reason, alarm))
    return problems


def _from_report(report: str) -> Iterator[Problem]:
    yield from _errors(json.loads(report or "{}"), "")


def _errors(node: Any, place: str) -> Iterator[Problem]:
    """Every error in pyx12's tree of interchange, group, set, segment and element."""
    if isinstance(node, list):
        for item in node:
            yield from _errors(item, place)
    elif isinstance(node, dict):
        here = _place(node) or place
        if "err_cde" in node or "err_str" in node:
            yield _problem(node, here)
        for value in node.values():
            yield from _errors(value, here)


def _place(node: dict[str, Any]) -> str:
    """As our own readers name it: the segment's number over the whole file, and its id."""
    name, number = node.get("seg_id"), node.get("cur_line")
    return f"segment {number} {name}" if name and number else str(name or node.get("refdes") or "")


def _problem(node: dict[str, Any], place: str) -> Problem:
    value = str(node.get("err_val") or "")
    reason = _reason(str(node.get("err_str", "")).replace(f"({value})", "").replace(f'"{value}"', ""))
    alarm = "pyx12-pos" if value in _NEWER_PLACES and "Place of Service" in reason else ""
    if value in ALIASES and "Version" in reason:
        alarm = "pyx12-guide"
    return Problem("pyx12", place, f"{node.get('err_cde', '')} {reason}".strip(), alarm)


def _reason(told: str) -> str:
    """pyx12's words without the values that it quotes."""
    if misplaced := _MISPLACED.search(told):
        return "segment {} does not belong after {}".format(*misplaced.groups())
    if missing := _MISSING.search(told):
        return "the {} {} ({}) is missing".format(*missing.groups())
    plain = _QUOTED.sub("", told).replace("  ", " ").strip()
    return f"a value {plain}" if plain.startswith("is not a valid code") else plain


def check_x12sdk(data: bytes | str) -> list[Problem]:
    """What x12sdk finds wrong; empty if nothing. Raises ConfigError if it is not installed."""
    try:
        from pydantic import ValidationError
        from x12sdk.io import X12ModelReader
    except ImportError:
        raise ConfigError("billing", "x12sdk is not installed", mend=INSTALL) from None
    try:
        with X12ModelReader(load(data)) as reader:
            for _ in reader.models():
                pass
    except ValidationError as error:
        return [_x12sdk(detail) for detail in error.errors(include_url=False, include_input=True)]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        return [Problem("x12sdk", "", f"refused the file ({type(error).__name__})")]
    return []


def _x12sdk(detail: Any) -> Problem:
    where = ".".join(str(part) for part in detail["loc"])
    alarm = "x12sdk-sex" if "gender" in where and detail.get("input") == "U" else ""
    return Problem("x12sdk", where, str(detail["type"]), alarm)


def check_all(data: bytes | str) -> list[Problem]:
    """Both validators' problems, the known false alarms left out."""
    return [p for p in check_pyx12(data) + check_x12sdk(data) if not p.false_alarm]
