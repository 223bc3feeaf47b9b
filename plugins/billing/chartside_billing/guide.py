"""What pyx12, an independent validator, says of an 837P file (rule EDI-001), less what our own rules say better."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chartside.errors import ConfigError
from chartside_billing.money import ZERO
from chartside_billing.rules.base import ERROR, NotChecked
from chartside_billing.rules.book import Rule
from chartside_billing.scrub import Finding, Report
from chartside_billing.x12.segments import load, read_segments
from chartside_billing.x12.validate import STOPPED, Problem, check_pyx12

_JUDGED_ELSEWHERE = ("4 SE count", "6 Data element")
"""By EDI-002 (counts) and EDI-003 (characters)."""
_WORDS = (
    (
        re.compile(r"Too many elements in segment\s*\.? ?Has (\d+), should have (\d+).*"),
        r"\1 elements, \2 are allowed",
    ),
    (
        re.compile(r"Data element\s+is too (long|short): len = (\d+) . (\d+).*"),
        r"a value is too \1 (\2 characters, not \3)",
    ),
    (re.compile(r"Mandatory segment\s+missing.*"), "a required segment is missing"),
    (re.compile(r"Segment contains trailing.*"), "the segment ends with empty elements"),
)
_PLACE = re.compile(r"segment (\d+)")
_SEGMENTS = re.compile(
    r"(?<![A-Z0-9])(ISA|IEA|GS|GE|ST|SE|BHT|HL|NM1|N3|N4|DMG|REF|PER|PRV|SBR|PAT|CLM|HI|LX|SV1|DTP|NTE|PWK|AMT|CAS|SVD|OI)"
)
_ENVELOPE = frozenset({"ISA", "IEA", "GS", "GE", "ST", "SE"})
_LOOPS = frozenset({"ST", "HL", "NM1", "SBR", "CLM", "LX", "SV1", "SVD", "SE"})
"""Segments with which a loop of the 837P begins. LX is at once followed by SV1, where our own findings stand."""
_ABOVE = frozenset({"SBR", "PAT", "NM1", "N3", "N4", "DMG", "REF", "PRV"})
"""What stands between a subscriber's or patient's HL and the claim."""
_CLAIMS = frozenset({"HL", "CLM", "SE"})


def guide_reports(path: Path, rule: Rule, own: Sequence[Report] = ()) -> list[Report]:
    """One report on the file as a whole if pyx12 finds anything but its known false alarms.

    ``own``: the reports on the file's claims. What an error of theirs says of the same segment is a repeat.
    """
    report = Report(path.name, path.name, kind="file")
    try:
        text = load(path)
        problems = check_pyx12(text)
    except ConfigError as error:
        report.not_checked.append((rule.id, NotChecked(f"load the validator: {error}")))
        return [report]
    told = [p for p in problems if not p.false_alarm and not p.reason.startswith(_JUDGED_ELSEWHERE)]
    if any(p.reason.startswith(STOPPED) for p in told):
        report.not_checked.append(
            (rule.id, NotChecked(f"pyx12 could not judge it: {told[0].reason}; our rules did"))
        )
        return [report]
    if not told:
        return []
    spoken = list(_spoken(own, _Map.of(text)))
    groups: dict[tuple[str, str], list[str]] = {}
    for where, reasons in _by_place(told).items():
        better = next((s.rule for s in spoken if s.covers(where)), "")
        groups.setdefault((better, "; ".join(reasons)), []).append(where)
    for (better, reason), (first, *more) in groups.items():
        sentence = f"The independent validator (pyx12) refuses the file: {reason}"
        where = f"{first} and {len(more)} more" if more else first
        report.findings.append(
            Finding(rule, rule.severity, sentence, where, rule.mend, (), ZERO, repeats=better)
        )
    return [report]


def _by_place(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Each place once, with its reasons; of several the plainest, which names what is missing, alone."""
    found: dict[str, list[str]] = {}
    for problem in dict.fromkeys(problems):
        found.setdefault(problem.where, []).append(_plain(problem.reason))
    return {
        where: [r for r in reasons if r.endswith("is missing")][:1] or reasons
        for where, reasons in found.items()
    }


def _plain(reason: str) -> str:
    """pyx12's words without its own code and the holes where it quoted values."""
    text = reason.lstrip("0123456789 ").removeprefix("SEG1 ")
    for pattern, words in _WORDS:
        if found := pattern.match(text):
            return found.expand(words)
    return text


@dataclass(slots=True)
class _Map:
    """Where loops, claims and levels (HL) begin in the file, as segment numbers in order."""

    loops: list[int] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, text: str) -> _Map:
        made = cls()
        for seg, _ in read_segments(text):
            if seg.id in _LOOPS:
                made.loops.append(seg.number)
            if seg.id == "HL":
                made.levels.append(seg.number)
            if seg.id in _CLAIMS:
                made.claims.append(seg.number)
        return made


@dataclass(slots=True)
class _Spoken:
    """One error of our own: the segments that it can be about, and between which numbers."""

    rule: str
    segments: frozenset[str]
    first: int
    last: int

    def covers(self, where: str) -> bool:
        """Whether pyx12's place is among them. It names a missing segment at the number of the next one."""
        number, name = _number(where), where.rpartition(" ")[2]
        if number is None:
            return bool(self.segments & _ENVELOPE)
        return name in self.segments and self.first <= number <= self.last


def _number(where: str) -> int | None:
    found = _PLACE.search(where)
    return int(found[1]) if found else None


def _spoken(reports: Iterable[Report], known: _Map) -> Iterator[_Spoken]:
    for report in reports:
        begin = _number(report.where)
        for finding in report.findings:
            if finding.severity != ERROR:
                continue
            segments = frozenset(_SEGMENTS.findall(f"{finding.rule.x12} {finding.where}"))
            number = _number(finding.where)
            if number is not None:
                yield _Spoken(finding.rule.id, segments, number, _next(known.loops, number))
            elif begin is not None:
                yield _Spoken(finding.rule.id, segments, begin, _next(known.claims, begin))
                yield _Spoken(finding.rule.id, segments & _ABOVE, _last(known.levels, begin), begin)
                if finding.where.startswith(("1000", "ISA", "GS", "ST", "BHT")):
                    yield _Spoken(finding.rule.id, segments, 0, known.claims[0] if known.claims else 0)


def _last(numbers: list[int], number: int) -> int:
    """Where the last level began."""
    place = bisect_right(numbers, number)
    return numbers[place - 1] if place else number


def _next(numbers: list[int], number: int) -> int:
    """Where the next loop begins."""
    place = bisect_right(numbers, number)
    return numbers[place] if place < len(numbers) else number
